package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

func TestParseBindsAsTheRFCSays(t *testing.T) {
	for in, want := range map[string]string{
		`userName eq "x"`:                               `userName eq "x"`,
		`userName Eq "a\"b\\c\u00e9"`:                   `userName eq "a\"b\\cé"`,
		`a pr or b pr and c pr`:                         `a pr or (b pr and c pr)`,
		`(a pr or b pr) and not (c pr)`:                 `(a pr or b pr) and not (c pr)`,
		`a eq 1.5e3 AND b eq TRUE And c ne false`:       `a eq 1.5e3 and b eq true and c ne false`,
		`a eq null`:                                     `not (a pr)`,
		`a ne null`:                                     `a pr`,
		`emails[type eq "work" and value co "@"]`:       `emails[type eq "work" and value co "@"]`,
		`emails[type eq "work"].value eq "x"`:           `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "work"].value ne "x"`:           `not (emails[type eq "work" and value eq "x"])`,
		`emails[type eq "work"].value eq null`:          `not (emails[type eq "work" and value pr])`,
		`urn:x:2.0:User:name.givenName sw "A"`:          `urn:x:2.0:User:name.givenName sw "A"`,
		`  userName   eq   "x"  `:                       `userName eq "x"`,
		`not(a pr)`:                                     `not (a pr)`,
		`not pr`:                                        `not pr`, // an attribute of that name
		`members.$ref eq "x"`:                           `members.$ref eq "x"`,
		`a eq -0.5`:                                     `a eq -0.5`,
		`emails[not (type eq "a") or value pr] or b pr`: `emails[not (type eq "a") or value pr] or b pr`,
	} {
		n, err := filter.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := n.String(); got != want {
			t.Errorf("%s: parsed as %s, want %s", in, got, want)
		}
	}
}

func TestParseRefusesWhatIsNoFilter(t *testing.T) {
	for _, in := range []string{
		"", " ", "a", "a eq", "a eq x", `a eq "x`, `a eq "x\`, `a eq "\q"`, "a eq 'x'", `a = "x"`, `(a pr`, `a pr)`, `a pr b pr`,
		`a pr and`, `and a pr`, `not a pr`, `a[b pr`, `a[b pr].`, `a[b pr].c`, `a[b.c pr]`, `a[b[c pr]]`, `a[urn:x:b pr]`, `a.b.c pr`,
		`.a pr`, `a. pr`, `1a pr`, `urn:a pr`, `a eq 1.`, `a eq 1e`, `a eq --1`, `a gt null`, `a eq "` + "\x01" + `"`, "a eq \"\x00\"",
		"\xff pr", `a eq "\u0000"`, strings.Repeat("(", filter.MaxDepth+1) + "a pr" + strings.Repeat(")", filter.MaxDepth+1),
		strings.Repeat("a pr or ", filter.MaxTerms) + "a pr", `a eq "` + strings.Repeat("x", filter.MaxLength) + `"`,
	} {
		_, err := filter.Parse(in)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.InvalidFilter || f.Status != 400 {
			t.Errorf("%.60q: %v, want invalidFilter", in, err)
		}
	}
}

func TestParsePathReadsWhatPatchMayName(t *testing.T) {
	ent := schema.EnterpriseURN
	for in, want := range map[string]struct{ path, filter string }{
		"userName":                     {"userName", ""},
		"NAME.givenname":               {"name.givenName", ""},
		`emails[type eq "work"]`:       {"emails", `type eq "work"`},
		`emails[type eq "work"].value`: {"emails.value", `type eq "work"`},
		`Emails[Type Eq "work" and primary eq "True"].VALUE`: {"emails.value", `type eq "work" and primary eq true`},
		ent:                                       {ent, ""},
		strings.ToLower(ent):                      {ent, ""},
		ent + ":department":                       {ent + ":department", ""},
		ent + ".department":                       {ent + ":department", ""},
		strings.ToUpper(ent) + ":MANAGER.value":   {ent + ":manager.value", ""},
		schema.UserURN + ":userName":              {"userName", ""},
		schema.UserURN:                            {"", ""},
		schema.UserURN + `:emails[value pr].type`: {"emails.type", "value pr"},
	} {
		target, err := filter.ParsePath(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		at, f, err := filter.ResolveTarget(target, schema.User)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		text := ""
		if f != nil {
			text = f.String()
		}
		if at.Path.String() != want.path || text != want.filter {
			t.Errorf("%s: %s [%s], want %s [%s]", in, at.Path, text, want.path, want.filter)
		}
	}
	for _, in := range []string{"", "a b", "emails[", "emails[]", "emails[type]", `name[givenName eq "x"]`, `userName[a pr]`, "emails.value.x",
		"shoeSize", "name.shoeSize", "urn:x:y", ent + ":shoeSize", `emails[shoe eq "x"]`, `emails[type eq "x"].shoe`, "userName.x"} {
		target, err := filter.ParsePath(in)
		if err == nil {
			_, _, err = filter.ResolveTarget(target, schema.User)
		}
		var f *fault.Error
		if !errors.As(err, &f) {
			t.Errorf("%s: %v, want an error", in, err)
		}
	}
}

func TestResolveTypesAndDecides(t *testing.T) {
	n, err := filter.Parse(`USERNAME eq "x" and emails co "y" and meta.resourceType eq "User" and active eq "False"`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = filter.Resolve(n, schema.User); err != nil {
		t.Fatal(err)
	}
	want := &filter.And{Terms: []filter.Node{
		&filter.Compare{Path: filter.Path{Attr: "userName"}, Op: filter.Eq, Value: filter.Value{Kind: filter.KindString, Text: "x"}, Type: schema.String},
		&filter.Compare{Path: filter.Path{Attr: "emails", Sub: "value"}, Op: filter.Co, Value: filter.Value{Kind: filter.KindString, Text: "y"}, Type: schema.String, MultiValued: true},
		&filter.Compare{Path: filter.Path{Attr: "active"}, Op: filter.Eq, Value: filter.Value{Kind: filter.KindBool}, Type: schema.Boolean},
	}}
	if d := cmp.Diff(filter.Node(want), n); d != "" {
		t.Error(d)
	}
	for in, want := range map[string]string{
		`displayName eq "x" or meta.resourceType eq "User"`:     "id pr",       // true
		`displayName eq "x" and meta.resourceType eq "Group"`:   "not (id pr)", // false
		`not (schemas eq "` + schema.UserURN + `")`:             "not (id pr)",
		`schemas eq "` + schema.EnterpriseURN + `"`:             schema.EnterpriseURN + " pr",
		`id eq "a" or meta.resourceType ne "User"`:              `id eq "a"`,
		`emails[type eq "a"] and schemas pr`:                    `emails[type eq "a"]`,
		schema.EnterpriseURN + `:manager eq "a" and schemas pr`: schema.EnterpriseURN + `:manager.value eq "a"`,
	} {
		n, err := filter.Parse(in)
		if err == nil {
			n, err = filter.Resolve(n, schema.User)
		}
		if err != nil || n.String() != want {
			t.Errorf("%s: %v %v, want %s", in, n, err, want)
		}
	}
	n, err = filter.Parse(`userName eq "x" or members.value ne "y"`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = filter.ResolveAcross(n, schema.Group); err != nil || n != filter.Node(filter.Bool(false)) && n.String() != `members.value ne "y"` {
		t.Errorf("across types: %v %v", n, err)
	}
}

func TestNotEqualIsTheComplementOfEqual(t *testing.T) {
	docs := []map[string]any{
		{}, {"userName": "x", "active": true},
		{"emails": []any{map[string]any{"value": "a", "type": "work"}, map[string]any{"value": "b"}}},
		{"emails": []any{map[string]any{"value": "b", "type": "work", "primary": true}}, "active": false},
	}
	for _, base := range []string{`userName %s "x"`, `emails.value %s "a"`, `emails %s "b"`, `emails[type eq "work"].value %s "a"`,
		`active %s true`, `emails.primary %s true`, `emails[primary eq false].type %s null`, `name.givenName %s null`} {
		for i, doc := range docs {
			match := func(op string) bool {
				n, err := filter.Parse(strings.Replace(base, "%s", op, 1))
				if err == nil {
					n, err = filter.Resolve(n, schema.User)
				}
				if err != nil {
					t.Fatal(base, err)
				}
				return filter.Match(n, doc)
			}
			if match("eq") == match("ne") {
				t.Errorf("%s: eq and ne agree on document %d", base, i)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"userName": `userName eq "ann@example.com"`,
		"entra":    `emails[type eq "work"].value eq "ann@example.com" and externalId eq "x"`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, err := filter.Parse(text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err = filter.Resolve(n, schema.User); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestParsingAnOrdinaryFilterHardlyAllocates(t *testing.T) {
	got := testing.AllocsPerRun(100, func() {
		n, err := filter.Parse(`userName eq "ann@example.com"`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := filter.Resolve(n, schema.User); err != nil {
			t.Fatal(err)
		}
	})
	if got > 4 {
		t.Errorf("%v allocations", got)
	}
}
