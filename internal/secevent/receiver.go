package secevent

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// secretHeader is the name of the receiver's secret in the vault: that of its attribute.
const secretHeader = "authorization_header_wo"

// never is a time that does not come: disabled receivers are due then.
const never = int64(1) << 62

var _ = object.Register(api.EventReceiverKind, object.Rules[*api.EventReceiver]{
	Validate: validateReceiver,
	Prepare: func(_ context.Context, c *object.Change[*api.EventReceiver]) error {
		address(c.New, c.BaseURL(), c.WorkspaceID)
		return nil
	},
	Hydrate: func(_ context.Context, s *object.Scope, all []*api.EventReceiver) error {
		for _, r := range all {
			address(r, s.BaseURL(), s.WorkspaceID)
		}
		return nil
	},
	After:  afterReceiver,
	Effect: receiverEffect,
})

func address(r *api.EventReceiver, baseURL, workspace string) {
	r.Issuer, r.JWKSURI = "", ""
	if baseURL != "" {
		r.Issuer, r.JWKSURI = IssuerOf(baseURL, workspace), jwksOf(baseURL, workspace)
	}
}

// validateReceiver keeps the header of one host from being sent to another.
func validateReceiver(_ context.Context, c *object.Change[*api.EventReceiver]) ([]api.Violation, error) {
	if c.Created || host(c.Old.URL) == host(c.New.URL) || c.Old.AuthorizationHeaderWOVersion == 0 || c.New.AuthorizationHeaderWOVersion == 0 || c.New.AuthorizationHeaderWO != "" && c.New.AuthorizationHeaderWOVersion != c.Old.AuthorizationHeaderWOVersion {
		return nil, nil
	}
	return []api.Violation{api.Invalid("/authorization_header_wo_version", "url moves from %s to %s, and what is kept of authorization_header_wo is for the former; give the header of the new host and raise the version", host(c.Old.URL), host(c.New.URL))}, nil
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// afterReceiver keeps the state of deliveries beside the receiver.
func afterReceiver(ctx context.Context, c *object.Change[*api.EventReceiver]) error {
	if c.Deleted {
		for _, table := range []string{"security_event", "event_receiver_state"} {
			if _, err := c.Tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1 AND receiver_id = $2`, c.WorkspaceID, c.Old.ID); err != nil {
				return fmt.Errorf("ending deliveries: %w", err)
			}
		}
		return nil
	}
	due := int64(0)
	if !c.New.Enabled {
		due = never
	}
	if c.Created {
		if err := beginAtTheEnd(ctx, c.Scope); err != nil {
			return err
		}
		_, err := c.Tx.ExecContext(ctx, `INSERT INTO event_receiver_state (workspace_id, receiver_id, algorithm, next_attempt_at, lease, failures, failing_since, last_success_at, last_error, last_error_at) VALUES ($1, $2, $3, $4, '', 0, 0, 0, '', 0)`,
			c.WorkspaceID, c.New.ID, c.New.SigningAlgorithm, due)
		if err != nil {
			return fmt.Errorf("keeping the state of a receiver: %w", err)
		}
		return nil
	}
	if c.Old.AuthorizationHeaderWOVersion != 0 && c.New.AuthorizationHeaderWOVersion == 0 {
		if _, err := c.Tx.ExecContext(ctx, `DELETE FROM sealed_secret WHERE workspace_id = $1 AND object_id = $2 AND name = $3`, c.WorkspaceID, c.New.ID, secretHeader); err != nil {
			return fmt.Errorf("forgetting a header: %w", err)
		}
	}
	// What was wrong may be mended: the next attempt is now.
	_, err := c.Tx.ExecContext(ctx, `UPDATE event_receiver_state SET algorithm = $3, next_attempt_at = $4, lease = '', failures = 0 WHERE workspace_id = $1 AND receiver_id = $2`,
		c.WorkspaceID, c.New.ID, c.New.SigningAlgorithm, due)
	if err != nil {
		return fmt.Errorf("keeping the state of a receiver: %w", err)
	}
	return nil
}

// beginAtTheEnd sets the cursor of a workspace behind everything that is sealed, when
// its first receiver is made: nobody is told of what was before.
func beginAtTheEnd(ctx context.Context, s *object.Scope) error {
	var others int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM event_receiver_state WHERE workspace_id = $1`, s.WorkspaceID).Scan(&others); err != nil {
		return fmt.Errorf("counting receivers: %w", err)
	}
	if others > 0 {
		return nil
	}
	_, err := s.Tx.ExecContext(ctx, `INSERT INTO log_cursor (workspace_id, reader, seq) VALUES ($1, $2, COALESCE((SELECT MAX(seq) FROM audit_leaf WHERE workspace_id = $1), 0))
		ON CONFLICT (workspace_id, reader) DO UPDATE SET seq = excluded.seq`, s.WorkspaceID, reader)
	if err != nil {
		return fmt.Errorf("beginning to read the log: %w", err)
	}
	return nil
}

// receiverEffect: more is told outside the more events there are, and elsewhere.
func receiverEffect(was, is *api.EventReceiver) audit.Effect {
	var t object.Tally
	t.Opens(was != nil && was.Enabled, is != nil && is.Enabled)
	if was == nil || is == nil {
		return t.Effect()
	}
	t.Names(was.Events, is.Events)
	t.Unclear(was.URL != is.URL || was.Audience != is.Audience)
	return t.Effect()
}
