package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestChangeContextComesFromTheCIThatRuns(t *testing.T) {
	for name, tc := range map[string]struct {
		block *changeContext
		env   func(string) string
		want  api.ChangeContext
	}{
		"nothing known": {nil, environment(), api.ChangeContext{}},
		"GitHub": {nil, environment("GITHUB_ACTIONS", "true", "GITHUB_SERVER_URL", "https://github.com", "GITHUB_REPOSITORY", "acme/infra", "GITHUB_SHA", "abc", "GITHUB_ACTOR", "ann", "GITHUB_RUN_ID", "7", "GITHUB_REF", "refs/pull/12/merge"),
			api.ChangeContext{Commit: "abc", Author: "ann", RunURL: "https://github.com/acme/infra/actions/runs/7", PullRequest: "https://github.com/acme/infra/pull/12"}},
		"GitHub, a push": {nil, environment("GITHUB_ACTIONS", "true", "GITHUB_SHA", "abc", "GITHUB_REF", "refs/heads/main"), api.ChangeContext{Commit: "abc"}},
		"GitLab": {nil, environment("GITLAB_CI", "true", "CI_COMMIT_SHA", "abc", "GITLAB_USER_LOGIN", "ann", "CI_JOB_URL", "https://gitlab.example.com/j/1", "CI_MERGE_REQUEST_IID", "3", "CI_PROJECT_URL", "https://gitlab.example.com/acme"),
			api.ChangeContext{Commit: "abc", Author: "ann", RunURL: "https://gitlab.example.com/j/1", PullRequest: "https://gitlab.example.com/acme/-/merge_requests/3"}},
		"own variables before the CI's, the block before both": {&changeContext{Commit: types.StringValue("block")}, environment("GATEHOUSE_CHANGE_COMMIT", "env", "GATEHOUSE_CHANGE_APPROVER", "bob", "GITHUB_ACTIONS", "true", "GITHUB_SHA", "ci", "GITHUB_ACTOR", "ann"),
			api.ChangeContext{Commit: "block", Author: "ann", Approver: "bob"}},
	} {
		if diff := cmp.Diff(tc.want, *tc.block.read(tc.env)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestProviderBlockMistakesAreToldAtTheirAttribute(t *testing.T) {
	good := settings{Endpoint: types.StringValue("https://gatehouse.example.com"), Token: types.StringValue("x")}
	for name, tc := range map[string]struct {
		change func(*settings)
		says   string
	}{
		"no endpoint":       {func(s *settings) { s.Endpoint = types.StringNull() }, "GATEHOUSE_ENDPOINT"},
		"no token":          {func(s *settings) { s.Token = types.StringNull() }, "GATEHOUSE_TOKEN"},
		"plain http":        {func(s *settings) { s.Endpoint = types.StringValue("http://gatehouse.example.com") }, "use https"},
		"too much at once":  {func(s *settings) { s.MaxConcurrency = types.Int64Value(1000) }, "1 to 64"},
		"nothing at once":   {func(s *settings) { s.MaxConcurrency = types.Int64Value(0) }, "at least 1"},
		"attempts":          {func(s *settings) { s.Retry = &retrySettings{MaxAttempts: types.Int64Value(0)} }, "from 1 to 20"},
		"wait":              {func(s *settings) { s.Retry = &retrySettings{MinWait: types.StringValue("soon")} }, "500ms"},
		"lockout":           {func(s *settings) { s.Guards = &guardSettings{Lockout: types.StringValue("ignore")} }, "error, warning"},
		"ratio":             {func(s *settings) { s.Guards = &guardSettings{MaxRemovalRatio: types.Float64Value(25)} }, "0.25 for a quarter"},
		"certificate":       {func(s *settings) { s.CACertificate = types.StringValue("x") }, "BEGIN CERTIFICATE"},
		"stack":             {func(s *settings) { s.Stack = types.StringValue("a\nb") }, "printable"},
		"removals for free": {func(s *settings) { s.Guards = &guardSettings{FreeRemovals: types.Int64Value(-1)} }, "0 or more"},
	} {
		in := good
		tc.change(&in)
		var diags diag.Diagnostics
		(&gatehouse{}).plane(t.Context(), in, environment(), &diags)
		text := ""
		for _, d := range diags {
			text += d.Summary() + ": " + d.Detail() + "\n"
		}
		if !diags.HasError() || !strings.Contains(text, tc.says) {
			t.Errorf("%s: wanted %q, got %q", name, tc.says, text)
		}
	}
}

func TestEnvironmentFillsInWhatTheBlockLeavesOut(t *testing.T) {
	var diags diag.Diagnostics
	p := (&gatehouse{}).plane(t.Context(), settings{}, environment("GATEHOUSE_ENDPOINT", "http://127.0.0.1:1", "GATEHOUSE_TOKEN", "x", "GATEHOUSE_WORKSPACE", "Acme", "GATEHOUSE_READ_ONLY", "true"), &diags)
	if diags.HasError() || p.workspace != "acme" || !p.client.ReadOnly() || p.guards.maxRemovalRatio != 0.25 || !p.guards.dryRun {
		t.Errorf("%+v, %v", p, diags)
	}
}

func TestRemovalGuardKnowsFewFromMany(t *testing.T) {
	set := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[string(rune('a'+i))] = "viewer"
		}
		return m
	}
	g := guards{maxRemovalRatio: 0.25, freeRemovals: 3}
	for _, tc := range []struct {
		live, planned int
		refused       bool
	}{{0, 5, false}, {1, 0, false}, {2, 0, true}, {3, 0, true}, {4, 1, false}, {5, 1, true}, {12, 9, false}, {12, 8, true}, {20, 15, false}, {20, 14, true}} {
		diags := guardRemoval(g, path.Root("members"), "members", set(tc.planned), set(tc.live))
		if diags.HasError() != tc.refused {
			t.Errorf("from %d to %d: refused is %v", tc.live, tc.planned, diags.HasError())
		}
	}
	if diags := guardRemoval(g, path.Root("members"), "members", map[string]any{"ANN": 1}, map[string]any{"ann": 1, "bob": 1}); diags.HasError() {
		t.Error("letter case counted as a removal")
	}
}
