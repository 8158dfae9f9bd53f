package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// warnOfApproval says that what was applied gives nothing yet (C055). Terraform shows
// it below the apply; the state shows it until somebody has decided.
func (r *kindResource) warnOfApproval(diags *diag.Diagnostics, doc client.Document) {
	const what = "\n\nSomebody whom the approval policy names has to agree: see it with \"gatehouse approval list\", and decide with \"gatehouse approval approve\" or \"gatehouse approval deny\" (POST approval_requests/{id}/approve). " +
		"When it is denied, or nobody decides in time, the server removes it, and the next plan makes it again."
	if doc["state"] == api.StatePendingApproval {
		diags.AddWarning(upperFirst(r.label(doc.Key()))+" waits for approval", "It was made and gives nothing yet."+what)
		return
	}
	waiting, _ := doc["pending_approval"].([]any)
	if len(waiting) == 0 {
		return
	}
	names := make([]string, len(waiting))
	for i := range waiting {
		names[i] = fmt.Sprint(waiting[i])
	}
	diags.AddWarning(fmt.Sprintf("%d grants on %s wait for approval", len(names), doc.Key()), "They give nothing yet: "+strings.Join(names, ", ")+"."+what)
}
