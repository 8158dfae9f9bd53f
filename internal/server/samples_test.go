package server_test

import (
	"net/url"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

type doc = map[string]any

// sample is a document of a kind that the server accepts.
type sample struct {
	kind *api.Kind
	doc  doc
}

// theSecret is given wherever a kind takes a secret; it may appear nowhere again.
const theSecret = "correct-horse-battery-staple"

// samples gives documents of every kind, in an order in which they can be made. The
// words of a workspace start with its prefix, so that they can be told apart.
func samples(prefix string) []sample {
	p := func(s string) string { return prefix + "-" + s }
	zoe := p("zoe") + "@" + prefix + ".example.com"
	project, folder := "/"+p("campaigns"), "/"+p("campaigns")+"/"+p("autumn")
	return []sample{
		{api.MemberKind, doc{"email": zoe, "display_name": "Zoe of " + prefix}},
		{api.ServiceAccountKind, doc{"name": p("ci"), "owner": zoe, "workspace_role": "admin"}},
		{api.TeamKind, doc{"slug": p("design"), "name": "Design of " + prefix}},
		{api.TeamKind, doc{"slug": p("ops"), "name": "Operations of " + prefix}},
		{api.TeamMembershipKind, doc{"team": p("design"), "principal": zoe, "role": "editor"}},
		{api.TeamMembershipsKind, doc{"team": p("ops"), "members": doc{zoe: "viewer"}}},
		{api.RoleKind, doc{"name": p("approver"), "base_level": "comment", "description": "Approves for " + prefix, "statements": []doc{{"effect": "allow", "permissions": []string{"review.verdict"}}}}},
		{api.RoleAssignmentKind, doc{"role": p("approver"), "principal": "member:" + zoe, "scope": "/", "justification": "because of " + prefix}},
		{api.ProjectKind, doc{"path": project, "name": "Campaigns of " + prefix, "team": p("design")}},
		{api.FolderKind, doc{"path": folder, "name": "Autumn of " + prefix}},
		{api.AssetKind, doc{"path": folder + "/clip", "name": "Clip of " + prefix}},
		{api.CollectionKind, doc{"path": project + "/reel", "name": "Reel of " + prefix, "asset_ids": []string{folder + "/clip"}}},
		{api.AccessGrantKind, doc{"resource": folder, "principal": "team:" + p("ops"), "level": "comment"}},
		{api.AccessGrantsKind, doc{"resource": project, "grants": doc{"member:" + zoe: "view"}}},
		{api.ShareLinkKind, doc{"resource": folder, "name": "Autumn cut of " + prefix, "kind": "recipient", "recipients": []string{zoe}, "password_wo": theSecret, "password_wo_version": 1}},
		{api.AttributePolicyKind, doc{"name": p("office"), "effect": "deny", "permissions": []string{"asset.download"}, "paths": []string{project}, "condition": "!context.device_known", "mode": "report_only", "description": "Devices of " + prefix}},
		{api.SeparationOfDutiesRuleKind, doc{"name": p("four-eyes"), "left": doc{"roles": []string{p("approver")}}, "right": doc{"permissions": []string{"review.request"}}, "mode": "report", "description": "Reviews of " + prefix}},
		{api.SharingPolicyKind, doc{"allowed_domains": []string{prefix + ".example.org"}}},
		{api.SharingPolicyOverrideKind, doc{"path": project, "guest_max_days": 90, "description": "Guests of " + prefix}},
		{api.ApprovalPolicyKind, doc{"name": p("legal"), "description": "Lawyers of " + prefix, "steps": []doc{{"approvers": []string{"team:" + p("design"), "role:admin"}, "when": "principal.external"}}}},
		{api.GuestKind, doc{"email": p("gus") + "@" + prefix + ".example.org", "sponsor": zoe, "projects": []string{project}, "company": "Guests of " + prefix}},
		{api.InvitationKind, doc{"email": p("nora") + "@" + prefix + ".example.org", "message": "Hello from " + prefix}},
		{api.LoginPolicyKind, doc{"max_failed_attempts": 7}},
		{api.MFAPolicyKind, doc{"grace_period": "3d"}},
		{api.SessionPolicyKind, doc{}},
		{api.SSOConnectionKind, doc{"name": p("okta"), "protocol": "oidc", "domains": []string{prefix + ".example.net"}, "oidc": doc{"issuer": "https://" + prefix + ".idp.example.com", "client_id": p("client"), "client_secret_wo": theSecret, "client_secret_wo_version": 1}}},
		{api.SCIMTokenKind, doc{"connection_name": p("okta"), "name": "main"}},
		{api.SCIMGroupMappingKind, doc{"connection_name": p("okta"), "group": "R&D / 100% of " + prefix, "team": p("design"), "team_role": "viewer"}},
		{api.ProvisioningPolicyKind, doc{"connection_name": p("okta"), "max_removal_ratio": "0.1", "protected_principals": []string{zoe}}},
		{api.APITokenKind, doc{"name": p("pipeline"), "service_account": p("ci"), "scopes": []string{"*"}}},
		{api.AuditPolicyKind, doc{"retention_days": 400}},
		{api.RetentionPolicyKind, doc{"trash_days": 20}},
		{api.NotificationPolicyKind, doc{"digest": "daily"}},
		{api.NotificationChannelKind, doc{"name": p("siem"), "type": "webhook", "url_wo": "https://hooks.example.com/" + theSecret, "secret_wo": "whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==", "events": []string{"mention"}}},
		{api.EventReceiverKind, doc{"name": p("signals"), "url": "https://" + prefix + ".receiver.example.com/events", "audience": "receiver of " + prefix, "authorization_header_wo": "Bearer " + theSecret, "authorization_header_wo_version": 1}},
		{api.DataResidencyKind, doc{"primary_region": "eu-dublin"}},
		{api.ChangePolicyKind, doc{"mode": "warn", "reconcile_hours": 48}},
		{api.WorkspaceOwnerKind, doc{"principal": "owner@example.com"}},
		{api.WorkspaceKind, doc{"slug": prefix, "name": "The workspace " + prefix}},
		{widgetKind, doc{"slug": p("widget"), "team": p("design"), "note": "Note of " + prefix}},
	}
}

// sampleOf is the first sample of a kind.
func sampleOf(t testing.TB, prefix string, kind *api.Kind) doc {
	t.Helper()
	for _, s := range samples(prefix) {
		if s.kind == kind {
			return s.doc
		}
	}
	t.Fatalf("there is no sample of %s; add one to samples", kind.Name)
	return nil
}

// made is what a workspace was filled with.
type made struct {
	ids  map[string]string // first object's id by kind
	keys map[string]string
	docs []string // every id and key
}

// fill makes one object of every kind in the instance's workspace.
func fill(t testing.TB, i *servertest.Instance) made {
	t.Helper()
	out := made{ids: map[string]string{}, keys: map[string]string{}}
	for _, s := range samples(i.Workspace) {
		r := send(t, i, call{method: "PUT", path: objectPath(i.Workspace, s.kind, keyOf(t, s)), token: i.OwnerToken, body: s.doc})
		if r.status != 200 && r.status != 201 {
			t.Fatalf("making a %s: status %d: %s", s.kind.Name, r.status, r.body)
		}
		obj := r.object(t)
		id, key := obj["id"].(string), obj["key"].(string)
		if out.ids[s.kind.Name] == "" {
			out.ids[s.kind.Name], out.keys[s.kind.Name] = id, key
		}
		out.docs = append(out.docs, id)
		if !s.kind.Singleton {
			out.docs = append(out.docs, key)
		}
	}
	for _, k := range api.Kinds() {
		if out.ids[k.Name] == "" {
			t.Errorf("kind %s has no sample; add one to samples", k.Name)
		}
	}
	return out
}

// keyOf is the natural key that a sample's document has.
func keyOf(t testing.TB, s sample) string {
	t.Helper()
	raw := map[string]any{}
	for k, v := range s.doc {
		raw[k] = v
	}
	obj, violations, err := s.kind.Decode(mustJSON(t, raw))
	if err != nil || len(violations) > 0 {
		t.Fatalf("the sample of %s is not acceptable: %v %v", s.kind.Name, violations, err)
	}
	return s.kind.KeyOf(obj)
}

// objectPath is the address of an object.
func objectPath(workspace string, k *api.Kind, ref string) string {
	base := "/v1/workspaces/" + url.PathEscape(workspace)
	switch {
	case k == api.WorkspaceKind:
		return base
	case k.Singleton:
		return base + "/" + k.Name
	}
	return base + "/" + k.Plural + "/" + url.PathEscape(ref)
}

func TestEveryDeclaredKindIsServed(t *testing.T) {
	for _, k := range api.Kinds() {
		if !object.Registered(k) {
			t.Errorf("kind %s is declared and has no rules: it is not served", k.Name)
		}
	}
}
