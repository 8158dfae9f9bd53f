package provider

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func str(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func TestDocumentsSurviveTheWayThroughTerraform(t *testing.T) {
	for _, kind := range api.Kinds() {
		r := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			doc := randomDocument(r, kind.Fields())
			value, err := fromDocument(kind.Fields(), doc, tftypes.Value{})
			if err != nil {
				t.Fatalf("%s: %v", kind.Name, err)
			}
			back, missing := toDocument(kind.Fields(), value)
			if len(missing) > 0 {
				t.Fatalf("%s: %v is missing", kind.Name, missing)
			}
			if diff := cmp.Diff(settable(kind.Fields(), doc), settable(kind.Fields(), back)); diff != "" {
				t.Fatalf("%s: %s", kind.Name, diff)
			}
		}
	}
}

// settable leaves out what no client sets, and what says nothing.
func settable(fields []api.Field, doc map[string]any) map[string]any {
	out := map[string]any{}
	for i := range fields {
		f := &fields[i]
		v, ok := doc[f.Name]
		if !ok || f.ReadOnly || f.WriteOnly {
			continue
		}
		switch v := v.(type) {
		case map[string]any:
			if f.Type == api.TypeObject {
				out[f.Name] = settable(f.Fields, v)
				continue
			}
		case []any:
			list := make([]any, len(v))
			for i, e := range v {
				list[i] = e
				if m, ok := e.(map[string]any); ok {
					list[i] = settable(f.Fields, m)
				}
			}
			if isSet(f) {
				sortedStrings(list)
			}
			if len(list) > 0 {
				out[f.Name] = list
			}
			continue
		}
		if !emptyJSON(v) {
			out[f.Name] = v
		}
	}
	return out
}

func randomDocument(r *rand.Rand, fields []api.Field) map[string]any {
	doc := map[string]any{}
	for i := range fields {
		f := &fields[i]
		if r.IntN(4) == 0 {
			continue
		}
		switch f.Type {
		case api.TypeBool:
			doc[f.Name] = r.IntN(2) == 0
		case api.TypeInt:
			doc[f.Name] = float64(r.IntN(1 << 30))
		case api.TypeObject:
			doc[f.Name] = randomDocument(r, f.Fields)
		case api.TypeMap:
			m := map[string]any{}
			for n := range r.IntN(4) {
				m[fmt.Sprint("k", n)] = fmt.Sprint("v", r.IntN(9))
			}
			if len(m) > 0 {
				doc[f.Name] = m
			}
		case api.TypeList:
			list := []any{}
			for n := range r.IntN(4) {
				if f.Fields != nil {
					list = append(list, randomDocument(r, f.Fields))
				} else {
					list = append(list, fmt.Sprint("e", n))
				}
			}
			doc[f.Name] = list
		default:
			doc[f.Name] = fmt.Sprint("s", r.IntN(9))
		}
	}
	return doc
}

func FuzzServerAnswersNeverPanic(f *testing.F) {
	f.Add("team", `{"slug":"design","name":"Design"}`)
	f.Add("role", `{"name":"x","statements":[{"effect":"allow","permissions":["*"]}]}`)
	f.Add("team_memberships", `{"team":"x","members":{"a@example.com":"viewer"},"sources":["manual"]}`)
	f.Add("session_policy", `{"privileged":{"idle_timeout":"5m"},"revoke_on":null}`)
	f.Add("sharing_policy", `{"max_link_expiration_days":1e300,"allowed_domains":[1,2]}`)
	f.Fuzz(func(t *testing.T, name, raw string) {
		kind := api.KindByName(name)
		var doc map[string]any
		if kind == nil || json.Unmarshal([]byte(raw), &doc) != nil {
			t.Skip()
		}
		value, err := fromDocument(kind.Fields(), doc, tftypes.Value{})
		if err != nil {
			return
		}
		// What was read once is read the same again: no plan after an apply.
		again, err := fromDocument(kind.Fields(), doc, value)
		if err != nil || !again.Equal(value) {
			t.Errorf("read %s, then %s (%v)", value, again, err)
		}
		toDocument(kind.Fields(), value)
	})
}

func TestEarlierWritingStaysWhereTheMeaningIsTheSame(t *testing.T) {
	list := func(s ...string) tftypes.Value { return stringsOf(tftypes.List{ElementType: tftypes.String}, s) }
	set := func(s ...string) tftypes.Value { return stringsOf(tftypes.Set{ElementType: tftypes.String}, s) }
	for _, tc := range []struct {
		name  string
		field api.Field
		prior tftypes.Value
		json  any
		want  tftypes.Value
	}{
		{"letter case of an e-mail", api.Field{Type: api.TypeString, Format: "email"}, str("Ann@Example.com"), "ann@example.com", str("Ann@Example.com")},
		{"another e-mail", api.Field{Type: api.TypeString, Format: "email"}, str("Ann@Example.com"), "bob@example.com", str("bob@example.com")},
		{"time zone", api.Field{Type: api.TypeTime}, str("2027-06-30T02:00:00+02:00"), "2027-06-30T00:00:00Z", str("2027-06-30T02:00:00+02:00")},
		{"unit of a duration", api.Field{Type: api.TypeString, Format: "duration"}, str("1d"), "24h", str("1d")},
		{"letter case of a plain string", api.Field{Type: api.TypeString}, str("A"), "a", str("a")},
		{"empty for absent", api.Field{Type: api.TypeString}, str(""), nil, str("")},
		{"absent for empty", api.Field{Type: api.TypeString}, tftypes.NewValue(tftypes.String, nil), "", tftypes.NewValue(tftypes.String, nil)},
		{"order of a long list", api.Field{Type: api.TypeList, MaxItems: 500, Format: "domain"}, list("B.example.com", "a.example.com"), []any{"a.example.com", "b.example.com"}, list("B.example.com", "a.example.com")},
		{"order that matters", api.Field{Type: api.TypeList, Ordered: true, MaxItems: 500}, list("b", "a"), []any{"a", "b"}, list("a", "b")},
		{"case in a set", api.Field{Type: api.TypeList, MaxItems: 10, Format: "email"}, set("A@example.com"), []any{"a@example.com"}, set("A@example.com")},
		{"one more element", api.Field{Type: api.TypeList, MaxItems: 10}, set("a"), []any{"a", "b"}, set("a", "b")},
		{"network bits", api.Field{Type: api.TypeList, MaxItems: 10, Format: "cidr"}, set("192.0.2.7/24"), []any{"192.0.2.0/24"}, set("192.0.2.7/24")},
		{"empty list for absent", api.Field{Type: api.TypeList, MaxItems: 10}, set(), nil, set()},
	} {
		got, err := valueOf(&tc.field, tc.json, tc.prior)
		if err != nil || !got.Equal(tc.want) {
			t.Errorf("%s: got %s, %v; want %s", tc.name, got, err, tc.want)
		}
	}
}

func stringsOf(typ tftypes.Type, s []string) tftypes.Value {
	out := make([]tftypes.Value, len(s))
	for i := range s {
		out[i] = str(s[i])
	}
	return tftypes.NewValue(typ, out)
}

func TestUnknownAttributesAreLeftOutAndNamed(t *testing.T) {
	fields := api.RoleKind.Fields()
	statement := terraformType(api.RoleKind.Field("statements")).(tftypes.List).ElementType
	stringSet := tftypes.Set{ElementType: tftypes.String}
	value := tftypes.NewValue(objectType(fields), map[string]tftypes.Value{
		"name": tftypes.NewValue(tftypes.String, tftypes.UnknownValue), "description": str("x"), "base_level": tftypes.NewValue(tftypes.String, nil),
		"statements": tftypes.NewValue(tftypes.List{ElementType: statement}, []tftypes.Value{tftypes.NewValue(statement, map[string]tftypes.Value{
			"effect": str("allow"), "paths": tftypes.NewValue(stringSet, nil),
			"permissions": tftypes.NewValue(stringSet, []tftypes.Value{str("a"), tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}),
		})}),
		"assignable_to": tftypes.NewValue(stringSet, tftypes.UnknownValue),
	})
	doc, missing := toDocument(fields, value)
	want := map[string]any{"description": "x", "statements": []any{map[string]any{"effect": "allow"}}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(unread{"/name", "/statements/0/permissions", "/assignable_to"}, missing); diff != "" {
		t.Error(diff)
	}
	for pointer, covered := range map[string]bool{"/name": true, "/statements": true, "/statements/0/permissions/1": true, "/description": false, "/assignable_to/0": true, "": true} {
		if missing.covers(pointer) != covered {
			t.Errorf("covers(%q) is %v", pointer, !covered)
		}
	}
}

func TestPointersLeadToTheAttributeThatWasWritten(t *testing.T) {
	for _, tc := range []struct {
		kind          *api.Kind
		pointer, want string
	}{
		{api.TeamKind, "/parent", "parent"},
		{api.RoleKind, "/statements/1/permissions/3", "statements[1].permissions"},
		{api.RoleKind, "/statements/1/effect", "statements[1].effect"},
		{api.SSOConnectionKind, "/saml/certificates/0", "saml.certificates[0]"},
		{api.SSOConnectionKind, "/oidc/issuer", "oidc.issuer"},
		{api.SharingPolicyKind, "/allowed_domains/4", "allowed_domains"},
		{api.TeamMembershipsKind, "/members/ann@example.com", `members["ann@example.com"]`},
		{api.AccessGrantsKind, "/grants/group:A~1B~0C", `grants["group:A/B~C"]`},
		{api.TeamKind, "/nothing", ""},
		{api.TeamKind, "", ""},
	} {
		got, ok := attributePath(tc.kind.Fields(), tc.pointer)
		if ok != (tc.want != "") || ok && got.String() != tc.want {
			t.Errorf("%s of %s leads to %s, %v", tc.pointer, tc.kind.Name, got, ok)
		}
	}
}

func TestErrorsAreShownAtALineThatTerraformCanFind(t *testing.T) {
	for _, tc := range []struct {
		kind          *api.Kind
		pointer, want string
	}{
		{api.TeamKind, "/parent", "parent"},
		{api.SSOConnectionKind, "/saml/certificates/0", "saml"},
		{api.RoleKind, "/statements/1/permissions/3", "statements[1]"},
		{api.TeamMembershipsKind, "/members/ann@example.com", `members["ann@example.com"]`},
	} {
		at, ok := attributePath(tc.kind.Fields(), tc.pointer)
		if got := writtenAt(at).String(); !ok || got != tc.want {
			t.Errorf("%s of %s is shown at %s, want %s", tc.pointer, tc.kind.Name, got, tc.want)
		}
	}
}

func TestDefaultsOfTheSchemaAreThoseOfTheServer(t *testing.T) {
	for _, kind := range api.Kinds() {
		for i := range kind.Fields() {
			f := &kind.Fields()[i]
			if f.Default == nil {
				continue
			}
			v, err := defaultOf(f).ToTerraformValue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var none unread
			got, _ := jsonOf("", f, v, &none)
			want := meaning(f, withDefaults(f, f.Default))
			if !reflect.DeepEqual(meaning(f, got), want) {
				t.Errorf("%s.%s: %v, want %v", kind.Name, f.Name, got, want)
			}
		}
	}
}

func TestKeyIsKnownOnlyWhenNothingItIsMadeOfIsMissing(t *testing.T) {
	team := definitions["team"]
	if key := team.knownKey(map[string]any{"slug": "design"}, unread{"/name"}); key != "design" {
		t.Errorf("key %q although the slug is known", key)
	}
	membership := definitions["team_membership"]
	if key := membership.knownKey(map[string]any{"team": "design"}, unread{"/principal"}); key != "" {
		t.Errorf("key %q although the principal is not known", key)
	}
}

func TestWholeNumbersStayWhole(t *testing.T) {
	f := &api.Field{Type: api.TypeInt}
	v, err := valueOf(f, float64(1<<53), tftypes.Value{})
	var n big.Float
	p := &n
	if err != nil || v.As(&p) != nil || p.Text('f', 0) != "9007199254740992" {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := valueOf(f, 1.5, tftypes.Value{}); err == nil {
		t.Error("a fraction was accepted")
	}
}
