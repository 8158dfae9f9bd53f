package provisioning

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// Held is the error of a change that was refused and waits for a human decision: the
// caller undoes everything and records the event as quarantined.
type Held struct {
	Operation, Resource, Target string
	Key                         string // e-mail or name of the target, for the audit log
	Why                         *api.Problem

	releasable bool     // by Release; protected people never are
	leavers    []string // ids of who would lose access; Target when it is a person
}

func (h *Held) Error() string { return h.Why.Error() }
func (h *Held) Unwrap() error { return h.Why }

// name says in the answer how a human lets the change pass, where one can.
func (h *Held) name(event string) {
	if h.releasable {
		h.Why.Detail += " An admin may let it pass with: gatehouse scim release " + event + ". The identity provider sends it again by itself."
	}
}

func (h *Held) affected() []string {
	switch {
	case h.Operation == OperationRename:
		return nil // a change of name takes nothing from anybody
	case h.Resource == ResourceUser:
		return []string{h.Target}
	}
	return h.leavers[:min(len(h.leavers), maxListed)]
}

// releaseLastsFor is how long a released change may pass.
const releaseLastsFor = 24 * time.Hour

// rejectLastsFor is how long a no counts: identity providers send a refused change again
// for days.
const rejectLastsFor = 30 * 24 * time.Hour

// uselessRelease ends the refusals that a human decides elsewhere.
const uselessRelease = "Releasing the event does not help"

// waiting selects the newest attempt of each held change that was neither decided nor
// applied since, and whose time has not run out. Its parameters are the time before
// which a release has lapsed, the time before which a rejection has, and the time after
// which a change still waits.
const waiting = `outcome = 'quarantined' AND outcome <> 'applied' AND NOT EXISTS (SELECT 1 FROM provisioning_event n
	WHERE n.workspace_id = provisioning_event.workspace_id AND n.target = provisioning_event.target AND n.operation = provisioning_event.operation
	AND (n.outcome = 'quarantined' AND (n.released_at > ? OR n.rejected_at > ?) OR n.outcome IN ('applied', 'quarantined') AND (n.occurred_at, n.id) > (provisioning_event.occurred_at, provisioning_event.id)))
	AND occurred_at > `

// waitingSince is the last part of waiting: connections wait for different times.
func waitingSince(ctx context.Context, s *object.Scope) (text string, args []any, err error) {
	lasts, err := quarantines(ctx, s)
	if err != nil {
		return "", nil, err
	}
	text = "CAST(? AS BIGINT)"
	if len(lasts) > 0 {
		text = "CASE connection"
		for connection, wait := range lasts {
			text += " WHEN ? THEN CAST(? AS BIGINT)"
			args = append(args, connection, s.Now.Add(-wait).UnixMicro())
		}
		text += " ELSE CAST(? AS BIGINT) END"
	}
	return text, append(args, s.Now.Add(-defaultQuarantine).UnixMicro()), nil
}

// Affected is somebody who would lose access.
type Affected struct {
	ID    string `json:"id" doc:"Id of the member."`
	Email string `json:"email,omitempty" doc:"E-mail, as long as the member exists."`
}

// nameAffected fills in Affected. Events keep ids alone, so that nobody's address
// outlives the member.
func nameAffected(ctx context.Context, s *object.Scope, events []Event) error {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.affected...)
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, key FROM member WHERE workspace_id = $1 AND kind = 'member' AND id IN `+IDSet(s, 2), s.WorkspaceID, EncodeIDs(ids))
	if err != nil {
		return fmt.Errorf("naming who is affected: %w", err)
	}
	defer func() { _ = rows.Close() }()
	emails := map[string]string{}
	for rows.Next() {
		var id, email string
		if err := rows.Scan(&id, &email); err != nil {
			return fmt.Errorf("naming who is affected: %w", err)
		}
		emails[id] = email
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("naming who is affected: %w", err)
	}
	for i := range events {
		e := &events[i]
		for _, id := range e.affected {
			e.Affected = append(e.Affected, Affected{ID: id, Email: emails[id]})
		}
	}
	return nil
}

// Release lets a change that the circuit breaker held pass when the identity provider
// sends it again, which they do by themselves (X15: a human decides). Protected people
// stay protected: their events answer a lockout problem that says what to do instead.
func Release(ctx context.Context, s *object.Scope, id string) (*Event, error) {
	if err := s.Require(ctx, "provisioning_event.replay"); err != nil {
		return nil, err
	}
	e, err := scanEvent(s.Tx.QueryRowContext(ctx, `UPDATE provisioning_event SET released_at = $3, released_by = $4, rejected_at = 0, rejected_by = '' WHERE workspace_id = $1 AND id = $2 AND outcome = 'quarantined' RETURNING `+eventColumns,
		s.WorkspaceID, id, s.Now.UnixMicro(), s.Caller.Principal()))
	if isNoRows(err) {
		return nil, object.NotFound("quarantined provisioning event", id)
	}
	if err != nil {
		return nil, err
	}
	if err := stillWaits(ctx, s, &e); err != nil {
		return nil, err
	}
	if e.Resource == ResourceUser {
		if err := refuseProtected(ctx, s, e.Connection, e.Target); err != nil {
			return nil, err
		}
	}
	one := []Event{e}
	if err := nameAffected(ctx, s, one); err != nil {
		return nil, err
	}
	return &one[0], s.Record("provisioning.released", audit.Target{Kind: "provisioning_event", ID: e.ID}, audit.EffectNarrowed, nil, nil, "a "+e.Operation+" of "+e.Target+" that was held may pass")
}

// stillWaits refuses a decision on a change whose time has run out.
func stillWaits(ctx context.Context, s *object.Scope, e *Event) error {
	policy, err := policyOf(ctx, s, e.Connection)
	if err != nil {
		return err
	}
	wait := time.Duration(policy.QuarantineHours) * time.Hour
	if s.Now.Sub(e.Time) < wait {
		return nil
	}
	return api.NewProblem(api.CodeConflict, "The event %s waited for longer than %s (quarantine_hours of the provisioning policy of %s) and was refused with that. The identity provider has to send the change again.", e.ID, wait, e.Connection)
}

// Reject is a human's no to a held change: it is not made, and not asked about again as
// long as rejectLastsFor when the identity provider keeps sending it.
func Reject(ctx context.Context, s *object.Scope, id string) (*Event, error) {
	if err := s.Require(ctx, "provisioning_event.replay"); err != nil {
		return nil, err
	}
	e, err := scanEvent(s.Tx.QueryRowContext(ctx, `UPDATE provisioning_event SET rejected_at = $3, rejected_by = $4, released_at = 0, released_by = '' WHERE workspace_id = $1 AND id = $2 AND outcome = 'quarantined' RETURNING `+eventColumns,
		s.WorkspaceID, id, s.Now.UnixMicro(), s.Caller.Principal()))
	if isNoRows(err) {
		return nil, object.NotFound("quarantined provisioning event", id)
	}
	if err != nil {
		return nil, err
	}
	// A release of another attempt of the same change is taken back with it.
	if _, err := s.Tx.ExecContext(ctx, `UPDATE provisioning_event SET released_at = 0, released_by = '' WHERE workspace_id = $1 AND target = $2 AND operation = $3 AND outcome = 'quarantined' AND released_at > 0`,
		s.WorkspaceID, e.Target, e.Operation); err != nil {
		return nil, fmt.Errorf("taking a release back: %w", err)
	}
	one := []Event{e}
	if err := nameAffected(ctx, s, one); err != nil {
		return nil, err
	}
	return &one[0], s.Record("provisioning.rejected", audit.Target{Kind: "provisioning_event", ID: e.ID}, audit.EffectNeutral, nil, nil, "a "+e.Operation+" of "+e.Target+" that was held is refused")
}

// refuseProtected answers a lockout problem for people whom no release lets go: what
// protects them has to be changed first.
func refuseProtected(ctx context.Context, s *object.Scope, connection, id string) error {
	m, err := memberOf(ctx, s, id)
	if err != nil || m == nil {
		return err
	}
	if err := protect(ctx, s, connection, id, m); err != nil {
		return unheld(err)
	}
	if !m.Active || !vocabulary.Role(m.WorkspaceRole).Governs() {
		return nil
	}
	return unheld(keepAdministrators(ctx, s, id, m.Email, 1))
}

// keepAdministrators holds a change after which too few people could administer;
// leaving of those who are counted still go.
func keepAdministrators(ctx context.Context, s *object.Scope, id, email string, leaving int64) error {
	left, err := people.CountAdministrators(ctx, s)
	if err != nil {
		return err
	}
	w, err := object.Find[*api.Workspace](ctx, s, api.WorkspaceKind, "")
	if err != nil {
		return err
	}
	floor := int64(1)
	if w != nil {
		floor = max(floor, w.MinAdmins)
	}
	if left-leaving >= floor {
		return nil
	}
	return &Held{Operation: OperationGroupUpdate, Resource: ResourceUser, Target: id, Key: email,
		Why: api.NewProblem(api.CodeLockout, "Without %s fewer than %d people could administer the workspace (workspace.min_admins); the change is not made. "+uselessRelease+": make somebody else an admin first, or let the Owner lower min_admins.", email, floor)}
}
