package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/google/go-cmp/cmp"
)

func fullEvent() Event {
	age := int64(42)
	return Event{
		ID: "evt_000001", Workspace: testWorkspace, Time: testTime.Add(123456 * time.Microsecond),
		Actor:      Actor{Kind: "service_account", ID: "sa_1", Key: "ci", TokenID: "tok_1"},
		OnBehalfOf: &Principal{Kind: "member", ID: "mem_2", Key: "bob@example.com"},
		Door:       DoorREST, Action: "team_memberships.updated", Effect: EffectWidened,
		Target: Target{Kind: "team_memberships", ID: "tm_1", Key: "design/ann@example.com"},
		Before: json.RawMessage(`{"members":{"ann@example.com":"viewer"}}`),
		After:  json.RawMessage(`{"members":{"ann@example.com":"editor","cleo@example.com":"viewer"},"n":12345678901234567890}`),
		IP:     "192.0.2.7", Device: "Terraform/1.14", MFAAgeSeconds: &age,
		Reasons: []string{"grant to member:ann@example.com", "role \"editor\" <team>"},
		Change: &ChangeContext{
			ChangeContext: api.ChangeContext{Commit: "abc", PullRequest: "17", RunURL: "https://ci.example.com/1", Author: "dora", Approver: "eve@example.com"},
			Stack:         "prod", PlanDigest: "sha256:00",
		},
		RequestID: "req_1",
	}
}

// sameJSON compares documents by value: names that are people come back in the
// order of their pseudonyms.
var sameJSON = cmp.Comparer(func(a, b json.RawMessage) bool {
	changes, err := Diff(a, b)
	return err == nil && len(changes) == 0 && (a == nil) == (b == nil)
})

func TestEventIsReadAsItWasWritten(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		want := fullEvent()
		db.append(t, want)
		got, err := db.log.Get(t.Context(), db, testWorkspace, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, sameJSON); diff != "" {
			t.Errorf("event differs (-want +got):\n%s", diff)
		}
		if _, err := db.log.Get(t.Context(), db, "ws_2", want.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another workspace's event: error %v, want ErrNotFound", err)
		}
	})
}

func TestRowsNameNoPerson(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		profile := testEvent(2)
		profile.Action, profile.Target = "member.updated", Target{Kind: "member", ID: "mem_9", Key: "Zoë.Ann@Example.com"}
		profile.Before, profile.After = json.RawMessage(`{"display_name":"Zoë Winter"}`), json.RawMessage(`{"display_name":"Zoë Summer","phone":"+1 555 0100"}`)
		db.append(t, fullEvent(), profile)
		stored, err := scanRecords(t.Context(), db, selectRecords, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) != 2 {
			t.Fatalf("%d rows, want 2", len(stored))
		}
		for _, s := range stored {
			leaf := strings.ToLower(string(s.Leaf()))
			for _, personal := range []string{"@example.com", "zoë", "dora", "555", "192.0.2.7", "examplebrowser"} {
				if strings.Contains(leaf, personal) {
					t.Errorf("the stored row of %s contains %q:\n%s", s.ID, personal, leaf)
				}
			}
		}
	})
}

func TestMachinesKeepTheirAddress(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		e := testEvent(1)
		e.Actor = Actor{Kind: "service_account", Key: "ci"}
		db.append(t, e)
		stored, err := scanRecords(t.Context(), db, selectRecords, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"ip":"192.0.2.7","device":"ExampleBrowser/1.0"}`; stored[0].Origin != want {
			t.Errorf("origin %q, want %q", stored[0].Origin, want)
		}
		var subjects int
		if err := db.QueryRow("SELECT COUNT(*) FROM audit_subject").Scan(&subjects); err != nil || subjects != 0 {
			t.Errorf("%d subjects, %v; want none", subjects, err)
		}
	})
}

func TestEventRollsBackWithItsChange(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.log.Append(t.Context(), tx, testEvent(1)); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		// The log remembers Ann from the transaction that is gone; what it writes
		// next must still be readable.
		db.append(t, testEvent(2))
		events, _, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 1 || events[0].ID != "evt_000002" || events[0].Actor.Key != "ann@example.com" || events[0].IP != "192.0.2.7" {
			t.Errorf("events %+v, want the second alone, by ann", events)
		}
	})
}

func TestKnownPersonCostsOneStatement(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		db.append(t, testEvent(1))
		counted := &countingTx{Tx: db}
		if err := db.log.Append(t.Context(), counted, testEvent(2)); err != nil {
			t.Fatal(err)
		}
		if counted.n != 1 {
			t.Errorf("%d statements, want 1", counted.n)
		}
	})
}

func TestManyEventsAndPeopleAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		members := make(map[string]string)
		for i := range 700 {
			members["p"+strings.Repeat("x", i%7)+"."+time.Duration(i).String()+"@example.com"] = "viewer"
		}
		doc, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		events := testEvents(75) // 32 + 32 + 8 + 1 + 1 + 1
		events[40].After = doc
		events[74].Workspace = "ws_2"
		db.append(t, events...)
		got, _, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace, Ascending: true, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 74 {
			t.Fatalf("%d events, want 74", len(got))
		}
		if diff := cmp.Diff(events[:74], got, sameJSON); diff != "" {
			t.Errorf("events differ (-want +got):\n%s", diff)
		}
	})
}

func TestMalformedEventIsRefused(t *testing.T) {
	db := openSQLite(t)
	negative := int64(-1)
	cases := map[string]func(*Event){
		"id without prefix":         func(e *Event) { e.ID = "000001" },
		"no workspace":              func(e *Event) { e.Workspace = "" },
		"no time":                   func(e *Event) { e.Time = time.Time{} },
		"action without verb":       func(e *Event) { e.Action = "team" },
		"action in capitals":        func(e *Event) { e.Action = "Team.Created" },
		"no actor":                  func(e *Event) { e.Actor = Actor{} },
		"member without key":        func(e *Event) { e.Actor.Key = "" },
		"documents of nobody":       func(e *Event) { e.Target = Target{Kind: "member", ID: "mem_1"} },
		"unknown door":              func(e *Event) { e.Door = "window" },
		"unknown effect":            func(e *Event) { e.Effect = "broken" },
		"negative MFA age":          func(e *Event) { e.MFAAgeSeconds = &negative },
		"document that is not JSON": func(e *Event) { e.After = json.RawMessage(`{`) },
		"huge document":             func(e *Event) { e.After = json.RawMessage(`"` + strings.Repeat("x", maxDocument) + `"`) },
		"long id of the target":     func(e *Event) { e.Target.ID = strings.Repeat("x", maxWord+1) },
		"too many reasons":          func(e *Event) { e.Reasons = make([]string, maxReasons+1) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			e := testEvent(1)
			spoil(&e)
			if err := db.log.Append(t.Context(), db, e); !errors.Is(err, ErrInvalidEvent) {
				t.Errorf("error %v, want ErrInvalidEvent", err)
			}
		})
	}
}

func TestHostileTextIsStored(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		e := testEvent(1)
		e.Device = "bad \xff\x00 browser " + strings.Repeat("x", 10_000)
		e.Target.Key = "key \xff\x00"
		e.Reasons = []string{"'; DROP TABLE audit_event; --", "\xff", "person:abcdefghijklmnopqrstuvwxyz"}
		e.After = json.RawMessage("{\"a\":\"\xff\"}")
		db.append(t, e)
		got, err := db.log.Get(t.Context(), db, testWorkspace, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Device, "bad ") || got.Reasons[0] != e.Reasons[0] || got.Reasons[2] != e.Reasons[2] {
			t.Errorf("event %+v", got)
		}
		if !json.Valid(got.After) {
			t.Errorf("after %q is not JSON", got.After)
		}
		db.seal(t)
		verifyOK(t, db)
	})
}
