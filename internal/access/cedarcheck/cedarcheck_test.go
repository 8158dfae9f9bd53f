package cedarcheck

import (
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/google/go-cmp/cmp"
)

const schemaText = `
entity Principal = { level: Long };
entity Item in [Item] = { path: String };
action "reading";
action "read" in ["reading"] appliesTo { principal: Principal, resource: Item, context: { country: String } };
action "write" appliesTo { principal: Principal, resource: Item, context: { country: String } };
`

func parse(t *testing.T, text string) *cedar.Policy {
	t.Helper()
	list, err := cedar.NewPolicyListFromBytes("test", []byte(text))
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %d policies, %v", text, len(list), err)
	}
	return list[0]
}

func TestPolicyIsCheckedAgainstTheSchema(t *testing.T) {
	c, err := New(schemaText)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`permit (principal, action, resource) when { principal.level > 1 && context.country == "HU" };`: true,
		`permit (principal, action == Action::"read", resource in Item::"/a");`:                         true,
		`permit (principal, action == Action::"erase", resource);`:                                      false,
		`permit (principal, action, resource) when { principal.age > 1 };`:                              false,
		`permit (principal, action, resource) when { context.country > 1 };`:                            false,
		`permit (principal in Role::"x", action, resource);`:                                            false,
	} {
		err := c.Policy("p", parse(t, text))
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", text, len(err.Error()))
		}
	}
	for _, text := range []string{"entity", "entity A in [B];"} {
		if _, err := New(text); err == nil {
			t.Errorf("the schema %q was accepted", text)
		}
	}
}

func TestConditionIsOneExpression(t *testing.T) {
	for text, want := range map[string]bool{
		`true`: true, `context.country == "HU" // why`: true, `principal.level > 1 &&` + "\n" + `resource.path like "/a/*"`: true, `"}" == "{"`: true,
		``: false, ` `: false, `//`: false, `true;`: false, `true };`: false, `true } when { true`: false, `true } unless { false`: false,
		`true }; permit (principal, action, resource) when { true`: false, `true // ` + strings.Repeat("x", MaxConditionLength): false,
	} {
		if _, err := ParseCondition(text); (err == nil) != want {
			t.Errorf("condition %q: %v", text, err)
		}
	}
}

func TestAttributesAreFoundWhereverTheyAreRead(t *testing.T) {
	for text, want := range map[string][]string{
		`true`: nil, `context.a > 1 && resource.b == principal.c`: {"a", "b", "c"}, `context has a`: {"a"},
		`(if resource.a then principal else principal).b`: {"a", "b"}, `resource.a.b`: {"a", "b"}, `[context.a, {x: resource.b}.x].contains(1)`: {"a", "b", "x"},
		`principal in Role::"x" && resource == Item::"y"`: nil, `context.a.lessThan(decimal("1.0"))`: {"a"},
	} {
		got, known := Attributes(parse(t, `permit (principal, action, resource) when { `+text+` };`))
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || !known {
			t.Errorf("%s (known %v): %s", text, known, diff)
		}
	}
	for _, text := range []string{`context == {a: 1}`, `[context].contains({a: 1})`, `(if true then context else context) has a`} {
		if _, known := Attributes(parse(t, `forbid (principal, action, resource) unless { `+text+` };`)); known {
			t.Errorf("%s reads the whole context", text)
		}
	}
}

func TestActionScopesAreSlicedWithoutLosingAny(t *testing.T) {
	read := cedar.NewEntityUID("Action", "read")
	groups := cedar.NewEntityUIDSet(cedar.NewEntityUID("Action", "reading"))
	for scope, want := range map[string]bool{
		`action`: true, `action == Action::"read"`: true, `action == Action::"write"`: false, `action in Action::"reading"`: true,
		`action in Action::"writing"`: false, `action in [Action::"write", Action::"read"]`: true, `action in [Action::"write", Action::"reading"]`: true, `action in [Action::"write"]`: false,
	} {
		p := parse(t, `permit (principal, `+scope+`, resource);`)
		if got := ActionIn(p, read, groups); got != want {
			t.Errorf("%s: %v", scope, got)
		}
	}
	p := cedar.NewPolicyFromAST(ast.Forbid().ActionInSet(read, cedar.NewEntityUID("Action", "write")))
	narrowed := NarrowAction(p, read)
	if !HasActionSet(p) || HasActionSet(narrowed) || narrowed.Effect() != cedar.Forbid || !ActionIn(narrowed, read, groups) {
		t.Errorf("narrowed to %s", narrowed.MarshalCedar())
	}
}

// Cedar copies x once for every step of `x has a.b`: nested, it never ends.
func TestHasWithAPathIsRefusedBeforeItIsParsed(t *testing.T) {
	for text, want := range map[string]bool{
		`context has a`: true, `context has a && context.a has b`: true, `context has "a.b"`: true, `"x has a.b" == context.a`: true,
		`1has a.b`: false, `/* " */ context has a.b /* " */`: false, "//\r\" \n context has a.b // \"": false, `context has /**/ a /*.*/ . b`: false,
		`context has a.b`: false, "context has a // x\n . b": false, `context has a.b.c`: false, `"\"" == "x" && context has a .b`: false,
		strings.Repeat("(", 150) + "context" + strings.Repeat(" has a.a.a.a.a.a)", 150): false,
	} {
		if _, err := ParseCondition(text); (err == nil) != want {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

func FuzzParseConditionCannotSmuggleAPolicy(f *testing.F) {
	for _, text := range []string{`true`, `context.a == "}"`, `true }; permit (principal, action, resource) when { true`, `true } unless { false`, "true // x", `"\u{7d}" like "*"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := ParseCondition(text)
		if err != nil {
			return
		}
		// What was accepted, written out as one clause, is one clause again.
		p := cedar.NewPolicyFromAST(ast.Forbid().When(body))
		list, err := cedar.NewPolicyListFromBytes("again", p.MarshalCedar())
		if err != nil || len(list) != 1 || len(list[0].AST().Conditions) != 1 || list[0].Effect() != cedar.Forbid {
			t.Errorf("%q became %s: %v", text, p.MarshalCedar(), err)
		}
	})
}
