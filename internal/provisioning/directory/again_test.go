package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
)

func (b *bridge) replay(t testing.TB, id string) *directory.Replayed {
	t.Helper()
	out, err := b.Dir.Replay(context.Background(), b.Admin, id)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReplayDoesAFailedRequestOnceAndOnlyOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.join(t, "taken@example.com")
		b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"taken@example.com","displayName":"Second"}`)
		failed := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeFailed})[0]
		if again := b.replay(t, failed.ID); again.Status != http.StatusConflict || again.Detail == "" || again.Event.ReplayedAs != "" {
			t.Errorf("what fails still: %+v", again)
		}
		// What stood in the way is gone.
		first := b.list(t, `/Users?filter=userName%20eq%20%22taken@example.com%22`)[0]["id"].(string)
		b.patch(t, "/Users/"+first, `{"op":"replace","path":"userName","value":"other@example.com"}`)
		done := b.replay(t, failed.ID)
		if done.Status != http.StatusCreated || done.Repeated || done.As == nil || done.As.Outcome != provisioning.OutcomeApplied || done.Event.ReplayedAs != done.As.ID {
			t.Fatalf("replayed: %+v", done)
		}
		if m := b.member(t, "taken@example.com"); m.DisplayName != "Second" || m.ManagedBy.Stack != "okta" {
			t.Errorf("member = %+v", m)
		}
		before := objecttest.Dump(t, b.DB)
		if again := b.replay(t, failed.ID); !again.Repeated || again.As == nil || again.As.ID != done.As.ID || again.Status != 0 {
			t.Errorf("replayed twice: %+v", again)
		}
		if diff := cmp.Diff(before, objecttest.Dump(t, b.DB)); diff != "" {
			t.Errorf("the second replay changed something: %s", diff)
		}
	})
}

func TestReplayOfAHeldLeaverIsTheDecision(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"max_removal_ratio": "0"})
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		b.patch(t, "/Users/"+ids[0], deactivate)
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ids[1], `{"Operations":[`+deactivate+`]}`)
		done := b.replay(t, b.held(t).ID)
		if done.Status != http.StatusOK || done.As.Operation != provisioning.OperationLeave || b.member(t, ids[1]).Active {
			t.Errorf("replayed: %+v", done)
		}
	})
}

func TestReplayIsRefusedWhereItWouldUndoOrInvent(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ctx := context.Background()
		ann := b.join(t, "ann@example.com")
		b.call(t, http.StatusBadRequest, "PATCH", "/Users/"+ann, `{"Operations":[{"op":"replace","path":"shoeSize","value":1}]}`)
		failed := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeFailed})[0]
		_, err := b.Dir.Replay(ctx, b.Member, failed.ID)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"title","value":"T"}`)
		_, err = b.Dir.Replay(ctx, b.Admin, failed.ID)
		objecttest.WantProblem(t, err, api.CodeConflict) // something newer was done
		applied := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeApplied})[0]
		_, err = b.Dir.Replay(ctx, b.Admin, applied.ID)
		objecttest.WantProblem(t, err, api.CodeConflict)
		_, err = b.Dir.Replay(ctx, b.Admin, "pevt_none")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		// Protected people stay protected.
		owner := b.events(t, provisioning.EventFilter{Waiting: true})
		if len(owner) != 0 {
			t.Fatalf("held: %+v", owner)
		}
		b.policy(t, map[string]any{"protected_principals": []string{"ann@example.com"}})
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+ann, "")
		_, err = b.Dir.Replay(ctx, b.Admin, b.held(t).ID)
		objecttest.WantProblem(t, err, api.CodeLockout)
		// A connection without a token acts no longer.
		b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"ann@example.com"}`)
		last := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeFailed})[0]
		b.Delete(t, b.Owner, api.SCIMTokenKind, "okta/main")
		_, err = b.Dir.Replay(ctx, b.Admin, last.ID)
		objecttest.WantProblem(t, err, api.CodeConflict)
	})
}

func TestSimulationTellsWhoGainsAndLosesAndKeepsNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann, bob := b.join(t, "ann@example.com"), b.join(t, "bob@example.com")
		group := b.group(t, "Designers", ann)
		before := objecttest.Dump(t, b.DB)
		body := func(text string) json.RawMessage { return json.RawMessage(text) }
		out, err := b.Dir.Simulate(context.Background(), b.Admin, directory.Simulated{Connection: "okta", Requests: []directory.Supposed{
			{Method: "POST", Path: "/Users", Body: body(`{"userName":"nina@example.com"}`), As: "nina"},
			{Method: "PATCH", Path: "/Groups/" + group, Body: body(`{"Operations":[{"op":"add","path":"members","value":[{"value":"${nina}"},{"value":"` + bob + `"}]}]}`)},
			{Method: "PATCH", Path: "/Users/" + ann, Body: body(`{"Operations":[` + deactivate + `]}`)},
			{Method: "POST", Path: "/Users", Body: body(`{"userName":"bob@example.com"}`)},
			{Method: "DELETE", Path: "/Users/nobody"},
			{Method: "PUT", Path: "/Users/${nina}", Body: body(`{"userName":"nina@example.com"}`)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var did []string
		for _, r := range out.Requests {
			did = append(did, fmt.Sprintf("%d %s %s", r.Status, r.Operation, r.Outcome))
		}
		if diff := cmp.Diff([]string{"201 join applied", "204 group_update applied", "200 leave applied", "409  failed", "404  failed", "200  ignored"}, did); diff != "" {
			t.Error(diff)
		}
		wantGains := []directory.Standing{{Principal: "bob@example.com", What: "team design as editor"}, {Principal: "nina@example.com", What: "member as member"}, {Principal: "nina@example.com", What: "team design as editor"}}
		wantLosses := []directory.Standing{{Principal: "ann@example.com", What: "member as member"}, {Principal: "ann@example.com", What: "team design as editor"}}
		if diff := cmp.Diff(wantGains, out.Gains); diff != "" {
			t.Error("gains", diff)
		}
		if diff := cmp.Diff(wantLosses, out.Losses); diff != "" {
			t.Error("losses", diff)
		}
		if out.Failed != 2 || out.Held != 0 || out.Gained != 3 || out.Lost != 2 {
			t.Errorf("counts: %+v", out)
		}
		if diff := cmp.Diff(before, objecttest.Dump(t, b.DB)); diff != "" {
			t.Errorf("a simulation kept something: %s", diff)
		}
	})
}

func TestSimulationTellsWhatWouldBeHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		var requests []directory.Supposed
		for i := range 12 {
			id := b.join(t, fmt.Sprintf("p%02d@example.com", i))
			requests = append(requests, directory.Supposed{Method: "DELETE", Path: "/Users/" + id})
		}
		out, err := b.Dir.Simulate(context.Background(), b.Admin, directory.Simulated{Connection: "okta", Requests: requests})
		if err != nil {
			t.Fatal(err)
		}
		if out.Held != 9 || out.Lost != 3 { // a quarter of twelve may go
			t.Errorf("held %d, lost %d: %+v", out.Held, out.Lost, out)
		}
		if held := out.Requests[11]; held.Outcome != provisioning.OutcomeQuarantined || len(held.Affected) != 1 || held.Affected[0].Email != "p11@example.com" {
			t.Errorf("held: %+v", held)
		}
		if n := len(b.events(t, provisioning.EventFilter{Waiting: true})); n != 0 {
			t.Errorf("%d changes wait after a simulation", n)
		}
		for _, bad := range []directory.Simulated{{Connection: "okta"}, {Connection: "nobody", Requests: requests[:1]},
			{Connection: "okta", Requests: []directory.Supposed{{Method: "GET", Path: "/Users"}}}, {Connection: "okta", Requests: []directory.Supposed{{Method: "DELETE", Path: "Users"}}},
			{Connection: "okta", Requests: make([]directory.Supposed, 2001)}} {
			if _, err := b.Dir.Simulate(context.Background(), b.Admin, bad); err == nil {
				t.Errorf("%.80v was simulated", bad)
			}
		}
		_, err = b.Dir.Simulate(context.Background(), b.Member, directory.Simulated{Connection: "okta", Requests: requests})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestHealthSaysHowAConnectionDoes(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		health := func() provisioning.Health {
			var out []provisioning.Health
			err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) (err error) {
				out, err = provisioning.HealthOf(context.Background(), s)
				return err
			})
			if err != nil || len(out) != 1 || out[0].Connection != "okta" {
				t.Fatalf("%v, %+v", err, out)
			}
			return out[0]
		}
		if h := health(); h.State != provisioning.HealthNew || h.TokenExpires == nil {
			t.Errorf("before anything: %+v", h)
		}
		ann := b.join(t, "ann@example.com")
		b.group(t, "Designers", ann)
		if h := health(); h.State != provisioning.HealthHealthy || h.Applied != 2 || h.People != 1 || h.Groups != 1 || h.LastSuccessAt == nil || len(h.Errors) != 0 {
			t.Errorf("after a joiner: %+v", h)
		}
		b.Advance(time.Minute)
		b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"ann@example.com"}`)
		b.call(t, http.StatusBadRequest, "POST", "/Users", `{"title":"x"}`)
		b.Advance(time.Hour)
		h := health()
		if h.State != provisioning.HealthFailing || h.LagSeconds < 3500 || h.LagSeconds > 3700 || len(h.Errors) != 2 || h.Errors[0].Status != 400 || h.Errors[1].Count != 1 || h.Errors[1].Detail == "" {
			t.Errorf("after refusals: %+v", h)
		}
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"title","value":"T"}`)
		if h := health(); h.State != provisioning.HealthHealthy || h.LagSeconds != 0 {
			t.Errorf("after the next success: %+v", h)
		}
		b.policy(t, map[string]any{"protected_principals": []string{"ann@example.com"}})
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+ann, "")
		if h := health(); h.State != provisioning.HealthHeld || h.Waiting != 1 {
			t.Errorf("with a held change: %+v", h)
		}
		b.policy(t, map[string]any{"quarantine_hours": 1})
		b.Advance(48 * time.Hour)
		if h := health(); h.State != provisioning.HealthSilent || h.Waiting != 0 || len(h.Errors) != 0 {
			t.Errorf("two days later: %+v", h)
		}
		b.Advance(365 * 24 * time.Hour)
		if h := health(); h.State != provisioning.HealthExpired {
			t.Errorf("when the token has expired: %+v", h)
		}
		if err := b.Service.View(context.Background(), b.Member, func(s *object.Scope) error {
			_, err := provisioning.HealthOf(context.Background(), s)
			return err
		}); err == nil {
			t.Error("a member reads the health")
		}
	})
}
