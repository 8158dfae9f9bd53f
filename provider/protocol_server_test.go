package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func seeded(t testing.TB, teams int) (*servertest.Instance, *client.Workspace) {
	t.Helper()
	inst := servertest.Start(t)
	c, err := client.New(client.Config{Endpoint: inst.URL, Token: inst.OwnerToken})
	if err != nil {
		t.Fatal(err)
	}
	ws := c.Workspace(inst.Workspace)
	for i := range teams {
		doc := client.Document{"slug": fmt.Sprintf("team-%04d", i), "name": fmt.Sprint("Team ", i)}
		if _, err := ws.Create(context.Background(), api.TeamKind, doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return inst, ws
}

func (s *session) importByIdentity(t testing.TB, kind string, identity map[string]tftypes.Value) *tfprotov6.ImportedResource {
	t.Helper()
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"workspace": tftypes.String, "key": tftypes.String}}
	if api.KindByName(kind).Singleton {
		delete(typ.AttributeTypes, "key")
	}
	resp, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: "gatehouse_" + kind, Identity: &tfprotov6.ResourceIdentityData{IdentityData: dynamic(t, block(typ, identity))},
	})
	if err != nil {
		t.Fatal(err)
	}
	fatal(t, resp.Diagnostics)
	return resp.ImportedResources[0]
}

func (s *session) attribute(t testing.TB, kind string, state *tfprotov6.DynamicValue, name string) string {
	t.Helper()
	v, err := state.Unmarshal(s.typeOf(kind))
	if err != nil {
		t.Fatal(err)
	}
	return stringOf(attributesOf(v)[name])
}

func TestImportByIdentity(t *testing.T) {
	inst, _ := seeded(t, 1)
	s := configured(t, inst, inst.OwnerToken, nil)
	for _, tc := range []struct {
		kind      string
		identity  map[string]tftypes.Value
		attr, has string
	}{
		{"team", map[string]tftypes.Value{"workspace": str("acme"), "key": str("team-0000")}, "name", "Team 0"},
		{"team", map[string]tftypes.Value{"key": str("Team-0000")}, "slug", "team-0000"},
		{"member", map[string]tftypes.Value{"key": str("admin@example.com")}, "workspace_role", "admin"},
		{"sharing_policy", map[string]tftypes.Value{"workspace": str("acme")}, "on_destroy", "keep"},
		{"workspace", map[string]tftypes.Value{"workspace": str("acme")}, "slug", "acme"},
	} {
		got := s.importByIdentity(t, tc.kind, tc.identity)
		if v := s.attribute(t, tc.kind, got.State, tc.attr); v != tc.has {
			t.Errorf("%s: %s is %q", tc.kind, tc.attr, v)
		}
		if got.Identity == nil {
			t.Errorf("%s: no identity", tc.kind)
		}
	}
}

// Import ids may be read in more than one way; the reading that exists wins.
func TestImportIDsAreReadWithAndWithoutTheWorkspace(t *testing.T) {
	inst, ws := seeded(t, 0)
	for _, slug := range []string{"acme", "design"} {
		if _, err := ws.Create(t.Context(), api.TeamKind, client.Document{"slug": slug, "name": slug}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := ws.Create(t.Context(), api.TeamMembershipKind, client.Document{"team": slug, "principal": "member@example.com"}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ws.Create(t.Context(), api.ProjectKind, client.Document{"path": "/finance", "name": "F", "team": "design"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	team, err := ws.Get(t.Context(), api.TeamKind, "design")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ kind, id, workspace, attr, has string }{
		{"team", "design", "acme", "slug", "design"},
		{"team", "acme/design", "acme", "slug", "design"},
		{"team", "acme/design", "", "slug", "design"},
		{"team", team.ID(), "acme", "slug", "design"},
		{"team_membership", "design/member@example.com", "acme", "team", "design"},
		{"team_membership", "acme/design/member@example.com", "acme", "team", "design"},
		{"team_membership", "acme/member@example.com", "acme", "team", "acme"},
		{"project", "/finance", "acme", "name", "F"},
		{"project", "acme//finance", "acme", "name", "F"},
		{"project", "acme//finance", "", "name", "F"},
		{"project", "nope", "acme", "", ""},
		{"team", "design", "", "", ""},
	} {
		s := configured(t, inst, inst.OwnerToken, map[string]tftypes.Value{"workspace": str(tc.workspace)})
		resp, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "gatehouse_" + tc.kind, ID: tc.id})
		if err != nil {
			t.Fatal(err)
		}
		if tc.has == "" {
			if len(resp.Diagnostics) == 0 {
				t.Errorf("%s %q was imported", tc.kind, tc.id)
			}
			continue
		}
		if len(resp.ImportedResources) == 0 {
			t.Errorf("%s %q in %q: %s", tc.kind, tc.id, tc.workspace, shown(resp.Diagnostics))
		} else if got := s.attribute(t, tc.kind, resp.ImportedResources[0].State, tc.attr); got != tc.has {
			t.Errorf("%s %q in %q gave %s %q", tc.kind, tc.id, tc.workspace, tc.attr, got)
		}
	}
}

// lister is the part of the provider server that answers terraform query.
type lister interface {
	ListResource(context.Context, *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error)
}

func TestListResourceStreamsEveryObjectOnce(t *testing.T) {
	inst, _ := seeded(t, 520)
	s := configured(t, inst, inst.OwnerToken, nil)
	config := block(s.schemas.ListResourceSchemas["gatehouse_team"].ValueType(), nil)
	list := func(limit int64, full bool) []tfprotov6.ListResourceResult {
		t.Helper()
		stream, err := s.ProviderServer.(lister).ListResource(t.Context(), &tfprotov6.ListResourceRequest{
			TypeName: "gatehouse_team", Config: dynamic(t, config), IncludeResource: full, Limit: limit,
		})
		if err != nil {
			t.Fatal(err)
		}
		var out []tfprotov6.ListResourceResult
		for r := range stream.Results {
			fatal(t, r.Diagnostics)
			out = append(out, r)
		}
		return out
	}
	all := list(0, true)
	if len(all) != 520 || all[7].DisplayName != "Team 7 (team-0007)" {
		t.Fatalf("%d results, the eighth is %q", len(all), all[7].DisplayName)
	}
	if got := s.attribute(t, "team", all[519].Resource, "slug"); got != "team-0519" {
		t.Errorf("the last is %q", got)
	}
	if few := list(5, false); len(few) != 5 || few[0].Resource != nil {
		t.Errorf("%d results with a limit of 5", len(few))
	}
}

func TestListResourceFiltersAndReportsRefusal(t *testing.T) {
	inst, _ := seeded(t, 0)
	typ := providerSchema(t).ListResourceSchemas["gatehouse_member"].ValueType()
	config := block(typ, map[string]tftypes.Value{"workspace_role": str("admin"), "active": tftypes.NewValue(tftypes.Bool, true)})
	for token, want := range map[string]string{inst.OwnerToken: "admin@example.com", "gh_wrong": "Cannot list members"} {
		s := configured(t, inst, token, nil)
		stream, err := s.ProviderServer.(lister).ListResource(t.Context(), &tfprotov6.ListResourceRequest{TypeName: "gatehouse_member", Config: dynamic(t, config)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for r := range stream.Results {
			got = append(got, r.DisplayName+shown(r.Diagnostics))
		}
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("wanted %q, got %q", want, got)
		}
	}
}

// counted puts a counter between the provider and the control plane.
func counted(t testing.TB, inst *servertest.Instance) (*servertest.Instance, *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(inst.URL)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	copied := *inst
	copied.URL = front.URL
	return &copied, &n
}

func TestRefreshOfManyObjectsTakesFewRequestsAndPlansNothing(t *testing.T) {
	const teams = 600
	inst, _ := seeded(t, teams)
	inst, requests := counted(t, inst)
	s := configured(t, inst, inst.OwnerToken, nil)
	var wg sync.WaitGroup
	work := make(chan int)
	for range 10 {
		wg.Go(func() {
			for i := range work {
				slug := fmt.Sprintf("team-%04d", i)
				doc := map[string]any{"slug": slug, "name": fmt.Sprint("Team ", i), "external_allowed": false}
				state := s.resourceValue(t, "team", doc, map[string]tftypes.Value{"id": str(slug), "workspace": str("acme")})
				read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "gatehouse_team", CurrentState: dynamic(t, state)})
				if err != nil || len(read.Diagnostics) > 0 {
					t.Errorf("%s: %v %s", slug, err, shown(read.Diagnostics))
					continue
				}
				plan, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
					TypeName: "gatehouse_team", PriorState: read.NewState, ProposedNewState: read.NewState, PriorPrivate: read.Private,
					Config: dynamic(t, s.resourceValue(t, "team", map[string]any{"slug": slug, "name": fmt.Sprint("Team ", i)}, nil)),
				})
				if err != nil || len(plan.Diagnostics) > 0 {
					t.Errorf("%s: %v %s", slug, err, shown(plan.Diagnostics))
					continue
				}
				before, _ := read.NewState.Unmarshal(s.typeOf("team"))
				after, _ := plan.PlannedState.Unmarshal(s.typeOf("team"))
				if !before.Equal(after) {
					t.Errorf("%s: %s became %s", slug, before, after)
				}
			}
		})
	}
	for i := range teams {
		work <- i
	}
	close(work)
	wg.Wait()
	if n := requests.Load(); n > 5 {
		t.Errorf("%d requests for %d objects", n, teams)
	}
}

// apply plans and applies a change of a resource whose state is given.
func (s *session) apply(t testing.TB, kind string, state *tfprotov6.DynamicValue, private []byte, config tftypes.Value) *tfprotov6.ApplyResourceChangeResponse {
	t.Helper()
	plan, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "gatehouse_" + kind, PriorState: state, PriorPrivate: private, Config: dynamic(t, config), ProposedNewState: dynamic(t, s.proposed(t, kind, state, config)),
	})
	if err != nil {
		t.Fatal(err)
	}
	fatal(t, plan.Diagnostics)
	done, err := s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "gatehouse_" + kind, PriorState: state, PlannedState: plan.PlannedState, PlannedPrivate: plan.PlannedPrivate, Config: dynamic(t, config),
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// proposed is what Terraform proposes: the configuration, and prior values for what
// is computed and not configured.
func (s *session) proposed(t testing.TB, kind string, state *tfprotov6.DynamicValue, config tftypes.Value) tftypes.Value {
	t.Helper()
	prior, err := state.Unmarshal(s.typeOf(kind))
	if err != nil {
		t.Fatal(err)
	}
	before, attrs := attributesOf(prior), attributesOf(config)
	for _, a := range s.schemas.ResourceSchemas["gatehouse_"+kind].Block.Attributes {
		if attrs[a.Name].IsNull() && a.Computed && before != nil {
			attrs[a.Name] = before[a.Name]
		}
	}
	return tftypes.NewValue(s.typeOf(kind), attrs)
}

func TestChangeOnTopOfSomebodyElsesIsRefused(t *testing.T) {
	inst, ws := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	config := func(name string) tftypes.Value {
		return s.resourceValue(t, "team", map[string]any{"slug": "design", "name": name}, nil)
	}
	nothing := dynamic(t, tftypes.NewValue(s.typeOf("team"), nil))
	made := s.apply(t, "team", nothing, nil, config("Design"))
	fatal(t, made.Diagnostics)

	// Somebody changes it after our state was read: refused, and the difference is shown.
	if _, err := ws.Put(t.Context(), api.TeamKind, "design", client.Document{"slug": "design", "name": "Theirs"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	refused := s.apply(t, "team", made.NewState, made.Private, config("Ours"))
	if text := shown(refused.Diagnostics); !strings.Contains(text, `name: "Theirs" -> "Design"`) || !strings.Contains(text, "Make a new plan") {
		t.Errorf("got %s", text)
	}

	// Only the version moved, as an earlier change of the same apply may do: written.
	if _, err := ws.Put(t.Context(), api.TeamKind, "design", client.Document{"slug": "design", "name": "Design"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	fatal(t, s.apply(t, "team", made.NewState, made.Private, config("Ours")).Diagnostics)
}

func TestReferenceToAnObjectOfTheSamePlanIsNoMistake(t *testing.T) {
	inst, _ := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	plan := func(kind string, doc map[string]any) string {
		t.Helper()
		config := s.resourceValue(t, kind, doc, nil)
		resp, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: "gatehouse_" + kind, PriorState: dynamic(t, tftypes.NewValue(s.typeOf(kind), nil)), ProposedNewState: dynamic(t, config), Config: dynamic(t, config),
		})
		if err != nil {
			t.Fatal(err)
		}
		return shown(resp.Diagnostics)
	}
	project := map[string]any{"path": "/finance", "name": "Finance", "team": "design"}
	if text := plan("project", project); !strings.Contains(text, "team: Invalid team of project") {
		t.Errorf("a missing team is not told: %s", text)
	}
	if text := plan("team", map[string]any{"slug": "Design", "name": "Design"}); text != "" {
		t.Error(text)
	}
	if text := plan("project", project); text != "" {
		t.Errorf("the team is planned, and yet: %s", text)
	}
	if text := plan("folder", map[string]any{"path": "/finance/q1"}); text != "" {
		t.Errorf("the project is planned, and yet: %s", text)
	}
	grant := map[string]any{"resource": "/finance", "principal": "member:nobody@example.com", "level": "view"}
	if text := plan("access_grant", grant); !strings.Contains(text, "nobody@example.com") || strings.Contains(text, "Invalid resource") {
		t.Errorf("of two missing references, one is planned: %s", text)
	}
}

func TestNothingIsAskedBeforeTheProviderIsKnown(t *testing.T) {
	s := &session{server(t), providerSchema(t)}
	config := block(s.schemas.Provider.ValueType(), map[string]tftypes.Value{"endpoint": unknownString(), "token": str("x"), "workspace": str("acme")})
	resp, err := s.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(t, config)})
	if err != nil {
		t.Fatal(err)
	}
	fatal(t, resp.Diagnostics)
	team := s.resourceValue(t, "team", map[string]any{"slug": "design", "name": "Design"}, nil)
	nothing := dynamic(t, tftypes.NewValue(s.typeOf("team"), nil))
	plan, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: "gatehouse_team", PriorState: nothing, ProposedNewState: dynamic(t, team), Config: dynamic(t, team)})
	if err != nil {
		t.Fatal(err)
	}
	fatal(t, plan.Diagnostics)
	read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "gatehouse_team", CurrentState: dynamic(t, team)})
	if err != nil {
		t.Fatal(err)
	}
	if text := shown(read.Diagnostics); !strings.Contains(text, "endpoint is not known") {
		t.Errorf("got %q", text)
	}
}

func TestPrivateStateHoldsTheVersionOnly(t *testing.T) {
	inst, _ := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	nothing := dynamic(t, tftypes.NewValue(s.typeOf("team"), nil))
	made := s.apply(t, "team", nothing, nil, s.resourceValue(t, "team", map[string]any{"slug": "design", "name": "Design"}, nil))
	fatal(t, made.Diagnostics)
	var private map[string]string
	if err := json.Unmarshal(made.Private, &private); err != nil || len(private) != 1 || private["etag"] == "" {
		t.Errorf("private state is %s", made.Private)
	}
}
