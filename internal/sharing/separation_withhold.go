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

// Withhold finds out, before anything is written, which gains of people would give
// them both duties of a rule that blocks (GH-AZ-04), in the order in which they are
// given. Each one that has to be withheld is recorded; rules that only report record
// what will happen. It is for derived gains; changes that can be refused ask Separate.
func Withhold(ctx context.Context, s *object.Scope, gains []Gain) ([]bool, error) {
	withheld := make([]bool, len(gains))
	if len(gains) == 0 {
		return withheld, nil
	}
	var rules []*api.SeparationOfDutiesRule
	if err := object.Each(ctx, s, api.SeparationOfDutiesRuleKind, func(r *api.SeparationOfDutiesRule) error {
		rules = append(rules, r)
		return nil
	}); err != nil || len(rules) == 0 {
		return withheld, err
	}
	j, err := newJudge(ctx, s)
	if err != nil {
		return nil, err
	}
	will := map[string]*holdings{} // what people will have with what is given before
	for i, g := range gains {
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
				err = b.record(s, r)
			default:
				withheld[i] = true
				err = s.Record(actionSeparationWithheld, audit.Target{Kind: api.SeparationOfDutiesRuleKind.Name, ID: r.ID, Key: r.Key}, audit.EffectNeutral, nil,
					map[string]string{"principal": b.principal, "left": b.left, "right": b.right}, fmt.Sprintf("%s, which the rule %q forbids; it was not given", b, r.Name))
			}
			if err != nil {
				return nil, err
			}
		}
		if !withheld[i] {
			will[g.Principal] = next
		}
	}
	return withheld, nil
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
