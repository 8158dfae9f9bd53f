package signin

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// That limits nest is said by the type.
var _ = object.Register(api.SessionPolicyKind, object.Rules[*api.SessionPolicy]{
	Default: func(context.Context, *object.Scope, string) (*api.SessionPolicy, error) {
		return defaultOf[*api.SessionPolicy](api.SessionPolicyKind)
	},
	Effect: sessionEffect,
})

func sessionEffect(was, is *api.SessionPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	longer(&t, was.AbsoluteTimeout, is.AbsoluteTimeout)
	longer(&t, was.IdleTimeout, is.IdleTimeout)
	a, b := was.Privileged, is.Privileged
	if a != nil && b != nil {
		longer(&t, a.AbsoluteTimeout, b.AbsoluteTimeout)
		longer(&t, a.IdleTimeout, b.IdleTimeout)
	} else {
		t.Unclear((a == nil) != (b == nil))
	}
	t.Names(is.RevokeOn, was.RevokeOn) // fewer events end fewer sessions
	return t.Effect()
}
