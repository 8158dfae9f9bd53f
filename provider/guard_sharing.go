package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// shownShares is how many shares a plan names.
const shownShares = 20

// previewPolicy says at plan what the workspace's policy, as planned, means for the
// shares that exist (C062, X07).
func previewPolicy(ctx context.Context, p *controlPlane, workspace string, planned client.Document) diag.Diagnostics {
	return previewShares(ctx, p, workspace, "the sharing policy", client.ProposedSharing{SharingPolicy: planned})
}

// previewOverride says it of an override.
func previewOverride(ctx context.Context, p *controlPlane, workspace string, planned client.Document) diag.Diagnostics {
	path := textOf(planned, "path")
	return previewShares(ctx, p, workspace, "the sharing policy of "+path, client.ProposedSharing{Overrides: []client.Document{planned}, Resource: path})
}

// withoutOverride says it of the deletion of an override, which may have loosened.
func withoutOverride(ctx context.Context, p *controlPlane, workspace string, was client.Document) diag.Diagnostics {
	path := textOf(was, "path")
	return previewShares(ctx, p, workspace, "the sharing policy of "+path+" without its override", client.ProposedSharing{Without: []string{path}, Resource: path})
}

func previewShares(ctx context.Context, p *controlPlane, workspace, what string, q client.ProposedSharing) diag.Diagnostics {
	var diags diag.Diagnostics
	out, err := p.at(workspace).PreviewSharing(ctx, q)
	switch {
	case client.IsCode(err, api.CodeForbidden), client.IsNotFound(err):
		return nil // whoever may not see all grants, or a workspace still to come
	case client.IsCode(err, api.CodeInvalid):
		return nil // the dry run tells it better
	case err != nil:
		addProblem(&diags, "Cannot tell what "+what+" means for existing shares", err)
		return diags
	case out.Count == 0:
		return nil
	}
	diags.AddWarning(upperFirst(sharesText(out))+" not conform with "+what, affectedShares(out))
	return diags
}

// sharesText counts shares: "1 existing share does", "12 existing shares do".
func sharesText(out *api.ConformancePreview) string {
	count := fmt.Sprint(out.Count)
	if !out.Complete {
		count = "more than " + count
	}
	if out.Count == 1 && out.Complete {
		return "1 existing share does"
	}
	return count + " existing shares do"
}

// affectedShares lists the first shares by what happens to them.
func affectedShares(out *api.ConformancePreview) string {
	groups := map[string][]api.NonconformingShare{}
	var order []string
	for i, sh := range out.Items {
		if i == shownShares {
			break
		}
		fate := fateOf(sh)
		if groups[fate] == nil {
			order = append(order, fate)
		}
		groups[fate] = append(groups[fate], sh)
	}
	var b strings.Builder
	for _, fate := range order {
		fmt.Fprintf(&b, "%s:\n", fate)
		for _, sh := range groups[fate] {
			fmt.Fprintf(&b, "  - %s %s: %s\n", strings.ReplaceAll(sh.Kind, "_", " "), nameOfShare(sh), sh.Reasons[0].Text)
		}
	}
	if n := out.Count - min(len(out.Items), shownShares); n > 0 {
		fmt.Fprintf(&b, "and %d more. All of them are listed by: gatehouse sharing conformance\n", n)
	}
	return strings.TrimSpace(b.String())
}

func nameOfShare(sh api.NonconformingShare) string {
	switch sh.Kind {
	case api.ShareLinkKind.Name, api.GuestKind.Name:
		if sh.Resource != "/" {
			return fmt.Sprintf("%q on %s", sh.Name, sh.Resource)
		}
		return fmt.Sprintf("%q", sh.Name)
	}
	return sh.Name
}

// fateOf says what becomes of a share by the policy at its place.
func fateOf(sh api.NonconformingShare) string {
	switch sh.Existing {
	case api.ExistingGrandfather:
		return "Stay until " + sh.Until + " (existing_shares = \"grandfather\")"
	case api.ExistingUnaffected:
		return "Stay as they are (existing_shares = \"unaffected\"); the action enforce_sharing_policy would end them"
	}
	switch sh.Remedy {
	case api.RemedySuspend:
		return "Are suspended when this is applied (existing_shares = \"enforce\")"
	case api.RemedyDrop:
		return "Lose recipients when this is applied (existing_shares = \"enforce\")"
	case api.RemedyShorten:
		return "End earlier when this is applied (existing_shares = \"enforce\")"
	}
	return "Are revoked when this is applied (existing_shares = \"enforce\")"
}
