package server_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// events reads the log with filters.
func events(t *testing.T, i *servertest.Instance, filter url.Values) []audit.Event {
	t.Helper()
	var page api.Page[audit.Event]
	want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?" + filter.Encode(), token: i.OwnerToken}).json(t, &page)
	return page.Items
}

func TestAuditEventsAreFoundByActorActionAndDate(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.AdminToken, body: doc{"slug": "a", "name": "A"}, header: map[string]string{
			"Gatehouse-Stack": "example.com/infra", "Gatehouse-Change-Context": `{"commit":"4f2a9c1","author":"ann@example.com"}`, "User-Agent": "test/1"}})
		time.Sleep(10 * time.Millisecond)
		between := time.Now().UTC()
		want(t, i, 200, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "B"}, header: map[string]string{"Gatehouse-Reason": "it burns", "Gatehouse-Door": "cli"}})
		want(t, i, 201, call{method: "PUT", path: in(i, "sso_connections/x") + "?dry_run=true", token: i.OwnerToken, body: doc{"name": "x", "protocol": "oidc", "oidc": doc{"issuer": "https://a.example.com", "client_id": "x"}}})
		wantProblem(t, i, api.CodeForbidden, call{method: "DELETE", path: in(i, "teams/a"), token: i.MemberToken})

		for name, c := range map[string]struct {
			filter url.Values
			want   []string
		}{
			"target":        {url.Values{"target": {"a"}, "order": {"asc"}}, []string{"team.created", "team.updated"}},
			"newest first":  {url.Values{"target": {"a"}}, []string{"team.updated", "team.created"}},
			"actor e-mail":  {url.Values{"target": {"a"}, "actor": {"admin@example.com"}}, []string{"team.created"}},
			"actor":         {url.Values{"target": {"a"}, "actor": {"member:owner@example.com"}}, []string{"team.updated"}},
			"action":        {url.Values{"action": {"team.created"}}, []string{"team.created"}},
			"action prefix": {url.Values{"action": {"team.*"}}, []string{"team.updated", "team.created"}},
			"family":        {url.Values{"family": {"settings"}, "target_kind": {"team"}}, []string{"team.updated", "team.created"}},
			"from":          {url.Values{"target": {"a"}, "from": {between.Format(time.RFC3339Nano)}}, []string{"team.updated"}},
			"to":            {url.Values{"target": {"a"}, "to": {between.Format(time.RFC3339Nano)}}, []string{"team.created"}},
			"door":          {url.Values{"door": {"cli"}}, []string{"team.updated"}},
			"nobody":        {url.Values{"actor": {"member@example.com"}}, nil},
			"nothing":       {url.Values{"action": {"sso_connection.*"}}, nil},
		} {
			var got []string
			for _, e := range events(t, i, c.filter) {
				got = append(got, e.Action)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: events are %v, want %v", name, got, c.want)
			}
		}
		made := events(t, i, url.Values{"action": {"team.created"}})[0]
		if made.Actor.Key != "admin@example.com" || made.Actor.TokenID == "" || made.Door != audit.DoorREST || made.Change == nil || made.Change.Commit != "4f2a9c1" || made.Change.Stack != "example.com/infra" || made.IP != "192.0.2.1" || made.Device != "test/1" || made.RequestID == "" {
			t.Errorf("the event is %+v", made)
		}
		edited := events(t, i, url.Values{"action": {"team.updated"}})[0]
		if !strings.Contains(strings.Join(edited.Reasons, "\n"), "it burns") || !strings.Contains(strings.Join(edited.Reasons, "\n"), "example.com/infra") || !strings.Contains(string(edited.Before), `"A"`) || !strings.Contains(string(edited.After), `"B"`) {
			t.Errorf("the edit of a code-owned team is %+v", edited)
		}
		// Pages hold every event once.
		all := events(t, i, url.Values{"limit": {"500"}})
		seen := map[string]bool{}
		cursor := ""
		for {
			var page api.Page[audit.Event]
			want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?limit=2&cursor=" + cursor, token: i.OwnerToken}).json(t, &page)
			for _, e := range page.Items {
				if seen[e.ID] {
					t.Errorf("event %s is on two pages", e.ID)
				}
				seen[e.ID] = true
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if len(seen) != len(all) {
			t.Errorf("pages hold %d events, the log %d", len(seen), len(all))
		}
	})
}

func TestProofsVerifyOffline(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		type checkpoint struct {
			Note      string `json:"note"`
			PublicKey string `json:"public_key"`
		}
		newest := func() (checkpoint, audit.Checkpoint, note.Verifiers) {
			var c checkpoint
			want(t, i, 200, call{method: "GET", path: in(i, "audit/checkpoint"), token: i.AdminToken}).json(t, &c)
			v, err := note.NewVerifier(c.PublicKey)
			if err != nil {
				t.Fatalf("the public key is none: %v", err)
			}
			known := note.VerifierList(v)
			if c.Note == "" {
				return c, audit.Checkpoint{}, known
			}
			opened, err := audit.OpenCheckpoint([]byte(c.Note), known)
			if err != nil {
				t.Fatalf("the checkpoint does not verify: %v", err)
			}
			return c, opened, known
		}
		sealed := func(id string) {
			eventually(t, "the event is sealed", func() bool {
				return send(t, i, call{method: "GET", path: in(i, "audit/proofs/"+id), token: i.AdminToken}).status == 200
			})
		}
		sealed(events(t, i, nil)[0].ID)
		before, older, known := newest()
		for _, slug := range []string{"a", "b", "c"} {
			want(t, i, 201, call{method: "PUT", path: in(i, "teams/"+slug), token: i.AdminToken, body: doc{"slug": slug, "name": slug}})
		}
		for _, e := range events(t, i, url.Values{"action": {"team.created"}}) {
			sealed(e.ID)
			var proof audit.Proof
			want(t, i, 200, call{method: "GET", path: in(i, "audit/proofs/"+e.ID), token: i.AdminToken}).json(t, &proof)
			record, _, err := proof.Verify(known)
			if err != nil || record.ID != e.ID || record.Action != "team.created" {
				t.Errorf("the proof of %s gives %+v, %v", e.ID, record, err)
			}
			proof.Event = []byte(strings.Replace(string(proof.Event), "team.created", "team.deleted", 1))
			if _, _, err := proof.Verify(known); err == nil {
				t.Error("a forged event verifies")
			}
		}
		after, newer, _ := newest()
		if newer.Size < older.Size+3 {
			t.Errorf("the log has %d events after %d and three more", newer.Size, older.Size)
		}
		var c struct {
			Proof []tlog.Hash `json:"proof"`
			Note  string      `json:"note"`
		}
		q := url.Values{"old": {jsonNumber(older.Size)}, "new": {jsonNumber(newer.Size)}}
		want(t, i, 200, call{method: "GET", path: in(i, "audit/consistency") + "?" + q.Encode(), token: i.AdminToken}).json(t, &c)
		if err := audit.CheckConsistency([]byte(before.Note), []byte(c.Note), c.Proof, known); err != nil || c.Note != after.Note {
			t.Errorf("the log is not shown to be an extension: %v", err)
		}
		var report audit.Report
		want(t, i, 200, call{method: "GET", path: in(i, "audit/verify"), token: i.AdminToken}).json(t, &report)
		if !report.OK() {
			t.Errorf("the log does not verify: %+v", report)
		}
		for _, path := range []string{"audit/proofs/evt_06h00000000000000000000000", "audit/proofs/nonsense", "audit/consistency?old=1&new=999999"} {
			wantProblem(t, i, api.CodeNotFound, call{method: "GET", path: in(i, path), token: i.AdminToken})
		}
		// Another workspace has another log.
		i.AddWorkspace("globex")
		wantProblem(t, i, api.CodeNotFound, call{method: "GET", path: in(i, "audit/proofs/"+events(t, i, nil)[0].ID[:4]+"zzzz"), token: i.OwnerToken})
	})
}

func jsonNumber(n int64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}
