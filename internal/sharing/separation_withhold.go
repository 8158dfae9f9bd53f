package sharing

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// actionSeparationWithheld is recorded where something is not given for the sake of a
// rule, by who cannot be refused: an identity provider that says who is in a group.
const actionSeparationWithheld = "separation_of_duties.withheld"

// Why a gain is withheld.
const (
	WithheldSeparation = "separation_of_duties"
	WithheldApproval   = "external_share"
)

// Weighed is what the rules say of a gain that nobody can be refused.
type Weighed struct {
	// Withheld is why it must not be given; "" when it may.
	Withheld string
	notes    []func() error
}

// Record writes down what was found.
func (w *Weighed) Record() error {
	for _, note := range w.notes {
		if err := note(); err != nil {
			return err
		}
	}
	return nil
}

// Withhold finds out, before anything is written, which gains of people must not be
// given, and records it. It is for derived gains; changes that can be refused ask
// Separate and StateFor.
func Withhold(ctx context.Context, s *object.Scope, gains []Gain) ([]bool, error) {
	withheld := make([]bool, len(gains))
	weighed, err := Weigh(ctx, s, gains)
	if err != nil {
		return nil, err
	}
	for i, w := range weighed {
		withheld[i] = w.Withheld != ""
		if err := w.Record(); err != nil {
			return nil, err
		}
	}
	return withheld, nil
}

// Weigh finds out which gains of people would give them both duties of a rule that
// blocks (GH-AZ-04), in the order in which they are given, and which would give people
// outside what has to be approved first (C055). It records nothing; rules that only
// report are noted too.
func Weigh(ctx context.Context, s *object.Scope, gains []Gain) ([]*Weighed, error) {
	out := make([]*Weighed, len(gains))
	for i := range out {
		out[i] = &Weighed{}
	}
	if len(gains) == 0 {
		return out, nil
	}
	if err := weighApproval(ctx, s, gains, out); err != nil {
		return nil, err
	}
	var rules []*api.SeparationOfDutiesRule
	if err := object.Each(ctx, s, api.SeparationOfDutiesRuleKind, func(r *api.SeparationOfDutiesRule) error {
		rules = append(rules, r)
		return nil
	}); err != nil || len(rules) == 0 {
		return out, err
	}
	j, err := newJudge(ctx, s)
	if err != nil {
		return nil, err
	}
	will := map[string]*holdings{} // what people will have with what is given before
	for i, g := range gains {
		if out[i].Withheld != "" {
			continue
		}
		gained, err := j.gained(ctx, s, g)
		if err != nil {
			return nil, err
		}
		relevant := slices.DeleteFunc(slices.Clone(rules), func(r *api.SeparationOfDutiesRule) bool {
			return j.meets(r.Left, gained) == "" && j.meets(r.Right, gained) == ""
		})
		if len(relevant) == 0 {
			continue
		}
		has, known := will[g.Principal]
		if !known {
			if has, err = heldBy(ctx, s, g.Principal); err != nil {
				return nil, err
			}
		}
		if has == nil {
			continue // may do nothing
		}
		next := has.with(gained)
		for _, r := range relevant {
			b, broken := j.breaks(r, g.Principal, next)
			switch {
			case !broken:
			case r.Mode == api.SeparationReport:
				out[i].notes = append(out[i].notes, func() error { return b.record(s, r) })
			default:
				out[i].Withheld = WithheldSeparation
				out[i].notes = append(out[i].notes, func() error { return b.withheld(s, r) })
			}
		}
		if out[i].Withheld == "" {
			will[g.Principal] = next
		}
	}
	return out, nil
}

func (b breach) withheld(s *object.Scope, r *api.SeparationOfDutiesRule) error {
	return s.Record(actionSeparationWithheld, audit.Target{Kind: api.SeparationOfDutiesRuleKind.Name, ID: r.ID, Key: r.Key}, audit.EffectNeutral, nil,
		map[string]string{"principal": b.principal, "left": b.left, "right": b.right}, fmt.Sprintf("%s, which the rule %q forbids; it was not given", b, r.Name))
}

// with is what somebody has together with a gain.
func (h *holdings) with(gained *holdings) *holdings {
	out := *h
	out.roles = map[string]string{}
	out.add(h)
	out.add(gained)
	if gained.workspace.Authority() > out.workspace.Authority() {
		out.workspace = gained.workspace
	}
	return &out
}
