package filter

import (
	"encoding/json"
	"strconv"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Tree is a filter as JSON, for a directory at the other end of a wire. It holds one of
// and, or, not, always, a comparison (path, op, value), or a value filter (path, where).
// It says what was asked, not what Resolve found out: whoever reads it resolves again.
type Tree struct {
	And    []*Tree `json:"and,omitempty" doc:"True when every one is."`
	Or     []*Tree `json:"or,omitempty" doc:"True when one is."`
	Not    *Tree   `json:"not,omitempty" doc:"True when it is not."`
	Always *bool   `json:"always,omitempty" doc:"A constant."`
	Path   string  `json:"path,omitempty" doc:"Attribute, as in RFC 7644 section 3.10."`
	Where  *Tree   `json:"where,omitempty" doc:"What one single value of the attribute must satisfy."`
	Op     Op      `json:"op,omitempty" doc:"eq, ne, co, sw, ew, gt, ge, lt, le or pr."`
	Value  any     `json:"value,omitempty" doc:"String, number or boolean to compare with."`
}

// TreeOf writes a filter, resolved or not; nil for none.
func TreeOf(n Node) *Tree {
	switch n := n.(type) {
	case *And:
		return &Tree{And: treesOf(n.Terms)}
	case *Or:
		return &Tree{Or: treesOf(n.Terms)}
	case *Not:
		return &Tree{Not: TreeOf(n.Term)}
	case Bool:
		b := bool(n)
		return &Tree{Always: &b}
	case *ValuePath:
		return &Tree{Path: n.Path.String(), Where: TreeOf(n.Filter)}
	case *Compare:
		t := &Tree{Path: n.Path.String(), Op: n.Op}
		switch {
		case n.Op == Pr:
		case n.Value.Kind == KindBool:
			t.Value = n.Value.Bool
		case n.Value.Kind == KindNumber:
			t.Value = json.Number(n.Value.Text)
		default:
			t.Value = n.Value.Text // a time keeps its text
		}
		return t
	}
	return nil
}

func treesOf(terms []Node) []*Tree {
	out := make([]*Tree, len(terms))
	for i, t := range terms {
		out[i] = TreeOf(t)
	}
	return out
}

// Node reads a filter, with the bounds of Parse; nil for none.
func (t *Tree) Node() (Node, error) {
	if t == nil {
		return nil, nil
	}
	return (&treeReader{}).node(t, false)
}

// treeReader counts nodes, of which a level of parentheses makes up to three, and a value
// that was sent URL-encoded
// became two on the way: what Parse lets pass is always read.
type treeReader struct{ depth, terms int }

func (r *treeReader) node(t *Tree, inValue bool) (Node, error) {
	if r.depth++; r.depth > 4*MaxDepth+8 {
		return nil, badTree("it nests too deep")
	}
	defer func() { r.depth-- }()
	if r.terms++; r.terms > 8*MaxTerms {
		return nil, badTree("it holds too many terms")
	}
	if t == nil || t.kinds() != 1 {
		return nil, badTree("each node is one of and, or, not, always, or a path with op or where")
	}
	switch {
	case len(t.And) > 0:
		terms, err := r.nodes(t.And, inValue)
		return &And{terms}, err
	case len(t.Or) > 0:
		terms, err := r.nodes(t.Or, inValue)
		return &Or{terms}, err
	case t.Not != nil:
		n, err := r.node(t.Not, inValue)
		return &Not{n}, err
	case t.Always != nil:
		return Bool(*t.Always), nil
	}
	p, ok := ParseName(t.Path)
	if !ok || inValue && (p.URN != "" || p.Sub != "" || t.Where != nil) {
		return nil, badTree("a path is broken")
	}
	if t.Where != nil {
		f, err := r.node(t.Where, true)
		return &ValuePath{Path: p, Filter: f}, err
	}
	return t.comparison(p)
}

func (r *treeReader) nodes(list []*Tree, inValue bool) ([]Node, error) {
	out := make([]Node, len(list))
	for i, t := range list {
		var err error
		if out[i], err = r.node(t, inValue); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// kinds counts what the node claims to be.
func (t *Tree) kinds() int {
	n := 0
	for _, is := range []bool{len(t.And) > 0, len(t.Or) > 0, t.Not != nil, t.Always != nil, t.Op != "", t.Where != nil} {
		if is {
			n++
		}
	}
	return n
}

func (t *Tree) comparison(p Path) (Node, error) {
	op, ok := operator(string(t.Op))
	if !ok {
		return nil, badTree("an operator is none of eq ne co sw ew gt ge lt le pr")
	}
	n := &Compare{Path: p, Op: op}
	switch v := t.Value.(type) {
	case nil:
		if op != Pr {
			return nil, badTree("a value is missing")
		}
		return n, nil
	case string:
		if len(v) > MaxLength {
			return nil, badTree("a value is too long")
		}
		n.Value = Value{Kind: KindString, Text: v}
	case bool:
		n.Value = Value{Kind: KindBool, Bool: v}
	case float64:
		n.Value = Value{Kind: KindNumber, Text: strconv.FormatFloat(v, 'g', -1, 64)}
	case json.Number:
		n.Value = Value{Kind: KindNumber, Text: v.String()}
	default:
		return nil, badTree("a value is neither text, number nor boolean")
	}
	if op == Pr {
		return nil, badTree("pr takes no value")
	}
	return n, nil
}

func badTree(why string) error {
	return fault.Bad(fault.InvalidFilter, "the filter cannot be read: %s", why)
}
