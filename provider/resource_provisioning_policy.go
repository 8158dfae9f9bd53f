package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.ProvisioningPolicyKind, resourceOptions{
	KeyForm:     "connection",
	Description: "One for each provisioning connection; a connection without one follows the defaults. The workspace Owner and break-glass accounts are protected whatever it says. What it holds waits in `gatehouse scim quarantine`.",
	Guard:       guardBreaker,
})

// guardBreaker warns when a plan switches the circuit breaker off, or lets go of people
// whom it protected.
func guardBreaker(_ *controlPlane, doc, live map[string]any) diag.Diagnostics {
	var diags diag.Diagnostics
	if textOf(doc, "max_removal_ratio") == "1" && textOf(live, "max_removal_ratio") != "1" {
		diags.AddAttributeWarning(path.Root("max_removal_ratio"), "No bulk removal will be held",
			"With max_removal_ratio = 1 an identity provider that goes wrong can remove everybody at once, except the Owner and protected accounts. 0.25 is the default.")
	}
	kept := map[string]bool{}
	for _, email := range listOf(doc, "protected_principals") {
		kept[email] = true
	}
	for _, email := range listOf(live, "protected_principals") {
		if !kept[email] {
			diags.AddAttributeWarning(path.Root("protected_principals"), email+" will no longer be protected", "The connection will be able to end and rename this account.")
		}
	}
	return diags
}

// listOf reads a list of strings of a document.
func listOf(doc map[string]any, name string) []string {
	var out []string
	list, _ := doc[name].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
