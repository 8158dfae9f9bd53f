package filter

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Op is a comparison of RFC 7644 §3.4.2.2 table 3.
type Op string

// The operators. After Resolve there is no comparison with null left: "eq null"
// has become Not(Pr) and "ne null" Pr.
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Co Op = "co"
	Sw Op = "sw"
	Ew Op = "ew"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
	Pr Op = "pr"
)

// Path names an attribute. Resolve makes it canonical: names in the case of the
// schema, URN empty for core and common attributes, URN alone (Attr empty) for a
// whole extension. Inside a ValuePath, Attr is the sub-attribute.
type Path struct {
	URN  string
	Attr string
	Sub  string
}

// IsZero reports whether the path names nothing.
func (p Path) IsZero() bool { return p == Path{} }

func (p Path) String() string {
	s := p.Attr
	if p.Sub != "" {
		s += "." + p.Sub
	}
	switch {
	case p.URN == "":
		return s
	case s == "":
		return p.URN
	}
	return p.URN + ":" + s
}

// Kind is the kind of a comparison value.
type Kind uint8

// The kinds of values. A number keeps its text.
const (
	KindNull Kind = iota
	KindString
	KindNumber
	KindBool
	KindTime
)

// Value is the right-hand side of a comparison. Text holds strings and numbers;
// Resolve sets Bool and Time where the attribute asks for them.
type Value struct {
	Kind Kind
	Text string
	Bool bool
	Time time.Time
}

func (v Value) String() string {
	switch v.Kind {
	case KindString:
		return quote(v.Text)
	case KindNumber:
		return v.Text
	case KindBool:
		return strconv.FormatBool(v.Bool)
	case KindTime:
		return quote(v.Time.UTC().Format(time.RFC3339Nano))
	}
	return "null"
}

// Node is a filter: *And, *Or, *Not, *Compare, *ValuePath or Bool.
type Node interface {
	String() string
	node()
}

// And is true when every term is.
type And struct{ Terms []Node }

// Or is true when at least one term is.
type Or struct{ Terms []Node }

// Not is true when its term is false.
type Not struct{ Term Node }

// Compare compares an attribute with a value. On a multi-valued attribute it is
// true when one of the values fits. Ne is exactly the complement of Eq: true
// when no value equals, so also when there is none; every other operator is
// false on a missing attribute.
//
// Resolve sets Type, CaseExact and MultiValued from the schema. Strings compare
// by code point; where CaseExact is false, both sides go through Fold first.
type Compare struct {
	Path  Path
	Op    Op
	Value Value

	Type        schema.Type
	CaseExact   bool
	MultiValued bool
}

// ValuePath is true when one single value of the multi-valued attribute Path
// satisfies Filter, whose paths are sub-attributes: emails[type eq "work"].
// A comparison behind the bracket is folded into Filter while parsing:
// emails[type eq "work"].value eq "x" is emails[type eq "work" and value eq "x"].
type ValuePath struct {
	Path   Path
	Filter Node
}

// Bool is a constant, left by Resolve where the resource type decides the term:
// meta.resourceType, schemas, and attributes that only another type has.
type Bool bool

func (*And) node()       {}
func (*Or) node()        {}
func (*Not) node()       {}
func (*Compare) node()   {}
func (*ValuePath) node() {}
func (Bool) node()       {}

func (n *And) String() string { return join(n.Terms, " and ") }
func (n *Or) String() string  { return join(n.Terms, " or ") }
func (n *Not) String() string { return "not (" + n.Term.String() + ")" }

func (n *Compare) String() string {
	if n.Op == Pr {
		return n.Path.String() + " pr"
	}
	return n.Path.String() + " " + string(n.Op) + " " + n.Value.String()
}

func (n *ValuePath) String() string { return n.Path.String() + "[" + n.Filter.String() + "]" }

func (n Bool) String() string {
	// The grammar has no constants; every resource has an id.
	if n {
		return "id pr"
	}
	return "not (id pr)"
}

func join(terms []Node, sep string) string {
	var b strings.Builder
	for i, t := range terms {
		if i > 0 {
			b.WriteString(sep)
		}
		switch t.(type) {
		case *And, *Or:
			b.WriteString("(" + t.String() + ")")
		default:
			b.WriteString(t.String())
		}
	}
	return b.String()
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			b.WriteString(`\u00`)
			b.WriteString(string("0123456789abcdef"[r>>4]))
			b.WriteString(string("0123456789abcdef"[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Fold maps strings that are equal in any case to one string: width mapping, lower
// case and NFC, as RFC 7644 section 5 asks for names (the UsernameCaseMapped profile
// of RFC 8265, without its list of characters: identity providers decide what a name
// is). A directory that stores folded columns must use it, so that its index and Match
// agree.
func Fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(strings.ToLower(width.Fold.String(s)))
		}
	}
	return strings.ToLower(s)
}
