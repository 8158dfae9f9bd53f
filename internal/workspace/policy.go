package workspace

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// retentionShorten is the catalogue's permission to keep the audit log for less time.
const retentionShorten = "audit_policy.retention.shorten"

// activeRetention is how long active data is kept, always (C086).
const activeRetention = "workspace_lifetime"

// M01, M04: whether code-owned objects may be edited by hand. object applies it.
var _ = object.Register(api.ChangePolicyKind, object.Rules[*api.ChangePolicy]{
	Default: defaults[*api.ChangePolicy](api.ChangePolicyKind),
})

// C086 to C090: the deletion clocks.
var _ = object.Register(api.RetentionPolicyKind, object.Rules[*api.RetentionPolicy]{
	Default: func(ctx context.Context, s *object.Scope, key string) (*api.RetentionPolicy, error) {
		p, err := defaults[*api.RetentionPolicy](api.RetentionPolicyKind)(ctx, s, key)
		if err == nil {
			p.Active = activeRetention
		}
		return p, err
	},
	Prepare: func(_ context.Context, c *object.Change[*api.RetentionPolicy]) error {
		c.New.Active = activeRetention
		return nil
	},
})

// C043 to C050, X12: the audit log is kept longer at any admin's wish, shorter only at
// the Owner's.
var _ = object.Register(api.AuditPolicyKind, object.Rules[*api.AuditPolicy]{
	Default: defaults[*api.AuditPolicy](api.AuditPolicyKind),
	Validate: func(ctx context.Context, c *object.Change[*api.AuditPolicy]) ([]api.Violation, error) {
		if c.Old == nil || c.New.RetentionDays >= c.Old.RetentionDays || c.Require(ctx, retentionShorten) == nil {
			return nil, nil
		}
		return nil, forbiddenAttribute("/retention_days", fmt.Sprintf("Only the workspace Owner may shorten how long the audit log is kept (%d days today).", c.Old.RetentionDays))
	},
})

// C105 to C108, X17: where data lies. Regions and the pin are checked by the type.
var _ = object.Register(api.DataResidencyKind, object.Rules[*api.DataResidency]{
	Default: func(context.Context, *object.Scope, string) (*api.DataResidency, error) {
		return &api.DataResidency{PrimaryRegion: "eu-frankfurt", Pin: "none"}, nil
	},
	Validate: validateResidency,
	Effect: func(_, _ *api.DataResidency) audit.Effect {
		return audit.EffectNeutral
	},
})

func validateResidency(ctx context.Context, c *object.Change[*api.DataResidency]) ([]api.Violation, error) {
	declared := c.Old != nil && c.Old.CreatedAt != nil
	if !declared {
		return nil, nil
	}
	if c.Old.Pin == "eu" && c.New.Pin != "eu" {
		role, err := c.Role(ctx)
		if err != nil {
			return nil, err
		}
		if role != string(vocabulary.RoleOwner) {
			return nil, forbiddenAttribute("/pin", "Only the workspace Owner may take the EU pin off (C107).")
		}
	}
	if c.New.PrimaryRegion == c.Old.PrimaryRegion || c.New.MigrateFrom == c.Old.PrimaryRegion {
		return nil, nil
	}
	p := api.NewProblem(api.CodeConflict, "The data of this workspace lies in %s. A new primary_region moves all of it, so it must be asked for: set migrate_from = %q in the same change.", c.Old.PrimaryRegion, c.Old.PrimaryRegion)
	p.Errors = []api.Violation{{Path: "/primary_region", Code: string(api.CodeConflict), Message: fmt.Sprintf("changing the region needs migrate_from = %q", c.Old.PrimaryRegion)}}
	return nil, p
}

func forbiddenAttribute(path, message string) *api.Problem {
	p := api.NewProblem(api.CodeForbidden, "%s", message)
	p.Errors = []api.Violation{{Path: path, Code: string(api.CodeForbidden), Message: message}}
	return p
}

// defaults answers a singleton that was never declared with the defaults of its type.
func defaults[P api.Object](kind *api.Kind) func(context.Context, *object.Scope, string) (P, error) {
	return func(context.Context, *object.Scope, string) (P, error) {
		var none P
		obj, violations, err := kind.DecodeMap(map[string]any{})
		if err != nil {
			return none, err
		}
		if len(violations) > 0 {
			return none, fmt.Errorf("the defaults of %s are not acceptable: %v", kind.Name, violations)
		}
		return obj.(P), nil
	}
}
