package patch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNormaliseLeavesOnlyCanonicalTypedAttributes(t *testing.T) {
	in := object(t, `{
		"schemas": ["`+strings.ToUpper(schema.UserURN)+`", "urn:scim:schemas:core:1.0"],
		"USERNAME": "ann", "Active": "True", "name.givenName": "Ann", "name": {"FAMILYNAME": "Ott", "shoe": 1},
		"emails": {"value": "a@example.com", "primary": "True"}, "phoneNumbers": "123", "roles": [], "title": "",
		"emails[type eq \"home\"].value": "h@example.com",
		"`+schema.EnterpriseURN+`:manager": "m1", "`+strings.ToLower(schema.EnterpriseURN)+`": {"employeeNumber": 701984, "shoe": 2},
		"`+schema.UserURN+`": {"nickName": "N"}, "id": "x", "groups": [{"value": "g"}], "meta": {"version": "v"}, "colour": "blue",
		"urn:example:2.0:Thing": {"a": {"b": 1}}}`)
	doc, ignored, err := patch.Normalise(schema.User, in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"userName": "ann", "active": true, "name": map[string]any{"givenName": "Ann", "familyName": "Ott"}, "nickName": "N",
		"emails":       []any{map[string]any{"value": "a@example.com", "primary": true}, map[string]any{"value": "h@example.com", "type": "home"}},
		"phoneNumbers": []any{map[string]any{"value": "123"}},
		schema.EnterpriseURN: map[string]any{
			"employeeNumber": "701984", "manager": map[string]any{"value": "m1"}},
	}
	if d := cmp.Diff(want, doc); d != "" {
		t.Error(d)
	}
	left := []string{"colour", "groups", "id", "meta", "name.shoe", "urn:example:2.0:Thing", schema.EnterpriseURN + ":shoe", "urn:scim:schemas:core:1.0"}
	slices.Sort(left)
	slices.Sort(ignored)
	if d := cmp.Diff(left, ignored); d != "" {
		t.Error(d)
	}
}

func TestReportsAreBoundedInNumberAndLength(t *testing.T) {
	in := map[string]any{"userName": "a"}
	for i := range 1000 {
		in[fmt.Sprint("x", i, strings.Repeat("y", 10_000))] = 1
	}
	_, ignored, err := patch.Normalise(schema.User, in)
	if err != nil || len(ignored) > 64 || len(ignored[0]) > 200 {
		t.Errorf("%d reports, the first of %d bytes, %v", len(ignored), len(ignored[0]), err)
	}
}

func TestParseReadsVerbsAndMembersInAnyCase(t *testing.T) {
	ops, err := patch.Parse(object(t, `{"operations":[{"OP":"Add","Path":" title ","VALUE":"x"},{"op":"REMOVE","path":"title"},{"op":"replace","path":null,"value":{}}]}`), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []patch.Operation{{Op: patch.Add, Path: "title", Value: "x", HasValue: true}, {Op: patch.Remove, Path: "title"},
		{Op: patch.Replace, Value: map[string]any{}, HasValue: true}}
	if d := cmp.Diff(want, ops); d != "" {
		t.Error(d)
	}
	if _, err := patch.Parse(object(t, `{"Operations":[{"op":"remove","path":"a"},{"op":"remove","path":"b"}]}`), 1); !errors.Is(err, &fault.Error{Status: 413}) {
		t.Errorf("too many operations: %v", err)
	}
}

func TestManyMembersNormaliseInLinearTime(t *testing.T) {
	members := make([]any, 50_000)
	for i := range members {
		members[i] = map[string]any{"value": fmt.Sprint("user", i)}
	}
	start := time.Now()
	doc, _, err := patch.Normalise(schema.Group, map[string]any{"displayName": "G", "members": members})
	if err != nil || len(doc["members"].([]any)) != 50_000 {
		t.Fatalf("%v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

// FuzzApply checks that PATCH never panics and leaves only what a document may
// hold: what Normalise of the result gives back unchanged.
func FuzzApply(f *testing.F) {
	for _, s := range []string{
		`[{"op":"Replace","path":"active","value":"False"}]`,
		`[{"op":"add","value":{"emails[type eq \"work\"].value":"x","name.givenName":"y","` + schema.EnterpriseURN + `":{"manager":"z"}}}]`,
		`[{"op":"remove","path":"emails","value":[{"value":"a@example.com"}]},{"op":"add","path":"emails","value":[{"value":"n","primary":true}]}]`,
		`[{"op":"replace","path":"emails[primary eq true]","value":{"type":"home"}},{"op":"remove","path":"emails[type pr].type"}]`,
		`[{"op":"add","path":"` + schema.EnterpriseURN + `:manager","value":[{"$ref":null,"value":"1"}]}]`,
		`[{"op":"replace","path":"name","value":null},{"op":"replace","path":"emails.primary","value":"true"},{"op":"add","path":"roles","value":"x"}]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := json.NewDecoder(strings.NewReader(`{"Operations":` + text + `}`))
		d.UseNumber()
		var body map[string]any
		if d.Decode(&body) != nil {
			return
		}
		ops, err := patch.Parse(body, 100)
		if err != nil {
			return
		}
		for _, r := range schema.Resources {
			doc := object(t, `{"userName":"ann","displayName":"Ann","name":{"givenName":"A"},
				"emails":[{"value":"a@example.com","type":"work","primary":true},{"value":"b@example.com","type":"home"}]}`)
			if r == schema.Group {
				doc = object(t, `{"displayName":"G","members":[{"value":"u1","type":"User"}]}`)
			}
			if _, err := patch.Apply(r, doc, ops); err != nil {
				var fe *fault.Error
				if !errors.As(err, &fe) || fe.Status < 400 || fe.Status >= 500 {
					t.Fatalf("%s: %v", text, err)
				}
				continue
			}
			again, ignored, err := patch.Normalise(r, doc)
			if err != nil || len(ignored) > 0 {
				t.Fatalf("%s leaves %v: %v, ignored %v", text, doc, err, ignored)
			}
			if d := cmp.Diff(doc, again); d != "" {
				t.Fatalf("%s leaves what is not normal: %s", text, d)
			}
		}
	})
}
