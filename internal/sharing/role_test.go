package sharing_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func statement(effect string, permissions []string, paths ...string) doc {
	return doc{"effect": effect, "permissions": permissions, "paths": paths}
}

func TestRolesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wantRefused([]refusal{
			{name: "misspelt permission", kind: api.RoleKind, at: "/statements/1/permissions/1", code: "unknown_permission", says: []string{`"asset.raed"`, `did you mean "asset.read"?`},
				doc: doc{"name": "auditor", "statements": []any{statement("allow", []string{"asset.read"}), statement("deny", []string{"asset.download", "asset.raed"})}}},
			{name: "misspelt wildcard", kind: api.RoleKind, at: "/statements/0/permissions/0", says: []string{`did you mean "asset.*"?`},
				doc: doc{"name": "auditor", "statements": []any{statement("allow", []string{"assets.*"})}}},
			{name: "permission of nothing", kind: api.RoleKind, at: "/statements/0/permissions/0", says: []string{"gatehouse_permissions"},
				doc: doc{"name": "auditor", "statements": []any{statement("allow", []string{"qwertyuiop.zxcvb"})}}},
			{name: "path that no item can have", kind: api.RoleKind, at: "/statements/0/paths/0", says: []string{"/finance"},
				doc: doc{"name": "auditor", "statements": []any{statement("allow", []string{"asset.read"}, "finance")}}},
			{name: "name of a built-in role", kind: api.RoleKind, at: "/name", says: []string{"built in", "choose another name"}, doc: doc{"name": "Editor", "base_level": "edit"}},
			{name: "name of a level", kind: api.RoleKind, at: "/name", says: []string{"built in"}, doc: doc{"name": "comment"}},
			{name: "name of a workspace role", kind: api.RoleKind, at: "/name", says: []string{"built in"}, doc: doc{"name": "owner"}},
			{name: "effect that is none", kind: api.RoleKind, at: "/statements/0/effect", says: []string{"allow, deny"},
				doc: doc{"name": "auditor", "statements": []any{statement("permit", []string{"asset.read"})}}},
		})
	})
}

func TestARoleIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var statements []any
		for i := range 25 {
			var paths []string
			for j := range 100 {
				paths = append(paths, fmt.Sprintf("/p%d/f%d", i, j))
			}
			statements = append(statements, statement("allow", []string{"asset.read"}, paths...))
		}
		w.wantRefused([]refusal{{name: "too many paths", kind: api.RoleKind, at: "/statements", says: []string{"2525", "at most 2000", "split"}, doc: doc{"name": "wide", "statements": statements}}})
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "wide", "statements": statements[:15]})
	})
}

func TestARoleInUseIsNotDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "auditor", "statements": []any{statement("allow", []string{"asset.read"})}})
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "auditor", "principal": "member:" + nobody, "scope": "/finance"})
		w.Create(t, w.Admin, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "team:film", "role": "auditor"})
		w.Put(t, w.Admin, api.SharingPolicyKind, "", doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"auditor"}})
		p := objecttest.WantProblem(t, w.remove(w.Admin, api.RoleKind, "auditor"), api.CodeReferenced)
		wantWords(t, p.Detail, "role_assignment to member:"+nobody+" on /finance", "access_grant to team:film on /campaigns", "guest_inviter_roles", "first")

		w.Put(t, w.Admin, api.SharingPolicyKind, "", doc{})
		w.Delete(t, w.Admin, api.AccessGrantKind, "team:film@/campaigns")
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "auditor@member:"+nobody+"@/finance")
		w.Delete(t, w.Admin, api.RoleKind, "auditor")
	})
}

func TestAssignmentsThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "machines", "base_level": "view", "assignable_to": []string{"service_account", "team"}})
		assign := func(role, principal, scope string, more ...string) doc {
			d := doc{"role": role, "principal": principal, "scope": scope}
			for i := 0; i+1 < len(more); i += 2 {
				d[more[i]] = more[i+1]
			}
			return d
		}
		k := api.RoleAssignmentKind
		w.wantRefused([]refusal{
			{name: "unknown role", kind: k, at: "/role", code: api.ViolationReference, says: []string{"auditor", "create it first", "viewer, commenter"}, doc: assign("auditor", "team:design", "/")},
			{name: "unknown member", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"ann@example.com", "gatehouse_member"}, doc: assign("viewer", "member:ann@example.com", "/")},
			{name: "unknown team", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"sales", "gatehouse_team"}, doc: assign("viewer", "team:sales", "/")},
			{name: "unknown service account", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"gatehouse_service_account"}, doc: assign("viewer", "service_account:ci", "/")},
			{name: "unknown scope", kind: k, at: "/scope", code: api.ViolationReference, says: []string{"/nowhere", "create it first"}, doc: assign("viewer", "team:design", "/nowhere")},
			{name: "scope that is no path", kind: k, at: "/scope", says: []string{"/finance/quarterly"}, doc: assign("viewer", "team:design", "/-x")},
			{name: "principal that the role excludes", kind: k, at: "/principal", says: []string{"service_account, team", "assignable_to"}, doc: assign("machines", "member:"+nobody, "/")},
			{name: "guest beyond edit", kind: k, at: "/role", says: []string{"never pass edit", "write edit, comment or view"}, doc: assign("manager", "member:"+guest, "/campaigns")},
			{name: "end in the past", kind: k, at: "/expires_at", says: []string{"in the past"}, doc: assign("viewer", "team:design", "/", "expires_at", in(-1))},
			{name: "condition that does not parse", kind: k, at: "/condition", says: []string{"line 1, column 34", "context.mfa_age"}, doc: assign("viewer", "team:design", "/", "condition", `principal.workspace_role == "x" ="y"`)},
			{name: "condition on what no request has", kind: k, at: "/condition", says: []string{"nope"}, doc: assign("viewer", "team:design", "/", "condition", "context.nope == 1")},
		})
		// Groups come from the identity provider and need not be there yet.
		w.Create(t, w.Admin, k, assign("Editor", "group:Okta-Designers", "/campaigns", "condition", "context.device_known"))
		got := w.Get(t, w.Admin, k, "editor@group:okta-designers@/campaigns").(*api.RoleAssignment)
		if got.Role != "editor" || got.Source != api.ManagedByManual {
			t.Errorf("assignment = %+v", got)
		}
	})
}

func TestNobodyAssignsMoreThanTheyHave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "delegate", "statements": []any{statement("allow", []string{"role_assignment.*", "role.*"}, "/")}})
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "trash", "statements": []any{statement("allow", []string{"item.delete"})}})
		w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": "delegate", "principal": "member:" + nobody, "scope": "/"})
		w.grant("member:"+nobody, "/finance", "comment")
		w.wantRefused([]refusal{
			{name: "level above", by: nobody, kind: api.RoleAssignmentKind, at: "/role", says: []string{"manage", "yours on /finance is comment"}, doc: doc{"role": "manager", "principal": "member:" + nobody, "scope": "/finance"}},
			{name: "permission not held", by: nobody, kind: api.RoleAssignmentKind, at: "/role", says: []string{"item.delete"}, doc: doc{"role": "trash", "principal": "member:" + nobody, "scope": "/finance"}},
			{name: "role written up", by: nobody, kind: api.RoleKind, at: "/statements", says: []string{"audit.read"}, doc: doc{"name": "spy", "statements": []any{statement("allow", []string{"audit.read"})}}},
		})
		w.Create(t, w.as(nobody), api.RoleAssignmentKind, doc{"role": "viewer", "principal": "team:film", "scope": "/finance"})
		_, err := w.TryCreate(t, w.as(designer), api.RoleAssignmentKind, doc{"role": "viewer", "principal": "team:film", "scope": "/campaigns"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// C027: "can read files in /finance, can manage sharing in /finance/quarterly, cannot
// delete."
func TestCustomRoleWithGranularIntentWorksEndToEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "finance-auditor", "statements": []any{
			statement("allow", []string{"item.read", "asset.read"}, "/finance"),
			statement("allow", []string{"sharing.manage", "grant.*", "share_link.*"}, "/finance/quarterly"),
			statement("deny", []string{"item.delete", "asset.delete.own"}),
		}})
		who := "member:" + nobody
		w.wantAllowed(who, "/finance", false, "asset.read")
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "finance-auditor", "principal": who, "scope": "/"})
		w.wantAllowed(who, "/finance", true, "asset.read")
		w.wantAllowed(who, "/finance/quarterly", true, "asset.read", "sharing.manage", "grant.create")
		w.wantAllowed(who, "/finance", false, "sharing.manage", "grant.create", "item.delete")
		w.wantAllowed(who, "/campaigns", false, "asset.read")
		// The deny holds even for somebody who was given everything.
		w.grant(who, "/finance", "full_access")
		w.wantAllowed(who, "/finance", false, "item.delete")
		w.wantAllowed(who, "/finance", true, "asset.update")
		// And managing sharing there is real: through the same door, as that person.
		w.Create(t, w.as(nobody), api.AccessGrantKind, doc{"resource": "/finance/quarterly", "principal": "team:film", "level": "view"})
		if err := w.remove(w.as(nobody), api.FolderKind, "/finance/quarterly"); err == nil {
			t.Error("the folder was deleted although the role denies it")
		} else {
			objecttest.WantProblem(t, err, api.CodeForbidden)
		}
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "finance-auditor@"+who+"@/")
		w.wantAllowed(who, "/finance", true, "item.delete")
	})
}

func TestDriftSaysWhetherARoleWidened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		put := func(d doc) { w.Put(t, w.Admin, api.RoleKind, "", d) }
		put(doc{"name": "auditor", "base_level": "view", "statements": []any{statement("deny", []string{"asset.download"})}})
		put(doc{"name": "auditor", "base_level": "view"})
		put(doc{"name": "auditor", "base_level": "view", "statements": []any{statement("deny", []string{"comment.*"})}})
		put(doc{"name": "auditor", "base_level": "edit", "statements": []any{statement("deny", []string{"comment.*"})}})
		put(doc{"name": "auditor", "description": "Reads", "base_level": "edit", "statements": []any{statement("deny", []string{"comment.*"})}})
		w.wantEffects(api.RoleKind, audit.EffectNeutral, audit.EffectWidened, audit.EffectNarrowed, audit.EffectWidened, audit.EffectNeutral)
	})
}

// wantEffects compares the effects of all events on a kind, oldest first.
func (w *world) wantEffects(kind *api.Kind, want ...audit.Effect) {
	w.t.Helper()
	var got []audit.Effect
	for _, e := range w.Events(w.t, audit.Filter{}) {
		if e.Target.Kind == kind.Name {
			got = append(got, e.Effect)
		}
	}
	if len(got) != len(want) {
		w.t.Fatalf("effects of %s = %v, want %v", kind.Name, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.t.Errorf("effect %d of %s = %s, want %s", i+1, kind.Name, got[i], want[i])
		}
	}
}
