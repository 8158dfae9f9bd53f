package sharing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func policy(name, effect string, permissions []string, more ...any) doc {
	d := doc{"name": name, "effect": effect, "permissions": permissions}
	for i := 0; i < len(more); i += 2 {
		d[more[i].(string)] = more[i+1]
	}
	return d
}

// when is decide for a request of which something is known.
func (w *world) when(principal, path, permission string, rc access.RequestContext) access.Decision {
	w.t.Helper()
	var d access.Decision
	w.ask(principal, path, func(s *object.Scope, subject *access.Subject, item *access.Item, now *access.RequestContext) {
		rc.Time = now.Time
		d = s.Engine().Check(subject, item, permission, &rc)
	})
	return d
}

func TestAnAttributePolicyDecidesFromTheNextRequestOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k, who := api.AttributePolicyKind, "member:"+nobody
		w.Create(t, w.Admin, k, policy("readers", "allow", []string{"item.read", "asset.read"}, "paths", []string{"/finance"}, "condition", `principal.email_domain == "example.com"`))
		w.wantAllowed(who, "/finance/quarterly", true, "asset.read")
		w.wantAllowed(who, "/campaigns", false, "asset.read")
		w.wantAllowed("member:"+guest, "/finance", false, "asset.read")

		// Deny wins, over the policy and over any grant.
		w.grant(who, "/finance", "full_access")
		w.wantAllowed(who, "/finance", true, "asset.download")
		w.Create(t, w.Admin, k, policy("known-devices", "deny", []string{"asset.*"}, "condition", "!context.device_known"))
		d := w.decide(who, "/finance", "asset.download")
		if d.Allowed || len(d.Reasons) != 1 || d.Reasons[0].Kind != access.ReasonDeny || d.Reasons[0].ID != "policy/known-devices/item" {
			t.Errorf("decision = %+v, want a denial that names the policy", d)
		}
		if d := w.when(who, "/finance", "asset.download", access.RequestContext{DeviceKnown: true}); !d.Allowed {
			t.Errorf("on a known device: %s", d)
		}
		w.wantAllowed(who, "/finance", true, "item.read")

		// What can be evaluated only when it runs still fails closed.
		w.Create(t, w.Admin, k, policy("overflow", "deny", []string{"asset.update"}, "condition", "9223372036854775807 + resource.level < 0"))
		d = w.when(who, "/finance", "asset.update", access.RequestContext{DeviceKnown: true})
		if d.Allowed || d.Reasons[0].Kind != access.ReasonError {
			t.Errorf("a deny that cannot be evaluated: %+v", d)
		}
		w.Delete(t, w.Admin, k, "overflow")
		w.Delete(t, w.Admin, k, "known-devices")
		w.wantAllowed(who, "/finance", true, "asset.download", "asset.update")
	})
}

func TestAReportOnlyPolicyChangesNothingAndSaysWhatItWould(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k, who := api.AttributePolicyKind, "member:"+nobody
		w.grant(who, "/finance", "edit")
		w.Create(t, w.Admin, k, policy("trial", "deny", []string{"asset.download"}, "mode", "report_only"))
		w.Create(t, w.Admin, k, policy("broken", "deny", []string{"asset.download"}, "mode", "report_only", "condition", "9223372036854775807 + resource.level < 0"))
		d := w.decide(who, "/finance", "asset.download")
		if !d.Allowed || len(d.Reports) != 2 {
			t.Fatalf("decision = %+v, want it allowed with two reports", d)
		}
		for _, r := range d.Reports {
			if !r.Changes || r.Effect != access.Deny || (r.Error != "") != strings.Contains(r.Policy, "broken") {
				t.Errorf("report = %+v", r)
			}
		}
		w.Put(t, w.Admin, k, "trial", policy("trial", "deny", []string{"asset.download"}))
		w.wantAllowed(who, "/finance", false, "asset.download")
	})
}

func TestAnExpiredPolicyDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k, who := api.AttributePolicyKind, "member:"+nobody
		w.grant(who, "/finance", "edit")
		w.Create(t, w.Admin, k, policy("freeze", "deny", []string{"asset.update"}, "expires_at", in(1)))
		w.Create(t, w.Admin, k, policy("trial", "deny", []string{"asset.update"}, "expires_at", in(1), "mode", "report_only"))
		w.wantAllowed(who, "/finance", false, "asset.update")
		w.Advance(25 * time.Hour)
		w.wantAllowed(who, "/finance", true, "asset.update")
		if d := w.decide(who, "/finance", "asset.update"); len(d.Reports) != 0 {
			t.Errorf("an expired policy reports: %+v", d.Reports)
		}
	})
}

func TestAttributePoliciesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k, reads := api.AttributePolicyKind, []string{"asset.read"}
		bomb := strings.Repeat("(", 1900) + "true" + strings.Repeat(")", 1900)
		w.wantRefused([]refusal{
			{name: "misspelt permission", kind: k, at: "/permissions/1", code: "unknown_permission", says: []string{`did you mean "asset.read"?`}, doc: policy("x", "deny", []string{"asset.download", "asset.raed"})},
			{name: "effect in the words of Cedar", kind: k, at: "/effect", says: []string{"allow, deny"}, doc: policy("x", "forbid", reads)},
			{name: "path of nothing", kind: k, at: "/paths/0", says: []string{"/finance"}, doc: policy("x", "deny", reads, "paths", []string{"finance"})},
			{name: "paths for the workspace", kind: k, at: "/paths", says: []string{"would do nothing below /finance"}, doc: policy("x", "deny", []string{"audit.read"}, "paths", []string{"/finance"})},
			{name: "not Cedar", kind: k, at: "/condition", says: []string{"line 2, column 24"}, doc: policy("x", "deny", reads, "condition", "context.hour > 6 &&\n  context.country ==  =\"DE\"")},
			{name: "ends too early", kind: k, at: "/condition", says: []string{"line 1, column 16"}, doc: policy("x", "deny", reads, "condition", "context.hour > ")},
			{name: "attribute that no request has", kind: k, at: "/condition", says: []string{"contry"}, doc: policy("x", "deny", reads, "condition", `context.contry == "DE"`)},
			{name: "attribute that the workspace has not", kind: k, at: "/condition", says: []string{"level"}, doc: policy("x", "deny", []string{"*"}, "condition", "resource.level > 2")},
			{name: "another policy smuggled in", kind: k, at: "/condition", says: []string{"one expression"}, doc: policy("x", "deny", reads, "condition", "true }; permit (principal, action, resource) when { true")},
			{name: "nested without end", kind: k, at: "/condition", doc: policy("x", "deny", reads, "condition", strings.Repeat("(", 150)+"context"+strings.Repeat(" has a.a.a.a.a.a)", 150))},
			{name: "too long", kind: k, at: "/condition", says: []string{"4000"}, doc: policy("x", "deny", reads, "condition", bomb+bomb)},
			{name: "end in the past", kind: k, at: "/expires_at", says: []string{"in the past"}, doc: policy("x", "deny", reads, "expires_at", in(-1))},
			{name: "takes itself out of reach", kind: k, at: "/permissions", code: string(api.CodeLockout), says: []string{"attribute_policy.read", "attribute_policy.*"}, doc: policy("x", "deny", []string{"*"})},
			{name: "for this request at least", kind: k, at: "/permissions", code: string(api.CodeLockout), doc: policy("x", "deny", []string{"attribute_policy.write"}, "condition", `principal.workspace_role == "admin"`)},
		})
		// Conditions that others meet, and policies that only report, are welcome.
		w.Create(t, w.Admin, k, policy("others", "deny", []string{"*"}, "condition", `principal.workspace_role == "member"`))
		w.Create(t, w.Admin, k, policy("all", "deny", []string{"*"}, "mode", "report_only"))
		w.wantAllowed("member:"+designer, "/campaigns", false, "asset.read")
	})
}

// Size and depth are bounded, so that no text takes long to check or to decide.
func TestCedarBombsAreHarmless(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, text := range map[string]string{
			"parens": strings.Repeat("(", 1990) + "true" + strings.Repeat(")", 1990),
			"nots":   strings.Repeat("!", 3990) + "true",
			"ifs":    strings.Repeat("if true then (", 200) + "true" + strings.Repeat(") else false", 200)[:1000],
			"ands":   strings.Repeat("true&&", 600) + "true",
			"stars":  `"` + strings.Repeat("a", 1900) + `" like "` + strings.Repeat("*a", 900) + `b"`,
			"sets":   strings.Repeat("[", 1900) + strings.Repeat("]", 1900) + " == []",
		} {
			start := time.Now()
			d := policy("bomb", "deny", []string{"*"}, "condition", text, "mode", "report_only")
			_, err := w.TryPut(t, w.Admin, api.AttributePolicyKind, "bomb", d)
			if err != nil {
				objecttest.WantViolation(t, err, "/condition")
			}
			w.decide("member:"+designer, "/campaigns", "asset.read")
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("%s took %s", name, took)
			}
		}
	})
}

func TestThereIsAMostOfAttributePolicies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		err := w.Service.Do(context.Background(), object.System(w.Workspace.ID), func(s *object.Scope) error {
			var many []api.Object
			for i := range 200 {
				many = append(many, &api.AttributePolicy{Name: fmt.Sprintf("p%d", i), Effect: "deny", Permissions: []string{"asset.read"}, Mode: "report_only"})
			}
			return s.SaveDerived(context.Background(), api.AttributePolicyKind, object.How{}, many...)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wantRefused([]refusal{{name: "one more", kind: api.AttributePolicyKind, at: "/name", says: []string{"200", "delete one"}, doc: policy("one-more", "deny", []string{"asset.read"})}})
	})
}

func TestWhoMayWritePoliciesCannotAllowThemselvesMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "delegate", "statements": []any{statement("allow", []string{"attribute_policy.*"}, "/")}})
		w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": "delegate", "principal": "member:" + nobody, "scope": "/"})
		w.wantRefused([]refusal{{name: "more", by: nobody, kind: api.AttributePolicyKind, at: "/permissions", says: []string{"asset.read"}, doc: policy("all", "allow", []string{"asset.read"})}})
		w.Create(t, w.as(nobody), api.AttributePolicyKind, policy("less", "deny", []string{"asset.read"}))
		_, err := w.TryCreate(t, w.as(designer), api.AttributePolicyKind, policy("no", "deny", []string{"asset.read"}))
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestDriftSaysWhetherAPolicyWidened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		put := func(d doc) { w.Put(t, w.Admin, api.AttributePolicyKind, "", d) }
		one, two := []string{"asset.download"}, []string{"asset.download", "asset.update"}
		put(policy("p", "deny", one, "mode", "report_only"))
		put(policy("p", "deny", one))
		put(policy("p", "deny", two))
		put(policy("p", "deny", two, "condition", "context.hour < 6"))
		put(policy("p", "deny", two, "condition", "context.hour < 7"))
		put(policy("p", "allow", one))
		put(policy("p", "allow", two))
		put(policy("p", "allow", two, "expires_at", in(5)))
		put(policy("p", "allow", two, "expires_at", in(5), "mode", "report_only"))
		w.wantEffects(api.AttributePolicyKind, audit.EffectNeutral, audit.EffectNarrowed, audit.EffectNarrowed, audit.EffectWidened, audit.EffectUnknown,
			audit.EffectWidened, audit.EffectWidened, audit.EffectNarrowed, audit.EffectNarrowed)
	})
}
