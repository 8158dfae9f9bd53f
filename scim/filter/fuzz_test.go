package filter_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

var fuzzDoc = map[string]any{
	"id": "1", "userName": "ann", "active": true, "name": map[string]any{"givenName": "Ann"},
	"emails": []any{map[string]any{"value": "a@example.com", "type": "work", "primary": true}, "odd", nil},
	"meta":   map[string]any{"created": "2011-05-13T04:42:34Z"}, "title": 5,
	schema.EnterpriseURN: map[string]any{"department": "Tools"},
}

// FuzzParse checks that what parses prints as a filter that parses to the same,
// and that resolving and matching never panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`userName eq "x"`, `emails[type eq "work" and not (value co "@")].value ne "x" or a.b pr`, `meta.created ge "2011-05-13T04:42:34Z"`,
		schema.EnterpriseURN + `:manager.value eq null`, `a eq "\u00e9\"" and (b eq 1e5 or c eq TRUE)`, `meta.resourceType sw "U" or schemas pr`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := filter.Parse(s)
		if err != nil {
			return
		}
		text := n.String()
		again, err := filter.Parse(text)
		if len(text) <= filter.MaxLength {
			if err != nil {
				// Printing adds parentheses, so a filter at the bound of depth may pass it.
				if len(s) < filter.MaxDepth {
					t.Fatalf("%q prints as %q, which does not parse: %v", s, text, err)
				}
				return
			}
			if again.String() != text {
				t.Fatalf("%q prints as %q, then as %q", s, text, again.String())
			}
		}
		for _, r := range schema.Resources {
			n, err := filter.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			if n, err = filter.ResolveAcross(n, r); err == nil {
				filter.Match(n, fuzzDoc)
				_ = n.String()
			}
		}
	})
}

// FuzzParsePath checks that paths resolve or fail, and never panic.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"userName", `emails[type eq "work"].value`, schema.EnterpriseURN, schema.EnterpriseURN + ":manager.value",
		`urn:a:b[c pr].d`, `members[value eq "x"]`, "a.b.c", "$ref", "urn:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := filter.ParsePath(s)
		if err != nil {
			return
		}
		for _, r := range schema.Resources {
			at, node, err := filter.ResolveTarget(target, r)
			if err != nil {
				continue
			}
			if at.Attribute != nil && r.Lookup(at.Path.URN, at.Path.Attr) != at.Attribute {
				t.Fatalf("%q resolves to %s, which is another attribute", s, at.Path)
			}
			if node != nil {
				filter.Match(node, fuzzDoc)
			}
			target, _ = filter.ParsePath(s) // resolving changes the tree
		}
	})
}
