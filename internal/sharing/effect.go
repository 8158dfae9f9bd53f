package sharing

import (
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// tally adds up what the attributes of a change do to access. One wider attribute
// makes the change a widening: that is what a reader of drift must not miss.
type tally struct{ wider, narrower, unclear bool }

func (t *tally) effect() audit.Effect {
	switch {
	case t.wider:
		return audit.EffectWidened
	case t.unclear:
		return audit.EffectUnknown
	case t.narrower:
		return audit.EffectNarrowed
	}
	return audit.EffectNeutral
}

// add counts a part of the change.
func (t *tally) add(wider, narrower bool) {
	t.wider, t.narrower = t.wider || wider, t.narrower || narrower
}

// opens is for switches that open when they turn true.
func (t *tally) opens(was, is bool) { t.add(is && !was, was && !is) }

// closes is for switches that close when they turn true.
func (t *tally) closes(was, is bool) { t.opens(!was, !is) }

// number is for limits that are wider the larger they are.
func (t *tally) number(was, is int64) { t.add(is > was, is < was) }

// rank is for words ordered from narrow to wide.
func (t *tally) rank(order []string, was, is string) {
	t.number(int64(slices.Index(order, was)), int64(slices.Index(order, is)))
}

// names is for lists that are wider the more they name.
func (t *tally) names(was, is []string) {
	t.add(!within(is, was), !within(was, is))
}

// within reports whether every element of a is in b.
func within(a, b []string) bool {
	in := make(map[string]bool, len(b))
	for _, x := range b {
		in[x] = true
	}
	return !slices.ContainsFunc(a, func(x string) bool { return !in[x] })
}

// expiry is for ends: none is the widest.
func (t *tally) expiry(was, is *time.Time) {
	switch {
	case was == nil && is == nil:
	case is == nil:
		t.wider = true
	case was == nil:
		t.narrower = true
	default:
		t.add(is.After(*was), is.Before(*was))
	}
}

// condition is for Cedar text: none is the widest, and two texts cannot be compared.
func (t *tally) condition(was, is string) {
	switch {
	case was == is:
	case is == "":
		t.wider = true
	case was == "":
		t.narrower = true
	default:
		t.unclear = true
	}
}

// levels is for what a grant gives, a level or a role: custom roles have no order.
func (t *tally) levels(was, is string) {
	a, err1 := vocabulary.ParseLevel(was)
	b, err2 := vocabulary.ParseLevel(is)
	switch {
	case was == is:
	case err1 != nil || err2 != nil:
		t.unclear = true
	default:
		t.add(b > a, b < a)
	}
}
