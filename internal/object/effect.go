package object

import (
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Tally adds up what the attributes of a change do to access. One wider attribute
// makes the change a widening: that is what a reader of drift must not miss.
type Tally struct{ wider, narrower, unclear bool }

// Effect is what the change does as a whole.
func (t *Tally) Effect() audit.Effect {
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

// Add counts a part of the change.
func (t *Tally) Add(wider, narrower bool) {
	t.wider, t.narrower = t.wider || wider, t.narrower || narrower
}

// Unclear counts a part that cannot be compared.
func (t *Tally) Unclear(changed bool) { t.unclear = t.unclear || changed }

// Opens is for switches that open when they turn true.
func (t *Tally) Opens(was, is bool) { t.Add(is && !was, was && !is) }

// Closes is for switches that close when they turn true.
func (t *Tally) Closes(was, is bool) { t.Opens(!was, !is) }

// Number is for limits that are wider the larger they are.
func (t *Tally) Number(was, is int64) { t.Add(is > was, is < was) }

// Rank is for words ordered from narrow to wide.
func (t *Tally) Rank(order []string, was, is string) {
	t.Number(int64(slices.Index(order, was)), int64(slices.Index(order, is)))
}

// Names is for lists that are wider the more they name.
func (t *Tally) Names(was, is []string) {
	t.Add(!Within(is, was), !Within(was, is))
}

// Within reports whether every element of a is in b.
func Within(a, b []string) bool {
	in := make(map[string]bool, len(b))
	for _, x := range b {
		in[x] = true
	}
	return !slices.ContainsFunc(a, func(x string) bool { return !in[x] })
}

// Expiry is for ends: none is the widest.
func (t *Tally) Expiry(was, is *time.Time) {
	switch {
	case was == nil && is == nil:
	case is == nil:
		t.wider = true
	case was == nil:
		t.narrower = true
	default:
		t.Add(is.After(*was), is.Before(*was))
	}
}

// Condition is for Cedar text: none is the widest, and two texts cannot be compared.
func (t *Tally) Condition(was, is string) {
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

// Levels is for what a grant gives, a level or a role: custom roles have no order.
func (t *Tally) Levels(was, is string) {
	a, err1 := vocabulary.ParseLevel(was)
	b, err2 := vocabulary.ParseLevel(is)
	switch {
	case was == is:
	case err1 != nil || err2 != nil:
		t.unclear = true
	default:
		t.Add(b > a, b < a)
	}
}
