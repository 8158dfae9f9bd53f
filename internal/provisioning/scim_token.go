package provisioning

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

// Lives of SCIM tokens (GH-LC-08).
const (
	defaultTokenDays = 180
	maxTokenDays     = 366
	maxOverlap       = 14 * api.Day
	defaultOverlap   = api.Day
)

// C039: the bearer credential of one provisioning connection.
var _ = object.Register(api.SCIMTokenKind, object.Rules[*api.SCIMToken]{
	Validate: validateToken,
	Prepare: func(_ context.Context, c *object.Change[*api.SCIMToken]) error {
		if c.New.ExpiresAt == nil {
			until := c.Now.Add(defaultTokenDays * api.Day)
			c.New.ExpiresAt = &until
		}
		return nil
	},
	After: func(ctx context.Context, c *object.Change[*api.SCIMToken]) error {
		if c.Deleted {
			return signin.RevokeSecrets(ctx, c.Scope, c.Old.ID)
		}
		if c.Old == nil || !endMoved(c) {
			return nil
		}
		// The newest secret lives as long as the token; older ones are ending already.
		_, err := c.Tx.ExecContext(ctx, `UPDATE token_secret SET expires_at = $3 WHERE workspace_id = $1 AND token_id = $2 AND revoked_at = 0
			AND rotation = (SELECT MAX(rotation) FROM token_secret WHERE workspace_id = $1 AND token_id = $2)`, c.WorkspaceID, c.New.ID, c.New.ExpiresAt.UnixMicro())
		if err != nil {
			return fmt.Errorf("moving the end of a token: %w", err)
		}
		return nil
	},
	Effect: func(old, next *api.SCIMToken) audit.Effect {
		switch {
		case old == nil:
			return audit.EffectWidened
		case next == nil:
			return audit.EffectNarrowed
		}
		return audit.EffectUnknown
	},
})

func endMoved(c *object.Change[*api.SCIMToken]) bool {
	return c.Old == nil || c.Old.ExpiresAt == nil || c.New.ExpiresAt == nil || !c.Old.ExpiresAt.Equal(*c.New.ExpiresAt)
}

func validateToken(_ context.Context, c *object.Change[*api.SCIMToken]) ([]api.Violation, error) {
	out := signin.CheckExpiry(c.Now, c.New.ExpiresAt, endMoved(c), maxTokenDays)
	if c.New.Rotation == nil {
		return out, nil
	}
	d, err := api.ParseDuration(c.New.Rotation.Overlap)
	if err == nil && d > maxOverlap {
		out = append(out, api.Invalid("/rotation/overlap", "%s is longer than 14d; the old secret of a rotation lives on for at most that long, and 24h is usual", c.New.Rotation.Overlap))
	}
	return out, nil
}

func overlapOf(t *api.SCIMToken) time.Duration {
	if t.Rotation == nil {
		return defaultOverlap
	}
	d, err := api.ParseDuration(t.Rotation.Overlap)
	if err != nil {
		return defaultOverlap
	}
	return d
}

// RotateSCIMToken gives out the secret of a rotation. The current rotation gives the
// same secret as before, so that an ephemeral resource can be opened at plan and again
// at apply; a higher one makes a new secret and lets the one before live on for the
// overlap; a lower one is over.
func RotateSCIMToken(ctx context.Context, s *object.Scope, ref string, rotation int64) (secret string, expiresAt *time.Time, err error) {
	if err := s.Require(ctx, api.SCIMTokenKind.WritePermission()); err != nil {
		return "", nil, err
	}
	if rotation < 1 || rotation > 1<<31 {
		return "", nil, api.NewProblem(api.CodeInvalid, "The rotation is a number from 1 up; raise it to make a new secret.")
	}
	// The lock that makes two rotations of one token follow each other.
	if err := s.BumpAuthz(ctx); err != nil {
		return "", nil, err
	}
	obj, err := s.Get(ctx, api.SCIMTokenKind, ref)
	if err != nil {
		return "", nil, err
	}
	t := obj.(*api.SCIMToken)
	if t.ExpiresAt != nil && !t.ExpiresAt.After(s.Now) {
		return "", nil, api.NewProblem(api.CodeConflict, "The SCIM token %q expired at %s. Give it a later expires_at first.", t.Key, t.ExpiresAt.Format(time.RFC3339))
	}
	var current int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(rotation), 0) FROM token_secret WHERE workspace_id = $1 AND token_id = $2`, s.WorkspaceID, t.ID).Scan(&current); err != nil {
		return "", nil, fmt.Errorf("reading the rotation of a token: %w", err)
	}
	if rotation < current {
		return "", nil, api.NewProblem(api.CodeConflict, "Rotation %d of SCIM token %q is over; the current one is %d. Ask for %d, or for a higher one to make a new secret.", rotation, t.Key, current, current)
	}
	secret = signin.PrefixSCIM + base64.RawURLEncoding.EncodeToString(s.Derive(fmt.Sprintf("scim_token/%s/%d", t.ID, rotation)))
	if rotation == current {
		return secret, t.ExpiresAt, nil
	}
	if err := retire(ctx, s, t, current); err != nil {
		return "", nil, err
	}
	if err := signin.KeepSecret(ctx, s.Tx, secret, signin.Secret{WorkspaceID: s.WorkspaceID, TokenKind: api.SCIMTokenKind.Name, TokenID: t.ID, Principal: object.PrincipalConnection + ":" + t.Connection, Rotation: rotation, ExpiresAt: t.ExpiresAt}, s.Now); err != nil {
		return "", nil, err
	}
	return secret, t.ExpiresAt, s.Record("scim_token.rotated", audit.Target{Kind: api.SCIMTokenKind.Name, ID: t.ID, Key: t.Key}, audit.EffectNeutral, nil, nil, fmt.Sprintf("rotation %d; the secret before ends within %s", rotation, overlapOf(t)))
}

// retire lets the current secret live on for the overlap and ends older ones: at most
// two secrets of a token count at any time.
func retire(ctx context.Context, s *object.Scope, t *api.SCIMToken, current int64) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE token_secret SET revoked_at = $3 WHERE workspace_id = $1 AND token_id = $2 AND revoked_at = 0 AND rotation < $4`,
		s.WorkspaceID, t.ID, s.Now.UnixMicro(), current); err != nil {
		return fmt.Errorf("ending the secrets before: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE token_secret SET expires_at = $3 WHERE workspace_id = $1 AND token_id = $2 AND revoked_at = 0 AND rotation = $4 AND (expires_at = 0 OR expires_at > $3)`,
		s.WorkspaceID, t.ID, s.Now.Add(overlapOf(t)).UnixMicro(), current); err != nil {
		return fmt.Errorf("ending the secret before: %w", err)
	}
	return nil
}
