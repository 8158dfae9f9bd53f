package signin

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// That SMS never counts for privileged roles (X18) and that methods, roles and
// triggers fit together is said by the type.
var _ = object.Register(api.MFAPolicyKind, object.Rules[*api.MFAPolicy]{
	Default: func(context.Context, *object.Scope, string) (*api.MFAPolicy, error) {
		return defaultOf[*api.MFAPolicy](api.MFAPolicyKind)
	},
	Effect: mfaEffect,
})

var requirementOrder = []string{"all_users", "roles", "risk_based", "none"}

func mfaEffect(was, is *api.MFAPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	t.Rank(requirementOrder, was.Requirement, is.Requirement)
	if was.Requirement == is.Requirement {
		// Fewer roles or triggers ask fewer people for a second factor.
		t.Names(is.Roles, was.Roles)
		t.Names(is.RiskTriggers, was.RiskTriggers)
	}
	t.Names(was.AllowedMethods, is.AllowedMethods)
	t.Opens(was.SMSFallback, is.SMSFallback)
	t.Names(was.PrivilegedMethods, is.PrivilegedMethods)
	longer(&t, was.GracePeriod, is.GracePeriod)
	t.Opens(was.AppliesToSSO == "trust_idp", is.AppliesToSSO == "trust_idp")
	return t.Effect()
}

// longer is for durations that are wider the longer they are.
func longer(t *object.Tally, was, is string) {
	a, err1 := api.ParseDuration(was)
	b, err2 := api.ParseDuration(is)
	if err1 != nil || err2 != nil {
		t.Unclear(was != is)
		return
	}
	t.Number(int64(a), int64(b))
}
