package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Lives of API tokens (GH-AU-08).
const (
	defaultTokenDays = 90
	maxTokenDays     = 366
)

var _ = object.Register(api.APITokenKind, object.Rules[*api.APIToken]{
	Validate: validateAPIToken,
	Prepare: func(_ context.Context, c *object.Change[*api.APIToken]) error {
		if c.New.ExpiresAt == nil {
			until := c.Now.Add(defaultTokenDays * api.Day)
			c.New.ExpiresAt = &until
		}
		return nil
	},
	After: func(ctx context.Context, c *object.Change[*api.APIToken]) error {
		if c.Deleted {
			return RevokeSecrets(ctx, c.Scope, c.Old.ID)
		}
		return nil
	},
	Effect: func(old, next *api.APIToken) audit.Effect {
		if next == nil {
			return audit.EffectNarrowed
		}
		return audit.EffectWidened
	},
})

func validateAPIToken(_ context.Context, c *object.Change[*api.APIToken]) ([]api.Violation, error) {
	var out []api.Violation
	for i, sc := range c.New.Scopes {
		if sc == object.ReadOnlyScope {
			continue
		}
		if _, err := vocabulary.Expand(sc); err != nil {
			out = append(out, api.Invalid(fmt.Sprintf("/scopes/%d", i), "%v", err))
		}
	}
	return append(out, CheckExpiry(c.Now, c.New.ExpiresAt, changedExpiry(c), maxTokenDays)...), nil
}

func changedExpiry(c *object.Change[*api.APIToken]) bool {
	return c.Old == nil || c.Old.ExpiresAt == nil || c.New.ExpiresAt == nil || !c.Old.ExpiresAt.Equal(*c.New.ExpiresAt)
}

// CheckExpiry says what is wrong with a credential's end: passed, or too far away.
// An end that was accepted before is not judged again, so that an expired token in
// somebody's configuration does not block every plan.
func CheckExpiry(now time.Time, at *time.Time, changed bool, maxDays int) []api.Violation {
	if at == nil || !changed {
		return nil
	}
	latest := now.Add(time.Duration(maxDays) * api.Day)
	if !at.After(now) || at.After(latest) {
		return []api.Violation{api.Invalid("/expires_at", "%s is not between now and %s; write a time at most %d days away", at.Format(time.RFC3339), latest.Format(time.RFC3339), maxDays)}
	}
	return nil
}

// IssueAPISecret makes a new secret of an API token and ends the earlier ones. It is
// the only moment at which the secret can be seen.
func IssueAPISecret(ctx context.Context, s *object.Scope, ref string) (secret string, until *time.Time, err error) {
	if err := s.Require(ctx, api.APITokenKind.WritePermission()); err != nil {
		return "", nil, err
	}
	obj, err := s.Get(ctx, api.APITokenKind, ref)
	if err != nil {
		return "", nil, err
	}
	t := obj.(*api.APIToken)
	if err := RevokeSecrets(ctx, s, t.ID); err != nil {
		return "", nil, err
	}
	secret = NewSecret(PrefixAPI)
	if err := KeepSecret(ctx, s.Tx, secret, Secret{WorkspaceID: s.WorkspaceID, TokenKind: api.APITokenKind.Name, TokenID: t.ID, Principal: object.PrincipalServiceAccount + ":" + t.ServiceAccount, ExpiresAt: t.ExpiresAt}, s.Now); err != nil {
		return "", nil, err
	}
	return secret, t.ExpiresAt, s.Record("api_token.secret_issued", audit.Target{Kind: api.APITokenKind.Name, ID: t.ID, Key: t.Key}, audit.EffectWidened, nil, nil)
}
