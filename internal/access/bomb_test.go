package access

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/cedarcheck"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// repeated fills a condition up to the length that is allowed.
func repeated(before, unit, middle, after string) string {
	n := (cedarcheck.MaxConditionLength - len(before) - len(middle)) / (len(unit) + len(after))
	return before + strings.Repeat(unit, n) + middle + strings.Repeat(after, n)
}

// A condition is text of a few thousand bytes. Whatever it says, it is refused or
// decided in bounded time and memory; the largest that are accepted are here.
func TestCedarBombsAreRefusedOrDecidedInBoundedTime(t *testing.T) {
	for name, condition := range map[string]string{
		"parentheses":            repeated("", "(", "true", ")"),
		"unfinished parentheses": strings.Repeat("(", cedarcheck.MaxConditionLength),
		"negations":              repeated("", "!", "true", ""),
		"negative numbers":       repeated("context.hour > ", "-", "1", ""),
		"a long disjunction":     repeated("", "context.device_known||", "context.device_known", ""),
		"a long conjunction":     repeated("", "true&&", "true", ""),
		"nested conditions":      repeated("", "if true then ", "true", " else true"),
		"nested sets":            repeated("", "[", "1", "]") + " == []",
		"a large set":            repeated("[", "1,", "1", "") + "].contains(2)",
		"sets of sets":           repeated("[", "[1,2],", "[1]", "") + "].containsAll([[1]])",
		"a pattern of stars":     `resource.path like "` + strings.Repeat("*a", 1800) + `*b"`,
		"nested records":         repeated("", "{a:", "1", "}") + " == {}",
		"a long string":          `principal.email_domain == "` + strings.Repeat("x", 3900) + `"`,
		"chains of has":          repeated("", "context has a.b.c.d.e.f && ", "true", ""),
		"sums":                   repeated("", "context.hour+", "1 > 0", ""),
		"comparisons of address": repeated("", `context.ip.isInRange(ip("10.0.0.0/8"))||`, "false", ""),
		"too long by one":        repeated("", "true||", "true", "") + strings.Repeat(" ", cedarcheck.MaxConditionLength),
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() { done <- detonate(condition) }()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("it is still at work after two minutes")
			}
		})
	}
}

// detonate writes, compiles and decides by a condition, as an allow and as a deny.
func detonate(condition string) error {
	deep := "/" + strings.Repeat("a", 60)
	for len(deep) < 900 {
		deep += "/" + strings.Repeat("a", 60)
	}
	for _, effect := range []Effect{Allow, Deny} {
		p := AttributePolicy{Name: "bomb", Effect: effect, Permissions: []string{"*"}, Condition: condition}
		if ValidateAttributePolicy(p) != nil {
			continue // refused while it is written
		}
		e, err := New(PolicySet{Workspace: "w", Policies: []AttributePolicy{p}})
		if err != nil {
			return fmt.Errorf("accepted, and then not compiled: %w", err)
		}
		principal, err := vocabulary.ParsePrincipal("member:ann@example.com")
		if err != nil {
			return err
		}
		s := &Subject{Workspace: "w", Principal: principal, Role: vocabulary.RoleMember, Active: true}
		item := &Item{Workspace: "w", Path: deep, Kind: ItemFolder, Chain: ChainOf(deep, func(string) (Node, bool) { return Node{}, false })}
		e.Check(s, item, vocabulary.AssetRead, &RequestContext{Time: noon})
		e.Explain(s, item, vocabulary.AssetRead, &RequestContext{Time: noon})
	}
	return nil
}

// A workspace may hold ten thousand statements, in as many roles as that takes. Those
// of roles that somebody does not have cost them nothing.
func TestTenThousandStatementsDecideAsOne(t *testing.T) {
	set := PolicySet{}
	for r := range 50 {
		role := Role{Name: fmt.Sprintf("role-%d", r)}
		for i := range 200 {
			role.Statements = append(role.Statements, Statement{Allow, []string{"asset.read"}, []string{fmt.Sprintf("/p%d/f%d", r, i)}})
		}
		set.Roles = append(set.Roles, role)
	}
	set.Roles[7].Statements[199] = Statement{Deny, []string{"asset.read"}, []string{"/p7/f3"}}
	e := engine(t, set)
	holder := person(t, vocabulary.RoleMember).assigned("role-7", "/")
	w := tree{}
	for path, want := range map[string]bool{"/p7/f0": true, "/p7/f198": true, "/p7/f199": false, "/p7/f3": false, "/p8/f0": false} {
		if d := e.Check(holder, w.item(path), "asset.read", atNoon()); d.Allowed != want {
			t.Errorf("%s: allowed is %t, want %t: %s", path, d.Allowed, want, d)
		}
	}
}
