package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// paper is a control plane on paper; failures are injected by address.
type paper struct {
	docs   map[string][]Doc
	events []audit.Event
	pushed []assurance.ProvisioningEvent
	fail   map[string]error // "list team", "get workspace", "events", or a path
	// short makes walks with small pages miss objects of a kind.
	short string
	asked []string
}

func newPaper() *paper {
	return &paper{fail: map[string]error{}, docs: map[string][]Doc{
		"workspace": {{"id": "ws_1", "slug": "wikio", "key": "wikio"}},
		"member":    {{"id": "mem_1", "key": "owner@example.com", "email": "owner@example.com", "workspace_role": "owner"}},
		"team":      {{"id": "team_1", "key": "design", "slug": "design", "name": "Design", "external_allowed": false}},
	}}
}

var forbidden = api.NewProblem(api.CodeForbidden, "You may not.")

func (p *paper) Workspace() string { return "wikio" }
func (p *paper) Endpoint() string  { return "https://gatehouse.example.com" }

func (p *paper) WhoAmI(context.Context) (principal, tokenID string, err error) {
	return "service_account:evidence", "atok_1", p.fail["whoami"]
}

func (p *paper) List(_ context.Context, kind *api.Kind, pageSize int) ([]Doc, error) {
	if err := p.fail["list "+kind.Name]; err != nil {
		return nil, fmt.Errorf("listing: %w", err)
	}
	docs := p.docs[kind.Name]
	if p.short == kind.Name && pageSize == secondPage {
		docs = docs[:len(docs)-1]
	}
	return docs, nil
}

func (p *paper) Get(_ context.Context, kind *api.Kind, ref string) (Doc, error) {
	if err := p.fail["get "+kind.Name]; err != nil {
		return nil, err
	}
	for _, d := range p.docs[kind.Name] {
		if ref == "" || d["key"] == ref {
			return d, nil
		}
	}
	return nil, api.NewProblem(api.CodeNotFound, "There is none.")
}

func (p *paper) Events(_ context.Context, filter map[string]string, visit func(json.RawMessage) bool) error {
	if err := p.fail["events"]; err != nil {
		return err
	}
	p.asked = append(p.asked, "events "+filter["target_kind"]+filter["target_id"]+filter["target"])
	for _, e := range p.events {
		if filter["target_kind"] != "" && e.Target.Kind != filter["target_kind"] || filter["target_id"] != "" && e.Target.ID != filter["target_id"] {
			continue
		}
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if !visit(raw) {
			return nil
		}
	}
	return nil
}

func (p *paper) JSON(_ context.Context, path string, query url.Values, out any) error {
	p.asked = append(p.asked, path)
	for suffix, err := range p.fail {
		if strings.HasPrefix(suffix, "/") && strings.HasSuffix(path, suffix) {
			return err
		}
	}
	var answer any = map[string]any{}
	switch {
	case path == "/openapi.json":
		answer = map[string]any{"info": map[string]any{"version": "9.9"}, "paths": map[string]any{"/v1/x": map[string]any{
			"summary": "text", "get": map[string]any{"operationId": "x", "x-gatehouse-permission": "x.read"}, "put": map[string]any{"operationId": "y"}}}}
	case strings.HasSuffix(path, "/provisioning_events"):
		half := len(p.pushed) / 2
		if query.Get("cursor") == "" && half > 0 {
			answer = api.Page[assurance.ProvisioningEvent]{Items: p.pushed[:half], NextCursor: "half"}
		} else {
			answer = api.Page[assurance.ProvisioningEvent]{Items: p.pushed[half:]}
		}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func collectFrom(t *testing.T, p *paper, o Options) *assurance.Snapshot {
	t.Helper()
	o.Now = time.Now
	if o.From.IsZero() {
		o.From = time.Now().AddDate(0, 0, -90)
	}
	s, err := Snapshot(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatCannotBeReadIsNotedWhereItBelongs(t *testing.T) {
	p := newPaper()
	p.fail["list api_token"], p.fail["get mfa_policy"] = forbidden, forbidden
	p.fail["/provisioning_events"], p.fail["/audit/verify"], p.fail["events"] = forbidden, forbidden, forbidden
	s := collectFrom(t, p, Options{})
	for name, got := range map[string]struct {
		complete bool
		err      string
	}{
		"api_token": {s.Objects["api_token"].Complete, s.Objects["api_token"].Error}, "mfa_policy": {s.Objects["mfa_policy"].Complete, s.Objects["mfa_policy"].Error},
		"events": {s.Events.Complete, s.Events.Error}, "people": {s.People.Complete, s.People.Error},
		"provisioning": {s.Provisioning.Complete, s.Provisioning.Error}, "log": {s.Log.Report != nil, s.Log.Error},
	} {
		if got.complete || got.err != "forbidden: You may not." {
			t.Errorf("%s: complete %v, error %q", name, got.complete, got.err)
		}
	}
	if c := s.Objects["team"]; !c.Complete || c.SecondCount == nil || *c.SecondCount != 1 {
		t.Errorf("teams: %+v", c)
	}
	if s.Run.Server != "9.9" || len(s.Routes.Items) != 2 || s.Routes.Items[0] != (assurance.Route{Method: "get", Path: "/v1/x", Permission: "x.read"}) {
		t.Errorf("server %s, routes %v", s.Run.Server, s.Routes.Items)
	}
}

func TestAWalkThatMissesObjectsIsSeenByTheSecondCount(t *testing.T) {
	p := newPaper()
	p.short = "team"
	c := collectFrom(t, p, Options{}).Objects["team"]
	if c.SecondCount == nil || *c.SecondCount == len(c.Items) {
		t.Errorf("%d items, second count %v", len(c.Items), c.SecondCount)
	}
}

func TestNothingIsCollectedForAStranger(t *testing.T) {
	for _, where := range []string{"whoami", "get workspace"} {
		p := newPaper()
		p.fail[where] = forbidden
		if _, err := Snapshot(context.Background(), p, Options{Now: time.Now}); err == nil {
			t.Errorf("%s failed and a snapshot was made", where)
		}
	}
}

func TestProvisioningIsReadToTheBeginningOfThePeriod(t *testing.T) {
	p := newPaper()
	now := time.Now()
	for i := range 6 {
		p.pushed = append(p.pushed, assurance.ProvisioningEvent{ID: fmt.Sprint(i), Time: now.AddDate(0, 0, -30*i)})
	}
	s := collectFrom(t, p, Options{From: now.AddDate(0, 0, -100)})
	if !s.Provisioning.Complete || len(s.Provisioning.Items) != 4 {
		t.Errorf("%d events, %s", len(s.Provisioning.Items), s.Provisioning.Error)
	}
}

func TestStatesOfOtherWorkspacesAreLeftOut(t *testing.T) {
	state := &tfstate.State{Resources: []tfstate.Resource{
		{Address: "a", Kind: "team", Workspace: "wikio", Values: map[string]any{"id": "team_1", "slug": "design", "name": "Design"}},
		{Address: "b", Kind: "team", Workspace: "other", Values: map[string]any{"id": "team_9"}},
	}}
	s := collectFrom(t, newPaper(), Options{State: state})
	if len(s.State.Resources) != 1 || len(state.Resources) != 2 {
		t.Errorf("%v of %v", s.State.Resources, state.Resources)
	}
	if s.Drift == nil || s.Drift.Result != drift.InSync || s.Drift.Compared != 1 {
		t.Errorf("drift %+v", s.Drift)
	}
}

func TestProofsAreSpreadOverThePeriod(t *testing.T) {
	events := make([]audit.Event, 10)
	for i := range events {
		events[i].Seq = int64(i) // the first is not sealed
	}
	for most, want := range map[int][]int{0: nil, 1: {9}, 3: {1, 5, 9}, 9: {1, 2, 3, 4, 5, 6, 7, 8, 9}, 50: {1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if diff := cmp.Diff(want, toProve(events, most)); diff != "" {
			t.Errorf("%d (-want +got):\n%s", most, diff)
		}
	}
}

func TestDifferencesWithoutTheAuditLogAreShownAndNobodyIsNamed(t *testing.T) {
	p := newPaper()
	p.fail["events"] = forbidden
	state := &tfstate.State{Resources: []tfstate.Resource{{Address: "a", Kind: "team", Workspace: "wikio", Values: map[string]any{"id": "team_1", "slug": "design", "name": "Old"}}}}
	r, err := Drift(context.Background(), func(string) Plane { return p }, state, DriftOptions{Unmanaged: drift.UnmanagedNone, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Result != drift.Drifted || len(r.Items) != 1 || r.Items[0].By != nil || len(r.Notes) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestEventsOfOneObjectAreAskedForOnce(t *testing.T) {
	p := newPaper()
	state := &tfstate.State{Resources: []tfstate.Resource{{Address: "a", Kind: "team", Workspace: "wikio",
		Values: map[string]any{"id": "team_1", "slug": "design", "name": "Old", "description": "x", "external_allowed": true}}}}
	if _, err := Drift(context.Background(), func(string) Plane { return p }, state, DriftOptions{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range p.asked {
		if a == "events teamteam_1" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("asked %d times: %v", n, p.asked)
	}
}

// crew are hands that drop what they are told to drop.
type crew struct {
	fail  map[string]error
	alive map[string]bool // what was made and not ended
	works bool            // whether a revoked secret still works
}

func (c *crew) Create(_ context.Context, kind *api.Kind, doc Doc) (Doc, error) {
	if err := c.fail["create "+kind.Name]; err != nil {
		return nil, err
	}
	id := kind.Prefix + "_" + doc["name"].(string)
	c.alive[id] = true
	return Doc{"id": id}, nil
}

func (c *crew) Delete(_ context.Context, kind *api.Kind, ref string) error {
	if err := c.fail["delete "+kind.Name]; err != nil {
		return err
	}
	delete(c.alive, ref)
	return nil
}

func (c *crew) Secret(context.Context, string) (string, error) { return "secret", c.fail["secret"] }

func (c *crew) Try(context.Context, string) error {
	if err := c.fail["try"]; err != nil {
		return err
	}
	for id := range c.alive {
		if strings.HasPrefix(id, "atok") {
			return nil
		}
	}
	if c.works {
		return nil
	}
	return api.NewProblem(api.CodeUnauthenticated, "Revoked.")
}

func TestTheCanaryCleansUpWhateverHappens(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fail        string
		works       bool
		held, error bool
	}{
		"all goes well":              {held: true},
		"revocation does not work":   {works: true},
		"no account can be made":     {fail: "create service_account", error: true},
		"no token can be made":       {fail: "create api_token", error: true},
		"no secret is given out":     {fail: "secret", error: true},
		"the server does not answer": {fail: "try", error: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := &crew{fail: map[string]error{}, alive: map[string]bool{}, works: c.works}
			if c.fail != "" {
				h.fail[c.fail] = broken
			}
			probe := canary(context.Background(), newPaper(), h, time.Now)
			if probe.Held != c.held || (probe.Error != "") != c.error {
				t.Errorf("held %v, error %q", probe.Held, probe.Error)
			}
			if len(h.alive) > 0 {
				t.Errorf("left behind: %v", h.alive)
			}
		})
	}
	h := &crew{fail: map[string]error{"delete api_token": broken}, alive: map[string]bool{}}
	if probe := canary(context.Background(), newPaper(), h, time.Now); probe.Held || !strings.Contains(probe.Error, "removing the canary's token") {
		t.Errorf("a token that stays is not told: %+v", probe)
	}
}

func TestReasonsDoNotRepeatAddresses(t *testing.T) {
	err := fmt.Errorf("reading https://gatehouse.example.com: %w", forbidden)
	if got := reason(err); got != "forbidden: You may not." {
		t.Errorf("%q", got)
	}
	if !slices.Contains([]string{"plain"}, reason(errors.New("plain"))) {
		t.Error("other errors are told as they are")
	}
}
