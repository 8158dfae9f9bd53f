package provider

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// actionConfig is the configuration of an action: the given arguments, null otherwise.
func (s *session) actionConfig(t testing.TB, name string, given map[string]tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	schema := s.schemas.ActionSchemas["gatehouse_"+name]
	if schema == nil {
		t.Fatalf("there is no action %s", name)
	}
	return dynamic(t, block(schema.Schema.ValueType(), given))
}

func (s *session) planAction(t testing.TB, name string, given map[string]tftypes.Value) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := s.ProviderServer.(tfprotov6.ActionServer).PlanAction(context.Background(), &tfprotov6.PlanActionRequest{ActionType: "gatehouse_" + name, Config: s.actionConfig(t, name, given)})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

// invokeAction runs an action and answers what it said on the way.
func (s *session) invokeAction(t testing.TB, name string, given map[string]tftypes.Value) (progress []string, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	stream, err := s.ProviderServer.(tfprotov6.ActionServer).InvokeAction(context.Background(), &tfprotov6.InvokeActionRequest{ActionType: "gatehouse_" + name, Config: s.actionConfig(t, name, given)})
	if err != nil {
		t.Fatal(err)
	}
	completed := false
	for event := range stream.Events {
		switch e := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, e.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			completed, diags = true, e.Diagnostics
		}
	}
	if !completed {
		t.Errorf("%s did not say that it completed", name)
	}
	return progress, diags
}

// sharedOutside is an instance in which two addresses have access.
func sharedOutside(t testing.TB) (*servertest.Instance, *client.Workspace) {
	t.Helper()
	inst, ws := seeded(t, 0)
	put := func(kind *api.Kind, ref string, doc client.Document) {
		t.Helper()
		if _, err := ws.Put(context.Background(), kind, ref, doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone", "require_external_approval": false})
	for _, path := range []string{"/finance", "/board"} {
		put(api.FolderKind, path, client.Document{"path": path})
		if _, err := ws.Create(context.Background(), api.AccessGrantKind, client.Document{"resource": path, "principal": "email:ann@client.example", "level": "view"}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return inst, ws
}

func grantsLeft(t testing.TB, ws *client.Workspace) int {
	t.Helper()
	all, err := ws.List(context.Background(), api.AccessGrantKind, nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestTheActionEnforcesTheSharingPolicy(t *testing.T) {
	inst, ws := sharedOutside(t)
	s := configured(t, inst, inst.OwnerToken, nil)
	if diags := s.planAction(t, "enforce_sharing_policy", nil); len(diags) != 0 {
		t.Errorf("everything conforms, and the plan says %s", shown(diags))
	}
	if _, err := ws.Put(t.Context(), api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone", "blocked_domains": []any{"client.example"}}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	diags := s.planAction(t, "enforce_sharing_policy", nil)
	if len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityWarning || !strings.Contains(diags[0].Summary, "2 existing shares do not conform") || !strings.Contains(diags[0].Detail, "email:ann@client.example") || !strings.Contains(diags[0].Detail, "revoked") {
		t.Errorf("the plan says %s", shown(diags))
	}
	if diags := s.planAction(t, "enforce_sharing_policy", map[string]tftypes.Value{"resource": unknownString()}); len(diags) != 0 {
		t.Errorf("of an item that is not known yet the plan says %s", shown(diags))
	}

	progress, diags := s.invokeAction(t, "enforce_sharing_policy", map[string]tftypes.Value{"dry_run": tftypes.NewValue(tftypes.Bool, true)})
	if fatal(t, diags); grantsLeft(t, ws) != 2 || !strings.Contains(strings.Join(progress, "\n"), "2 would be revoked") {
		t.Errorf("the dry run left %d grants and said %q", grantsLeft(t, ws), progress)
	}
	progress, diags = s.invokeAction(t, "enforce_sharing_policy", map[string]tftypes.Value{"resource": str("/board")})
	if fatal(t, diags); grantsLeft(t, ws) != 1 || !strings.Contains(strings.Join(progress, "\n"), "revoke: access_grant") {
		t.Errorf("on /board it left %d grants and said %q", grantsLeft(t, ws), progress)
	}
	if _, diags = s.invokeAction(t, "enforce_sharing_policy", nil); grantsLeft(t, ws) != 0 {
		t.Errorf("it left %d grants: %s", grantsLeft(t, ws), shown(diags))
	}

	member := configured(t, inst, inst.MemberToken, nil)
	if _, diags := member.invokeAction(t, "enforce_sharing_policy", nil); len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError {
		t.Errorf("a member is told %s", shown(diags))
	}
	homeless := configured(t, inst, inst.OwnerToken, map[string]tftypes.Value{"workspace": str("")})
	if _, diags := homeless.invokeAction(t, "enforce_sharing_policy", nil); !found(diags, "", "Set workspace") {
		t.Errorf("without a workspace: %s", shown(diags))
	}
}

func (s *session) planOf(t testing.TB, kind string, prior, config tftypes.Value) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := s.PlanResourceChange(context.Background(), &tfprotov6.PlanResourceChangeRequest{TypeName: "gatehouse_" + kind,
		PriorState: dynamic(t, prior), ProposedNewState: dynamic(t, config), Config: dynamic(t, config)})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func TestAPlanListsTheSharesThatAPolicyAffects(t *testing.T) {
	inst, _ := sharedOutside(t)
	s := configured(t, inst, inst.OwnerToken, nil)
	adopt := map[string]tftypes.Value{"adopt": tftypes.NewValue(tftypes.Bool, true)}
	for name, tc := range map[string]struct {
		kind string
		doc  map[string]any
		says []string // nil: nothing
	}{
		"unaffected": {"sharing_policy", map[string]any{"external_sharing": "disabled"}, []string{"2 existing shares do not conform with the sharing policy", "Stay as they are", "view on /board to email:ann@client.example", "external_sharing is \"disabled\""}},
		"enforce":    {"sharing_policy", map[string]any{"external_sharing": "disabled", "existing_shares": "enforce"}, []string{"Are revoked when this is applied"}},
		"grandfather": {"sharing_policy", map[string]any{"external_sharing": "disabled", "existing_shares": "grandfather", "grandfather_until": "2039-06-30T00:00:00Z"},
			[]string{"Stay until 2039-06-30T00:00:00Z"}},
		"conforming": {"sharing_policy", map[string]any{"external_sharing": "anyone"}, nil},
		"override":   {"sharing_policy_override", map[string]any{"path": "/board", "external_sharing": "disabled"}, []string{"1 existing share does not conform with the sharing policy of /board", "view on /board"}},
		"elsewhere":  {"sharing_policy_override", map[string]any{"path": "/board", "blocked_domains": []any{"rival.example"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			typ := s.typeOf(tc.kind)
			more := map[string]tftypes.Value{}
			if tc.kind == "sharing_policy" {
				more = adopt
			}
			config := s.resourceValue(t, tc.kind, tc.doc, more)
			diags := s.planOf(t, tc.kind, tftypes.NewValue(typ, nil), config)
			fatal(t, diags)
			if tc.says == nil && len(diags) != 0 {
				t.Errorf("the plan says %s", shown(diags))
			}
			for _, word := range tc.says {
				if len(diags) != 1 || !strings.Contains(diags[0].Summary+"\n"+diags[0].Detail, word) {
					t.Errorf("the plan says %s, want %q", shown(diags), word)
				}
			}
		})
	}
}

func TestTheActionRevokesStaleLinks(t *testing.T) {
	var later atomic.Int64
	inst := servertest.StartWith(t, servertest.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	c, err := client.New(client.Config{Endpoint: inst.URL, Token: inst.OwnerToken})
	if err != nil {
		t.Fatal(err)
	}
	ws := c.Workspace(inst.Workspace)
	if _, err := ws.Put(t.Context(), api.FolderKind, "/finance", client.Document{"path": "/finance"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	link := client.Document{"resource": "/finance", "kind": "recipient", "name": "Quarter for us", "recipients": []any{"member@example.com"}, "expires_at": time.Now().Add(10 * time.Minute).UTC().Format(time.RFC3339)}
	made, err := ws.Create(t.Context(), api.ShareLinkKind, link, client.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := configured(t, inst, inst.OwnerToken, nil)
	yes := tftypes.NewValue(tftypes.Bool, true)
	for name, tc := range map[string]struct {
		given map[string]tftypes.Value
		says  string
	}{
		"nothing is meant": {nil, "Say which links are stale"},
		"no days":          {map[string]tftypes.Value{"unused_days": tftypes.NewValue(tftypes.Number, 0)}, "from 1 to 3650"},
	} {
		if diags := s.planAction(t, "revoke_stale_links", tc.given); len(diags) != 1 || !strings.Contains(diags[0].Detail, tc.says) {
			t.Errorf("%s: the plan says %s", name, shown(diags))
		}
	}
	given := map[string]tftypes.Value{"unused_days": tftypes.NewValue(tftypes.Number, 10), "expired": yes, "maker_gone": yes}
	fatal(t, s.planAction(t, "revoke_stale_links", given))
	progress, diags := s.invokeAction(t, "revoke_stale_links", given)
	if fatal(t, diags); !strings.Contains(strings.Join(progress, " "), "Of 1 open links, 0 were revoked.") {
		t.Errorf("a fresh link: %q", progress)
	}
	later.Store(int64(20 * time.Minute))
	given["dry_run"] = yes
	progress, diags = s.invokeAction(t, "revoke_stale_links", given)
	if fatal(t, diags); !strings.Contains(strings.Join(progress, " "), "1 would be revoked") {
		t.Errorf("dry run: %q", progress)
	}
	delete(given, "dry_run")
	progress, diags = s.invokeAction(t, "revoke_stale_links", given)
	if fatal(t, diags); !strings.Contains(strings.Join(progress, " "), "Quarter for us on /finance: expired") {
		t.Errorf("after its end: %q", progress)
	}
	if l, err := ws.Get(t.Context(), api.ShareLinkKind, made.ID()); err != nil || l["state"] != api.LinkRevoked {
		t.Errorf("the link is %v, %v", l["state"], err)
	}
}
