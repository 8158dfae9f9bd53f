package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Modes of a separation-of-duties rule.
const (
	SeparationBlock  = "block"
	SeparationReport = "report"
)

// SeparationOfDutiesRule names two duties that nobody may hold together (GH-AZ-04).
type SeparationOfDutiesRule struct {
	Meta
	Name        string `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key. Refusals cite it."`
	Description string `json:"description,omitempty" maxLength:"500" doc:"Why the duties are kept apart."`
	Left        *Duty  `json:"left" required:"true" doc:"One duty."`
	Right       *Duty  `json:"right" required:"true" doc:"The other duty."`
	Mode        string `json:"mode" enum:"block,report" default:"block" doc:"block refuses whatever would give somebody both duties; report lets it happen and records separation_of_duties.reported in the audit log."`
}

// Duty is one side of a rule: whoever has one of the roles or one of the permissions
// has the duty.
type Duty struct {
	Roles       []string `json:"roles,omitempty" format:"slug" maxItems:"100" doc:"Names of custom roles or of built-in ones (viewer, commenter, editor, manager, admin): whoever holds one of them, anywhere, has the duty."`
	Permissions []string `json:"permissions,omitempty" maxItems:"100" doc:"Permissions, e.g. audit.read or share_link.*: whoever has one of them, anywhere, has the duty."`
}

// SeparationOfDutiesRuleKind declares separation_of_duties_rule.
var SeparationOfDutiesRuleKind = Declare(Kind{
	Name: "separation_of_duties_rule", Plural: "separation_of_duties_rules", Prefix: "sod", Security: true, Destroy: DestroyDelete,
	Doc: "Two duties that nobody may hold together.",
}, func(r *SeparationOfDutiesRule) string { return strings.ToLower(r.Name) })

// Validate checks that both sides name something, and nothing in common: whoever had
// that would break the rule by it alone.
func (r *SeparationOfDutiesRule) Validate() []Violation {
	if r.Left == nil || r.Right == nil {
		return nil // required is said already
	}
	var out []Violation
	for at, d := range map[string]*Duty{"/left": r.Left, "/right": r.Right} {
		if len(d.Roles)+len(d.Permissions) == 0 {
			out = append(out, Required(at, "name roles, permissions or both"))
		}
		out = append(out, checkPermissions(at+"/permissions", d.Permissions)...)
	}
	if len(out) > 0 {
		slices.SortFunc(out, func(a, b Violation) int { return strings.Compare(a.Path, b.Path) })
		return out
	}
	for i, role := range r.Right.Roles {
		if slices.Contains(r.Left.Roles, role) {
			out = append(out, Invalid(fmt.Sprintf("/right/roles/%d", i), "%q is on the left side too: everyone who holds it would break the rule", role))
		}
	}
	left, _ := vocabulary.ExpandAll(r.Left.Permissions)
	for i, pattern := range r.Right.Permissions {
		names, _ := vocabulary.Expand(pattern)
		for _, name := range names {
			if slices.Contains(left, name) {
				out = append(out, Invalid(fmt.Sprintf("/right/permissions/%d", i), "%q is on the left side too: everyone who has it would break the rule", name))
				break
			}
		}
	}
	return out
}
