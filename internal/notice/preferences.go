package notice

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Permissions of everybody's own things.
const (
	permissionRead  = "notification.read"
	permissionWrite = "notification.write"
)

// Preferences answers what the caller wants, and what follows from it.
func Preferences(ctx context.Context, s *object.Scope) (*api.NotificationPreferences, error) {
	if err := s.Require(ctx, permissionRead); err != nil {
		return nil, err
	}
	own, err := preferencesOf(ctx, s, s.Caller.ID)
	if err != nil {
		return nil, err
	}
	return own, completed(ctx, s, own)
}

func completed(ctx context.Context, s *object.Scope, own *api.NotificationPreferences) error {
	policy, err := Policy(ctx, s)
	if err != nil {
		return err
	}
	own.Effective = effective(policy, own)
	return nil
}

// SetPreferences replaces what the caller wants.
func SetPreferences(ctx context.Context, s *object.Scope, in api.NotificationPreferences) (*api.NotificationPreferences, error) {
	if err := s.Require(ctx, permissionWrite); err != nil {
		return nil, err
	}
	if s.Caller.Kind != object.PrincipalMember {
		return nil, api.NewProblem(api.CodeInvalid, "Only people have preferences; %s has no inbox.", s.Caller.Principal())
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject("notification_preferences", "", violations)
	}
	in.Effective = nil
	doc, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encoding preferences: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO notification_preference (workspace_id, member_id, doc, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, member_id) DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at`, s.WorkspaceID, s.Caller.ID, string(doc), s.Now.UnixMicro()); err != nil {
		return nil, fmt.Errorf("keeping preferences: %w", err)
	}
	target := audit.Target{Kind: api.MemberKind.Name, ID: s.Caller.ID, Key: s.Caller.Key}
	if err := s.Record("notification_preferences.updated", target, audit.EffectNeutral, nil, nil); err != nil {
		return nil, err
	}
	return &in, completed(ctx, s, &in)
}

func preferencesOf(ctx context.Context, s *object.Scope, member string) (*api.NotificationPreferences, error) {
	out := &api.NotificationPreferences{}
	var doc string
	err := s.Tx.QueryRowContext(ctx, `SELECT doc FROM notification_preference WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, member).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading preferences: %w", err)
	}
	if err := json.Unmarshal([]byte(doc), out); err != nil {
		return nil, fmt.Errorf("reading preferences: %w", err)
	}
	return out, nil
}

// mutes reports whether an item, or one above it, was muted (X13).
func mutes(own *api.NotificationPreferences, item string) bool {
	return item != "" && slices.ContainsFunc(own.Mutes, func(path string) bool { return vocabulary.ScopeContains(path, item) })
}
