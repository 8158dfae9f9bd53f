package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// X15: what one connection may do to people. Destroying it keeps it, or returns it to
// the defaults, which are the strict ones.
var _ = object.Register(api.ProvisioningPolicyKind, object.Rules[*api.ProvisioningPolicy]{
	Validate: validatePolicy,
	Destroy: func(_ context.Context, c *object.Change[*api.ProvisioningPolicy]) (*api.ProvisioningPolicy, error) {
		left := *c.Old
		if c.Old.OnDestroy != "reset" {
			return &left, nil
		}
		def, err := defaultPolicy(c.Old.Connection)
		if err != nil {
			return nil, err
		}
		def.Meta = left.Meta
		return def, nil
	},
	Destroyed: "released",
	// What stands at the default, and belongs to nobody, may be declared (again).
	Recreate: func(old *api.ProvisioningPolicy) bool {
		def, err := defaultPolicy(old.Connection)
		return err == nil && old.ManagedBy.Kind != api.ManagedByTerraform && sameRules(old, def)
	},
	Effect: policyEffect,
})

// defaultPolicy is what holds for a connection without a policy.
func defaultPolicy(connection string) (*api.ProvisioningPolicy, error) {
	raw, err := json.Marshal(map[string]string{"connection_name": connection})
	if err != nil {
		return nil, fmt.Errorf("writing the default provisioning policy: %w", err)
	}
	obj, violations, err := api.ProvisioningPolicyKind.Decode(raw)
	if err == nil && len(violations) > 0 {
		err = fmt.Errorf("the default provisioning policy is not valid: %v", violations)
	}
	if err != nil {
		return nil, err
	}
	return obj.(*api.ProvisioningPolicy), nil
}

func sameRules(a, b *api.ProvisioningPolicy) bool {
	x, y := *a, *b
	for _, p := range []*api.ProvisioningPolicy{&x, &y} {
		p.Meta, p.OnDestroy, p.Connection = api.Meta{}, "", ""
	}
	was, err1 := json.Marshal(x)
	is, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && string(was) == string(is)
}

// policyOf reads the policy of a connection.
func policyOf(ctx context.Context, s *object.Scope, connection string) (*api.ProvisioningPolicy, error) {
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.ProvisioningPolicyKind.Name, strings.ToLower(connection))
	if errors.Is(err, store.ErrNotFound) {
		return defaultPolicy(connection)
	}
	if err != nil {
		return nil, err
	}
	var p api.ProvisioningPolicy
	if err := json.Unmarshal([]byte(row.Doc), &p); err != nil {
		return nil, fmt.Errorf("reading the provisioning policy of %s: %w", connection, err)
	}
	return &p, nil
}

// ratioOf is the ratio of a policy that was validated when it was written.
func ratioOf(p *api.ProvisioningPolicy) float64 {
	r, ok := p.RemovalRatio()
	if !ok {
		return 0
	}
	return r
}

// defaultQuarantine is that of quarantine_hours, for connections without a policy.
const defaultQuarantine = 72 * time.Hour

// quarantines reads how long each connection's held changes wait.
func quarantines(ctx context.Context, s *object.Scope) (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	err := object.Each(ctx, s, api.ProvisioningPolicyKind, func(p *api.ProvisioningPolicy) error {
		out[p.Connection] = time.Duration(p.QuarantineHours) * time.Hour
		return nil
	})
	return out, err
}

func validatePolicy(ctx context.Context, c *object.Change[*api.ProvisioningPolicy]) ([]api.Violation, error) {
	var out []api.Violation
	for n, email := range c.New.ProtectedPrincipals {
		if c.Old != nil && slices.Contains(c.Old.ProtectedPrincipals, email) {
			continue
		}
		ok, err := c.Exists(ctx, api.MemberKind, email)
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, object.MissingReference(fmt.Sprintf("/protected_principals/%d", n), api.MemberKind, email))
		}
	}
	return out, nil
}

// policyEffect: what lets the identity provider do more widens.
func policyEffect(was, is *api.ProvisioningPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	t.Add(ratioOf(is) > ratioOf(was), ratioOf(is) < ratioOf(was))
	t.Names(is.ProtectedPrincipals, was.ProtectedPrincipals) // fewer are protected
	t.Opens(was.UnknownGroup == "create_team", is.UnknownGroup == "create_team")
	t.Opens(was.EmailChange == "allow", is.EmailChange == "allow")
	t.Opens(was.Rehire == "reactivate", is.Rehire == "reactivate")
	t.Unclear(was.Deprovision != is.Deprovision || was.LinkHandling != is.LinkHandling || was.QuarantineHours != is.QuarantineHours)
	return t.Effect()
}
