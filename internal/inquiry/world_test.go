package inquiry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	rules "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

type doc = map[string]any

// world is a small workspace made by chance. principals and paths are all that
// there is; check is asked about each of them.
type world struct {
	*objecttest.Fixture
	t          testing.TB
	r          *rand.Rand
	principals []string
	paths      []string
	// legal: what gives people outside access waits for approval, whoever asks.
	// approved: somebody approved some of it. open: a policy may let anybody do something.
	legal, approved, open bool
}

var asked = []string{"asset.read", "asset.download", "asset.update", "review.verdict", "grant.create", "item.delete", "asset.delete.own"}

func (w *world) chance(percent int) bool    { return w.r.IntN(100) < percent }
func (w *world) pick(from ...string) string { return from[w.r.IntN(len(from))] }
func (w *world) sql(text string, args ...any) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error {
		if err := s.BumpAuthz(ctx); err != nil {
			return err
		}
		_, err := s.Tx.ExecContext(ctx, text, args...)
		return err
	}); err != nil {
		w.t.Fatalf("changing rows: %v", err)
	}
}

// try makes an object of chance; one that the rules refuse is left out.
func (w *world) try(kind string, d doc) {
	w.t.Helper()
	k := api.KindByName(kind)
	if k == nil || !object.Registered(k) {
		return
	}
	_, _ = w.TryCreate(w.t, w.Owner, k, d)
}

var holders = []string{"member:m0@example.com", "member:m1@example.com", "member:m2@example.com", "member:gina@partner.example", "team:red", "team:blue", "group:Finance", "service_account:ci", "service_account:boss", "email:x@outside.example", "email:m3@example.com", "member:adam@example.com", "team:green", "group:Partners"}

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	dialects := objecttest.Dialects(t)
	f := objecttest.New(t, dialects[seed%uint64(len(dialects))])
	f.Service.Groups = provisioning.GroupNames
	w := &world{Fixture: f, t: t, r: rand.New(rand.NewPCG(seed, 7))}
	sharing := doc{"external_sharing": "anyone"}
	// Two worlds, one on each engine, of each sort.
	if w.legal = seed/2%2 == 1; w.legal {
		// Then grants to people outside wait, whoever makes them.
		w.Create(t, w.Owner, api.ApprovalPolicyKind, doc{"name": "legal", "steps": []doc{{"approvers": []string{"role:admin"}}}})
		sharing["approval_policy"] = "legal"
	}
	w.Put(t, w.Owner, api.SharingPolicyKind, "", sharing)
	for _, team := range []string{"red", "blue", "green"} {
		d := doc{"slug": team, "name": team, "external_allowed": team != "blue"}
		if w.chance(40) {
			d["default_level"] = w.pick("view", "comment", "edit")
		}
		w.Create(t, w.Owner, api.TeamKind, d)
	}
	for i := range 4 {
		w.AddMember(t, w.Owner, fmt.Sprintf("m%d@example.com", i), "member")
	}
	w.AddMember(t, w.Owner, "gina@partner.example", "member")
	w.sql(`UPDATE member SET role = 'guest', doc = REPLACE(doc, '"workspace_role":"member"', '"workspace_role":"guest"') WHERE workspace_id = $1 AND key = 'gina@partner.example'`, w.Workspace.ID)
	w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.AdminEmail})
	w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "boss", "owner": objecttest.AdminEmail, "workspace_role": "admin"})
	w.sql(`INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) VALUES ($1, 'sgrp_1', 'okta', 'Finance', 'finance', '', 1, 0, 0)`, w.Workspace.ID)
	w.sql(`INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT workspace_id, 'sgrp_1', id, 0 FROM member WHERE workspace_id = $1 AND key = 'm2@example.com'`, w.Workspace.ID)
	for i := range 4 {
		for _, team := range []string{"red", "blue"} {
			if w.chance(40) {
				w.try("team_membership", doc{"team": team, "principal": fmt.Sprintf("m%d@example.com", i), "role": w.pick("team_admin", "editor", "reviewer", "viewer")})
			}
		}
	}
	if w.chance(30) {
		w.sql(`UPDATE scim_group_member SET withheld = 'separation_of_duties' WHERE workspace_id = $1 AND group_id = 'sgrp_1'`, w.Workspace.ID)
	}
	// Guests are in a team and in a group that hold nothing yet.
	w.sql(`INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) VALUES ($1, 'sgrp_2', 'okta', 'Partners', 'partners', '', 1, 0, 0)`, w.Workspace.ID)
	w.sql(`INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT workspace_id, 'sgrp_2', id, 0 FROM member WHERE workspace_id = $1 AND key IN ('gina@partner.example', 'm3@example.com')`, w.Workspace.ID)
	w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "green", "principal": "gina@partner.example", "role": w.pick("editor", "reviewer", "viewer")})
	w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "green", "principal": "m1@example.com", "role": "viewer"})
	inheritance := func() string { return w.pick("inherit", "inherit", "inherit", "restricted") }
	for _, path := range []string{"/a", "/a-b", "/c"} {
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": path, "name": path[1:], "team": w.pick("red", "blue"), "owner": w.pick("m0@example.com", "m1@example.com", objecttest.OwnerEmail), "inheritance": inheritance()})
	}
	for _, path := range []string{"/a/b", "/a/b/c", "/a/d", "/a-b/x", "/c/b", "/f", "/f/g"} {
		w.try("folder", doc{"path": path, "inheritance": inheritance()})
	}
	for _, path := range []string{"/a/b/one", "/c/two", "/a-b/x/three"} {
		w.try("asset", doc{"path": path, "inheritance": inheritance(), "archived": w.chance(20)})
	}
	w.try("collection", doc{"path": "/c/best", "asset_ids": []string{"/a/b/one", "/a-b/x/three"}})
	w.role("readers", "view", doc{"effect": "allow", "permissions": []string{"asset.*"}, "paths": []string{"/a/b"}})
	w.role("careful", "", doc{"effect": "deny", "permissions": []string{"item.delete", "asset.download"}}, doc{"effect": "allow", "permissions": []string{"grant.*"}})
	if w.open = w.chance(25); w.open {
		w.try("attribute_policy", doc{"name": "open", "effect": w.pick("allow", "deny"), "permissions": []string{w.pick("asset.read", "asset.update")}, "paths": []string{w.pick("/a", "/c")}})
	}
	everywhere := []string{"/", "/a", "/a-b", "/a/b", "/a/b/c", "/a/d", "/c", "/c/b", "/c/best", "/f", "/f/g", "/a/b/one"}
	for range 4 + w.r.IntN(8) {
		d := doc{"resource": w.pick(everywhere...), "principal": w.pick(holders...)}
		if w.chance(20) {
			d["role"] = w.pick("readers", "careful")
		} else {
			d["level"] = w.pick("view", "comment", "edit", "manage", "full_access")
		}
		if w.chance(15) {
			d["expires_at"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		}
		if w.chance(15) {
			d["condition"] = w.pick("context.device_known", "!context.device_known")
		}
		d["allow_download"] = w.chance(20)
		w.try("access_grant", d)
	}
	for range w.r.IntN(4) {
		w.try("role_assignment", doc{"role": w.pick("readers", "careful", "editor", "viewer"), "principal": w.pick(holders...), "scope": w.pick(everywhere...)})
	}
	// By every door that a guest could come through.
	for _, principal := range []string{"team:green", "group:Partners"} {
		w.try("access_grant", doc{"resource": w.pick(everywhere...), "principal": principal, "level": w.pick("view", "edit")})
		w.try("role_assignment", doc{"role": "viewer", "principal": principal, "scope": w.pick(everywhere...)})
	}
	w.try("team_membership", doc{"team": "red", "principal": "gina@partner.example", "role": w.pick("editor", "viewer")})
	_, _ = w.TryPut(t, w.Owner, api.TeamMembershipsKind, "red", doc{"team": "red", "members": doc{"m0@example.com": "viewer", "gina@partner.example": "viewer"}})
	for _, path := range []string{"/c", "/a-b"} {
		if w.chance(30) {
			_, _ = w.TryPut(t, w.Owner, api.ProjectKind, path, doc{"path": path, "name": path[1:], "team": "green"})
		}
	}
	if w.chance(30) {
		_, _ = w.TryPut(t, w.Owner, api.TeamKind, "green", doc{"slug": "green", "name": "green", "external_allowed": true, "default_level": "edit"})
	}
	if w.approved = w.legal && seed/4%2 == 1; w.approved {
		w.approve()
	}
	if w.chance(30) {
		w.Put(t, w.Owner, api.MemberKind, "m0@example.com", doc{"email": "m0@example.com", "active": false})
	}
	if w.chance(50) {
		w.Advance(2 * time.Hour)
	}
	w.look()
	return w
}

// approve lets an admin approve half of what waits.
func (w *world) approve() {
	w.t.Helper()
	ctx := context.Background()
	var ids []string
	w.view(func(s *object.Scope) error {
		page, err := rules.Requests(ctx, s, rules.ApprovalFilter{State: api.ApprovalPending}, "", 0)
		for _, q := range page.Items {
			ids = append(ids, q.ID)
		}
		return err
	})
	for _, id := range ids {
		if w.chance(50) {
			_ = w.Service.Do(ctx, w.Admin, func(s *object.Scope) error {
				_, err := rules.ApproveRequest(ctx, s, id, "")
				return err
			})
		}
	}
}

func (w *world) role(name, base string, statements ...doc) {
	d := doc{"name": name, "statements": statements}
	if base != "" {
		d["base_level"] = base
	}
	w.Create(w.t, w.Owner, api.RoleKind, d)
}

// look reads who and what there is, by other means than the questions do.
func (w *world) look() {
	ctx := context.Background()
	w.principals, w.paths = nil, nil
	w.view(func(s *object.Scope) error {
		read := func(into *[]string, text string) error {
			rows, err := s.Tx.QueryContext(ctx, text, s.WorkspaceID)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var v string
				if err := rows.Scan(&v); err != nil {
					return err
				}
				*into = append(*into, v)
			}
			return rows.Err()
		}
		var people, accounts, given []string
		for into, text := range map[*[]string]string{
			&people: `SELECT key FROM member WHERE workspace_id = $1`, &accounts: `SELECT key FROM object WHERE workspace_id = $1 AND kind = 'service_account'`,
			&given: `SELECT principal FROM access_grant WHERE workspace_id = $1 AND state = 'active' UNION SELECT principal FROM role_assignment WHERE workspace_id = $1`, &w.paths: `SELECT key FROM item WHERE workspace_id = $1`,
		} {
			if err := read(into, text); err != nil {
				return err
			}
		}
		for _, p := range people {
			w.principals = append(w.principals, "member:"+p)
		}
		for _, a := range accounts {
			w.principals = append(w.principals, "service_account:"+a)
		}
		for _, g := range given {
			if email, ok := strings.CutPrefix(g, "email:"); ok && !slices.Contains(people, email) {
				w.principals = append(w.principals, g)
			}
		}
		return nil
	})
	slices.Sort(w.principals)
	slices.Sort(w.paths)
}

func (w *world) view(f func(*object.Scope) error) {
	w.t.Helper()
	if err := w.Service.View(context.Background(), w.Owner, f); err != nil {
		w.t.Fatal(err)
	}
}

func assume(s *object.Scope) access.RequestContext {
	return access.RequestContext{Time: s.Now, MFAAge: -1}
}

// check is the one question that the others must agree with.
func (w *world) check(s *object.Scope, principal, path, permission string) access.Decision {
	w.t.Helper()
	ctx := context.Background()
	subject, err := s.Subject(ctx, principal)
	if err != nil {
		w.t.Fatal(err)
	}
	item, err := s.Item(ctx, path)
	if err != nil {
		w.t.Fatal(err)
	}
	rc := assume(s)
	return s.Engine().Check(subject, item, permission, &rc)
}

// whoCan reads all pages.
func (w *world) whoCan(s *object.Scope, path, permission string, limit int) []inquiry.Holder {
	w.t.Helper()
	var out []inquiry.Holder
	for cursor := ""; ; {
		page, err := inquiry.WhoCan(context.Background(), s, inquiry.Who{Resource: path, Permission: permission, Request: assume(s)}, cursor, limit)
		if err != nil {
			w.t.Fatal(err)
		}
		if out = append(out, page.Items...); page.NextCursor == "" {
			return out
		}
		cursor = page.NextCursor
	}
}

func (w *world) items(s *object.Scope, principal, permission string, limit int) []inquiry.Usable {
	w.t.Helper()
	var out []inquiry.Usable
	for cursor := ""; ; {
		page, err := inquiry.Items(context.Background(), s, inquiry.What{Principal: principal, Permission: permission, Request: assume(s)}, cursor, limit)
		if err != nil {
			w.t.Fatal(err)
		}
		if out = append(out, page.Items...); page.NextCursor == "" {
			return out
		}
		cursor = page.NextCursor
	}
}

// facts are the level and the permissions of everybody on everything.
func (w *world) facts(principals, paths []string) map[[2]string]fact {
	out := map[[2]string]fact{}
	w.view(func(s *object.Scope) error {
		for _, principal := range principals {
			for _, path := range paths {
				f := fact{level: w.check(s, principal, path, "asset.read").Level}
				for _, p := range vocabulary.Permissions() {
					if p.Scope == vocabulary.ScopeItem && w.check(s, principal, path, p.Name).Allowed {
						f.permissions = append(f.permissions, p.Name)
					}
				}
				out[[2]string{principal, path}] = f
			}
		}
		return nil
	})
	return out
}

type fact struct {
	level       vocabulary.Level
	permissions []string
}
