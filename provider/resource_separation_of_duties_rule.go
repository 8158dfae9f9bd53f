package provider

import (
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.SeparationOfDutiesRuleKind, resourceOptions{
	Description: "It looks at what people and service accounts hold themselves, through teams, groups and their e-mail address, and by their workspace role, wherever that is. " +
		"Conditions count as met, and a deny counts only within the role that has it; what somebody has as the owner of an item does not count. " +
		"The workspace Owner, who may do everything, is left out. " +
		"A rule that is broken already is refused with the names of those who break it; with `mode = \"report\"` each is recorded in the audit log.",
	Check: checkSeparationOfDutiesRule,
})

// checkSeparationOfDutiesRule finds permissions that do not exist (GH-AZ-04).
func checkSeparationOfDutiesRule(doc map[string]any) []api.Violation {
	var out []api.Violation
	for _, side := range []string{"left", "right"} {
		if duty, ok := doc[side].(map[string]any); ok {
			out = append(out, checkEach(duty, "permissions", "/"+side, checkPermission)...)
		}
	}
	return out
}
