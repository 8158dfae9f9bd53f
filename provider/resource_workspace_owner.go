package provider

import (
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

var _ = resourceFor(api.WorkspaceOwnerKind, resourceOptions{
	Description: "Ownership moves in two steps: applying a new `principal` offers it, and it moves when the new owner accepts. Until then `pending_principal` names the one it was offered to, and the plan stays empty.",
	Reading:     readOffer,
})

// readOffer shows an offer that was made and not yet accepted as what was asked
// for: there is nothing more for Terraform to do until it is accepted or ends.
func readOffer(doc client.Document, prior map[string]tftypes.Value) client.Document {
	pending, _ := doc["pending_principal"].(string)
	if pending == "" || !strings.EqualFold(pending, stringOf(prior["principal"])) {
		return doc
	}
	out := maps.Clone(doc)
	out["principal"] = pending
	return out
}
