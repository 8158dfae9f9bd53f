package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// countingTx counts statements.
type countingTx struct {
	Tx
	n int
}

func (c *countingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.n++
	return c.Tx.ExecContext(ctx, query, args...)
}

func (c *countingTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.n++
	return c.Tx.QueryContext(ctx, query, args...)
}

func (c *countingTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.n++
	return c.Tx.QueryRowContext(ctx, query, args...)
}

func ids(events []Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, strings.TrimLeft(strings.TrimPrefix(e.ID, "evt_"), "0"))
	}
	return list
}

func TestFiltersSelectByActorActionTargetDoorAndDate(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		set := func(n int, change func(*Event)) Event {
			e := testEvent(n)
			change(&e)
			return e
		}
		db.append(t,
			set(1, func(e *Event) {}),
			set(2, func(e *Event) {
				e.Actor = Actor{Kind: "service_account", ID: "sa_1", Key: "ci"}
				e.Action, e.Target = "sso_connection.updated", Target{Kind: "sso_connection", ID: "sso_1", Key: "okta"}
			}),
			set(3, func(e *Event) { e.Action, e.Door = "sso.enabled", DoorCLI }),
			set(4, func(e *Event) {
				e.Actor.Key, e.Actor.ID = "Bob@Example.com", "mem_2"
				e.Action, e.Target = "team_membership.created", Target{Kind: "team_membership", ID: "tm_1", Key: "design/ann@example.com"}
			}),
			set(5, func(e *Event) {
				e.Actor = Actor{Kind: "viewer", Key: "device-7f"}
				e.Action, e.Target = "share.viewed", Target{Kind: "share_link", ID: "lnk_1", Key: "lnk_1"}
			}),
			set(6, func(e *Event) { e.Workspace = "ws_2" }),
		)
		at := func(n int) time.Time { return testTime.Add(time.Duration(n) * time.Second) }
		cases := map[string]struct {
			filter Filter
			want   []string
		}{
			"everything, newest first":   {Filter{}, []string{"5", "4", "3", "2", "1"}},
			"oldest first":               {Filter{Ascending: true}, []string{"1", "2", "3", "4", "5"}},
			"actor by e-mail":            {Filter{Actor: "ANN@example.com"}, []string{"3", "1"}},
			"actor as principal":         {Filter{Actor: "member:bob@example.com"}, []string{"4"}},
			"actor of another kind":      {Filter{Actor: "viewer:bob@example.com"}, nil},
			"actor without e-mail":       {Filter{Actor: "viewer:device-7f"}, []string{"5"}},
			"service account":            {Filter{Actor: "ci"}, []string{"2"}},
			"actor nobody knows":         {Filter{Actor: "zed@example.com"}, nil},
			"actor by id":                {Filter{ActorID: "mem_2"}, []string{"4"}},
			"action":                     {Filter{Action: "team.created"}, []string{"1"}},
			"action prefix":              {Filter{Action: "sso.*"}, []string{"3"}},
			"prefix ends at the dot":     {Filter{Action: "team.*"}, []string{"1"}},
			"family":                     {Filter{Family: FamilySSO}, []string{"3", "2"}},
			"family against action":      {Filter{Family: FamilySCIM, Action: "sso.*"}, nil},
			"target kind":                {Filter{TargetKind: "sso_connection"}, []string{"2"}},
			"target id":                  {Filter{TargetID: "tm_1"}, []string{"4"}},
			"target key":                 {Filter{TargetKey: "okta"}, []string{"2"}},
			"target key with a person":   {Filter{TargetKey: "design/ann@example.com"}, []string{"4"}},
			"target key with a stranger": {Filter{TargetKey: "design/zed@example.com"}, nil},
			"door":                       {Filter{Door: DoorCLI}, []string{"3"}},
			"from is inclusive":          {Filter{From: at(4)}, []string{"5", "4"}},
			"to is exclusive":            {Filter{To: at(2)}, []string{"1"}},
			"combined":                   {Filter{Actor: "ann@example.com", From: at(2), To: at(9), Door: DoorCLI, Family: FamilySSO}, []string{"3"}},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				c.filter.Workspace = testWorkspace
				events, next, err := db.log.Query(t.Context(), db, c.filter)
				if err != nil {
					t.Fatal(err)
				}
				if next != "" {
					t.Errorf("next cursor %q on the only page", next)
				}
				if diff := cmp.Diff(c.want, ids(events)); diff != "" {
					t.Errorf("events differ (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestPagesVisitEveryEventOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		events := testEvents(25)
		for i := range events {
			events[i].Time = testTime.Add(time.Duration(i/4) * time.Second) // ties
		}
		db.append(t, events...)
		for _, ascending := range []bool{false, true} {
			var seen []string
			cursor := ""
			for {
				page, next, err := db.log.Query(t.Context(), db, Filter{Workspace: testWorkspace, Limit: 4, Cursor: cursor, Ascending: ascending})
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, ids(page)...)
				if next == "" {
					break
				}
				cursor = next
			}
			want := ids(events)
			if !ascending {
				slices.Reverse(want)
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("ascending=%v: pages differ (-want +got):\n%s", ascending, diff)
			}
		}
	})
}

func TestWrongFiltersAreRefused(t *testing.T) {
	db := openSQLite(t)
	for name, filter := range map[string]Filter{
		"no workspace":   {},
		"limit":          {Workspace: "w", Limit: 501},
		"negative limit": {Workspace: "w", Limit: -1},
		"action":         {Workspace: "w", Action: "Sso"},
		"prefix":         {Workspace: "w", Action: "sso*"},
		"bare star":      {Workspace: "w", Action: "*"},
		"family":         {Workspace: "w", Family: "fruit"},
		"cursor":         {Workspace: "w", Cursor: "!!"},
	} {
		if _, _, err := db.log.Query(t.Context(), db, filter); !errors.Is(err, ErrInvalidFilter) {
			t.Errorf("%s: error %v, want ErrInvalidFilter", name, err)
		}
	}
}

func TestQueriesUseTheirIndex(t *testing.T) {
	db := openSQLite(t)
	db.append(t, testEvents(10)...)
	for name, c := range map[string]struct {
		filter Filter
		index  string
	}{
		"time":   {Filter{}, "audit_event_time"},
		"actor":  {Filter{Actor: "ann@example.com"}, "audit_event_actor"},
		"action": {Filter{Action: "team.created"}, "audit_event_action"},
		"target": {Filter{TargetKey: "team-1"}, "audit_event_target"},
		"id":     {Filter{TargetID: "team_1", TargetKey: "team-1"}, "audit_event_target"},
	} {
		t.Run(name, func(t *testing.T) {
			c.filter.Workspace = testWorkspace
			where, _, err := conditions(t.Context(), db, c.filter)
			if err != nil {
				t.Fatal(err)
			}
			plan := explain(t, db, selectRecords+" WHERE "+where.text()+" ORDER BY e.occurred_at DESC, e.id DESC LIMIT 10", where.args)
			if !strings.Contains(plan, c.index+" ") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("plan without %s, or with a sort:\n%s", c.index, plan)
			}
		})
	}
}

func explain(t *testing.T, db *database, query string, args []any) string {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{at: 1_700_000_000_000_000, id: "evt_01"}.String())
	f.Add("")
	f.Add("MSAtMSBldnRf")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil {
			if !errors.Is(err, ErrInvalidFilter) {
				t.Errorf("error %v does not wrap ErrInvalidFilter", err)
			}
			return
		}
		if c.String() != s {
			t.Errorf("cursor %q reads as %+v, which writes as %q", s, c, c.String())
		}
	})
}
