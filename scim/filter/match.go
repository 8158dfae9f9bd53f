package filter

import (
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Match evaluates a resolved filter on a resource in its JSON shape with
// canonical names: the reference for what a directory's query must select.
func Match(n Node, doc map[string]any) bool {
	switch n := n.(type) {
	case *And:
		for _, t := range n.Terms {
			if !Match(t, doc) {
				return false
			}
		}
		return true
	case *Or:
		for _, t := range n.Terms {
			if Match(t, doc) {
				return true
			}
		}
		return false
	case *Not:
		return !Match(n.Term, doc)
	case Bool:
		return bool(n)
	case *ValuePath:
		for _, v := range list(holder(doc, n.Path)[n.Path.Attr]) {
			if m, ok := v.(map[string]any); ok && Match(n.Filter, m) {
				return true
			}
		}
		return false
	case *Compare:
		return compare(n, doc)
	}
	return false
}

// Terms counts the comparisons of a filter: what matching one value may cost.
func Terms(n Node) int {
	switch n := n.(type) {
	case *And:
		return termsOf(n.Terms)
	case *Or:
		return termsOf(n.Terms)
	case *Not:
		return Terms(n.Term)
	case *ValuePath:
		return Terms(n.Filter)
	}
	return 1
}

func termsOf(list []Node) int {
	sum := 0
	for _, t := range list {
		sum += Terms(t)
	}
	return sum
}

// holder is the object in which the attribute stands: the resource or an extension.
func holder(doc map[string]any, p Path) map[string]any {
	if p.URN == "" {
		return doc
	}
	m, _ := doc[p.URN].(map[string]any)
	return m
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func compare(n *Compare, doc map[string]any) bool {
	if n.Op == Ne {
		eq := *n
		eq.Op = Eq
		return !compare(&eq, doc)
	}
	h := holder(doc, n.Path)
	if n.Path.Attr == "" {
		return n.Op == Pr && present(h)
	}
	v, given := h[n.Path.Attr]
	if !given && n.Path.Attr == "primary" && n.Op != Pr {
		v = false // RFC 7643 §2.4: primary is false unless said otherwise
	}
	for _, v := range list(v) {
		if n.Path.Sub != "" {
			m, _ := v.(map[string]any)
			if v = m[n.Path.Sub]; v == nil && n.Path.Sub == "primary" && m != nil && n.Op != Pr {
				v = false
			}
		}
		if fits(n, v) {
			return true
		}
	}
	return false
}

// present is the operator pr: not empty, in depth.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		for _, e := range v {
			if present(e) {
				return true
			}
		}
		return false
	case map[string]any:
		for _, e := range v {
			if present(e) {
				return true
			}
		}
		return false
	}
	return true
}

func fits(n *Compare, v any) bool {
	if n.Op == Pr {
		return present(v)
	}
	switch v := v.(type) {
	case bool:
		return n.Value.Kind == KindBool && v == n.Value.Bool
	case string:
		if n.Type == schema.DateTime {
			t, ok := parseTime(v)
			return ok && ordered(n.Op, t.Compare(n.Value.Time))
		}
		return text(n, v)
	case time.Time:
		return ordered(n.Op, v.Compare(n.Value.Time))
	}
	return false
}

func text(n *Compare, have string) bool {
	want := n.Value.Text
	if n.Value.Kind != KindString {
		return false
	}
	if !n.CaseExact {
		have, want = Fold(have), Fold(want)
	}
	switch n.Op {
	case Co:
		return strings.Contains(have, want)
	case Sw:
		return strings.HasPrefix(have, want)
	case Ew:
		return strings.HasSuffix(have, want)
	}
	return ordered(n.Op, strings.Compare(have, want))
}

func ordered(op Op, c int) bool {
	switch op {
	case Eq:
		return c == 0
	case Gt:
		return c > 0
	case Ge:
		return c >= 0
	case Lt:
		return c < 0
	case Le:
		return c <= 0
	}
	return false
}
