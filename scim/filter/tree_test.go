package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// overTheWire writes a filter as JSON and reads it again.
func overTheWire(t *testing.T, n filter.Node) (filter.Node, error) {
	t.Helper()
	raw, err := json.Marshal(filter.TreeOf(n))
	if err != nil {
		t.Fatal(err)
	}
	var tree *filter.Tree
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	return tree.Node()
}

func TestAFilterSurvivesTheWire(t *testing.T) {
	for _, text := range []string{
		`userName eq "x"`, `title pr`, `not (title pr)`, `active eq "False"`, `active ne true`, `title eq null`, `externalId ne "a\"b"`,
		`emails[type eq "work"].value eq "a@example.com"`, `emails[not (primary eq true) or value co "x"]`, `emails co "@"`,
		schema.EnterpriseURN + `:employeeNumber eq 701984`, schema.EnterpriseURN + `:manager.value pr`, schema.EnterpriseURN + ` pr`,
		`meta.created gt "2011-05-13T04:42:34.123456+02:00"`, `meta.version eq "W/\"5\""`, `meta.resourceType eq "User"`,
		`schemas eq "` + schema.EnterpriseURN + `"`, `members.value eq "x" or userName sw "a" and (title pr or id pr)`,
	} {
		for _, r := range schema.Resources {
			n, err := filter.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			want, err := filter.ResolveAcross(n, r)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got, err := overTheWire(t, want)
			if err == nil {
				got, err = filter.ResolveAcross(got, r)
			}
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s: %s", text, r.Name, diff)
			}
		}
	}
	if n, err := (*filter.Tree)(nil).Node(); n != nil || err != nil {
		t.Errorf("no filter became %v, %v", n, err)
	}
}

func TestATreeThatIsNoFilterIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 300) + `{"path":"id","op":"pr"}` + strings.Repeat(`}`, 300)
	wide := `{"or":[` + strings.Repeat(`{"path":"id","op":"pr"},`, 5000) + `{"path":"id","op":"pr"}]}`
	for _, text := range []string{
		`{}`, `{"path":"id"}`, `{"op":"eq","value":"x"}`, `{"path":"id","op":"like","value":"x"}`, `{"path":"id","op":"eq"}`, `{"path":"id","op":"pr","value":1}`,
		`{"and":[null]}`, `{"and":[{}]}`, `{"not":{}}`, `{"path":"id","op":"pr","always":true}`, `{"path":"id","op":"eq","value":{}}`, `{"path":"id","op":"eq","value":[1]}`,
		`{"path":"a b","op":"pr"}`, `{"path":"emails","where":{"path":"a.b","op":"pr"}}`, `{"path":"emails","where":{"path":"emails","where":{"path":"type","op":"pr"}}}`,
		`{"path":"id","op":"eq","value":"` + strings.Repeat("x", filter.MaxLength+1) + `"}`, deep, wide,
	} {
		var tree *filter.Tree
		if err := json.Unmarshal([]byte(text), &tree); err != nil {
			t.Fatal(err)
		}
		if n, err := tree.Node(); err == nil {
			t.Errorf("%.80s was read as %v", text, n)
		}
	}
}

// FuzzTree checks that no JSON makes a filter that panics, or one that another trip over
// the wire would change.
func FuzzTree(f *testing.F) {
	for _, s := range []string{
		`{"path":"userName","op":"eq","value":"x"}`, `{"and":[{"path":"id","op":"pr"},{"not":{"path":"active","op":"eq","value":true}}]}`,
		`{"path":"emails","where":{"or":[{"path":"type","op":"eq","value":"work"},{"always":false}]}}`, `{"path":"meta.created","op":"gt","value":"2011-05-13T04:42:34Z"}`,
		`{"path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber","op":"eq","value":1e5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var tree *filter.Tree
		if json.Unmarshal(raw, &tree) != nil {
			return
		}
		n, err := tree.Node()
		if err != nil || n == nil {
			return
		}
		for _, r := range schema.Resources {
			n, err := tree.Node()
			if err != nil {
				t.Fatal(err)
			}
			n, err = filter.ResolveAcross(n, r)
			if err != nil {
				continue
			}
			filter.Match(n, fuzzDoc)
			again, err := overTheWire(t, n)
			if err == nil {
				again, err = filter.ResolveAcross(again, r)
			}
			if err != nil || again.String() != n.String() {
				t.Fatalf("%s is %s, then %v (%v)", raw, n, again, err)
			}
		}
	})
}
