package audit

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestErasureKeepsVerificationValid(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		profile := testEvent(3)
		profile.Action, profile.Target = "member.updated", Target{Kind: "member", ID: "mem_1", Key: "ann@example.com"}
		profile.Actor = Actor{Kind: "member", ID: "mem_2", Key: "bob@example.com"}
		profile.Before, profile.After = json.RawMessage(`{"display_name":"Ann","manager":"bob@example.com"}`), json.RawMessage(`{"display_name":"Ann X"}`)
		db.append(t, testEvent(1), fullEvent2(), profile)
		db.seal(t)
		before, err := Prove(t.Context(), db, testWorkspace, profile.ID)
		if err != nil {
			t.Fatal(err)
		}

		refs, err := db.log.Erase(t.Context(), db, testWorkspace, " Ann@Example.com")
		if err != nil || len(refs) != 1 {
			t.Fatalf("refs %v, error %v; want one", refs, err)
		}
		erased := "erased:" + refs[0]

		verifyOK(t, db)
		known := note.VerifierList(db.key.Verifier)
		if _, _, err := before.Verify(known); err != nil {
			t.Errorf("the proof from before the erasure: %v", err)
		}
		after, err := Prove(t.Context(), db, testWorkspace, profile.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := after.Verify(known); err != nil {
			t.Errorf("a proof from after the erasure: %v", err)
		}

		events, _, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace, Ascending: true})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(text)), "ann") {
			t.Errorf("ann is still shown:\n%s", text)
		}
		if !strings.Contains(string(text), "bob@example.com") {
			t.Errorf("bob is not shown any more:\n%s", text)
		}
		byID := make(map[string]Event)
		for _, e := range events {
			byID[e.ID] = e
		}
		if e := byID["evt_000001"]; e.Actor.Key != erased || e.IP != erased || e.Device != erased {
			t.Errorf("actor %q, IP %q, device %q; want %s", e.Actor.Key, e.IP, e.Device, erased)
		}
		if e := byID["evt_000003"]; e.Target.Key != erased || string(e.Before) != `"`+erased+`"` || e.IP != "192.0.2.7" {
			t.Errorf("target %q, before %s, IP %q", e.Target.Key, e.Before, e.IP)
		}
		var salts int
		if err := db.QueryRow("SELECT COUNT(*) FROM audit_subject WHERE ref = $1 AND (person IS NOT NULL OR salt <> '')", refs[0]).Scan(&salts); err != nil || salts != 0 {
			t.Errorf("%d salts left, %v", salts, err)
		}
	})
}

// fullEvent2 is the full event under another id.
func fullEvent2() Event {
	e := fullEvent()
	e.ID = "evt_000002"
	return e
}

func TestErasedPersonCanReturnAsAnother(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		db.append(t, testEvent(1))
		// Another process, whose memory does not hear of the erasure.
		other := NewLog(db.dialect)
		refs, err := other.Erase(t.Context(), db, testWorkspace, "ann@example.com")
		if err != nil || len(refs) != 1 {
			t.Fatalf("refs %v, error %v", refs, err)
		}
		record := testEvent(2)
		record.Actor, record.Action, record.After = Actor{Kind: "system", Key: "system"}, ActionPersonErased, nil
		record.Target = Target{Kind: "member", ID: "mem_1", Key: "erased:" + refs[0]}
		db.append(t, record, testEvent(3))

		for filter, want := range map[string]string{"ann@example.com": "3", "erased:" + refs[0]: "1"} {
			events, _, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace, Actor: filter})
			if err != nil || len(events) != 1 || ids(events)[0] != want || events[0].Actor.Key != filter {
				t.Errorf("events by %s: %v, %v; want %s", filter, ids(events), err, want)
			}
		}
		events, _, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace, TargetKey: "erased:" + refs[0]})
		if err != nil || len(events) != 1 || events[0].Action != ActionPersonErased {
			t.Errorf("events about the erased person: %v, %v; want the erasure", ids(events), err)
		}
	})
}

func TestErasureStaysInItsWorkspace(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		elsewhere := testEvent(2)
		elsewhere.Workspace = "ws_2"
		db.append(t, testEvent(1), elsewhere)
		if _, err := db.log.Erase(t.Context(), db, testWorkspace, "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		got, err := db.log.Get(t.Context(), db, "ws_2", elsewhere.ID)
		if err != nil || got.Actor.Key != "ann@example.com" {
			t.Errorf("actor %q in the other workspace, %v", got.Actor.Key, err)
		}
		refs, err := db.log.Erase(t.Context(), db, testWorkspace, "zed@example.com")
		if err != nil || len(refs) != 0 {
			t.Errorf("erasing someone unknown: %v, %v", refs, err)
		}
	})
}

func TestPseudonymsOfTwoWorkspacesCannotBeLinked(t *testing.T) {
	salt := make([]byte, saltLength)
	one, err := newSubject("ws_1", "ann@example.com", salt)
	if err != nil {
		t.Fatal(err)
	}
	two, err := newSubject("ws_2", "ann@example.com", salt)
	if err != nil {
		t.Fatal(err)
	}
	if one.ref == two.ref {
		t.Error("one person has one pseudonym in two workspaces")
	}
}

func TestSealedTextCannotBeMoved(t *testing.T) {
	s, err := newSubject("ws_1", "ann@example.com", make([]byte, saltLength))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.seal("evt_000001/origin", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := splitSealed(sealed)
	if !ok {
		t.Fatalf("%q is not sealed", sealed)
	}
	if text, err := s.open("evt_000001/origin", body); err != nil || string(text) != "text" {
		t.Errorf("opened %q, %v", text, err)
	}
	if _, err := s.open("evt_000002/origin", body); err == nil {
		t.Error("sealed text opens at another event")
	}
}
