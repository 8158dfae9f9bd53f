package assurancetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// AsOf is the moment of the snapshot.
var AsOf = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// Stack owns what the snapshot's state declares.
const Stack = "github.com/example/infra//access"

const workspaceID = "ws_00000000000000000000000001"

// Doc is an object on the wire.
type Doc = map[string]any

func days(n int) string { return AsOf.AddDate(0, 0, n).Format(time.RFC3339) }

var (
	byCode   = Doc{"kind": "terraform", "stack": Stack}
	bySCIM   = Doc{"kind": "scim", "stack": "okta"}
	bySystem = Doc{"kind": "system"}
)

// meta are the attributes that every kind has.
var meta = []string{"id", "key", "etag", "managed_by", "created_at", "updated_at"}

// Object is an object of a kind with its defaults, owned by the snapshot's stack.
func Object(kind *api.Kind, id, key string, values Doc) Doc {
	out := Doc{"id": id, "key": key, "managed_by": byCode, "created_at": days(-60), "updated_at": days(-60)}
	for _, f := range kind.Fields() {
		if f.Default != nil {
			out[f.Name] = f.Default
		}
	}
	for name, v := range values {
		if kind.Field(name) == nil && !slices.Contains(meta, name) {
			panic("assurancetest: " + kind.Name + " has no attribute " + name)
		}
		out[name] = v
	}
	// As it comes off the wire, numbers and all.
	raw, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	out = nil
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// Certificate makes a signing certificate that is valid until a time.
func Certificate(t testing.TB, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp.example.com"}, NotBefore: AsOf.AddDate(-1, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Snapshot makes the sound snapshot.
func Snapshot(t testing.TB) *assurance.Snapshot {
	t.Helper()
	s := &assurance.Snapshot{
		Run: assurance.Run{Workspace: "wikio", WorkspaceID: workspaceID, Endpoint: "https://gatehouse.example.com", Server: "1.0.0", Collector: "service_account:evidence",
			Tool: "gatehouse test", AsOf: AsOf, From: AsOf.AddDate(0, 0, -90), To: AsOf},
		Objects: map[string]assurance.Collection{}, Probes: []assurance.Probe{},
		Routes: assurance.Routes{Items: []assurance.Route{{Method: "get", Path: "/v1/workspaces/{workspace}/members", Permission: "member.read"}, {Method: "get", Path: "/v1/whoami", Permission: "authenticated"}}},
	}
	for _, k := range api.Kinds() {
		if !k.View {
			Set(s, k)
		}
	}
	people(s)
	settings(s)
	machines(t, s)
	items(s)
	s.State = stateOf(s)
	s.Probes = append(s.Probes,
		assurance.Probe{Name: assurance.ProbeRevocation, Subject: "service_account gatehouse-canary", At: AsOf, Held: true, Millis: 4},
		assurance.Probe{Name: assurance.ProbeExpiredAccess, Subject: "grnt_2", At: AsOf, Held: true})
	s.Drift = &drift.Report{Schema: drift.Schema, GeneratedAt: AsOf.Add(-time.Hour), Workspaces: []string{"wikio"}, Result: drift.InSync, Compared: len(s.State.Resources), Items: []drift.Item{}}
	s.DriftSigned = true
	s.Trash = &assurance.Collection{Query: "GET /v1/workspaces/wikio/trash", Complete: true, Items: []map[string]any{
		{"id": "fold_9", "kind": "folder", "path": "/campaigns/old", "trashed_at": days(-20), "purge_at": days(10), "legal_hold": false},
		{"id": "asst_9", "kind": "asset", "path": "/campaigns/held", "trashed_at": days(-80), "purge_at": days(-50), "legal_hold": true},
	}}
	provisioning(s)
	Seal(t, s, events()...)
	return s
}

// Set puts the objects of a kind into the snapshot.
func Set(s *assurance.Snapshot, kind *api.Kind, docs ...Doc) {
	n := len(docs)
	c := assurance.Collection{Query: "GET /v1/workspaces/wikio/" + kind.Plural, Complete: true, Items: append([]map[string]any{}, docs...)}
	if !kind.Singleton {
		c.SecondQuery, c.SecondCount = c.Query+"?limit=97", &n
	}
	s.Objects[kind.Name] = c
}

func people(s *assurance.Snapshot) {
	member := func(id, email, role string, more Doc) Doc {
		values := Doc{"email": email, "workspace_role": role, "source": "terraform"}
		for k, v := range more {
			values[k] = v
		}
		return Object(api.MemberKind, id, email, values)
	}
	Set(s, api.MemberKind,
		member("mem_1", "owner@example.com", "owner", Doc{"source": "system", "managed_by": bySystem, "sso_exempt": true}),
		member("mem_2", "ann@example.com", "admin", nil),
		member("mem_3", "bob@example.com", "member", Doc{"source": "scim", "external_id": "x-3", "connection_name": "okta", "managed_by": bySCIM}),
		member("mem_4", "gus@partner.example.org", "guest", nil),
		member("mem_5", "leo@example.com", "member", Doc{"source": "scim", "external_id": "x-5", "connection_name": "okta", "managed_by": bySCIM, "active": false, "suspended_at": days(-10)}),
	)
	Set(s, api.GuestKind, Object(api.GuestKind, "gst_1", "gus@partner.example.org", Doc{"email": "gus@partner.example.org", "sponsor": "ann@example.com", "projects": []any{"/campaigns"}, "max_level": "edit", "expires_at": days(90), "sponsor_active": true}))
	Set(s, api.TeamKind, Object(api.TeamKind, "team_1", "design", Doc{"slug": "design", "name": "Design"}))
	Set(s, api.TeamMembershipKind, Object(api.TeamMembershipKind, "tmem_1", "design/bob@example.com", Doc{"team": "design", "principal": "bob@example.com", "role": "editor", "source": "scim", "managed_by": bySCIM}))
}

func settings(s *assurance.Snapshot) {
	one := func(kind *api.Kind, values Doc) {
		Set(s, kind, Object(kind, kind.Prefix+"_1", "wikio", values))
	}
	one(api.WorkspaceKind, Doc{"id": workspaceID, "slug": "wikio", "name": "Wikio", "classification": "confidential", "min_admins": 2, "state": "active", "created_at": days(-500)})
	one(api.LoginPolicyKind, Doc{"enforce_sso": true, "password_login": "disabled"})
	one(api.MFAPolicyKind, nil)
	one(api.SessionPolicyKind, Doc{"privileged": Doc{"absolute_timeout": "12h", "idle_timeout": "30m"}})
	one(api.AuditPolicyKind, nil)
	one(api.RetentionPolicyKind, nil)
	one(api.ChangePolicyKind, nil)
	one(api.SharingPolicyKind, Doc{"allowed_domains": []any{"partner.example.org"}})
	one(api.DataResidencyKind, Doc{"primary_region": "eu-frankfurt", "replica_regions": []any{"eu-dublin"}, "backup_region": "eu-stockholm", "pin": "eu"})
	one(api.WorkspaceOwnerKind, Doc{"principal": "owner@example.com"})
}

func machines(t testing.TB, s *assurance.Snapshot) {
	Set(s, api.ServiceAccountKind, Object(api.ServiceAccountKind, "sva_1", "ci", Doc{"name": "ci", "owner": "ann@example.com", "workspace_role": "admin"}))
	Set(s, api.APITokenKind, Object(api.APITokenKind, "atok_1", "ci", Doc{"name": "ci", "service_account": "ci", "scopes": []any{"team.*"}, "expires_at": days(30)}))
	Set(s, api.SCIMTokenKind, Object(api.SCIMTokenKind, "sctk_1", "okta/main", Doc{"connection_name": "okta", "name": "main", "expires_at": days(100)}))
	Set(s, api.SSOConnectionKind,
		Object(api.SSOConnectionKind, "sso_1", "okta", Doc{"name": "okta", "protocol": "saml", "saml": Doc{"entity_id": "https://idp.example.com", "sso_url": "https://idp.example.com/sso",
			"certificates": []any{Certificate(t, AsOf.AddDate(1, 0, 0))}, "want_signed_assertions": true, "allow_idp_initiated": false, "name_id_format": "persistent"}}),
		Object(api.SSOConnectionKind, "sso_2", "entra", Doc{"name": "entra", "protocol": "oidc", "oidc": Doc{"issuer": "https://login.example.com", "client_id": "x", "scopes": []any{"openid", "email"}, "pkce": true}}))
	Set(s, api.SCIMGroupMappingKind, Object(api.SCIMGroupMappingKind, "scgm_1", "okta/designers/team:design", Doc{"connection_name": "okta", "group": "Designers", "team": "design", "team_role": "editor"}))
}

func items(s *assurance.Snapshot) {
	Set(s, api.ProjectKind, Object(api.ProjectKind, "proj_1", "/campaigns", Doc{"path": "/campaigns", "name": "Campaigns", "team": "design"}))
	Set(s, api.RoleKind, Object(api.RoleKind, "role_1", "press", Doc{"name": "press", "statements": []any{Doc{"effect": "allow", "permissions": []any{"asset.read"}, "paths": []any{"/campaigns"}}}}))
	Set(s, api.SeparationOfDutiesRuleKind, Object(api.SeparationOfDutiesRuleKind, "sod_1", "four-eyes", Doc{"name": "four-eyes", "left": Doc{"roles": []any{"press"}}, "right": Doc{"roles": []any{"approver"}}}))
	Set(s, api.RoleAssignmentKind, Object(api.RoleAssignmentKind, "rasg_1", "press@member:bob@example.com@/campaigns", Doc{"role": "press", "principal": "member:bob@example.com", "scope": "/campaigns"}))
	Set(s, api.AccessGrantKind,
		Object(api.AccessGrantKind, "grnt_1", "member:gus@partner.example.org@/campaigns", Doc{"resource": "/campaigns", "principal": "member:gus@partner.example.org", "level": "edit", "expires_at": days(90)}),
		Object(api.AccessGrantKind, "grnt_2", "member:bob@example.com@/campaigns", Doc{"resource": "/campaigns", "principal": "member:bob@example.com", "level": "manage", "expires_at": days(-1)}))
	Set(s, api.ShareLinkKind,
		Object(api.ShareLinkKind, "lnk_1", "/campaigns#spring-cut-for-gus", Doc{"resource": "/campaigns", "name": "Spring cut for Gus", "kind": "recipient", "recipients": []any{"gus@partner.example.org"},
			"state": "active", "created_by": "member:ann@example.com", "allow_download": true, "justification": "Gus cuts it offline", "expires_at": days(20)}))
}

// stateOf declares everything that the snapshot's stack owns.
func stateOf(s *assurance.Snapshot) *tfstate.State {
	state := &tfstate.State{Source: "file terraform.tfstate", Serial: 4, Lineage: "l-1", Resources: []tfstate.Resource{}}
	for _, k := range api.Kinds() {
		for _, doc := range s.Objects[k.Name].Items {
			if m, _ := doc["managed_by"].(map[string]any); m["kind"] == "terraform" {
				values := map[string]any{"workspace": "wikio"}
				for name, v := range doc {
					values[name] = v
				}
				state.Resources = append(state.Resources, tfstate.Resource{Address: "gatehouse_" + k.Name + "." + doc["id"].(string), Kind: k.Name, Workspace: "wikio", Values: values})
			}
		}
	}
	return state
}

func provisioning(s *assurance.Snapshot) {
	s.Provisioning = assurance.ProvisioningLog{Query: "GET /v1/workspaces/wikio/provisioning_events", Complete: true, Items: []assurance.ProvisioningEvent{
		{ID: "pevt_3", Connection: "okta", Time: AsOf.Add(-2 * time.Hour), Operation: "group_update", Target: "grp_1", Outcome: "applied", Status: 204, RequestID: "req_9"},
		{ID: "pevt_2", Connection: "okta", Time: AsOf.AddDate(0, 0, -10), Operation: "leave", Resource: "User", Target: "mem_5", Outcome: "applied", Status: 200, RequestID: "req_5"},
		{ID: "pevt_1", Connection: "okta", Time: AsOf.AddDate(0, 0, -40), Operation: "join", Resource: "User", Target: "mem_3", Outcome: "applied", Status: 201, RequestID: "req_3"},
	}}
}

func events() []audit.Event {
	code := &audit.ChangeContext{ChangeContext: api.ChangeContext{Commit: "abc", Author: "ann", Approver: "owner"}, Stack: Stack}
	at := func(day int) time.Time { return AsOf.AddDate(0, 0, day) }
	member := func(id, key string) audit.Target { return audit.Target{Kind: "member", ID: id, Key: key} }
	ci := audit.Actor{Kind: "service_account", ID: "sva_1", Key: "ci"}
	okta := audit.Actor{Kind: "connection", Key: "okta"}
	policy := audit.Target{Kind: "sharing_policy", ID: "shrp_1", Key: "wikio"}
	return []audit.Event{
		{Time: at(-500), Actor: audit.Actor{Kind: "operator", Key: "root"}, Door: audit.DoorREST, Action: "member.created", Target: member("mem_1", "owner@example.com"), After: json.RawMessage(`{"email":"owner@example.com"}`)},
		{Time: at(-60), Actor: ci, Door: audit.DoorREST, Action: "member.created", Target: member("mem_2", "ann@example.com"), Change: code, After: json.RawMessage(`{"email":"ann@example.com"}`)},
		{Time: at(-50), Actor: ci, Door: audit.DoorREST, Action: "member.created", Target: member("mem_4", "gus@partner.example.org"), Change: code, After: json.RawMessage(`{"email":"gus@partner.example.org"}`)},
		{Time: at(-45), Actor: okta, Door: audit.DoorSCIM, Action: "member.created", Target: member("mem_5", "leo@example.com"), RequestID: "req_2", After: json.RawMessage(`{"email":"leo@example.com"}`)},
		{Time: at(-40), Actor: okta, Door: audit.DoorSCIM, Action: "member.created", Target: member("mem_3", "bob@example.com"), RequestID: "req_3", After: json.RawMessage(`{"email":"bob@example.com"}`)},
		{Time: at(-30), Actor: audit.Actor{Kind: "member", ID: "mem_2", Key: "ann@example.com"}, Door: audit.DoorREST, Action: "team.updated", Target: audit.Target{Kind: "team", ID: "team_1", Key: "design"}, RequestID: "req_4",
			Change: &audit.ChangeContext{ChangeContext: code.ChangeContext, Stack: Stack}, Before: json.RawMessage(`{"name":"D"}`), After: json.RawMessage(`{"name":"Design"}`)},
		{Time: at(-10), Actor: okta, Door: audit.DoorSCIM, Action: "token.revoked", Target: audit.Target{Kind: "token", Key: "member:leo@example.com"}, RequestID: "req_5"},
		{Time: at(-10).Add(20 * time.Millisecond), Actor: okta, Door: audit.DoorSCIM, Action: "member.suspended", Target: member("mem_5", "leo@example.com"), RequestID: "req_5", Before: json.RawMessage(`{"active":true}`), After: json.RawMessage(`{"active":false}`)},
		{Time: at(-5), Actor: ci, Door: audit.DoorREST, Action: "sharing_policy.updated", Target: policy, Change: code, RequestID: "req_6",
			Reasons: []string{}, Before: json.RawMessage(`{"public_links":"allowed"}`), After: json.RawMessage(`{"public_links":"disabled"}`)},
	}
}
