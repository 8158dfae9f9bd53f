package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing" // grants, items and roles
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

type doc = map[string]any

// work does what a busy workspace does, so that every hot query is asked once.
func work(t *testing.T, f *objecttest.Fixture) {
	t.Helper()
	tf := objecttest.Stack(f.Owner, "root")
	f.Create(t, tf, api.TeamKind, doc{"slug": "design", "name": "Design"})
	f.Create(t, tf, api.TeamKind, doc{"slug": "film", "name": "Film", "parent": "design"})
	f.Create(t, tf, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "team_admin"})
	f.Create(t, tf, api.ProjectKind, doc{"path": "/campaign", "name": "Campaign", "team": "design"})
	f.Create(t, tf, api.FolderKind, doc{"path": "/campaign/drafts"})
	f.Create(t, tf, api.RoleKind, doc{"name": "auditor", "statements": []doc{{"effect": "allow", "permissions": []string{"audit.read"}, "paths": []string{"/"}}}})
	f.Create(t, tf, api.RoleAssignmentKind, doc{"role": "auditor", "principal": "team:design", "scope": "/"})
	f.Create(t, tf, api.AccessGrantKind, doc{"resource": "/campaign/drafts", "principal": "member:" + objecttest.MemberEmail, "level": "edit"})
	f.Create(t, tf, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.MemberEmail})
	f.Put(t, tf, api.TeamMembershipsKind, "", doc{"team": "film", "members": doc{objecttest.MemberEmail: "viewer", objecttest.AdminEmail: "editor"}})
	f.Put(t, tf, api.AccessGrantsKind, "", doc{"resource": "/campaign", "grants": doc{"team:film": "view"}})
	if _, err := f.Service.Create(ctx, tf, api.TeamKind, objecttest.JSON(t, doc{"slug": "x", "name": "X"}), object.WriteOptions{IdempotencyKey: "k"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind   *api.Kind
		filter map[string]string
	}{
		{api.MemberKind, nil}, {api.MemberKind, map[string]string{"workspace_role": "admin"}}, {api.MemberKind, map[string]string{"email": objecttest.AdminEmail}},
		{api.TeamMembershipKind, map[string]string{"team": "design"}}, {api.TeamMembershipKind, map[string]string{"principal": objecttest.MemberEmail}},
		{api.AccessGrantKind, map[string]string{"resource": "/campaign"}}, {api.AccessGrantKind, map[string]string{"principal": "team:film"}},
		{api.RoleAssignmentKind, map[string]string{"role": "auditor"}}, {api.RoleAssignmentKind, map[string]string{"principal": "team:design"}},
		{api.ProjectKind, map[string]string{"team": "design"}}, {api.FolderKind, nil}, {api.TeamMembershipsKind, nil}, {api.AccessGrantsKind, nil}, {api.RoleKind, nil},
	} {
		if _, err := f.Service.List(ctx, f.Owner, c.kind, c.filter, "", 50); err != nil {
			t.Fatalf("listing %s by %v: %v", c.kind.Plural, c.filter, err)
		}
	}
	f.Get(t, f.Member, api.ProjectKind, "/campaign")
	f.Get(t, f.Owner, api.WorkspaceOwnerKind, "")
	f.Events(t, audit.Filter{Actor: objecttest.OwnerEmail})
	f.Events(t, audit.Filter{Action: "team.created", From: time.Now().Add(-time.Hour)})
	notices(t, f)
	signals(t, f)
	if _, _, err := workspace.Lookup(ctx, f.DB, "acme"); err != nil {
		t.Fatal(err)
	}
	err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
		if err := people.Rename(ctx, s, objecttest.MemberEmail, "maria@example.com"); err != nil {
			return err
		}
		return people.Suspend(ctx, s, "maria@example.com", "leaver")
	})
	if err != nil {
		t.Fatal(err)
	}
	visit(t, f, tf)
	f.Delete(t, tf, api.TeamKind, "film")
	say(t, f)
}

// visit does what comes with share links: making, opening, looking, listing, purging.
func visit(t *testing.T, f *objecttest.Fixture, tf *object.Caller) {
	t.Helper()
	const who = "vera@client.example"
	f.Put(t, f.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone", "public_links": "allowed"})
	f.Create(t, tf, api.CollectionKind, doc{"path": "/campaign/reel", "name": "Reel"})
	f.Create(t, tf, api.SharingPolicyOverrideKind, doc{"path": "/campaign", "guest_max_days": 30})
	f.Create(t, tf, api.GuestKind, doc{"email": "gus@client.example", "sponsor": objecttest.AdminEmail, "projects": []string{"/campaign"}})
	err := f.Service.Try(ctx, f.Owner, func(s *object.Scope) error {
		_, err := sharing.RevokeStaleLinks(ctx, s, sharing.Stale{UnusedDays: 1, Expired: true, MakerGone: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d := doc{"resource": "/campaign", "name": "For the client", "kind": "recipient", "recipients": []string{who}, "notify_recipients": true, "max_views": 9, "password_wo": "correct horse", "password_wo_version": 1}
	l := f.Create(t, tf, api.ShareLinkKind, d).(*api.ShareLink)
	var secret *api.ShareSecret
	from := sharing.Visitor{IP: "192.0.2.1", Device: "d"}
	err = f.Service.Do(ctx, f.Owner, func(s *object.Scope) (err error) {
		secret, err = sharing.IssueLinkSecret(ctx, s, l.ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sharing.EnterLink(ctx, f.Service, secret.Secret, from, sharing.Answer{Email: who}); err != nil {
		t.Fatal(err)
	}
	mails := mailtest.Outbox(t, f.Service)
	code := regexp.MustCompile(`[0-9]{6}`).FindString(mails[len(mails)-1].Text)
	session, next, err := sharing.EnterLink(ctx, f.Service, secret.Secret, from, sharing.Answer{Email: who, Code: code, Password: "correct horse"})
	if err != nil || session == "" {
		t.Fatalf("entering a link: %+v, %v", next, err)
	}
	for _, at := range []string{"", "/campaign/reel", "/campaign/drafts"} {
		for range 2 {
			if _, err := sharing.Look(ctx, f.Service, session, from, sharing.Place{Path: at}); err != nil {
				t.Fatal(err)
			}
			f.Advance(2 * time.Minute)
		}
	}
	err = f.Service.View(ctx, f.Owner, func(s *object.Scope) error {
		for _, filter := range []sharing.ShareFilter{{}, {Resource: "/campaign"}, {Principal: "email:" + who}, {Principal: "member:" + objecttest.MemberEmail}, {Principal: "email:" + who, Resource: "/campaign"}} {
			if _, err := sharing.Shares(ctx, s, filter); err != nil {
				return err
			}
		}
		for _, kind := range []string{"", "share_link"} {
			if _, err := sharing.Conformance(ctx, s, sharing.Measure{Kind: kind}, "", 50); err != nil {
				return err
			}
		}
		if _, err := sharing.IntrospectVisit(ctx, s, session, ""); err != nil {
			return err
		}
		_, err := sharing.Activity(ctx, s, l.ID, "", 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []map[string]string{{"resource": "/campaign"}, {"created_by": "member:" + objecttest.OwnerEmail}} {
		if _, err := f.Service.List(ctx, f.Owner, api.ShareLinkKind, filter, "", 50); err != nil {
			t.Fatal(err)
		}
	}
	d["recipients"] = []string{"stan@client.example"}
	f.Put(t, tf, api.ShareLinkKind, l.ID, d)
	delete(d, "password_wo")
	delete(d, "password_wo_version")
	f.Put(t, tf, api.ShareLinkKind, l.ID, d)
	f.Delete(t, tf, api.ShareLinkKind, l.ID)
	if _, err := sharing.OpenLink(ctx, f.Service, secret.Secret, from); err != nil {
		t.Fatal(err)
	}
	if _, err := sharing.PurgeVisits(ctx, f.Service); err != nil {
		t.Fatal(err)
	}
}

// rare are queries that look at everything on purpose, seldom.
func rare(text string) bool {
	return slices.ContainsFunc([]string{
		"sqlite_master", "pragma_", "goose_db_version", "SELECT name FROM", "audit_seal", "SELECT id FROM workspace ORDER BY id",
		"FROM workspace w WHERE EXISTS", "digest = 1 ORDER BY workspace_id", // across workspaces, for notices
		"SELECT DISTINCT r.workspace_id", "COUNT(*) FROM event_receiver_state", "FROM security_event_key WHERE workspace_id = $1 AND (", // a handful of receivers and keys
	}, func(part string) bool { return strings.Contains(text, part) })
}

func hotQueries(t *testing.T) (*objecttest.Fixture, []string) {
	t.Helper()
	f := objecttest.New(t, store.SQLite)
	work(t, f)
	var hot []string
	for _, text := range store.PreparedTexts(f.DB) {
		verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if (verb == "SELECT" || verb == "UPDATE" || verb == "DELETE" || verb == "WITH") && !rare(text) {
			hot = append(hot, text)
		}
	}
	if len(hot) < 40 {
		t.Fatalf("only %d queries were seen; the work does not reach the store", len(hot))
	}
	return f, hot
}

func TestNoHotQueryOfSQLiteScansATable(t *testing.T) {
	f, hot := hotQueries(t)
	paged := regexp.MustCompile(`ORDER BY (key|e\.occurred_at)`)
	for _, text := range hot {
		var plan []string
		err := f.DB.Read(ctx, func(tx *store.Tx) error {
			args := make([]any, parameters(text))
			rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				plan = append(plan, detail)
			}
			return rows.Err()
		})
		if err != nil {
			t.Errorf("%s\n  %v", text, err)
			continue
		}
		for _, step := range plan {
			switch {
			case strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "CONSTANT ROW"):
				t.Errorf("scans a table:\n  %s\n  %s", text, strings.Join(plan, "\n  "))
			case strings.HasSuffix(step, "(workspace_id=?)"):
				t.Errorf("walks a whole workspace:\n  %s\n  %s", text, strings.Join(plan, "\n  "))
			case strings.Contains(step, "USE TEMP B-TREE FOR ORDER BY") && paged.MatchString(text):
				t.Errorf("sorts before it can page:\n  %s\n  %s", text, strings.Join(plan, "\n  "))
			}
		}
	}
}

func TestEveryHotQueryHasAnIndexOnPostgreSQL(t *testing.T) {
	if !slices.Contains(objecttest.Dialects(t), store.Postgres) {
		return // Dialects fails where PostgreSQL is required
	}
	_, hot := hotQueries(t)
	db := objecttest.Open(t, store.Postgres)
	for i, text := range hot {
		if strings.Contains(text, "json_extract") {
			continue // SQLite's way of reading a field; PostgreSQL has its own text
		}
		var plan []string
		err := db.Write(ctx, func(tx *store.Tx) error {
			// Tables are empty here, so the planner is told to prefer any index.
			for _, set := range []string{`SET LOCAL enable_seqscan = off`, `SET LOCAL plan_cache_mode = force_generic_plan`, fmt.Sprintf(`PREPARE hot%d AS %s`, i, text)} {
				if _, err := tx.ExecContext(ctx, set); err != nil {
					return err
				}
			}
			call := fmt.Sprintf(`EXPLAIN EXECUTE hot%d`, i)
			if n := parameters(text); n > 0 {
				call += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
			}
			rows, err := tx.QueryContext(ctx, call)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var step string
				if err := rows.Scan(&step); err != nil {
					return err
				}
				plan = append(plan, step)
			}
			return rows.Err()
		})
		if err != nil {
			t.Errorf("%s\n  %v", text, err)
			continue
		}
		if slices.ContainsFunc(plan, func(step string) bool { return strings.Contains(step, "Seq Scan") }) {
			t.Errorf("scans a table:\n  %s\n  %s", text, strings.Join(plan, "\n  "))
		}
	}
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// parameters is how many parameters a text has.
func parameters(text string) int {
	most := 0
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	return most
}
