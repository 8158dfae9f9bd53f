package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

const attrInitialOwner = "initial_owner"

var _ = resourceFor(api.WorkspaceKind, resourceOptions{
	KeyForm: "the slug",
	Description: "A workspace that exists is adopted. One that does not is made, which takes an operator's token and `initial_owner`. " +
		"Destroying it needs `deletion_protection = false`, applied before.",
	Own: map[string]schema.Attribute{
		attrInitialOwner: schema.StringAttribute{
			Optional: true, CustomType: writtenType{format: "email"},
			MarkdownDescription: "E-mail of the first Owner, used only when the workspace is made; later the owner is set with `gatehouse_workspace_owner`.",
		},
	},
	Create: createWorkspace,
})

// createWorkspace makes a workspace that does not exist yet.
func createWorkspace(ctx context.Context, p *controlPlane, doc client.Document, attrs map[string]tftypes.Value) (client.Document, error) {
	owner := stringOf(attrs[attrInitialOwner])
	if owner == "" {
		return nil, api.NewProblem(api.CodeNotFound, "There is no workspace %q that this token can see. To make it, give initial_owner and an operator's token.", doc["slug"])
	}
	whole := client.Document{"owner": owner}
	for name, v := range doc {
		whole[name] = v
	}
	return p.client.CreateWorkspace(ctx, whole, client.WriteOptions{})
}
