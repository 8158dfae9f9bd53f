package filter

import (
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Parse reads a filter. The tree is not yet tied to a resource type: see Resolve.
func Parse(text string) (Node, error) {
	s := scanner{text: text, kind: fault.InvalidFilter}
	if err := s.check(); err != nil {
		return nil, err
	}
	n, err := s.or(false)
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos < len(s.text) {
		return nil, s.fail("the filter should end")
	}
	return n, nil
}

// Target is the path of a PATCH operation: attr, attr.sub, attr[filter] or
// attr[filter].sub (RFC 7644 §3.5.2 figure 7).
type Target struct {
	Path   Path
	Filter Node // nil without brackets
}

// ParsePath reads the path of a PATCH operation.
func ParsePath(text string) (Target, error) {
	s := scanner{text: text, kind: fault.InvalidPath}
	if err := s.check(); err != nil {
		return Target{}, err
	}
	s.space()
	p, ok := splitPath(s.word())
	if !ok {
		return Target{}, fault.Bad(fault.InvalidPath, "not an attribute path")
	}
	t := Target{Path: p}
	if s.peek() == '[' {
		if p.Sub != "" {
			return Target{}, s.fail("a value filter behind a sub-attribute")
		}
		f, sub, err := s.brackets()
		if err != nil {
			return Target{}, err
		}
		t.Filter, t.Path.Sub = f, sub
	}
	if s.space(); s.pos < len(s.text) {
		return Target{}, s.fail("the path should end")
	}
	return t, nil
}

// ParseName reads a plain attribute path, as in attributes and sortBy.
func ParseName(text string) (Path, bool) {
	if len(text) > MaxLength {
		return Path{}, false
	}
	return splitPath(strings.TrimSpace(text))
}

func (s *scanner) or(inValue bool) (Node, error) {
	return s.chain("or", func() (Node, error) { return s.and(inValue) }, func(t []Node) Node { return &Or{t} })
}

func (s *scanner) and(inValue bool) (Node, error) {
	return s.chain("and", func() (Node, error) { return s.unary(inValue) }, func(t []Node) Node { return &And{t} })
}

// chain reads terms joined by one operator.
func (s *scanner) chain(word string, term func() (Node, error), build func([]Node) Node) (Node, error) {
	first, err := term()
	if err != nil {
		return nil, err
	}
	var terms []Node
	for {
		s.space()
		if !s.keyword(word) {
			break
		}
		next, err := term()
		if err != nil {
			return nil, err
		}
		if terms == nil {
			terms = append(terms, first)
		}
		terms = append(terms, next)
	}
	if terms == nil {
		return first, nil
	}
	return build(terms), nil
}

func (s *scanner) unary(inValue bool) (Node, error) {
	s.space()
	if s.peek() == '(' {
		return s.group(inValue)
	}
	start := s.pos
	if s.keyword("not") {
		if s.space(); s.peek() == '(' {
			n, err := s.group(inValue)
			if err != nil {
				return nil, err
			}
			return &Not{n}, nil
		}
		s.pos = start // an attribute may be called "not"
	}
	return s.term(inValue)
}

func (s *scanner) group(inValue bool) (Node, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	s.pos++
	n, err := s.or(inValue)
	if err != nil {
		return nil, err
	}
	if s.space(); !s.take(')') {
		return nil, s.fail("a closing parenthesis is missing")
	}
	s.depth--
	return n, nil
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > MaxDepth {
		return s.fail("nested deeper than %d", MaxDepth)
	}
	return nil
}

// term reads a comparison or a value path.
func (s *scanner) term(inValue bool) (Node, error) {
	if s.terms++; s.terms > MaxTerms {
		return nil, s.fail("more than %d comparisons", MaxTerms)
	}
	w := s.word()
	if w == "" {
		return nil, s.fail("an attribute is missing")
	}
	p, ok := splitPath(w)
	if !ok {
		return nil, s.fail("a broken attribute path")
	}
	if inValue && (p.URN != "" || p.Sub != "" || s.peek() == '[') {
		return nil, s.fail("only sub-attributes may stand in brackets")
	}
	if s.peek() != '[' {
		return s.compare(p)
	}
	if p.Sub != "" {
		return nil, s.fail("a value filter behind a sub-attribute")
	}
	f, sub, err := s.brackets()
	if err != nil {
		return nil, err
	}
	if sub == "" {
		return &ValuePath{p, f}, nil
	}
	return s.behind(p, f, sub)
}

// brackets reads "[" filter "]" ["." sub].
func (s *scanner) brackets() (Node, string, error) {
	if err := s.enter(); err != nil {
		return nil, "", err
	}
	s.pos++
	f, err := s.or(true)
	if err != nil {
		return nil, "", err
	}
	if s.space(); !s.take(']') {
		return nil, "", s.fail("a closing bracket is missing")
	}
	s.depth--
	if !s.take('.') {
		return f, "", nil
	}
	sub := s.word()
	if !name(sub) {
		return nil, "", s.fail("a broken sub-attribute")
	}
	return f, sub, nil
}

// behind reads the comparison behind emails[type eq "work"].value, which the
// RFC's grammar lacks and Entra's default matching rule needs, and folds it into
// the bracket. Ne and "eq null" negate the whole, to stay complements.
func (s *scanner) behind(p Path, f Node, sub string) (Node, error) {
	n, err := s.compare(Path{Attr: sub})
	if err != nil {
		return nil, err
	}
	negate := false
	if not, ok := n.(*Not); ok {
		n, negate = not.Term, true
	} else if c := n.(*Compare); c.Op == Ne {
		c.Op, negate = Eq, true
	}
	var out Node = &ValuePath{p, &And{[]Node{f, n}}}
	if negate {
		out = &Not{out}
	}
	return out, nil
}

func (s *scanner) compare(p Path) (Node, error) {
	s.space()
	op, ok := operator(s.word())
	if !ok {
		return nil, s.fail("an operator (eq ne co sw ew gt ge lt le pr) is missing")
	}
	if op == Pr {
		return &Compare{Path: p, Op: Pr}, nil
	}
	s.space()
	v, err := s.value()
	if err != nil {
		return nil, err
	}
	if v.Kind == KindNull {
		switch op {
		case Eq:
			return &Not{&Compare{Path: p, Op: Pr}}, nil
		case Ne:
			return &Compare{Path: p, Op: Pr}, nil
		}
		return nil, s.fail("null only goes with eq and ne")
	}
	return &Compare{Path: p, Op: op, Value: v}, nil
}

// operator reads an operator in any case; Okta and Entra differ in it.
func operator(w string) (Op, bool) {
	if len(w) != 2 {
		return "", false
	}
	switch [2]byte{w[0] | 0x20, w[1] | 0x20} {
	case [2]byte{'e', 'q'}:
		return Eq, true
	case [2]byte{'n', 'e'}:
		return Ne, true
	case [2]byte{'c', 'o'}:
		return Co, true
	case [2]byte{'s', 'w'}:
		return Sw, true
	case [2]byte{'e', 'w'}:
		return Ew, true
	case [2]byte{'g', 't'}:
		return Gt, true
	case [2]byte{'g', 'e'}:
		return Ge, true
	case [2]byte{'l', 't'}:
		return Lt, true
	case [2]byte{'l', 'e'}:
		return Le, true
	case [2]byte{'p', 'r'}:
		return Pr, true
	}
	return "", false
}

func (s *scanner) value() (Value, error) {
	if s.peek() == '"' {
		text, err := s.str()
		return Value{Kind: KindString, Text: text}, err
	}
	w := s.word()
	switch {
	case strings.EqualFold(w, "true"):
		return Value{Kind: KindBool, Bool: true}, nil
	case strings.EqualFold(w, "false"):
		return Value{Kind: KindBool}, nil
	case strings.EqualFold(w, "null"):
		return Value{Kind: KindNull}, nil
	case number(w):
		return Value{Kind: KindNumber, Text: w}, nil
	}
	return Value{}, s.fail("a value (string in double quotes, number, true, false, null) is missing")
}

// number accepts the numbers of JSON.
func number(w string) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(w) && w[i] == '-' {
		i++
	}
	if !digits() {
		return false
	}
	if i < len(w) && w[i] == '.' {
		if i++; !digits() {
			return false
		}
	}
	if i < len(w) && (w[i] == 'e' || w[i] == 'E') {
		i++
		if i < len(w) && (w[i] == '+' || w[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(w)
}
