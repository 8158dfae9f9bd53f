package drift

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

var at = time.Date(2026, 3, 2, 10, 2, 0, 0, time.UTC)

func resource(kind string, values map[string]any) tfstate.Resource {
	values["workspace"] = "wikio"
	return tfstate.Resource{Address: "gatehouse_" + kind + ".x", Kind: kind, Workspace: "wikio", Values: values}
}

// doc fills in what a server's answer has for every attribute with a default.
func doc(kind *api.Kind, values Doc) Doc {
	out := Doc{}
	for _, f := range kind.Fields() {
		if f.Default != nil {
			out[f.Name] = f.Default
		}
	}
	for name, v := range values {
		out[name] = v
	}
	return out
}

func compare(t *testing.T, kind *api.Kind, state, live map[string]any) *Report {
	t.Helper()
	r := &Report{Schema: Schema, GeneratedAt: at.Add(time.Hour)}
	res := resource(kind.Name, doc(kind, state))
	l := Live{Objects: map[string][]Doc{kind.Name: nil}}
	if live != nil {
		l.Objects[kind.Name] = []Doc{doc(kind, live)}
	}
	r.Compare("wikio", []tfstate.Resource{res}, l, UnmanagedPrivileged)
	r.Sort()
	r.Conclude()
	return r
}

type brief struct {
	Class     Class
	Attribute string
	Old, New  any
}

func briefs(r *Report) []brief {
	var out []brief
	for _, i := range r.Items {
		out = append(out, brief{i.Class, i.Attribute, i.Old, i.New})
	}
	return out
}

func TestDifferencesAreNamedByAttributeAndDirection(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		kind        *api.Kind
		state, live m
		want        []brief
	}{
		"public links allowed by hand": {api.SharingPolicyKind, m{"id": "shrp_1", "public_links": "disabled"}, m{"id": "shrp_1", "public_links": "allowed"},
			[]brief{{Widened, "public_links", "disabled", "allowed"}}},
		"a shorter link life narrows": {api.SharingPolicyKind, m{"max_link_expiration_days": 90.0}, m{"max_link_expiration_days": 30.0},
			[]brief{{Narrowed, "max_link_expiration_days", 90.0, 30.0}}},
		"several attributes, the widening one first": {api.SharingPolicyKind, m{"require_link_password": true, "guest_max_days": 180.0}, m{"require_link_password": false, "guest_max_days": 10.0},
			[]brief{{Widened, "require_link_password", true, false}, {Narrowed, "guest_max_days", 180.0, 10.0}}},
		"longer sessions, in another unit": {api.SessionPolicyKind, m{"idle_timeout": "120m"}, m{"idle_timeout": "3h"},
			[]brief{{Widened, "idle_timeout", "120m", "3h"}}},
		"nested attributes are compared one by one": {api.SSOConnectionKind, m{"name": "okta", "protocol": "saml", "saml": m{"entity_id": "x", "want_signed_assertions": true}},
			m{"name": "okta", "protocol": "saml", "key": "okta", "saml": m{"entity_id": "x", "want_signed_assertions": false}},
			[]brief{{Widened, "saml.want_signed_assertions", true, false}}},
		"entries of an authoritative map": {api.TeamMembershipsKind, m{"team": "design", "members": m{"Ann@example.com": "viewer", "bob@example.com": "viewer"}},
			m{"team": "design", "key": "design", "members": m{"ann@example.com": "team_admin", "eve@example.com": "viewer"}},
			[]brief{{Widened, `members["ann@example.com"]`, "viewer", "team_admin"}, {Widened, `members["eve@example.com"]`, nil, "viewer"}, {Narrowed, `members["bob@example.com"]`, "viewer", nil}}},
		"an end that is gone widens": {api.AccessGrantKind, m{"resource": "/a", "principal": "member:a@example.com", "level": "view", "expires_at": "2026-05-01T00:00:00Z"},
			m{"resource": "/a", "principal": "member:a@example.com", "level": "view", "key": "member:a@example.com@/a"},
			[]brief{{Widened, "expires_at", "2026-05-01T00:00:00Z", nil}}},
		"a token that may be used from anywhere": {api.APITokenKind, m{"name": "ci", "allowed_cidrs": []any{"192.0.2.0/24"}}, m{"name": "ci", "key": "ci"},
			[]brief{{Widened, "allowed_cidrs", []any{"192.0.2.0/24"}, nil}}},
		"statements tell no direction by themselves": {api.RoleKind, m{"name": "r", "statements": []any{}}, m{"name": "r", "key": "r", "statements": []any{m{"effect": "allow", "permissions": []any{"*"}}}},
			[]brief{{Changed, "statements", nil, []any{m{"effect": "allow", "permissions": []any{"*"}}}}}},
		"a deleted team": {api.TeamKind, m{"id": "team_1", "slug": "design", "name": "Design"}, nil, []brief{{Missing, "", nil, nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, c.kind, c.state, c.live)
			if diff := cmp.Diff(c.want, briefs(r)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if r.Result != Drifted || r.ExitCode() != 2 {
				t.Errorf("result %s with exit code %d", r.Result, r.ExitCode())
			}
		})
	}
}

func TestOtherWaysOfWritingTheSameAreNoDrift(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		kind        *api.Kind
		state, live m
	}{
		"letter case of a key":              {api.MemberKind, m{"email": "Ann@Example.com"}, m{"email": "ann@example.com", "key": "ann@example.com"}},
		"order of a set":                    {api.SharingPolicyKind, m{"allowed_domains": []any{"b.example.com", "a.example.com"}}, m{"allowed_domains": []any{"a.example.com", "b.example.com"}}},
		"unit of a duration":                {api.MFAPolicyKind, m{"grace_period": "168h"}, m{"grace_period": "7d"}},
		"time zone":                         {api.RoleAssignmentKind, m{"role": "viewer", "principal": "team:a", "expires_at": "2026-05-01T02:00:00+02:00"}, m{"role": "viewer", "principal": "team:a", "key": "viewer@team:a@/", "expires_at": "2026-05-01T00:00:00Z"}},
		"null and absent":                   {api.TeamKind, m{"slug": "a", "name": "A", "parent": nil, "description": ""}, m{"slug": "a", "name": "A", "key": "a"}},
		"what only the server sets":         {api.SSOConnectionKind, m{"name": "o", "protocol": "saml"}, m{"name": "o", "key": "o", "protocol": "saml", "tested_at": "2026-01-01T00:00:00Z", "acs_url": "https://x.example.com"}},
		"what the server may decide":        {api.MemberKind, m{"email": "a@example.com", "display_name": "A"}, m{"email": "a@example.com", "key": "a@example.com", "display_name": "Ann"}},
		"what the identity provider owns":   {api.MemberKind, m{"email": "a@example.com", "active": true}, m{"email": "a@example.com", "key": "a@example.com", "source": "scim", "active": false}},
		"an object of defaults":             {api.SSOConnectionKind, m{"name": "o", "protocol": "saml", "jit": nil}, m{"name": "o", "key": "o", "protocol": "saml", "jit": m{"enabled": false, "default_role": "member"}}},
		"an attribute newer than the state": {api.WorkspaceKind, m{"slug": "wikio", "name": "W", "min_admins": nil}, m{"slug": "wikio", "key": "wikio", "name": "W"}},
	} {
		t.Run(name, func(t *testing.T) {
			if r := compare(t, c.kind, c.state, c.live); r.Result != InSync || r.ExitCode() != 0 {
				t.Errorf("result %s: %v", r.Result, briefs(r))
			}
		})
	}
}

func TestWhatCouldNotBeReadIsNeverInSync(t *testing.T) {
	res := resource("team", map[string]any{"slug": "a", "name": "A"})
	for name, live := range map[string]Live{
		"listing was forbidden":            {Objects: map[string][]Doc{}, Failed: map[string]string{"team": "forbidden"}},
		"another kind could not be listed": {Objects: map[string][]Doc{"team": {{"slug": "a", "name": "A", "key": "a", "external_allowed": false}}}, Failed: map[string]string{"role_assignment": "forbidden"}},
		"nobody asked":                     {Objects: map[string][]Doc{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Report{Schema: Schema, GeneratedAt: at}
			r.Compare("wikio", []tfstate.Resource{res}, live, UnmanagedPrivileged)
			r.Conclude()
			if r.Result != Incomplete || r.ExitCode() != 1 {
				t.Errorf("result %s with exit code %d", r.Result, r.ExitCode())
			}
			if strings.Contains(r.Summary(), "In sync") {
				t.Errorf("the summary says %q", r.Summary())
			}
		})
	}
}

func TestUndeclaredPrivilegeIsReported(t *testing.T) {
	manual := map[string]any{"kind": "manual"}
	other := map[string]any{"kind": "terraform", "stack": "other"}
	mine := map[string]any{"kind": "terraform", "stack": "mine"}
	live := Live{Objects: map[string][]Doc{
		"team": {{"id": "team_1", "key": "a", "slug": "a", "name": "A", "managed_by": mine}},
		"member": {
			{"id": "mem_1", "key": "eve@example.com", "workspace_role": "admin", "active": true, "managed_by": manual},
			{"id": "mem_2", "key": "bob@example.com", "workspace_role": "member", "active": true, "managed_by": manual},
			{"id": "mem_3", "key": "root@example.com", "workspace_role": "owner", "active": true, "managed_by": map[string]any{"kind": "system"}},
			{"id": "mem_4", "key": "gone@example.com", "workspace_role": "admin", "active": false, "managed_by": manual},
			{"id": "mem_5", "key": "idp@example.com", "workspace_role": "admin", "active": true, "managed_by": map[string]any{"kind": "scim"}},
			{"id": "mem_6", "key": "elsewhere@example.com", "workspace_role": "admin", "active": true, "managed_by": other},
			{"id": "mem_7", "key": "forgotten@example.com", "workspace_role": "admin", "active": true, "managed_by": mine},
		},
		"team_membership": {{"id": "tmem_1", "key": "a/x@example.com", "team": "a", "role": "team_admin", "managed_by": manual}},
	}}
	for scope, want := range map[Scope][]string{
		UnmanagedNone:       nil,
		UnmanagedPrivileged: {"eve@example.com", "forgotten@example.com", "a/x@example.com"},
		UnmanagedAll:        {"bob@example.com", "eve@example.com", "forgotten@example.com", "gone@example.com", "a/x@example.com"},
	} {
		r := &Report{Schema: Schema}
		r.Compare("wikio", []tfstate.Resource{resource("team", map[string]any{"id": "team_1", "slug": "a", "name": "A"})}, live, scope)
		r.Sort()
		var got []string
		for _, i := range r.Items {
			got = append(got, i.Key)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
	// What follows from a guest is the guest's: the guest alone is reported.
	bound := &Report{Schema: Schema}
	bound.Compare("wikio", []tfstate.Resource{resource("team", map[string]any{"id": "team_1", "slug": "a", "name": "A"})}, Live{Objects: map[string][]Doc{
		"team":  live.Objects["team"],
		"guest": {{"id": "gst_1", "key": "gus@example.org", "email": "gus@example.org", "managed_by": manual}},
		"member": {
			{"id": "mem_8", "key": "gus@example.org", "email": "gus@example.org", "workspace_role": "guest", "active": true, "managed_by": manual},
			{"id": "mem_9", "key": "jit@example.org", "email": "jit@example.org", "workspace_role": "guest", "active": true, "managed_by": manual},
		},
		"access_grant": {
			{"id": "grnt_1", "key": "member:gus@example.org@/films", "principal": "member:gus@example.org", "resource": "/films", "source": "guest", "managed_by": manual},
			{"id": "grnt_2", "key": "member:gus@example.org@/sites", "principal": "member:gus@example.org", "resource": "/sites", "source": "manual", "managed_by": manual},
		},
	}}, UnmanagedAll)
	found := map[string]bool{}
	for _, i := range bound.Items {
		found[i.ID] = true
	}
	if diff := cmp.Diff(map[string]bool{"gst_1": true, "mem_9": true, "grnt_2": true}, found); diff != "" {
		t.Errorf("undeclared around a guest (-want +got):\n%s", diff)
	}
	// An authoritative resource declares its rows.
	r := &Report{Schema: Schema}
	set := resource("team_memberships", map[string]any{"team": "a", "members": map[string]any{}})
	live.Objects["team_memberships"] = []Doc{{"key": "a", "team": "a", "members": map[string]any{"x@example.com": "team_admin"}}}
	delete(live.Objects, "member")
	r.Compare("wikio", []tfstate.Resource{set}, live, UnmanagedPrivileged)
	if diff := cmp.Diff([]brief{{Widened, `members["x@example.com"]`, nil, "team_admin"}}, briefs(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func event(id string, e audit.Event, before, after string) audit.Event {
	e.ID, e.Time = id, at
	e.Actor = audit.Actor{Kind: "member", Key: "ann@example.com"}
	e.Door = audit.DoorREST
	if before != "" {
		e.Before = json.RawMessage(before)
	}
	if after != "" {
		e.After = json.RawMessage(after)
	}
	return e
}

func TestDifferencesAreAttributedToTheEventThatMadeThem(t *testing.T) {
	target := audit.Target{Kind: "sharing_policy", ID: "shrp_1", Key: "wikio"}
	r := compare(t, api.SharingPolicyKind, map[string]any{"id": "shrp_1", "key": "wikio"}, map[string]any{"id": "shrp_1", "key": "wikio", "public_links": "allowed"})
	item := &r.Items[0]
	events := []audit.Event{
		event("evt_3", audit.Event{Target: target, Action: "sharing_policy.updated"}, `{"public_links":"allowed","guest_access":true}`, `{"public_links":"allowed","guest_access":false}`),
		event("evt_2", audit.Event{Target: target, Action: "sharing_policy.updated", Reasons: []string{"override: owned by stack", "reason given: campaign\nlaunch"}}, `{"public_links":"disabled"}`, `{"public_links":"allowed"}`),
		event("evt_1", audit.Event{Target: target, Action: "sharing_policy.updated"}, ``, `{"public_links":"disabled"}`),
	}
	if !item.Explain(events) || item.By.Event != "evt_2" {
		t.Fatalf("attributed to %+v", item.By)
	}
	if want := (`WIDENED  sharing_policy "wikio"  public_links "disabled" → "allowed"  by ann@example.com via rest at 10:02 (event evt_2, reason: campaign launch)`); r.line(item) != want {
		t.Errorf("line\n%s\nwant\n%s", r.line(item), want)
	}
	item.By.Reason, item.By.At = "", at.AddDate(0, 0, -3)
	if got := r.line(item); !strings.HasSuffix(got, "via rest at 2026-02-27 10:02 (event evt_2, no reason)") {
		t.Errorf("line %s", got)
	}
}

func TestTheAuditLogSettlesAnUnknownDirection(t *testing.T) {
	for effect, want := range map[audit.Effect]Class{audit.EffectWidened: Widened, audit.EffectNarrowed: Narrowed, audit.EffectNeutral: Neutral, audit.EffectUnknown: Changed} {
		i := Item{Class: Changed, Kind: "role", Attribute: "statements", New: []any{"x"}}
		i.Explain([]audit.Event{event("evt_1", audit.Event{Effect: effect, Action: "role.updated"}, `{"statements":[]}`, `{"statements":["x"]}`)})
		if i.Class != want {
			t.Errorf("effect %s: class %s, want %s", effect, i.Class, want)
		}
	}
	// A rule of ours is exact for its attribute; the event is about the whole object.
	i := Item{Class: Narrowed, Kind: "sharing_policy", Attribute: "guest_max_days", New: 1.0}
	i.Explain([]audit.Event{event("evt_1", audit.Event{Effect: audit.EffectWidened}, `{"guest_max_days":5}`, `{"guest_max_days":1}`)})
	if i.Class != Narrowed {
		t.Errorf("class %s", i.Class)
	}
}

func TestDeletionsCreationsAndMapEntriesAreAttributed(t *testing.T) {
	missing := Item{Class: Missing, Kind: "team", Key: "a"}
	missing.Explain([]audit.Event{event("evt_2", audit.Event{Action: "team.deleted"}, `{"slug":"a"}`, ""), event("evt_1", audit.Event{Action: "team.created"}, "", `{"slug":"a"}`)})
	made := Item{Class: Unmanaged, Kind: "member", Key: "eve@example.com", Attribute: "workspace_role", New: "admin"}
	made.Explain([]audit.Event{event("evt_5", audit.Event{}, `{"workspace_role":"admin","display_name":""}`, `{"workspace_role":"admin","display_name":"E"}`),
		event("evt_4", audit.Event{}, `{"workspace_role":"member"}`, `{"workspace_role":"admin"}`), event("evt_3", audit.Event{}, "", `{"workspace_role":"member"}`)})
	entry := Item{Class: Widened, Kind: "team_memberships", Key: "design", Attribute: `members["eve@example.com"]`, entry: "eve@example.com", New: "viewer"}
	if diff := cmp.Diff(Target{Kind: "team_membership", Key: "design/eve@example.com"}, entry.Targets()[0]); diff != "" {
		t.Error(diff)
	}
	entry.Explain([]audit.Event{event("evt_6", audit.Event{Target: audit.Target{Kind: "team_membership"}}, "", `{"role":"viewer"}`)})
	for want, by := range map[string]*Attribution{"evt_2": missing.By, "evt_4": made.By, "evt_6": entry.By} {
		if by == nil || by.Event != want {
			t.Errorf("attributed to %+v, want %s", by, want)
		}
	}
}

func key(t *testing.T) audit.Key {
	t.Helper()
	secret, _, err := note.GenerateKey(rand.Reader, "drift-test")
	if err != nil {
		t.Fatal(err)
	}
	k, err := audit.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedReportsShowAlteration(t *testing.T) {
	r := compare(t, api.SharingPolicyKind, map[string]any{}, map[string]any{"public_links": "allowed"})
	k := key(t)
	sealed, err := Seal(r, k)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b, sealed); err != nil {
		t.Fatal(err)
	}
	for _, known := range []note.Verifiers{nil, note.VerifierList(k.Verifier)} {
		if got, signed, err := Open(b.Bytes(), known); err != nil || !signed || got.Result != Drifted {
			t.Errorf("signed %v, error %v", signed, err)
		}
	}
	altered := bytes.Replace(b.Bytes(), []byte(`"drift"`), []byte(`"in_sync"`), 1)
	if bytes.Equal(altered, b.Bytes()) {
		t.Fatal("nothing was altered")
	}
	if _, _, err := Open(altered, nil); !errors.Is(err, ErrSeal) {
		t.Errorf("an altered report opens: %v", err)
	}
	if _, _, err := Open(b.Bytes(), note.VerifierList(key(t).Verifier)); !errors.Is(err, ErrSeal) {
		t.Errorf("a report of another signer opens: %v", err)
	}
	b.Reset()
	if err := r.WriteJSON(&b, nil); err != nil {
		t.Fatal(err)
	}
	if _, signed, err := Open(b.Bytes(), nil); err != nil || signed {
		t.Errorf("an unsigned report: signed %v, error %v", signed, err)
	}
}

func TestNamesOfObjectsCannotStartWorkflowCommandsOrTables(t *testing.T) {
	r := &Report{GeneratedAt: at, Workspaces: []string{"w"}, Gaps: []string{"x\n::error::forged"},
		Items: []Item{{Class: Widened, Kind: "role", Key: "a|b", Attribute: "statements", New: "<script>"}}}
	r.Conclude()
	var gh, md bytes.Buffer
	if err := r.WriteGitHub(&gh); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(gh.String(), "NOT LOOKED AT")
	if strings.Contains(first, "\n::error::forged") || !strings.Contains(first, "%0A::error::forged") {
		t.Errorf("the gap was not escaped:\n%s", gh.String())
	}
	if err := r.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(md.String(), "<script>") || !strings.Contains(md.String(), `a\|b`) {
		t.Errorf("markdown was not escaped:\n%s", md.String())
	}
}

func TestAnnotationsStayWithinWhatGitHubShows(t *testing.T) {
	r := &Report{GeneratedAt: at, Workspaces: []string{"w"}}
	for range 30 {
		r.Items = append(r.Items, Item{Class: Widened, Kind: "team", Key: "a", Attribute: "x"}, Item{Class: Narrowed, Kind: "team", Key: "a", Attribute: "x"})
	}
	r.Conclude()
	var b bytes.Buffer
	if err := r.WriteGitHub(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "::error "); n > maxAnnotations {
		t.Errorf("%d errors", n)
	}
	if n := strings.Count(b.String(), "::warning "); n > maxAnnotations || !strings.Contains(b.String(), "42 more differences") {
		t.Errorf("%d warnings in\n%s", n, b.String())
	}
}

// A rule for an attribute that no kind has would be dead.
func TestEveryDirectionRuleIsAboutAnAttribute(t *testing.T) {
	known := map[string]bool{}
	var walk func(kind, prefix string, fields []api.Field)
	walk = func(kind, prefix string, fields []api.Field) {
		for _, f := range fields {
			known[kind+"."+prefix+f.Name], known[prefix+f.Name] = true, true
			walk(kind, prefix+f.Name+".", f.Fields)
		}
	}
	for _, k := range api.Kinds() {
		walk(k.Name, "", k.Fields())
	}
	for name := range rules {
		if !known[name] {
			t.Errorf("no kind has %s", name)
		}
	}
}

func TestEveryTellingAttributeExists(t *testing.T) {
	for kind, attribute := range telling {
		if k := api.KindByName(kind); k == nil || k.Field(attribute) == nil {
			t.Errorf("%s has no %s", kind, attribute)
		}
	}
	for name := range computedThatMatters {
		kind, attribute, _ := strings.Cut(name, ".")
		if k := api.KindByName(kind); k == nil || k.Field(attribute) == nil || !k.Field(attribute).Computed {
			t.Errorf("%s is not a computed attribute", name)
		}
	}
}
