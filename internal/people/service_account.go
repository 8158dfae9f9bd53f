package people

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// GH-ID-08: every machine identity has a person who answers for it.
var _ = object.Register(api.ServiceAccountKind, object.Rules[*api.ServiceAccount]{
	AuthzRelevant: true,
	Recreate:      func(old *api.ServiceAccount) bool { return !old.Active },
	Validate:      validateServiceAccount,
	After:         afterServiceAccount,
	Destroy: func(ctx context.Context, c *object.Change[*api.ServiceAccount]) (*api.ServiceAccount, error) {
		left := *c.Old
		left.Active = false
		return &left, endEverything(ctx, c.Scope, "service_account:"+c.Old.Key, c.Old.ID, "the service account was suspended")
	},
	Effect: func(old, next *api.ServiceAccount) audit.Effect {
		authority := func(a *api.ServiceAccount) int {
			if a == nil || !a.Active {
				return 0
			}
			return vocabulary.Role(a.WorkspaceRole).Authority()
		}
		return direction(authority(next) - authority(old))
	},
})

func validateServiceAccount(ctx context.Context, c *object.Change[*api.ServiceAccount]) ([]api.Violation, error) {
	if c.Old != nil && c.Old.Owner == c.New.Owner && (c.Old.Active || !c.New.Active) {
		return nil, nil
	}
	owner, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Owner)
	if err != nil || owner == nil {
		return nil, err // the reference check names who is missing
	}
	switch {
	case !owner.Active:
		return []api.Violation{api.Invalid("/owner", "%s is suspended; name an active member who answers for the account", owner.Email)}, nil
	case owner.WorkspaceRole == roleGuest:
		return []api.Violation{api.Invalid("/owner", "%s is a guest; name a member of the organisation who answers for the account", owner.Email)}, nil
	}
	return nil, nil
}

func afterServiceAccount(ctx context.Context, c *object.Change[*api.ServiceAccount]) error {
	who := "service_account:" + c.New.Key
	switch {
	case c.New.Active && (c.Old == nil || !c.Old.Active || c.Old.WorkspaceRole != c.New.WorkspaceRole):
		return sharing.Separate(ctx, c.Scope, api.ServiceAccountKind, c.New.Key, sharing.Gain{Principal: who, At: "/workspace_role"})
	case c.Old == nil || !c.Old.Active || c.New.Active:
		return nil
	}
	return endCredentials(ctx, c.Scope, who, c.New.ID)
}
