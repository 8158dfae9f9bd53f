package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Address is the provider's address in the registry.
const Address = "registry.terraform.io/gatehouse-access/gatehouse"

// gatehouse is the provider.
type gatehouse struct{ version string }

var (
	_ provider.Provider                       = (*gatehouse)(nil)
	_ provider.ProviderWithFunctions          = (*gatehouse)(nil)
	_ provider.ProviderWithEphemeralResources = (*gatehouse)(nil)
	_ provider.ProviderWithListResources      = (*gatehouse)(nil)
	_ provider.ProviderWithActions            = (*gatehouse)(nil)
)

// New returns a factory of the provider; version is what it tells the server.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &gatehouse{version: version} }
}

// settings is the provider block.
type settings struct {
	Endpoint       types.String   `tfsdk:"endpoint"`
	Token          types.String   `tfsdk:"token"`
	Workspace      types.String   `tfsdk:"workspace"`
	Stack          types.String   `tfsdk:"stack"`
	CACertificate  types.String   `tfsdk:"ca_certificate"`
	MaxConcurrency types.Int64    `tfsdk:"max_concurrency"`
	ReadOnly       types.Bool     `tfsdk:"read_only"`
	Retry          *retrySettings `tfsdk:"retry"`
	ChangeContext  *changeContext `tfsdk:"change_context"`
	Guards         *guardSettings `tfsdk:"guards"`
}

type retrySettings struct {
	MaxAttempts types.Int64  `tfsdk:"max_attempts"`
	MinWait     types.String `tfsdk:"min_wait"`
	MaxWait     types.String `tfsdk:"max_wait"`
}

type changeContext struct {
	Commit      types.String `tfsdk:"commit"`
	PullRequest types.String `tfsdk:"pull_request"`
	RunURL      types.String `tfsdk:"run_url"`
	Author      types.String `tfsdk:"author"`
	Approver    types.String `tfsdk:"approver"`
}

type guardSettings struct {
	Lockout         types.String  `tfsdk:"lockout"`
	MaxRemovalRatio types.Float64 `tfsdk:"max_removal_ratio"`
	FreeRemovals    types.Int64   `tfsdk:"free_removals"`
	DryRun          types.Bool    `tfsdk:"dry_run"`
}

// Metadata names the provider.
func (p *gatehouse) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "gatehouse", p.version
}

// Schema describes the provider block.
func (p *gatehouse) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	text := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: doc}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Gatehouse keeps who may do what in a collaboration workspace: people, teams, roles, grants, sharing, sign-in and provisioning, as code.",
		Attributes: map[string]schema.Attribute{
			"endpoint":        text("Base URL of the control plane, e.g. `https://gatehouse.example.com`; http is accepted for loopback addresses only. Environment: `GATEHOUSE_ENDPOINT`."),
			"token":           schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "API token, usually of a service account. Environment: `GATEHOUSE_TOKEN`, which keeps it out of files."},
			"workspace":       text("Slug of the workspace that blocks are about unless they say otherwise. Environment: `GATEHOUSE_WORKSPACE`."),
			"stack":           text("Names the owner of what this configuration manages: two stacks cannot manage one object. Keep it for the life of the state, e.g. `github.com/acme/infra//access`. Environment: `GATEHOUSE_STACK`. Default: `\"default\"`."),
			"ca_certificate":  text("PEM certificates to trust beside the system's, when a private CA issued the server's. Environment: `GATEHOUSE_CA_CERTIFICATE`."),
			"max_concurrency": schema.Int64Attribute{Optional: true, MarkdownDescription: "Most requests in flight. Default: `8`."},
			"read_only":       schema.BoolAttribute{Optional: true, MarkdownDescription: "Refuse every write, also the dry runs of a plan: for drift detection with a read-only token. Environment: `GATEHOUSE_READ_ONLY`. Default: `false`."},
			"retry": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Repetition of requests that failed in passing: 429, 502, 503, 504 and broken connections. `Retry-After` is honoured. Only what is safe to repeat is repeated.",
				Attributes: map[string]schema.Attribute{
					"max_attempts": schema.Int64Attribute{Optional: true, MarkdownDescription: "Attempts in all; 1 never repeats. Default: `5`."},
					"min_wait":     text("Wait before the first repetition. Default: `\"500ms\"`."),
					"max_wait":     text("Longest wait between two attempts. Default: `\"30s\"`."),
				},
			},
			"change_context": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Where the changes of this run come from; it goes into the audit log with each. Read from the environment of GitHub Actions and GitLab CI where absent, and from `GATEHOUSE_CHANGE_COMMIT`, `GATEHOUSE_CHANGE_PULL_REQUEST`, `GATEHOUSE_CHANGE_RUN_URL`, `GATEHOUSE_CHANGE_AUTHOR` and `GATEHOUSE_CHANGE_APPROVER`.",
				Attributes: map[string]schema.Attribute{
					"commit":       text("Commit that is applied."),
					"pull_request": text("Pull or merge request that was approved."),
					"run_url":      text("The CI run."),
					"author":       text("Who wrote the change."),
					"approver":     text("Who approved it."),
				},
			},
			"guards": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "How careful a plan is.",
				Attributes: map[string]schema.Attribute{
					"lockout":           text("What a plan does when the server would refuse a change because nobody could administer the workspace afterwards: `\"error\"` or `\"warning\"`. The server refuses it either way. Default: `\"error\"`."),
					"max_removal_ratio": schema.Float64Attribute{Optional: true, MarkdownDescription: "Largest share of the live entries that a plan may remove from one `gatehouse_team_memberships` or `gatehouse_access_grants`, from 0 to 1. Default: `0.25`."},
					"free_removals":     schema.Int64Attribute{Optional: true, MarkdownDescription: "Removals up to this number are always allowed, unless they would empty the set, so that small teams stay editable. Default: `3`."},
					"dry_run":           schema.BoolAttribute{Optional: true, MarkdownDescription: "Ask the server about every planned change, so that what it would refuse is an error of the plan and not of the apply. Default: `true`."},
				},
			},
		},
	}
}

// Resources lists one resource per registered kind.
func (p *gatehouse) Resources(context.Context) []func() resource.Resource {
	var out []func() resource.Resource
	for _, d := range definitionsByName() {
		out = append(out, d.resource)
	}
	return out
}

// ListResources lists the kinds that `terraform query` can list.
func (p *gatehouse) ListResources(context.Context) []func() list.ListResource {
	var out []func() list.ListResource
	for _, d := range definitionsByName() {
		if d.opts.List {
			out = append(out, d.list)
		}
	}
	return out
}

// DataSources lists the data sources.
func (p *gatehouse) DataSources(context.Context) []func() datasource.DataSource {
	return dataSources()
}

// Functions lists the provider functions.
func (p *gatehouse) Functions(context.Context) []func() function.Function {
	return functions()
}

// Actions lists what Terraform can do beside changing objects.
func (p *gatehouse) Actions(context.Context) []func() action.Action { return actions() }

// EphemeralResources lists the ephemeral resources.
func (p *gatehouse) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		func() ephemeral.EphemeralResource { return &ephemeralSCIMToken{} },
		func() ephemeral.EphemeralResource { return &ephemeralAPIToken{} },
		func() ephemeral.EphemeralResource { return &ephemeralShareLinkURL{} },
	}
}
