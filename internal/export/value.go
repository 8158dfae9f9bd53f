package export

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// writer writes the attributes of one object.
type writer struct {
	object *object
	index  *index
	// secrets collects the write-only attributes, which only a variable can give.
	secrets []secret
}

// secret is a write-only attribute: a variable takes its place.
type secret struct{ variable, attribute, address string }

// line is an attribute, or a comment where the value cannot be told.
type line struct {
	name    string
	value   hclwrite.Tokens
	comment string
}

// lines are the attributes that say something the server would not do by itself.
func (w *writer) lines(at string, fields []api.Field, doc map[string]any, whole bool, depth int) ([]line, error) {
	var out []line
	for i := range fields {
		f := &fields[i]
		v, given := doc[f.Name]
		switch {
		case f.ReadOnly:
			continue
		case f.WriteOnly:
			out = append(out, line{comment: w.placeholder(at, f)})
			continue
		case !given || v == nil, w.object.silent(f), !whole && saysNothing(f, v):
			continue
		}
		tokens, err := w.value(at+f.Name, f, v, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, line{name: f.Name, value: tokens})
	}
	return out, nil
}

// placeholder is the line of a write-only attribute, to be uncommented.
func (w *writer) placeholder(at string, f *api.Field) string {
	short := strings.TrimSuffix(f.Name, "_wo")
	s := secret{variable: w.object.kind.Name + "_" + w.object.name + "_" + short, attribute: at + f.Name, address: w.object.address()}
	w.secrets = append(w.secrets, s)
	return fmt.Sprintf("# %s = var.%s", f.Name, s.variable)
}

// saysNothing reports whether leaving the attribute out means the same.
func saysNothing(f *api.Field, v any) bool {
	if f.Default == nil {
		// A text that is empty and a list without elements are how the server writes
		// nothing; an object without attributes is still an object.
		return !f.Required && isEmpty(f, v)
	}
	return reflect.DeepEqual(v, complete(f, f.Default))
}

func isEmpty(f *api.Field, v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0 && f.Type == api.TypeMap
	}
	return false
}

// complete fills in what the server fills in: the defaults within a default.
func complete(f *api.Field, v any) any {
	m, ok := v.(map[string]any)
	if !ok || f.Type != api.TypeObject {
		return v
	}
	out := map[string]any{}
	for i := range f.Fields {
		inner := &f.Fields[i]
		if given, ok := m[inner.Name]; ok {
			out[inner.Name] = given
		} else if inner.Default != nil {
			out[inner.Name] = complete(inner, inner.Default)
		}
	}
	return out
}

// value writes one value as an expression.
func (w *writer) value(at string, f *api.Field, v any, depth int) (hclwrite.Tokens, error) {
	wrong := fmt.Errorf("%s %q: the server sent a %T as %s, which is a %s", w.object.kind.Name, w.object.doc.Key(), v, at, f.Type)
	switch f.Type {
	case api.TypeBool:
		if b, ok := v.(bool); ok {
			return hclwrite.TokensForValue(cty.BoolVal(b)), nil
		}
	case api.TypeInt:
		if n, ok := v.(float64); ok && n == math.Trunc(n) {
			return hclwrite.TokensForValue(cty.NumberIntVal(int64(n))), nil
		}
	case api.TypeObject:
		if m, ok := v.(map[string]any); ok {
			return w.nested(at+".", f.Fields, m, depth)
		}
	case api.TypeMap:
		if m, ok := v.(map[string]any); ok {
			return mapping(m), nil
		}
	case api.TypeList:
		if list, ok := v.([]any); ok {
			return w.list(at, f, list, depth)
		}
	default:
		if s, ok := v.(string); ok {
			return w.text(f, s, depth), nil
		}
	}
	return nil, wrong
}

func (w *writer) text(f *api.Field, s string, depth int) hclwrite.Tokens {
	if ref := w.index.reference(w.object, f, s); ref != nil {
		return ref
	}
	if long := heredoc(s, depth); long != nil {
		return long
	}
	return quoted(s)
}

// nested writes an object. One of which every attribute is the default is written in
// full: an empty one would say that it matters and not what it is.
func (w *writer) nested(at string, fields []api.Field, doc map[string]any, depth int) (hclwrite.Tokens, error) {
	lines, err := w.lines(at, fields, doc, false, depth+1)
	if err == nil && len(lines) == 0 {
		lines, err = w.lines(at, fields, doc, true, depth+1)
	}
	if err != nil {
		return nil, err
	}
	out := hclwrite.Tokens{token(hclsyntax.TokenOBrace, "{")}
	if len(lines) > 0 {
		out = append(out, newline())
	}
	for _, l := range lines {
		if l.comment != "" {
			out = append(out, token(hclsyntax.TokenComment, l.comment+"\n"))
			continue
		}
		out = append(out, hclwrite.TokensForIdentifier(l.name)...)
		out = append(out, token(hclsyntax.TokenEqual, "="))
		out = append(out, l.value...)
		out = append(out, newline())
	}
	return append(out, token(hclsyntax.TokenCBrace, "}")), nil
}

// bareKey is a key that needs no quotes.
var bareKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// mapping writes a map from text to text, sorted.
func mapping(m map[string]any) hclwrite.Tokens {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	out := hclwrite.Tokens{token(hclsyntax.TokenOBrace, "{")}
	if len(keys) > 0 {
		out = append(out, newline())
	}
	for _, key := range keys {
		if bareKey.MatchString(key) && key != "for" { // "for" would start a loop
			out = append(out, hclwrite.TokensForIdentifier(key)...)
		} else {
			out = append(out, quoted(key)...)
		}
		text, _ := m[key].(string)
		out = append(out, token(hclsyntax.TokenEqual, "="))
		out = append(out, quoted(text)...)
		out = append(out, newline())
	}
	return append(out, token(hclsyntax.TokenCBrace, "}"))
}

// lineWidth is where a list goes over several lines.
const lineWidth = 80

func (w *writer) list(at string, f *api.Field, list []any, depth int) (hclwrite.Tokens, error) {
	elements := make([]hclwrite.Tokens, len(list))
	width, several := 0, false
	for i, e := range list {
		var err error
		switch e := e.(type) {
		case string:
			elements[i] = w.text(f, e, depth+1)
		case map[string]any:
			elements[i], err = w.nested(fmt.Sprintf("%s[%d].", at, i), f.Fields, e, depth+1)
		default:
			err = fmt.Errorf("%s %q: the server sent a %T as an element of %s", w.object.kind.Name, w.object.doc.Key(), e, at)
		}
		if err != nil {
			return nil, err
		}
		text := elements[i].Bytes()
		width += len(text) + 2
		several = several || strings.ContainsRune(string(text), '\n')
	}
	several = several || width > lineWidth
	out := hclwrite.Tokens{token(hclsyntax.TokenOBrack, "[")}
	for i, e := range elements {
		if several {
			out = append(out, newline())
		}
		out = append(out, e...)
		last := i == len(elements)-1
		if e[len(e)-1].Type == hclsyntax.TokenCHeredoc && !last {
			out = append(out, newline()) // the end mark of a heredoc stands alone
		}
		if several && e[len(e)-1].Type != hclsyntax.TokenCHeredoc || !last {
			out = append(out, token(hclsyntax.TokenComma, ","))
		}
	}
	if several {
		out = append(out, newline())
	}
	return append(out, token(hclsyntax.TokenCBrack, "]")), nil
}

func newline() *hclwrite.Token { return token(hclsyntax.TokenNewline, "\n") }

// quoted writes a text as a quoted string in which nothing is left to interpret.
func quoted(s string) hclwrite.Tokens { return hclwrite.TokensForValue(cty.StringVal(s)) }

// heredocLines is how many lines a text has before it is easier to read unescaped.
const heredocLines = 3

// heredoc writes a text of several lines as it is. It is nil where the text is short,
// or has something in it that cannot be written without escapes.
func heredoc(s string, depth int) hclwrite.Tokens {
	if strings.Count(s, "\n") < heredocLines-1 || !plainText(s) {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	// "<<-" takes off the margin that all lines have in common. It is ours alone when
	// one line has none of its own; a blank line would have none at all.
	blank, flush := false, false
	for _, l := range lines {
		if strings.TrimSpace(l) == "EOT" {
			return nil
		}
		blank = blank || strings.TrimSpace(l) == ""
		flush = flush || !strings.HasPrefix(l, " ")
	}
	indented := flush && !blank
	open, margin := "<<EOT\n", ""
	if indented {
		open, margin = "<<-EOT\n", strings.Repeat("  ", depth+1)
	}
	body := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strings.Join(lines, "\n"+margin))
	close := "EOT"
	if indented {
		close = strings.Repeat("  ", depth) + close
	}
	text := hclwrite.Tokens{
		token(hclsyntax.TokenOHeredoc, open),
		token(hclsyntax.TokenStringLit, margin+body+"\n"),
		token(hclsyntax.TokenCHeredoc, close),
	}
	if strings.HasSuffix(s, "\n") {
		return text
	}
	// The end of the last line belongs to a heredoc and not to this text.
	out := hclwrite.Tokens{token(hclsyntax.TokenIdent, "chomp"), token(hclsyntax.TokenOParen, "(")}
	out = append(out, text...)
	return append(out, newline(), token(hclsyntax.TokenCParen, ")"))
}

// plainText reports whether a text comes through Terraform as it is and shows on a
// screen what it is: normalised, without control characters.
func plainText(s string) bool {
	if cty.NormalizeString(s) != s {
		return false
	}
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
