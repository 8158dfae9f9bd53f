package assurance_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// broken is a snapshot in which one thing is not as it should be.
type broken struct {
	check string
	alter func(t *testing.T, s *assurance.Snapshot)
	want  assurance.Status
	says  string // in the summary or in a finding
}

// Each case breaks one thing in a sound snapshot; trashCases are more of them.
var cases = map[string]broken{
	"SSO is not enforced":                     {"GH-ID-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.LoginPolicyKind, "enforce_sso", false) }, assurance.Fail, "4 members may sign in without"},
	"passwords may exist beside enforced SSO": {"GH-ID-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.LoginPolicyKind, "password_login", "allowed") }, assurance.NotAssessed, "password_login"},
	"somebody signed in with a password": {"GH-ID-02", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, -1), Actor: audit.Actor{Kind: "member", Key: "bob@example.com"}, Door: audit.DoorWeb, Action: "auth.succeeded", Target: audit.Target{Kind: "session"}, After: json.RawMessage(`{"method":"password"}`)})
	}, assurance.Fail, `member "bob@example.com"`},
	"the Owner may sign in with a password": {"GH-ID-02", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, -1), Actor: audit.Actor{Kind: "member", Key: "owner@example.com"}, Door: audit.DoorWeb, Action: "auth.succeeded", Target: audit.Target{Kind: "session"}, After: json.RawMessage(`{"method":"password"}`)})
	}, assurance.Pass, ""},

	"a certificate about to expire": {"GH-ID-04", func(t *testing.T, s *assurance.Snapshot) {
		set(s, api.SSOConnectionKind, "saml.certificates", []any{assurancetest.Certificate(t, assurancetest.AsOf.AddDate(0, 0, 10))})
	}, assurance.Fail, "in less than 30d"},
	"an expired certificate": {"GH-ID-04", func(t *testing.T, s *assurance.Snapshot) {
		set(s, api.SSOConnectionKind, "saml.certificates", []any{assurancetest.Certificate(t, assurancetest.AsOf.AddDate(0, 0, -1))})
	}, assurance.Fail, "expired on"},
	"a certificate behind a URL": {"GH-ID-04", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SSOConnectionKind, "saml.certificates", nil) }, assurance.NotAssessed, "no certificate that could be read"},
	"no SAML connection":         {"GH-ID-04", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SSOConnectionKind, "enabled", false) }, assurance.NotApplicable, ""},

	"unsigned assertions are accepted": {"GH-ID-05", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SSOConnectionKind, "saml.want_signed_assertions", false)
	}, assurance.Fail, "want_signed_assertions"},
	"answers to no request": {"GH-ID-05", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SSOConnectionKind, "saml.allow_idp_initiated", true)
	}, assurance.Fail, "allow_idp_initiated"},
	"no PKCE":       {"GH-ID-05", func(_ *testing.T, s *assurance.Snapshot) { setOf(s, api.SSOConnectionKind, 1, "oidc.pkce", false) }, assurance.Fail, "pkce"},
	"no connection": {"GH-ID-05", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.SSOConnectionKind) }, assurance.NotApplicable, ""},

	"one administrator": {"GH-ID-07", func(_ *testing.T, s *assurance.Snapshot) { setOf(s, api.MemberKind, 1, "active", false) }, assurance.Fail, "1 people can administer"},
	"too many administrators": {"GH-ID-07", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.MemberKind, member("a@x.example.com", "admin"), member("b@x.example.com", "admin"), member("c@x.example.com", "admin"), member("d@x.example.com", "admin"))
	}, assurance.Fail, "5 are the most"},
	"two Owners": {"GH-ID-07", func(_ *testing.T, s *assurance.Snapshot) { add(s, api.MemberKind, member("a@x.example.com", "owner")) }, assurance.Fail, "2 active Owners"},

	"one external id for two people": {"GH-ID-08", func(_ *testing.T, s *assurance.Snapshot) {
		d := member("x@example.com", "member")
		d["external_id"], d["connection_name"] = "x-3", "okta"
		add(s, api.MemberKind, d)
	}, assurance.Fail, `external id "x-3"`},
	"a machine whose owner left": {"GH-ID-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ServiceAccountKind, "owner", "leo@example.com") }, assurance.Fail, "not an active member"},
	"a machine that a guest owns": {"GH-ID-08", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ServiceAccountKind, "owner", "gus@partner.example.org")
	}, assurance.Fail, "not an active member"},

	"provisioning went silent":  {"GH-LC-01", func(_ *testing.T, s *assurance.Snapshot) { s.Provisioning.Items = s.Provisioning.Items[1:] }, assurance.Fail, "ago"},
	"provisioning never worked": {"GH-LC-01", func(_ *testing.T, s *assurance.Snapshot) { s.Provisioning.Items = nil }, assurance.Fail, "no request of it succeeded"},
	"nobody provisions":         {"GH-LC-01", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.SCIMTokenKind) }, assurance.NotApplicable, ""},

	"a member without a record": {"GH-LC-02", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.MemberKind, member("ghost@example.com", "member"))
	}, assurance.Fail, "no event in the audit log"},
	"a member made by hand": {"GH-LC-02", func(_ *testing.T, s *assurance.Snapshot) { s.People.Items[1].Change = nil }, assurance.Fail, "by hand"},
	"a record without a member": {"GH-LC-02", func(_ *testing.T, s *assurance.Snapshot) {
		assurancetest.Set(s, api.MemberKind, s.Objects["member"].Items[:4]...)
	}, assurance.Fail, "does not list them"},
	"a member who joined twice": {"GH-LC-02", func(_ *testing.T, s *assurance.Snapshot) { s.People.Items = append(s.People.Items, s.People.Items[1]) }, assurance.Fail, "joined 2 times"},

	"a leaver who was not suspended": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) { dropAction(s, "member.suspended") }, assurance.Fail, "no suspension"},
	"a slow revocation":              {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) { moveAction(s, "member.suspended", 2*time.Hour) }, assurance.Fail, "slowest revocation"},
	"a leaver who is active":         {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) { setOf(s, api.MemberKind, 4, "active", true) }, assurance.Fail, "is active"},
	"a leaver who still holds a grant": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.AccessGrantKind, "principal", "member:leo@example.com")
	}, assurance.Fail, "still holds a grant on /campaigns"},
	"a leaver who still is in a team": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.TeamMembershipKind, "principal", "leo@example.com")
	}, assurance.Fail, "a place in team design"},
	"a leaver who acted afterwards": {"GH-LC-03", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, -9), Actor: audit.Actor{Kind: "member", Key: "leo@example.com"}, Door: audit.DoorREST, Action: "asset.downloaded", Target: audit.Target{Kind: "asset"}})
	}, assurance.Fail, "acted (asset.downloaded) after leaving"},
	"a leaver who came back": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		setOf(s, api.MemberKind, 4, "active", true)
		s.Provisioning.Items = append(s.Provisioning.Items, assurance.ProvisioningEvent{ID: "pevt_9", Time: assurancetest.AsOf.AddDate(0, 0, -3), Operation: "rejoin", Target: "mem_5", Outcome: "applied"})
	}, assurance.Pass, ""},
	"a leaver who was deleted weeks later": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		e := s.Provisioning.Items[1]
		e.ID, e.Time, e.RequestID = "pevt_8", assurancetest.AsOf.Add(-time.Hour), "req_8"
		s.Provisioning.Items = append([]assurance.ProvisioningEvent{e}, s.Provisioning.Items...)
	}, assurance.Pass, "1 left"},
	"a leaver who was deleted after the period began": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		s.Provisioning.Items[1].Time = assurancetest.AsOf.Add(-time.Hour)
	}, assurance.NotApplicable, ""},
	"a leaver who left twice, the second time without a suspension": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) {
		again, back := s.Provisioning.Items[1], s.Provisioning.Items[1]
		again.Time, again.RequestID = assurancetest.AsOf.Add(-time.Hour), "req_8"
		back.Time, back.Operation = assurancetest.AsOf.Add(-2*time.Hour), "rejoin"
		s.Provisioning.Items = append([]assurance.ProvisioningEvent{again, back}, s.Provisioning.Items...)
	}, assurance.Fail, "no suspension"},
	"nobody left": {"GH-LC-03", func(_ *testing.T, s *assurance.Snapshot) { s.Provisioning.Items = s.Provisioning.Items[:1] }, assurance.NotApplicable, ""},

	"a quarantined event that nobody decides": {"GH-LC-07", func(_ *testing.T, s *assurance.Snapshot) { s.Provisioning.Items[1].Outcome = "quarantined" }, assurance.Fail, "quarantined leave"},
	"a quarantined event that was released": {"GH-LC-07", func(_ *testing.T, s *assurance.Snapshot) {
		s.Provisioning.Items[1].Outcome = "quarantined"
		s.Provisioning.Items[1].ReleasedAt = &assurancetest.AsOf
	}, assurance.Pass, ""},
	"a failure that was repeated with success": {"GH-LC-07", func(_ *testing.T, s *assurance.Snapshot) {
		e := s.Provisioning.Items[1]
		e.Outcome, e.Time = "failed", e.Time.Add(-time.Hour)
		s.Provisioning.Items = append(s.Provisioning.Items, e)
	}, assurance.Pass, ""},

	"an old SCIM token":    {"GH-LC-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SCIMTokenKind, "created_at", in(-200)) }, assurance.Fail, "200 days old"},
	"a SCIM token forever": {"GH-LC-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SCIMTokenKind, "expires_at", nil) }, assurance.Fail, "never ends"},
	"three SCIM tokens": {"GH-LC-08", func(_ *testing.T, s *assurance.Snapshot) {
		d := s.Objects["scim_token"].Items[0]
		add(s, api.SCIMTokenKind, d, d)
	}, assurance.Fail, "3 live tokens"},
	"no SCIM token": {"GH-LC-08", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.SCIMTokenKind) }, assurance.NotApplicable, ""},

	"no MFA": {"GH-AU-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.MFAPolicyKind, "requirement", "none") }, assurance.Fail, "one factor"},
	"MFA for some privileged roles": {"GH-AU-01", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "requirement", "roles")
		set(s, api.MFAPolicyKind, "roles", []any{"owner"})
	}, assurance.Fail, "the role admin"},
	"MFA for the privileged roles": {"GH-AU-01", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "requirement", "roles")
		set(s, api.MFAPolicyKind, "roles", []any{"owner", "admin"})
	}, assurance.Pass, ""},

	"SMS without acceptance": {"GH-AU-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "allowed_methods", []any{"sms", "totp"})
	}, assurance.Fail, "no dated acceptance"},
	"SMS with acceptance": {"GH-AU-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "allowed_methods", []any{"sms", "totp"})
		s.Register = &assurance.Register{Attestations: []assurance.Attestation{{Check: "GH-AU-04", Statement: "accepted", Author: "ann", Date: assurancetest.AsOf, ExpiresAt: assurancetest.AsOf.AddDate(0, 1, 0)}}}
	}, assurance.Pass, ""},
	"SMS for admins": {"GH-AU-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "privileged_methods", []any{"sms"})
	}, assurance.Fail, "privileged roles"},

	"long privileged sessions": {"GH-AU-06", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SessionPolicyKind, "privileged.idle_timeout", "2h")
	}, assurance.Fail, "idle limit"},
	"sessions that survive role changes": {"GH-AU-06", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SessionPolicyKind, "revoke_on", []any{"password_change", "idp_change"})
	}, assurance.Fail, "role_change"},

	"a token for a year":             {"GH-AU-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.APITokenKind, "expires_at", in(300)) }, assurance.Fail, "lives 360 days"},
	"a token that may do all":        {"GH-AU-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.APITokenKind, "scopes", []any{"*"}) }, assurance.Fail, "no explicit scope"},
	"a token without an owner":       {"GH-AU-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ServiceAccountKind, "owner", "leo@example.com") }, assurance.Fail, "nobody active answers"},
	"a token of a suspended account": {"GH-AU-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ServiceAccountKind, "active", false) }, assurance.Fail, "is not active"},
	"a token that has ended":         {"GH-AU-08", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.APITokenKind, "expires_at", in(-1)) }, assurance.NotApplicable, ""},

	"an admin that no code declares": {"GH-AZ-01", func(_ *testing.T, s *assurance.Snapshot) {
		d := member("eve@example.com", "admin")
		d["managed_by"] = manual
		add(s, api.MemberKind, d)
	}, assurance.Fail, `member "eve@example.com"`},
	"an admin that was taken out of the state": {"GH-AZ-01", func(_ *testing.T, s *assurance.Snapshot) { s.State.Resources = dropResource(s, "mem_2") }, assurance.Fail, `member "ann@example.com"`},
	"an admin of another stack": {"GH-AZ-01", func(_ *testing.T, s *assurance.Snapshot) {
		d := member("eve@example.com", "admin")
		d["managed_by"] = doc{"kind": "terraform", "stack": "other"}
		add(s, api.MemberKind, d)
	}, assurance.Pass, "1 by other stacks"},
	"an admin by a mapped group": {"GH-AZ-01", func(_ *testing.T, s *assurance.Snapshot) { setOf(s, api.MemberKind, 2, "workspace_role", "admin") }, assurance.Pass, "1 by mapped groups"},

	"a guest who manages": {"GH-AZ-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.AccessGrantKind, "level", "manage") }, assurance.Fail, "gives manage"},
	"an address with a strong role": {"GH-AZ-02", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.RoleAssignmentKind, "principal", "email:x@partner.example.org")
		set(s, api.RoleAssignmentKind, "role", "manager")
	}, assurance.Fail, "the role manager"},
	"a guest with a custom role that invites": {"GH-AZ-02", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.RoleKind, "statements", []any{doc{"effect": "allow", "permissions": []any{"member.invite"}}})
		set(s, api.RoleAssignmentKind, "principal", "member:gus@partner.example.org")
	}, assurance.Fail, "the role press"},
	"a guest who leads a team": {"GH-AZ-02", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.TeamMembershipKind, "principal", "gus@partner.example.org")
		set(s, api.TeamMembershipKind, "role", "team_admin")
	}, assurance.Fail, "an admin of the team"},
	"nobody external": {"GH-AZ-02", func(_ *testing.T, s *assurance.Snapshot) { setOf(s, api.MemberKind, 3, "workspace_role", "member") }, assurance.NotApplicable, ""},

	"a role that may do all": {"GH-AZ-03", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.RoleKind, "statements", []any{doc{"effect": "allow", "permissions": []any{"*"}}})
	}, assurance.Fail, "every permission at the root"},
	"a role nobody holds": {"GH-AZ-03", func(_ *testing.T, s *assurance.Snapshot) {
		none(s, api.RoleAssignmentKind)
		set(s, api.RoleKind, "created_at", in(-100))
	}, assurance.Fail, "nobody holds it"},
	"no custom role": {"GH-AZ-03", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.RoleKind) }, assurance.NotApplicable, ""},

	"somebody with both duties": {"GH-AZ-04", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.RoleAssignmentKind, assurancetest.Object(api.RoleAssignmentKind, "rasg_2", "approver@team:design@/", doc{"role": "approver", "principal": "team:design", "scope": "/"}))
	}, assurance.Fail, "member:bob@example.com has the role press and also the role approver"},
	"an admin with a permission of each side": {"GH-AZ-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SeparationOfDutiesRuleKind, "left", doc{"permissions": []any{"audit.read"}})
		set(s, api.SeparationOfDutiesRuleKind, "right", doc{"permissions": []any{"team.write"}})
	}, assurance.Fail, "audit.read (workspace admin) and also team.write (workspace admin)"},
	"a second duty that has ended": {"GH-AZ-04", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.RoleAssignmentKind, assurancetest.Object(api.RoleAssignmentKind, "rasg_2", "approver@team:design@/", doc{"role": "approver", "principal": "team:design", "scope": "/", "expires_at": in(-1)}))
	}, assurance.Pass, ""},
	"a group with a duty": {"GH-AZ-04", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.RoleAssignmentKind, assurancetest.Object(api.RoleAssignmentKind, "rasg_2", "approver@group:Press@/", doc{"role": "approver", "principal": "group:Press", "scope": "/"}))
	}, assurance.NotAssessed, "group:press"},
	"no rule": {"GH-AZ-04", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.SeparationOfDutiesRuleKind) }, assurance.NotApplicable, ""},

	"an ended grant that works":                    {"GH-AZ-05", func(_ *testing.T, s *assurance.Snapshot) { s.Probes[1].Held = false }, assurance.Fail, "still gives access"},
	"an ended grant that nobody asked about":       {"GH-AZ-05", func(_ *testing.T, s *assurance.Snapshot) { s.Probes = s.Probes[:1] }, assurance.NotAssessed, "was not asked about"},
	"an ended grant that could not be asked about": {"GH-AZ-05", func(_ *testing.T, s *assurance.Snapshot) { s.Probes[1].Error = "forbidden" }, assurance.NotAssessed, "forbidden"},
	"a guest's grant without an end":               {"GH-AZ-05", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.AccessGrantKind, "expires_at", nil) }, assurance.Fail, "never ends"},
	"a guest's grant for a year":                   {"GH-AZ-05", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.AccessGrantKind, "expires_at", in(300)) }, assurance.Fail, "for 360 days"},

	"a credential that survived":  {"GH-AZ-06", func(_ *testing.T, s *assurance.Snapshot) { s.Probes[0].Held = false }, assurance.Fail, "still accepted"},
	"a late refusal":              {"GH-AZ-06", func(_ *testing.T, s *assurance.Snapshot) { s.Probes[0].Millis = 1500 }, assurance.Fail, "1500 ms"},
	"a route without permission":  {"GH-AZ-06", func(_ *testing.T, s *assurance.Snapshot) { s.Routes.Items[0].Permission = "" }, assurance.Fail, "no permission bound"},
	"a canary that could not fly": {"GH-AZ-06", func(_ *testing.T, s *assurance.Snapshot) { s.Probes[0].Error = "forbidden" }, assurance.NotAssessed, "forbidden"},

	"public links in a confidential workspace": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SharingPolicyKind, "public_links", "allowed") }, assurance.Fail, "public_links"},
	"public links where a project is confidential": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.WorkspaceKind, "classification", "internal")
		set(s, api.ProjectKind, "classification", "confidential")
		set(s, api.SharingPolicyKind, "public_links", "allowed")
	}, assurance.Fail, "confidential projects: 1"},
	"nothing confidential": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.WorkspaceKind, "classification", "internal") }, assurance.NotApplicable, ""},
	"a link that anybody can open in a confidential workspace": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "kind", "anyone") }, assurance.Fail, "anybody can open it"},
	"a link that anybody could open and that is over": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "kind", "anyone")
		set(s, api.ShareLinkKind, "state", "revoked")
	}, assurance.Pass, ""},
	"links that could not be read": {"GH-SH-01", func(_ *testing.T, s *assurance.Snapshot) {
		c := s.Objects[api.ShareLinkKind.Name]
		c.Complete, c.Error = false, "forbidden"
		s.Objects[api.ShareLinkKind.Name] = c
	}, assurance.NotAssessed, "share links"},

	"a link that lives too long": {"GH-SH-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "expires_at", in(31)) }, assurance.Fail, "lives for 91 days"},
	"a link without an end":      {"GH-SH-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "expires_at", nil) }, assurance.Fail, "has no end"},
	"a link that lives too long where it is": {"GH-SH-02", func(_ *testing.T, s *assurance.Snapshot) {
		add(s, api.SharingPolicyOverrideKind, assurancetest.Object(api.SharingPolicyOverrideKind, "shov_1", "/campaigns", doc{"path": "/campaigns", "max_link_expiration_days": 30}))
	}, assurance.Fail, "allows 30 there"},
	"no link": {"GH-SH-02", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.ShareLinkKind) }, assurance.NotApplicable, ""},

	"a link without a password": {"GH-SH-03", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "kind", "anyone") }, assurance.Fail, "has no password"},
	"a link with a password": {"GH-SH-03", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "kind", "anyone")
		set(s, api.ShareLinkKind, "password_set", true)
	}, assurance.Pass, ""},
	"no password asked for": {"GH-SH-03", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "require_link_password", false)
	}, assurance.NotApplicable, ""},

	"a link from before the policy": {"GH-SH-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "kind", "anyone")
	}, assurance.Fail, "are disabled"},
	"a recipient from before the policy": {"GH-SH-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "recipients", []any{"vera@elsewhere.example"})
	}, assurance.Fail, `"vera@elsewhere.example": the domain elsewhere.example`},
	"a grant from before the policy": {"GH-SH-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.AccessGrantKind, "principal", "email:vera@elsewhere.example")
	}, assurance.Fail, "not on the list"},
	"a link that may stay for a while": {"GH-SH-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "kind", "anyone")
		set(s, api.SharingPolicyKind, "existing_shares", "grandfather")
		set(s, api.SharingPolicyKind, "grandfather_until", in(5))
	}, assurance.Pass, "have a deadline"},
	"a link that might have stayed": {"GH-SH-04", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "kind", "anyone")
		set(s, api.SharingPolicyKind, "existing_shares", "grandfather")
		set(s, api.SharingPolicyKind, "grandfather_until", in(-5))
	}, assurance.Fail, ""},

	"downloads without a reason": {"GH-SH-07", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "justification", " ") }, assurance.Fail, "no justification"},
	"downloads by default": {"GH-SH-07", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "default_allow_download", true)
	}, assurance.Fail, "default_allow_download"},

	"views that are not shown": {"GH-SH-08", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "track_external_views", false)
	}, assurance.Fail, "track_external_views"},
	"a view from nowhere": {"GH-SH-08", func(t *testing.T, s *assurance.Snapshot) {
		v := viewed(-3)
		v.IP, v.Device = "", ""
		appendEvents(t, s, v)
	}, assurance.Fail, "no address and no device"},
	"a view that is known": {"GH-SH-08", func(t *testing.T, s *assurance.Snapshot) { appendEvents(t, s, viewed(-3)) }, assurance.Pass, "1 event"},

	"a link that nobody uses": {"GH-SH-10", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.ShareLinkKind, "created_at", in(-91)) }, assurance.Fail, "nobody has used it"},
	"an old link that is used": {"GH-SH-10", func(t *testing.T, s *assurance.Snapshot) {
		set(s, api.ShareLinkKind, "created_at", in(-91))
		appendEvents(t, s, viewed(-3))
	}, assurance.Pass, ""},
	"a period that is too short": {"GH-SH-10", func(_ *testing.T, s *assurance.Snapshot) { s.Run.From = assurancetest.AsOf.AddDate(0, 0, -30) }, assurance.NotAssessed, "choose a longer one"},

	"a guest whose sponsor has left": {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.GuestKind, "sponsor", "leo@example.com")
	}, assurance.Fail, `"leo@example.com" is not an active member`},
	"a guest vouched for by a guest": {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.GuestKind, "sponsor", "gus@partner.example.org")
	}, assurance.Fail, "not an active member"},
	"a guest without a project": {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.GuestKind, "projects", []any{}) }, assurance.Fail, "has no project"},
	"a guest without an end":    {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.GuestKind, "expires_at", nil) }, assurance.Fail, "has no end"},
	"a guest nobody declared":   {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) { none(s, api.GuestKind) }, assurance.Fail, "is a guest without a sponsor"},
	"a guest who was suspended": {"GH-SH-05", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.GuestKind, "active", false)
		set(s, api.GuestKind, "projects", []any{})
	}, assurance.NotApplicable, ""},

	"a guest of a domain that is not allowed": {"GH-SH-09", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "allowed_domains", []any{"other.example.org"})
	}, assurance.Fail, "not on the list"},
	"a guest of a blocked domain": {"GH-SH-09", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "blocked_domains", []any{"partner.example.org"})
	}, assurance.Fail, "is blocked"},
	"sharing is off": {"GH-SH-09", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.SharingPolicyKind, "external_sharing", "disabled")
	}, assurance.Fail, "disabled"},

	"short retention": {"GH-AL-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.AuditPolicyKind, "retention_days", 90.0) }, assurance.Fail, "kept for 90 days"},
	"events that are gone": {"GH-AL-02", func(_ *testing.T, s *assurance.Snapshot) {
		at := assurancetest.AsOf.AddDate(0, 0, -100)
		s.Log.Oldest = &at
	}, assurance.Fail, "the oldest event 100"},
	"a young workspace":       {"GH-AL-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.WorkspaceKind, "created_at", in(-20)) }, assurance.Pass, ""},
	"an oldest event unknown": {"GH-AL-02", func(_ *testing.T, s *assurance.Snapshot) { s.Log.Oldest = nil }, assurance.NotAssessed, ""},

	"a forged checkpoint": {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) {
		s.Log.Checkpoint = strings.Replace(s.Log.Checkpoint, "\n9\n", "\n8\n", 1)
	}, assurance.Fail, "signature does not verify"},
	"a log that does not verify": {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) {
		s.Log.Report.ProblemCount, s.Log.Report.Problems = 1, []audit.Problem{{Kind: audit.EventAltered, Event: "evt_0003", Detail: "altered"}}
	}, assurance.Fail, "1 problems"},
	"an event that was held back": {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) {
		s.Events.Items = append(s.Events.Items[:3:3], s.Events.Items[4:]...)
	}, assurance.Fail, "no event was read for place 5"},
	"an event that was rewritten":       {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) { s.Events.Items[2].Action = "member.deleted" }, assurance.Fail, "not the one that was sealed"},
	"a checkpoint of another workspace": {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) { s.Run.WorkspaceID = "ws_other" }, assurance.Fail, "is of workspace"},
	"the server would not verify":       {"GH-AL-03", func(_ *testing.T, s *assurance.Snapshot) { s.Log.Report, s.Log.Error = nil, "forbidden" }, assurance.NotAssessed, "forbidden"},
	"a key that is another": {"GH-AL-03", func(t *testing.T, s *assurance.Snapshot) {
		s.Log.PublicKey = assurancetest.Key(t, "gatehouse-audit").Public
	}, assurance.Fail, "signature does not verify"},

	"drift": {"GH-CM-01", func(_ *testing.T, s *assurance.Snapshot) {
		s.Drift.Result = drift.Drifted
		s.Drift.Items = []drift.Item{{Class: drift.Widened, Workspace: "wikio", Kind: "sharing_policy", Key: "wikio", Attribute: "public_links", Old: "disabled", New: "allowed", By: &drift.Attribution{Event: "evt_7", Actor: "ann@example.com", Door: "rest"}}}
	}, assurance.Fail, "by ann@example.com via rest"},
	"an unsigned drift report": {"GH-CM-01", func(_ *testing.T, s *assurance.Snapshot) { s.DriftSigned = false }, assurance.NotAssessed, "not signed"},
	"an old drift report": {"GH-CM-01", func(_ *testing.T, s *assurance.Snapshot) {
		s.Drift.GeneratedAt = assurancetest.AsOf.Add(-48 * time.Hour)
	}, assurance.NotAssessed, "old"},
	"an incomplete drift run": {"GH-CM-01", func(_ *testing.T, s *assurance.Snapshot) {
		s.Drift.Result, s.Drift.Gaps = drift.Incomplete, []string{"teams: forbidden"}
	}, assurance.NotAssessed, "teams: forbidden"},
	"drift of another workspace": {"GH-CM-01", func(_ *testing.T, s *assurance.Snapshot) { s.Drift.Workspaces = []string{"other"} }, assurance.NotAssessed, "is of other"},

	"teams made by hand": {"GH-CM-02", func(_ *testing.T, s *assurance.Snapshot) {
		d := assurancetest.Object(api.TeamKind, "team_2", "x", doc{"slug": "x"})
		d["managed_by"] = manual
		add(s, api.TeamKind, d)
	}, assurance.Fail, "teams: 1 of 2"},
	"a privileged object by hand": {"GH-CM-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.SCIMTokenKind, "managed_by", manual) }, assurance.Fail, "privileged and not managed"},

	"a change by hand":         {"GH-CM-03", func(_ *testing.T, s *assurance.Snapshot) { last(s).Change = nil }, assurance.Fail, "by hand"},
	"a change without context": {"GH-CM-03", func(_ *testing.T, s *assurance.Snapshot) { last(s).Change = &audit.ChangeContext{Stack: "s"} }, assurance.Fail, "without commit"},
	"a change without an approver": {"GH-CM-03", func(_ *testing.T, s *assurance.Snapshot) {
		last(s).Change = &audit.ChangeContext{Stack: "s", ChangeContext: api.ChangeContext{Commit: "abc"}}
	}, assurance.Fail, "without an approver"},
	"a change approved by its author": {"GH-CM-03", func(_ *testing.T, s *assurance.Snapshot) {
		last(s).Change = &audit.ChangeContext{Stack: "s", ChangeContext: api.ChangeContext{Commit: "abc", Author: "Ann", Approver: "ann"}}
	}, assurance.Fail, "by its author"},
	"no change": {"GH-CM-03", func(_ *testing.T, s *assurance.Snapshot) { s.Events.Items = s.Events.Items[:4] }, assurance.NotApplicable, ""},

	"an override that nobody reconciled": {"GH-CM-04", func(t *testing.T, s *assurance.Snapshot) { appendEvents(t, s, override(-6)); s.Drift = nil }, assurance.Fail, "is not reconciled"},
	"a young override":                   {"GH-CM-04", func(t *testing.T, s *assurance.Snapshot) { appendEvents(t, s, override(-1)); s.Drift = nil }, assurance.Pass, ""},
	"an override codified in time": {"GH-CM-04", func(t *testing.T, s *assurance.Snapshot) {
		fix := override(-5)
		fix.Reasons, fix.Change = nil, &audit.ChangeContext{Stack: "s"}
		appendEvents(t, s, override(-6), fix)
	}, assurance.Pass, ""},
	"an override reconciled late": {"GH-CM-04", func(t *testing.T, s *assurance.Snapshot) {
		fix := override(-1)
		fix.Reasons, fix.Change = nil, &audit.ChangeContext{Stack: "s"}
		appendEvents(t, s, override(-20), fix)
	}, assurance.Fail, "reconciled only on"},

	"a backup outside of the EU": {"GH-DP-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.DataResidencyKind, "backup_region", "uk-london") }, assurance.Fail, "outside the European Union"},
	"a region that is none":      {"GH-DP-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.DataResidencyKind, "primary_region", "moon-1") }, assurance.Fail, "not a region"},
	"no pin":                     {"GH-DP-01", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.DataResidencyKind, "pin", "none") }, assurance.NotApplicable, ""},

	"a failure without an owner": {"GH-GV-02", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.MFAPolicyKind, "requirement", "none") }, assurance.Fail, "GH-AU-01"},
	"a failure with an owner": {"GH-GV-02", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "requirement", "none")
		s.Register = &assurance.Register{Findings: []assurance.Ownership{{Check: "GH-AU-01", Owner: "ann", Due: assurancetest.AsOf.AddDate(0, 0, 7)}}}
	}, assurance.Pass, ""},
	"a failure that is overdue": {"GH-GV-02", func(_ *testing.T, s *assurance.Snapshot) {
		set(s, api.MFAPolicyKind, "requirement", "none")
		s.Register = &assurance.Register{Findings: []assurance.Ownership{{Check: "GH-AU-01", Owner: "ann", Due: assurancetest.AsOf.AddDate(0, 0, -7)}}}
	}, assurance.Fail, "was due"},
}

func TestChecks(t *testing.T) {
	covered := map[string]map[assurance.Status]bool{}
	for name, c := range cases {
		if covered[c.check] == nil {
			covered[c.check] = map[assurance.Status]bool{}
		}
		covered[c.check][c.want] = true
		t.Run(c.check+"/"+name, func(t *testing.T) {
			s := assurancetest.Snapshot(t)
			c.alter(t, s)
			res := evaluate(t, s, assurance.Options{})[c.check]
			text := res.Summary
			for _, f := range res.Findings {
				text += "\n" + f.Object + ": " + f.Detail
			}
			if res.Status != c.want || !strings.Contains(text, c.says) {
				t.Errorf("%s, want %s saying %q:\n%s", res.Status, c.want, c.says, text)
			}
		})
	}
	for _, id := range assurance.MeasuredIDs() {
		if !covered[id][assurance.Fail] {
			t.Errorf("no case makes %s fail", id)
		}
	}
}

// appendEvents seals the sound snapshot's events again with more.
func appendEvents(t *testing.T, s *assurance.Snapshot, more ...audit.Event) {
	t.Helper()
	assurancetest.Seal(t, s, append(assurancetest.Events(), more...)...)
}

func override(day int) audit.Event {
	return audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, day), Actor: audit.Actor{Kind: "member", Key: "ann@example.com"}, Door: audit.DoorREST, Action: "team.updated",
		Target: audit.Target{Kind: "team", ID: "team_1", Key: "design"}, Reasons: []string{`override: owned by stack "s", edited through rest`}, Before: json.RawMessage(`{"name":"a"}`), After: json.RawMessage(`{"name":"b"}`)}
}

func viewed(day int) audit.Event {
	return audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, day), Actor: audit.Actor{Kind: "viewer", Key: "gus@partner.example.org"}, Door: audit.DoorWeb, Action: "share_link.viewed",
		Target: audit.Target{Kind: "share_link", ID: "lnk_1", Key: "/campaigns#spring-cut-for-gus"}, IP: "192.0.2.7", Device: "d1"}
}

func last(s *assurance.Snapshot) *audit.Event { return &s.Events.Items[len(s.Events.Items)-1] }

func dropAction(s *assurance.Snapshot, action string) {
	var kept []audit.Event
	for _, e := range s.Events.Items {
		if e.Action != action {
			kept = append(kept, e)
		}
	}
	s.Events.Items = kept
}

func moveAction(s *assurance.Snapshot, action string, by time.Duration) {
	for i := range s.Events.Items {
		if s.Events.Items[i].Action == action {
			s.Events.Items[i].Time = s.Events.Items[i].Time.Add(by)
		}
	}
}

func dropResource(s *assurance.Snapshot, id string) []tfstate.Resource {
	var kept []tfstate.Resource
	for _, r := range s.State.Resources {
		if r.ID() != id {
			kept = append(kept, r)
		}
	}
	return kept
}
