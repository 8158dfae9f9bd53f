package export

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// world is a workspace with something of everything, made by hand.
type world struct {
	*servertest.Instance
	t *testing.T
	w *client.Workspace
	// secrets must be found nowhere.
	secrets []string
	inAYear string
}

// nasty is a text that HCL, a shell or a terminal could take for more than text.
const nasty = "Design & \"Brand\" ${path.module} %{ if true } $${x} \\n 日本 🙂"

func newWorld(t *testing.T) *world {
	t.Helper()
	inst := servertest.Start(t)
	w := &world{Instance: inst, t: t, inAYear: time.Now().Add(300 * 24 * time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)}
	w.w = w.connect(inst.OwnerToken, "").Workspace(inst.Workspace)
	w.secrets = []string{inst.OwnerToken, inst.AdminToken}
	return w
}

func (w *world) connect(token, stack string) *client.Client {
	w.t.Helper()
	c, err := client.New(client.Config{Endpoint: w.URL, Token: token, Stack: stack})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) make(kind *api.Kind, doc client.Document) {
	w.t.Helper()
	if _, err := w.w.Create(w.t.Context(), kind, doc, client.WriteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(kind *api.Kind, ref string, doc client.Document) {
	w.t.Helper()
	if _, err := w.w.Put(w.t.Context(), kind, ref, doc, client.WriteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// fill makes something of every kind, by the owner's hand.
func (w *world) fill() {
	w.t.Helper()
	w.people()
	w.access()
	w.signin()
	w.code()
	w.push()
}

func (w *world) people() {
	w.make(api.MemberKind, client.Document{"email": "ann@example.com", "display_name": nasty})
	w.make(api.MemberKind, client.Document{"email": "ann@example.net", "workspace_role": "admin"})
	w.make(api.MemberKind, client.Document{"email": "ben.o'neil+x@example.com"})
	w.put(api.MemberKind, "ben.o'neil+x@example.com", client.Document{"email": "ben.o'neil+x@example.com", "active": false})
	w.make(api.TeamKind, client.Document{"slug": "all", "name": nasty, "description": "One line,\nanother \"line\"\n\n\tand ${a} last one"})
	w.make(api.TeamKind, client.Document{"slug": "2027-plans", "name": "Plans", "parent": "all", "default_level": "comment", "description": "  indented\n    more\nless\n"})
	w.make(api.TeamMembershipKind, client.Document{"team": "all", "principal": "ann@example.com", "role": "team_admin", "expires_at": w.inAYear})
	w.make(api.TeamMembershipKind, client.Document{"team": "all", "principal": "ann@example.net"})
	w.make(api.ServiceAccountKind, client.Document{"name": "ci", "owner": "ann@example.com", "description": "Runs %{ for }"})
	w.make(api.APITokenKind, client.Document{"name": "drift", "service_account": "ci", "scopes": []any{"read_only"}})
	w.make(api.APITokenKind, client.Document{"name": "short", "service_account": "ci", "scopes": []any{"team.*", "audit.read"}, "expires_at": w.inAYear, "allowed_cidrs": []any{"192.0.2.0/24"}})
	w.secret(api.APITokenKind, "drift")
}

func (w *world) access() {
	w.make(api.ProjectKind, client.Document{"path": "/finance", "name": nasty, "team": "all", "owner": "ann@example.com", "inheritance": "restricted"})
	w.make(api.ProjectKind, client.Document{"path": "/campaigns", "name": "Campaigns", "team": "2027-plans", "owner": "owner@example.com", "classification": "public"})
	w.make(api.FolderKind, client.Document{"path": "/finance/q.1", "name": "Q1"})
	w.make(api.FolderKind, client.Document{"path": "/finance/q.1/drafts"})
	w.make(api.FolderKind, client.Document{"path": "/acme"})
	w.make(api.AssetKind, client.Document{"path": "/finance/q.1/report.pdf", "name": nasty, "external_ref": "media:${x}", "classification": "confidential", "archived": true, "legal_hold": true})
	w.make(api.AssetKind, client.Document{"path": "/finance/q.1/clip"})
	w.make(api.AssetKind, client.Document{"path": "/acme/clip"})
	w.make(api.CollectionKind, client.Document{"path": "/campaigns/best-of", "asset_ids": []any{"/finance/q.1/clip", "/acme/clip"}})
	w.make(api.AccessGrantKind, client.Document{"resource": "/campaigns/best-of", "principal": "group:Agency", "level": "comment"})
	w.make(api.RoleKind, client.Document{"name": "auditor", "description": "Looks, and \"touches\" nothing.", "base_level": "view",
		"statements":    []any{map[string]any{"effect": "deny", "permissions": []any{"asset.download"}, "paths": []any{"/finance", "/campaigns/*/drafts", "/elsewhere"}}, map[string]any{"effect": "allow", "permissions": []any{"comment.create"}}},
		"assignable_to": []any{"team", "member", "group"}})
	w.make(api.RoleKind, client.Document{"name": "auditor-2"})
	w.make(api.RoleAssignmentKind, client.Document{"role": "auditor", "principal": "team:2027-plans", "justification": nasty, "condition": "context.mfa_age >= 0 &&\ncontext.mfa_age < 900 &&\n  principal != resource"})
	w.make(api.RoleAssignmentKind, client.Document{"role": "viewer", "principal": "service_account:ci", "scope": "/finance/q.1"})
	w.make(api.RoleAssignmentKind, client.Document{"role": "auditor", "principal": "group:Ünïts/${x} \"q\"", "scope": "/"})
	w.make(api.AccessGrantKind, client.Document{"resource": "/finance/q.1", "principal": "member:ann@example.com", "level": "edit", "expires_at": w.inAYear, "allow_download": true})
	w.make(api.AccessGrantKind, client.Document{"resource": "/finance", "principal": "member:owner@example.com", "role": "auditor"})
	w.make(api.AccessGrantKind, client.Document{"resource": "/acme", "principal": "team:all", "level": "view"})
	w.make(api.SeparationOfDutiesRuleKind, client.Document{"name": "four-eyes", "description": nasty, "left": map[string]any{"roles": []any{"auditor", "manager"}}, "right": map[string]any{"permissions": []any{"billing.write"}}})
	w.make(api.AttributePolicyKind, client.Document{"name": "by-day", "description": nasty, "effect": "deny", "permissions": []any{"asset.download", "share_link.*"}, "paths": []any{"/finance/q.1", "/finance/*/drafts"},
		"condition": "context.hour < 6 ||\n  principal.email_domain like \"*.${x}\"", "expires_at": w.inAYear, "mode": "report_only"})
}

func (w *world) signin() {
	certificate, err := os.ReadFile("../../examples/wikio/idp.crt")
	if err != nil {
		w.t.Fatal(err)
	}
	w.make(api.SSOConnectionKind, client.Document{"name": "okta", "protocol": "saml", "preset": "okta", "domains": []any{"example.com", "example.net"},
		"saml":              map[string]any{"entity_id": "http://www.okta.example/exk1", "sso_url": "https://idp.example.com/sso?a=${b}", "certificates": []any{string(certificate), strings.TrimSpace(string(certificate))}},
		"attribute_mapping": map[string]any{"email": "email", "display_name": "http://schemas.example.com/claims/${name}"}, "jit": map[string]any{}})
	w.secrets = append(w.secrets, "correct horse battery staple")
	w.make(api.SSOConnectionKind, client.Document{"name": "entra", "protocol": "oidc", "preset": "entra_id",
		"oidc": map[string]any{"issuer": "https://login.example.com/tenant/v2.0", "client_id": "abc", "client_secret_wo": "correct horse battery staple", "client_secret_wo_version": 3}})
	w.put(api.MFAPolicyKind, "", client.Document{"requirement": "roles", "roles": []any{"owner", "admin"}})
	w.put(api.NotificationPolicyKind, "", client.Document{"email_events": []any{}, "digest": "daily", "digest_timezone": "Europe/Berlin"})
	w.make(api.NotificationChannelKind, client.Document{"name": "siem", "type": "webhook", "url_wo": "https://hooks.example.com/correct-horse", "secret_wo": "whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==", "events": []any{"mention", "link_viewed"}, "scope": "/finance"})
	w.make(api.EventReceiverKind, client.Document{"name": "idp", "url": "https://signals.example.com/${x}", "audience": nasty, "events": []any{"session_revoked"}, "authorization_header_wo": "Bearer correct horse battery staple", "authorization_header_wo_version": 4})
	w.put(api.SessionPolicyKind, "", client.Document{"absolute_timeout": "12h", "privileged": map[string]any{"idle_timeout": "10m"}, "revoke_on": []any{}})
	w.put(api.SharingPolicyKind, "", client.Document{"external_sharing": "allowlist", "allowed_domains": []any{"agency.example", "client.example"}, "guest_invitations": "roles", "guest_inviter_roles": []any{"auditor", "admin"}})
	// The Owner invites nobody under that policy unless they hold one of the roles.
	w.put(api.SharingPolicyKind, "", client.Document{"external_sharing": "allowlist", "allowed_domains": []any{"agency.example", "client.example"}})
	w.make(api.SharingPolicyOverrideKind, client.Document{"path": "/finance/q.1", "description": nasty, "external_sharing": "allowlist", "allowed_domains": []any{"agency.example"}, "max_link_expiration_days": 7, "require_link_password": true, "existing_shares": "grandfather", "grandfather_until": w.inAYear})
	w.make(api.SharingPolicyOverrideKind, client.Document{"path": "/acme", "allow_loosen": true, "guest_max_days": 360, "require_external_approval": false})
	w.make(api.GuestKind, client.Document{"email": "gus@agency.example", "sponsor": "ann@example.com", "projects": []any{"/finance", "/campaigns"}, "max_level": "edit", "company": nasty})
	w.make(api.ShareLinkKind, client.Document{"resource": "/finance/q.1", "name": "Q1: \"${x}\" for the agency", "kind": "recipient", "recipients": []any{"gus@agency.example", "ann@example.com"}, "level": "comment", "allow_download": true, "max_views": 5, "password_wo": "correct horse battery staple", "password_wo_version": 2})
	w.make(api.InvitationKind, client.Document{"email": "nora@example.com", "teams": []any{"all"}, "message": nasty, "expires_in": "3d"})
	w.make(api.ApprovalPolicyKind, client.Document{"name": "legal", "description": nasty, "expires_after": "36h", "requester_cannot_approve": false,
		"steps":             []any{map[string]any{"approvers": []any{"role:auditor", "role:owner", "member:ann@example.com", "team:all"}}, map[string]any{"approvers": []any{"role:admin"}, "min_approvals": 2, "when": "resource in Item::\"/finance\" ||\n  resource.path like \"/${x}*\""}},
		"auto_approve_when": "resource.path like \"/%{y}*\""})
	w.put(api.SharingPolicyKind, "", client.Document{"external_sharing": "allowlist", "allowed_domains": []any{"agency.example", "client.example"}, "guest_invitations": "roles", "guest_inviter_roles": []any{"auditor", "admin"}, "approval_policy": "legal"})
}

// code lets Terraform declare a team and the rows of two views.
func (w *world) code() {
	acme := w.connect(w.OwnerToken, w.Workspace).Workspace(w.Workspace)
	for _, made := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.TeamKind, client.Document{"slug": "leads", "name": "Leads"}},
		{api.TeamMembershipsKind, client.Document{"team": "leads", "members": map[string]any{"ann@example.com": "editor", "member@example.com": "viewer"}}},
		{api.AccessGrantsKind, client.Document{"resource": "/campaigns", "grants": map[string]any{"team:leads": "manage", "service_account:ci": "auditor-2"}}},
	} {
		if _, err := acme.Create(w.t.Context(), made.kind, made.doc, client.WriteOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// push lets an identity provider provision a person and a group.
func (w *world) push() {
	w.make(api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "main"})
	w.make(api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "next", "rotation": map[string]any{}})
	w.make(api.SCIMGroupMappingKind, client.Document{"connection_name": "okta", "group": "Команда ${x}/\"q\"", "team": "all", "team_role": "editor"})
	w.make(api.SCIMGroupMappingKind, client.Document{"connection_name": "okta", "group": "Cafe\u0301", "workspace_role": "member"})
	w.make(api.SCIMGroupMappingKind, client.Document{"connection_name": "okta", "group": "Finance", "role": "auditor", "scope": "/finance/q.1", "on_group_deleted": "keep"})
	w.make(api.ProvisioningPolicyKind, client.Document{"connection_name": "okta", "max_removal_ratio": "0.1", "email_change": "hold", "protected_principals": []any{"owner@example.com"}})
	token := w.secret(api.SCIMTokenKind, "okta/main")
	id := w.scim(token, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"sam@example.com","displayName":"Sam","active":true,"emails":[{"value":"sam@example.com","primary":true}]}`)
	w.scim(token, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Команда ${x}/\"q\"","members":[{"value":"`+id+`"}]}`)
}

func (w *world) secret(kind *api.Kind, ref string) string {
	w.t.Helper()
	s, err := w.w.Secret(w.t.Context(), kind, ref, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	w.secrets = append(w.secrets, s.Secret)
	return s.Secret
}

// scim creates a resource as an identity provider does, and gives its id.
func (w *world) scim(token, path, body string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	location := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusCreated || location == "" {
		w.t.Fatalf("POST %s: %s", path, resp.Status)
	}
	return location[strings.LastIndexByte(location, '/')+1:]
}

// export exports the workspace as the owner.
func (w *world) export(opts Options) *Result {
	w.t.Helper()
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	r, err := Export(w.t.Context(), w.w, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// file is the text of one of the files.
func (r *Result) file(name string) string {
	for _, f := range r.Files {
		if f.Name == name {
			return string(f.Content)
		}
	}
	return ""
}
