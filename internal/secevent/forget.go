package secevent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// What is queued when a person is erased is still delivered: receivers close sessions and
// accounts by it. It is sealed, and gone once it has arrived or is given up.
var (
	_ = object.Impersonal("security_event", map[string]string{
		"id": "random", "receiver_id": "opaque id", "event": "a word", "subject": "opaque id", "event_id": "opaque id", "state": "a word",
		"sealed": "on its way to a receiver that has to learn who left", "error": "what the receiver answered by status",
	})
	_ = object.Impersonal("event_receiver_state", map[string]string{"*": "how deliveries go"})
	_ = object.Impersonal("security_event_key", map[string]string{"*": "keys"})
)

// Who is cut out of the log before receivers were told of it could not be named to them:
// their sessions elsewhere would go on. It takes seconds at most.
var _ = object.ObjectsToErasure(func(ctx context.Context, s *object.Scope, p *object.Person) error {
	if p.Member == "" {
		return nil
	}
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, p.Member)
	if err != nil || m == nil || m.SuspendedAt == nil {
		return err
	}
	var waits, read int64
	err = s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM event_receiver_state WHERE workspace_id = $1 AND next_attempt_at < $2`, s.WorkspaceID, never).Scan(&waits)
	if err != nil {
		return fmt.Errorf("counting receivers: %w", err)
	}
	if waits == 0 {
		return nil
	}
	err = s.Tx.QueryRowContext(ctx, `SELECT e.occurred_at FROM log_cursor c JOIN audit_leaf l ON l.workspace_id = c.workspace_id AND l.seq = c.seq JOIN audit_event e ON e.id = l.event_id WHERE c.workspace_id = $1 AND c.reader = $2`, s.WorkspaceID, reader).Scan(&read)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading how far the log was read: %w", err)
	}
	if read < m.SuspendedAt.UnixMicro() {
		return api.NewProblem(api.CodeConflict, "Receivers of security events are not told yet that %s left. Try again in a few seconds.", m.Email)
	}
	return nil
})
