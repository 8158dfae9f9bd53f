package server_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// awkward gives documents whose keys hold everything that a path can trip over.
func awkward() []sample {
	const person = `o'brien+a%41b/c#d!e@example.com`
	const group = `R&D / 100% "Größe"?#[]:@%2F%252F;=,+ ☂`
	return []sample{
		{api.MemberKind, doc{"email": person}},
		{api.MemberKind, doc{"email": `o'brien+aab/c#d!e@example.com`}}, // what unescaping twice makes of the one above
		{api.ServiceAccountKind, doc{"name": "a-1", "owner": "owner@example.com"}},
		{api.TeamKind, doc{"slug": "secrets", "name": "A team named like a route"}},
		{api.TeamKind, doc{"slug": "batch-read", "name": "Another"}},
		{api.TeamMembershipKind, doc{"team": "secrets", "principal": person}},
		{api.TeamMembershipsKind, doc{"team": "batch-read", "members": doc{person: "viewer"}}},
		{api.RoleKind, doc{"name": "r-1", "base_level": "view"}},
		{api.RoleAssignmentKind, doc{"role": "r-1", "principal": "member:" + person, "scope": "/"}},
		{api.AttributePolicyKind, doc{"name": "secrets", "effect": "deny", "permissions": []string{"asset.download"}, "mode": "report_only"}},
		{api.SeparationOfDutiesRuleKind, doc{"name": "secrets", "left": doc{"roles": []string{"admin"}}, "right": doc{"permissions": []string{"audit.read"}}}},
		{api.ProjectKind, doc{"path": "/a.b_c", "name": "A", "team": "secrets"}},
		{api.FolderKind, doc{"path": "/a.b_c/d.e_f-g", "name": "B"}},
		{api.AssetKind, doc{"path": "/a.b_c/d.e_f-g/h_1.mp4"}},
		{api.CollectionKind, doc{"path": "/a.b_c/i-j.k_l", "asset_ids": []string{"/a.b_c/d.e_f-g/h_1.mp4"}}},
		{api.SharingPolicyOverrideKind, doc{"path": "/a.b_c/d.e_f-g", "guest_max_days": 30}},
		{api.ApprovalPolicyKind, doc{"name": "secrets", "steps": []doc{{"approvers": []string{"role:admin"}}}}},
		{api.GuestKind, doc{"email": `o'neill+a%41b/c#d!e@example.org`, "sponsor": person, "projects": []string{"/a.b_c"}}},
		{api.InvitationKind, doc{"email": `n'ora+a%41b/c#d!e@example.org`}},
		{api.RoleAssignmentKind, doc{"role": "r-1", "principal": "group:" + group, "scope": "/a.b_c/d.e_f-g"}},
		{api.AccessGrantKind, doc{"resource": "/a.b_c", "principal": "group:" + group, "level": "view"}},
		{api.AccessGrantsKind, doc{"resource": "/a.b_c/d.e_f-g", "grants": doc{"group:" + group: "view"}}},
		{api.ShareLinkKind, doc{"resource": "/a.b_c", "name": "Ünïts / 50% of #1: \"q\" for ЖĐ?", "kind": "recipient", "recipients": []string{person}}},
		{api.SSOConnectionKind, doc{"name": "okta", "protocol": "oidc", "oidc": doc{"issuer": "https://idp.example.com", "client_id": "x"}}},
		{api.SCIMTokenKind, doc{"connection_name": "okta", "name": "secrets"}},
		{api.SCIMGroupMappingKind, doc{"connection_name": "okta", "group": group, "team": "secrets", "team_role": "viewer"}},
		{api.ProvisioningPolicyKind, doc{"connection_name": "batch-read", "max_removal_ratio": "0.1"}},
		{api.NotificationChannelKind, doc{"name": "secrets", "type": "email", "addresses": []string{"a@example.com"}, "events": []string{"mention"}}},
		{api.EventReceiverKind, doc{"name": "secrets", "url": "https://receiver.example.com", "audience": "x"}},
		{api.APITokenKind, doc{"name": "secrets", "service_account": "a-1", "scopes": []string{"team.*"}}},
		{widgetKind, doc{"slug": "w-1", "team": "secrets"}},
	}
}

func TestAwkwardKeysRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		want(t, i, 201, call{method: "PUT", path: in(i, "sharing_policy"), token: i.OwnerToken, body: doc{"external_sharing": "anyone"}})
		all := awkward()
		var collections []string
		for _, s := range all {
			key := keyOf(t, s)
			collections = append(collections, s.kind.Name)
			at := call{path: objectPath(i.Workspace, s.kind, key), token: i.OwnerToken}
			// PUT makes it; POST finds it there; key and id lead to the same.
			put := at
			put.method, put.body = "PUT", s.doc
			r := send(t, i, put)
			if r.status != 201 {
				t.Errorf("%s %q: PUT answers %d: %s", s.kind.Name, key, r.status, r.body)
				continue
			}
			made := r.object(t)
			if made["key"] != key {
				t.Errorf("%s: the key is %q, want %q", s.kind.Name, made["key"], key)
			}
			wantProblem(t, i, api.CodeConflict, call{method: "POST", path: in(i, s.kind.Plural), token: i.OwnerToken, body: s.doc})
			get := at
			get.method = "GET"
			if got := want(t, i, 200, get).object(t); got["id"] != made["id"] {
				t.Errorf("%s %q: the key leads to %v, made was %v", s.kind.Name, key, got["id"], made["id"])
			}
			byID := call{method: "GET", path: objectPath(i.Workspace, s.kind, made["id"].(string)), token: i.OwnerToken}
			if got := want(t, i, 200, byID).object(t); got["key"] != key {
				t.Errorf("%s: the id leads to %v", s.kind.Name, got["key"])
			}
			batch := want(t, i, 200, call{method: "POST", path: in(i, "batch_read"), token: i.OwnerToken, body: doc{"objects": []doc{{"kind": s.kind.Name, "ref": key}, {"kind": s.kind.Name, "ref": made["id"]}}}}).object(t)
			for _, e := range batch["objects"].([]any) {
				if e.(doc)["object"] == nil || e.(doc)["object"].(doc)["id"] != made["id"] {
					t.Errorf("%s %q: the batch answers %v", s.kind.Name, key, e)
				}
			}
			// An address and a document that disagree are refused.
			other := put
			other.path = objectPath(i.Workspace, s.kind, "zzz-"+key)
			if r := send(t, i, other); r.status != 422 && r.status != 404 {
				t.Errorf("%s: PUT of %q at %q answers %d: %s", s.kind.Name, key, other.path, r.status, r.body)
			}
		}
		for _, k := range api.Kinds() {
			if !k.Singleton && !slices.Contains(collections, k.Name) {
				t.Errorf("collection %s has no awkward key here; add one", k.Name)
			}
		}
		if t.Failed() {
			return
		}
		for n := len(all) - 1; n >= 0; n-- {
			s := all[n]
			want(t, i, 204, call{method: "DELETE", path: objectPath(i.Workspace, s.kind, keyOf(t, s)), token: i.OwnerToken})
			after := send(t, i, call{method: "GET", path: objectPath(i.Workspace, s.kind, keyOf(t, s)), token: i.OwnerToken})
			suspended := s.kind.Destroy == api.DestroySuspend && after.status == 200 && after.object(t)["active"] == false
			view := s.kind.View && after.status == 200 // what lies behind it stays visible
			kept := s.kind.Destroy == api.DestroyKeep && after.status == 200
			if after.status != 404 && !suspended && !view && !kept {
				t.Errorf("%s: after its deletion GET answers %d: %s", s.kind.Name, after.status, after.body)
			}
		}
	})
}

// TestKeysIgnoreCase: people write e-mails and slugs as they like.
func TestKeysIgnoreCase(t *testing.T) {
	i := servertest.Start(t)
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/Design"), token: i.OwnerToken, body: doc{"slug": "DESIGN", "name": "Design"}})
	want(t, i, 200, call{method: "GET", path: in(i, "teams/dEsIgN"), token: i.OwnerToken})
	want(t, i, 200, call{method: "GET", path: "/v1/workspaces/ACME/members/OWNER@Example.com", token: i.OwnerToken})
	page := want(t, i, 200, call{method: "GET", path: in(i, "members") + "?email=Owner@EXAMPLE.com", token: i.OwnerToken}).object(t)
	if n := len(page["items"].([]any)); n != 1 {
		t.Errorf("the filter finds %d members", n)
	}
}
