package provider

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// Configure reads the provider block and the environment and prepares the client.
// It sends nothing, so that a plan without a reachable server fails where it asks.
func (p *gatehouse) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var in settings
	resp.Diagnostics.Append(req.Config.Get(ctx, &in)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plane := p.plane(ctx, in, os.Getenv, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.ResourceData, resp.DataSourceData = plane, plane
	resp.EphemeralResourceData, resp.ListResourceData, resp.ActionData = plane, plane, plane
}

func (p *gatehouse) plane(_ context.Context, in settings, getenv func(string) string, diags *diag.Diagnostics) *controlPlane {
	out := &controlPlane{memory: newMemory(), guards: in.Guards.read(diags)}
	out.workspace = canonical("slug", either(in.Workspace, getenv("GATEHOUSE_WORKSPACE")))
	out.workspacePending = in.Workspace.IsUnknown()
	cfg := client.Config{
		Endpoint:      either(in.Endpoint, getenv("GATEHOUSE_ENDPOINT")),
		Token:         either(in.Token, getenv("GATEHOUSE_TOKEN")),
		Stack:         either(in.Stack, getenv("GATEHOUSE_STACK")),
		CACertificate: either(in.CACertificate, getenv("GATEHOUSE_CA_CERTIFICATE")),
		UserAgent:     "terraform-provider-gatehouse/" + p.version,
		Retry:         in.Retry.read(diags),
		ChangeContext: in.ChangeContext.read(getenv),
		ReadOnly:      in.ReadOnly.ValueBool(),
		Trace:         trace,
	}
	if cfg.Stack == "" {
		cfg.Stack = "default"
	}
	if in.ReadOnly.IsNull() {
		cfg.ReadOnly, _ = strconv.ParseBool(getenv("GATEHOUSE_READ_ONLY"))
	}
	if n := in.MaxConcurrency; !n.IsNull() && !n.IsUnknown() {
		cfg.MaxConcurrency = int(n.ValueInt64())
		if n.ValueInt64() < 1 {
			diags.AddAttributeError(path.Root("max_concurrency"), "Invalid max_concurrency", "Write a number of at least 1.")
		}
	}
	for name, v := range map[string]attr.Value{"endpoint": in.Endpoint, "token": in.Token, "ca_certificate": in.CACertificate, "stack": in.Stack} {
		if v.IsUnknown() {
			out.pending = fmt.Sprintf("Its %s is not known before something else is applied. Apply that first (terraform apply -target=...), or keep it in a configuration of its own.", name)
		}
	}
	if out.pending != "" {
		return out
	}
	if cfg.Endpoint == "" {
		diags.AddAttributeError(path.Root("endpoint"), "No control plane is named", "Set endpoint on the provider, or GATEHOUSE_ENDPOINT, e.g. https://gatehouse.example.com.")
	}
	if cfg.Token == "" {
		diags.AddAttributeError(path.Root("token"), "There is no token", "Set GATEHOUSE_TOKEN (better, because it stays out of files) or token on the provider.")
	}
	if diags.HasError() {
		return out
	}
	c, err := client.New(cfg)
	if err != nil {
		diags.AddError("The provider cannot be configured", err.Error())
		return out
	}
	out.client, out.snapshot = c, client.NewSnapshot(c)
	return out
}

// either is the configured value, else the environment's.
func either(v types.String, env string) string {
	if v.IsNull() || v.IsUnknown() {
		return env
	}
	return v.ValueString()
}

func trace(ctx context.Context, method, path string, status int, took time.Duration) {
	tflog.Debug(ctx, "asked the control plane", map[string]any{"method": method, "path": path, "status": status, "took_ms": took.Milliseconds()})
}

func (s *retrySettings) read(diags *diag.Diagnostics) client.RetryPolicy {
	var out client.RetryPolicy
	if s == nil {
		return out
	}
	if n := s.MaxAttempts; !n.IsNull() && !n.IsUnknown() {
		if n.ValueInt64() < 1 || n.ValueInt64() > 20 {
			diags.AddAttributeError(path.Root("retry").AtName("max_attempts"), "Invalid max_attempts", "Write a number from 1 to 20; 1 never repeats.")
		}
		out.MaxAttempts = int(n.ValueInt64())
	}
	wait := func(name string, v types.String) time.Duration {
		if v.IsNull() || v.IsUnknown() {
			return 0
		}
		d, err := time.ParseDuration(v.ValueString())
		if err != nil || d <= 0 {
			diags.AddAttributeError(path.Root("retry").AtName(name), "Invalid "+name, fmt.Sprintf("%q is not a wait; write e.g. 500ms or 30s.", v.ValueString()))
		}
		return d
	}
	out.MinWait, out.MaxWait = wait("min_wait", s.MinWait), wait("max_wait", s.MaxWait)
	return out
}

func (s *guardSettings) read(diags *diag.Diagnostics) guards {
	out := guards{lockout: "error", maxRemovalRatio: 0.25, freeRemovals: 3, dryRun: true}
	if s == nil {
		return out
	}
	at := path.Root("guards")
	if v := s.Lockout; !v.IsNull() && !v.IsUnknown() {
		if out.lockout = v.ValueString(); out.lockout != "error" && out.lockout != "warning" {
			diags.AddAttributeError(at.AtName("lockout"), "Invalid lockout", fmt.Sprintf("%q is not one of error, warning.", out.lockout))
		}
	}
	if v := s.MaxRemovalRatio; !v.IsNull() && !v.IsUnknown() {
		if out.maxRemovalRatio = v.ValueFloat64(); out.maxRemovalRatio < 0 || out.maxRemovalRatio > 1 {
			diags.AddAttributeError(at.AtName("max_removal_ratio"), "Invalid max_removal_ratio", "Write a share from 0 to 1, e.g. 0.25 for a quarter.")
		}
	}
	if v := s.FreeRemovals; !v.IsNull() && !v.IsUnknown() {
		if out.freeRemovals = v.ValueInt64(); out.freeRemovals < 0 {
			diags.AddAttributeError(at.AtName("free_removals"), "Invalid free_removals", "Write 0 or more.")
		}
	}
	if v := s.DryRun; !v.IsNull() && !v.IsUnknown() {
		out.dryRun = v.ValueBool()
	}
	return out
}

// read takes the change context from the block, our own variables, GitHub Actions
// or GitLab CI, in this order.
func (c *changeContext) read(getenv func(string) string) *api.ChangeContext {
	if c == nil {
		c = &changeContext{}
	}
	found := fromCI(getenv)
	pick := func(v types.String, own, ci string) string {
		s := either(v, getenv(own))
		if s == "" {
			s = ci
		}
		const most = 500
		return s[:min(len(s), most)]
	}
	return &api.ChangeContext{
		Commit:      pick(c.Commit, "GATEHOUSE_CHANGE_COMMIT", found.Commit),
		PullRequest: pick(c.PullRequest, "GATEHOUSE_CHANGE_PULL_REQUEST", found.PullRequest),
		RunURL:      pick(c.RunURL, "GATEHOUSE_CHANGE_RUN_URL", found.RunURL),
		Author:      pick(c.Author, "GATEHOUSE_CHANGE_AUTHOR", found.Author),
		Approver:    pick(c.Approver, "GATEHOUSE_CHANGE_APPROVER", found.Approver),
	}
}

func fromCI(getenv func(string) string) api.ChangeContext {
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		repo := getenv("GITHUB_SERVER_URL") + "/" + getenv("GITHUB_REPOSITORY")
		out := api.ChangeContext{Commit: getenv("GITHUB_SHA"), Author: getenv("GITHUB_ACTOR")}
		if id := getenv("GITHUB_RUN_ID"); id != "" {
			out.RunURL = repo + "/actions/runs/" + id
		}
		// refs/pull/12/merge
		if rest, ok := strings.CutPrefix(getenv("GITHUB_REF"), "refs/pull/"); ok {
			number, _, _ := strings.Cut(rest, "/")
			out.PullRequest = repo + "/pull/" + number
		}
		return out
	case getenv("GITLAB_CI") == "true":
		out := api.ChangeContext{Commit: getenv("CI_COMMIT_SHA"), Author: getenv("GITLAB_USER_LOGIN"), RunURL: getenv("CI_JOB_URL")}
		if id := getenv("CI_MERGE_REQUEST_IID"); id != "" {
			out.PullRequest = getenv("CI_PROJECT_URL") + "/-/merge_requests/" + id
		}
		return out
	}
	return api.ChangeContext{}
}
