package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Valid by the schema, and an overflow at every evaluation.
const erring = `context.mfa_age + 9223372036854775807 > 0 && context.mfa_age + 9223372036854775807 < 1`

func TestAttributePoliciesAllowAndDenyByCondition(t *testing.T) {
	e := engine(t, PolicySet{Policies: []AttributePolicy{
		{Name: "no-export-abroad", Effect: Deny, Permissions: []string{"asset.download"}, Condition: `context.country != "HU"`},
		{Name: "confidential-needs-mfa", Effect: Deny, Permissions: []string{"asset.*"}, Paths: []string{"/finance"},
			Condition: `resource.classification == "confidential" && (context.mfa_age < 0 || context.mfa_age > 900)`},
		{Name: "office-hours", Effect: Deny, Permissions: []string{"audit.read"}, Condition: `context.hour < 8 || context.hour >= 18 || context.weekday > 5`},
		{Name: "everybody-reads-handbook", Effect: Allow, Permissions: []string{"asset.read"}, Paths: []string{"/handbook"}, Condition: `principal.kind == "member" && !principal.external`},
		{Name: "design-from-office", Effect: Allow, Permissions: []string{"asset.update"}, Paths: []string{"/films/*"}, Condition: `principal in Team::"design" && context.ip.isInRange(ip("192.0.2.0/24"))`},
		{Name: "over", Effect: Deny, Permissions: []string{"*"}, ExpiresAt: noon},
	}})
	w := tree{"/finance": {Kind: ItemProject, Classification: "confidential"}, "/handbook/secret": {Kind: ItemFolder, Restricted: true}, "/films": {Kind: ItemProject}}
	editor := person(t, vocabulary.RoleMember).granted("/", Grant{Level: vocabulary.LevelEdit})
	abroad, noMFA, night := atNoon(), atNoon(), atNoon()
	abroad.Country = ""
	noMFA.MFAAge = 0
	night.Time = noon.Add(10 * time.Hour)
	designer := person(t, vocabulary.RoleMember)
	designer.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamViewer}
	elsewhere := atNoon()
	elsewhere.IP = elsewhere.IP.Next().Next()
	unknown := &RequestContext{Time: noon}
	for name, c := range map[string]struct {
		s                *Subject
		path, permission string
		rc               *RequestContext
		want             bool
	}{
		"download at home":            {editor, "/films", "asset.download", atNoon(), true},
		"download abroad":             {editor, "/films", "asset.download", abroad, false},
		"confidential with MFA":       {editor, "/finance/q1", "asset.read", atNoon(), true},
		"confidential without MFA":    {editor, "/finance/q1", "asset.read", noMFA, false},
		"not confidential":            {editor, "/films", "asset.read", noMFA, true},
		"handbook":                    {person(t, vocabulary.RoleMember), "/handbook/a", "asset.read", atNoon(), true},
		"handbook of guests":          {person(t, vocabulary.RoleGuest), "/handbook/a", "asset.read", atNoon(), false},
		"restricted handbook":         {person(t, vocabulary.RoleMember), "/handbook/secret", "asset.read", atNoon(), false},
		"designer in the office":      {designer, "/films/reel", "asset.update", elsewhere, true},
		"designer at unknown address": {designer, "/films/reel", "asset.update", unknown, false},
		"designer on the project":     {designer, "/films", "asset.update", atNoon(), false},
	} {
		t.Run(name, func(t *testing.T) {
			if d := e.Check(c.s, w.item(c.path), c.permission, c.rc); d.Allowed != c.want {
				t.Errorf("%s", e.Explain(c.s, w.item(c.path), c.permission, c.rc))
			}
		})
	}
	admin := person(t, vocabulary.RoleAdmin)
	if d := e.CheckWorkspace(admin, "audit.read", atNoon()); !d.Allowed {
		t.Error(d)
	}
	if d := e.CheckWorkspace(admin, "audit.read", night); d.Allowed {
		t.Error(d)
	}
}

// Cedar skips a policy that errs, so an erring forbid would let everything
// through: the engine must deny instead.
func TestPolicyThatCannotBeEvaluatedDenies(t *testing.T) {
	s := person(t, vocabulary.RoleOwner).granted("/", Grant{Level: vocabulary.LevelFullAccess})
	item := tree{}.item("/films")
	for _, effect := range []Effect{Deny, Allow} {
		p := AttributePolicy{Name: "broken", Effect: effect, Permissions: []string{"asset.read", "audit.read"}, Condition: erring}
		if err := ValidateAttributePolicy(p); err != nil {
			t.Fatalf("the test needs a policy that only fails at run time: %v", err)
		}
		e := engine(t, PolicySet{Policies: []AttributePolicy{p}})
		for _, d := range []Decision{e.Check(s, item, "asset.read", atNoon()), e.CheckWorkspace(s, "audit.read", atNoon())} {
			if d.Allowed || d.Reasons[0].Kind != ReasonError || !strings.Contains(d.Reasons[0].Text, "policy/broken") {
				t.Errorf("%s policy that errs: %s", effect, d)
			}
		}
		if d := e.Check(s, item, "asset.update", atNoon()); !d.Allowed {
			t.Errorf("a broken policy reaches permissions that it does not name: %s", d)
		}
	}
	for _, condition := range []string{erring, "not cedar at all", "resource.nothing == 1"} {
		e := engine(t, PolicySet{})
		s := person(t, vocabulary.RoleOwner).granted("/", Grant{Level: vocabulary.LevelFullAccess}).granted("/films", Grant{Level: vocabulary.LevelView, Condition: condition})
		if d := e.Check(s, item, "asset.read", atNoon()); d.Allowed || d.Reasons[0].Kind != ReasonError {
			t.Errorf("grant with condition %q: %s", condition, d)
		}
		if got := e.EffectiveLevel(s, item, atNoon()); got != vocabulary.LevelNone {
			t.Errorf("grant with condition %q leaves the level %s", condition, got)
		}
	}
}

func TestReportOnlyPoliciesReportAndChangeNothing(t *testing.T) {
	report := func(name string, effect Effect, condition string) AttributePolicy {
		return AttributePolicy{Name: name, Effect: effect, Permissions: []string{"asset.*"}, Condition: condition, ReportOnly: true}
	}
	e := engine(t, PolicySet{Policies: []AttributePolicy{
		report("would-deny", Deny, `context.country == "HU"`), report("would-allow", Allow, `principal.workspace_role == "member"`),
		report("silent", Deny, `context.country == "FR"`), report("broken", Deny, erring),
	}})
	item := tree{}.item("/films")
	d := e.Check(person(t, vocabulary.RoleMember).granted("/", Grant{Level: vocabulary.LevelView}), item, "asset.read", atNoon())
	if !d.Allowed {
		t.Fatal(d)
	}
	for i := range d.Reports {
		if (d.Reports[i].Error != "") != (d.Reports[i].Policy == "policy/broken/item") {
			t.Errorf("%+v", d.Reports[i])
		}
		d.Reports[i].Error = ""
	}
	want := []Report{
		{Policy: "policy/would-deny/item", Effect: Deny, Changes: true}, {Policy: "policy/would-allow/item", Effect: Allow},
		{Policy: "policy/broken/item", Effect: Deny, Changes: true},
	}
	if diff := cmp.Diff(want, d.Reports); diff != "" {
		t.Error(diff)
	}
	d = e.Check(person(t, vocabulary.RoleMember), item, "asset.read", atNoon())
	if d.Allowed || !slices.Contains(d.Reports, Report{Policy: "policy/would-allow/item", Effect: Allow, Changes: true}) {
		t.Errorf("%+v", d)
	}
	// A ceiling would have denied in any case.
	d = e.Check(person(t, vocabulary.RoleViewer), item, "asset.update", atNoon())
	for _, r := range d.Reports {
		if r.Changes {
			t.Errorf("claims to change a decision that a ceiling took: %+v", r)
		}
	}
}

func TestConditionsOfGrantsAndAssignmentsAreChecked(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "auditor", Statements: []Statement{{Allow, []string{"audit.read", "asset.read"}, nil}}}}})
	item := tree{"/films": {Kind: ItemProject, Classification: "internal"}}.item("/films/reel")
	for condition, want := range map[string]bool{
		`context.device_known`: true, `context.country == "FR"`: false, `resource.classification == "internal"`: true,
		`context.mfa_age >= 0 && context.mfa_age < 600 // recent`: true, `action == Action::"asset.read"`: true,
	} {
		if err := ValidateCondition(condition); err != nil {
			t.Errorf("%s: %v", condition, err)
		}
		s := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelView, Condition: condition})
		expect(t, e, s, item, "asset.read", want)
		s = person(t, vocabulary.RoleMember)
		s.Assignments = []Assignment{{ID: "rasg_1", Role: "auditor", Scope: "/", Condition: condition}}
		expect(t, e, s, item, "asset.read", want)
	}
	s := person(t, vocabulary.RoleMember)
	s.Assignments = []Assignment{{ID: "rasg_1", Role: "auditor", Scope: "/", Condition: `context.authenticator == "webauthn"`}}
	if d := e.CheckWorkspace(s, "audit.read", atNoon()); !d.Allowed {
		t.Error(d)
	}
	weak := atNoon()
	weak.Authenticator = "password"
	if d := e.CheckWorkspace(s, "audit.read", weak); d.Allowed {
		t.Error(d)
	}
}

func TestPoliciesAreValidatedWhenTheyAreWritten(t *testing.T) {
	policy := func(condition string) error {
		return ValidateAttributePolicy(AttributePolicy{Name: "p", Effect: Deny, Permissions: []string{"asset.*"}, Condition: condition})
	}
	for _, condition := range []string{
		`context.mfa_age`,          // not a boolean
		`context.mfa_aeg > 5`,      // no such attribute
		`resource.level == "edit"`, // incomparable types
		`principal in Group::"x"`,  // no such type
		`true }; permit (principal, action, resource) when { true`, // a second policy
		`true } unless { false`,                // a second clause
		`true };`,                              // trailing text
		`// nothing`,                           // no expression
		` `,                                    // blank
		`true // ` + strings.Repeat("x", 4000), // too long
		`@id("x")`, "\x00",
	} {
		if err := policy(condition); err == nil {
			t.Errorf("condition %q was accepted", condition)
		} else if len(err.Error()) > 1200 {
			t.Errorf("condition %q: the error has %d bytes", condition, len(err.Error()))
		}
		if err := ValidateCondition(condition); err == nil {
			t.Errorf("condition %q of a grant was accepted", condition)
		}
	}
	// resource.level exists on items only.
	if err := ValidateAttributePolicy(AttributePolicy{Name: "p", Effect: Deny, Permissions: []string{"audit.read"}, Condition: `resource.level > 1`}); err == nil {
		t.Error("a workspace policy reads an item's level")
	}
	statements := func(s ...Statement) Role { return Role{Name: "r", Statements: s} }
	for name, c := range map[string]struct {
		role Role
		says string
	}{
		"misspelt permission": {statements(Statement{Allow, []string{"asset.raed"}, nil}), `did you mean "asset.read"`},
		"no permission":       {statements(Statement{Allow, nil, nil}), "no permissions"},
		"unknown effect":      {statements(Statement{"maybe", []string{"asset.read"}, nil}), "neither allow nor deny"},
		"relative path":       {statements(Statement{Allow, []string{"asset.read"}, []string{"finance"}}), "start with a slash"},
		"built-in name":       {Role{Name: "Admin"}, "built-in"},
		"name with quotes":    {Role{Name: `a"b`}, "slug"},
		"odd level":           {Role{Name: "r", BaseLevel: 7}, "level"},
	} {
		err := ValidateRole(c.role)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(PolicySet{Workspace: "acme", Roles: []Role{c.role}}); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	if err := ValidateRole(statements(Statement{Allow, []string{"*"}, []string{"/", "/a/*", "/**/b", "/c/2024-*"}}, Statement{Deny, []string{"*"}, nil})); err != nil {
		t.Error(err)
	}
	_, err := New(PolicySet{Workspace: "acme", Roles: []Role{{Name: "a"}, {Name: "A"}}, Policies: []AttributePolicy{{Name: "p", Effect: Deny, Permissions: []string{"x"}}}})
	if err == nil || !strings.Contains(err.Error(), "defined twice") || !strings.Contains(err.Error(), "policy p") {
		t.Errorf("not every problem is named: %v", err)
	}
}

// Slicing is only allowed to save time: every policy of every role and every
// action, evaluated together, must give the same answer.
func TestSlicingChangesNoDecision(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{
		{Name: "reader", Statements: []Statement{{Allow, []string{"asset.read"}, []string{"/films"}}}},
		{Name: "no-share", Statements: []Statement{{Deny, []string{"share_link.*"}, nil}}},
	}, Policies: []AttributePolicy{{Name: "hu", Effect: Deny, Permissions: []string{"asset.update"}, Condition: `context.country == "HU"`}}})
	var all slice
	seen := map[*entry]bool{}
	add := func(c compiled) {
		for _, bindings := range c {
			for _, b := range bindings {
				if !seen[b.entry] {
					seen[b.entry] = true
					all = append(all, b)
				}
			}
		}
	}
	for _, p := range e.rules.builtin {
		all = append(all, &binding{entry: p})
	}
	add(e.enforced)
	for _, r := range e.roles {
		add(r.policies)
	}
	item := tree{"/films": {Kind: ItemProject}}.item("/films/reel")
	for _, s := range []*Subject{
		person(t, vocabulary.RoleMember).assigned("reader", "/"), person(t, vocabulary.RoleAdmin).assigned("no-share", "/films"),
		person(t, vocabulary.RoleGuest).granted("/films", Grant{Level: vocabulary.LevelManage}), person(t, vocabulary.RoleOwner).granted("/", Grant{Role: "no-share"}),
	} {
		for _, p := range vocabulary.Permissions() {
			if p.Scope != vocabulary.ScopeItem {
				continue
			}
			sliced := e.Check(s, item, p.Name, atNoon())
			if got := authorizeAll(t, e, s, item, p.Name, all); got != sliced.Allowed {
				t.Errorf("with every policy %s is %v: %s", p.Name, got, sliced)
			}
		}
	}
}

// What the engine tells Cedar is what the schema promises to authors.
func TestEveryAttributeOfTheSchemaIsFilled(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "r", Statements: []Statement{{Allow, []string{"*"}, []string{"/*/x"}}}}}})
	whole := slice{{entry: &entry{reads: allAttributes}}}
	item := tree{"/films": {Kind: ItemProject}}.item("/films/x")
	for _, c := range []struct {
		item       *Item
		permission string
		rc         *RequestContext
	}{{item, "asset.read", atNoon()}, {item, "asset.read", &RequestContext{Time: noon}}, {nil, "audit.read", atNoon()}} {
		s := person(t, vocabulary.RoleMember).assigned("r", "/")
		s.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamAdmin}
		q := question{subject: s, item: c.item, permission: c.permission, request: c.rc}
		a, _ := e.admit(q)
		v, err := viewOf(item)
		if err != nil {
			t.Fatal(err)
		}
		r := resolver{engine: e, subject: s, self: s.Principal.String(), view: v, request: c.rc, action: a}
		res := r.resolve()
		policies := append(e.slice(a, res.roles, c.rc), whole...)
		world, request := e.world(q, &r, &res, policies)
		for _, entity := range []cedar.Entity{world.principal, world.resource} {
			if err := e.rules.checker.Entity(entity); err != nil {
				t.Error(err)
			}
		}
		if err := e.rules.checker.Request(request); err != nil {
			t.Error(err)
		}
	}
	for i, name := range attributeNames {
		if name == "" {
			t.Errorf("attribute %d has no name", i)
		}
	}
}

// Attributes are filled on demand; a policy that asks whether one exists must
// not find it missing.
func TestAskingForAnAttributeDoesNotMakeItAbsent(t *testing.T) {
	for _, condition := range []string{
		`!(context has country)`, `!(resource has owner)`, `!(principal has external)`, `!(context has mfa_age && context has ip)`,
		`!(if context.device_known then context else context).device_known`, `!([context.country].contains("HU"))`,
	} {
		e := engine(t, PolicySet{Policies: []AttributePolicy{{Name: "p", Effect: Deny, Permissions: []string{"asset.read"}, Condition: condition}}})
		s := person(t, vocabulary.RoleMember).granted("/", Grant{Level: vocabulary.LevelView})
		expect(t, e, s, tree{}.item("/films"), "asset.read", true)
	}
}

func TestSchemaKnowsEveryGroupOfTheBuiltinRules(t *testing.T) {
	used := map[string]bool{}
	for _, p := range vocabulary.Permissions() {
		for _, g := range groupsOf(p) {
			if !slices.Contains(groupNames, g) {
				t.Errorf("%s is in the undeclared group %s", p.Name, g)
			}
			used[g] = true
		}
	}
	for _, g := range groupNames {
		if !used[g] || !strings.Contains(BuiltinPolicies(), `"`+g+`"`) {
			t.Errorf("the group %s has no members or no rule", g)
		}
	}
	if !strings.Contains(Schema(), `action "asset.read" in ["needs_view"]`) {
		t.Error("the schema does not show asset.read")
	}
}
