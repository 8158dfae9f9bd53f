package notice

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// maxInbox bounds a page: each entry is rendered from its event.
const maxInbox = 100

// Inbox answers a page of the caller's own notifications, the newest first.
func Inbox(ctx context.Context, svc *object.Service, s *object.Scope, unread bool, cursor string, limit int) (*api.NotificationPage, error) {
	if err := s.Require(ctx, permissionRead); err != nil {
		return nil, err
	}
	before, err := decodeCursor(cursor)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxInbox {
		limit = maxInbox
	}
	page := &api.NotificationPage{Items: []api.Notification{}}
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM notification WHERE workspace_id = $1 AND member_id = $2 AND read_at = 0 AND muted = 0`, s.WorkspaceID, s.Caller.ID).Scan(&page.Unread); err != nil {
		return nil, fmt.Errorf("counting notifications: %w", err)
	}
	only := ""
	if unread {
		only = " AND read_at = 0"
	}
	found, err := entries(ctx, s, `member_id = $2 AND id < $3`+only+` ORDER BY id DESC LIMIT $4`, s.Caller.ID, before, limit+1)
	if err != nil {
		return nil, err
	}
	if len(found) > limit {
		found = found[:limit]
		page.NextCursor = base64.RawURLEncoding.EncodeToString([]byte("n" + found[limit-1].id))
	}
	r := &reader{svc: svc, scope: s, principal: s.Caller.Principal(), seen: map[string]bool{}}
	for _, entry := range found {
		n, err := r.show(ctx, entry)
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, n)
	}
	return page, nil
}

func decodeCursor(cursor string) (string, error) {
	if cursor == "" {
		return "~", nil // after every id
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 2 || len(raw) > 100 || raw[0] != 'n' {
		return "", api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	return string(raw[1:]), nil
}

// entry is a row of the inbox.
type entry struct {
	id, eventID, event, item string
	muted                    bool
	occurred, read           int64
}

// entries reads rows of the scope's workspace; where begins with the member, $2.
func entries(ctx context.Context, s *object.Scope, where string, args ...any) ([]entry, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, event_id, event, item, muted, occurred_at, read_at FROM notification WHERE workspace_id = $1 AND `+where, append([]any{s.WorkspaceID}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading notifications: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []entry
	for rows.Next() {
		var e entry
		var muted int64
		if err := rows.Scan(&e.id, &e.eventID, &e.event, &e.item, &muted, &e.occurred, &e.read); err != nil {
			return nil, fmt.Errorf("reading notifications: %w", err)
		}
		e.muted = muted != 0
		out = append(out, e)
	}
	return out, rows.Err()
}

// reader renders entries for one person.
type reader struct {
	svc       *object.Service
	scope     *object.Scope
	principal string
	seen      map[string]bool // whether they still see an item
}

const (
	textHidden = "Something happened to an item that you have no access to any more."
	textGone   = "What happened is not recorded any more."
)

func (r *reader) show(ctx context.Context, e entry) (api.Notification, error) {
	n := api.Notification{ID: e.id, Event: e.event, Muted: e.muted, OccurredAt: time.UnixMicro(e.occurred).UTC(), ReadAt: store.FromMicros(e.read)}
	event, err := r.svc.AuditLog().Get(ctx, r.scope.Tx, r.scope.WorkspaceID, e.eventID)
	if errors.Is(err, audit.ErrNotFound) {
		n.Text = textGone
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("reading what a notification is about: %w", err)
	}
	if sees, err := r.sees(ctx, e); err != nil {
		return n, err
	} else if !sees {
		n.Text = textHidden
		return n, nil
	}
	n.Text, n.Item, n.Actor = sentence(e.event, e.item, &event), e.item, actorOf(e.event, &event)
	n.TargetKind, n.TargetID = event.Target.Kind, event.Target.ID
	return n, nil
}

// sees asks again at each reading: what was told once must not be shown to whoever has
// lost the item since. Approvals are about a decision, not about the item.
func (r *reader) sees(ctx context.Context, e entry) (bool, error) {
	if e.item == "" || e.event == api.EventApprovalRequested || e.event == api.EventApprovalDecided {
		return true, nil
	}
	sees, asked := r.seen[e.item]
	if !asked {
		var err error
		if sees, err = hasLevel(ctx, r.scope, r.principal, e.item); err != nil {
			return false, err
		}
		r.seen[e.item] = sees
	}
	return sees, nil
}

// Read marks one of the caller's notifications as read. That is their own bookmark and
// no event of the audit log.
func Read(ctx context.Context, s *object.Scope, id string) (*api.ReadNotifications, error) {
	if err := s.Require(ctx, permissionWrite); err != nil {
		return nil, err
	}
	var there int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM notification WHERE workspace_id = $1 AND id = $2 AND member_id = $3`, s.WorkspaceID, id, s.Caller.ID).Scan(&there); err != nil {
		return nil, fmt.Errorf("reading a notification: %w", err)
	}
	if there == 0 {
		return nil, object.NotFound("notification", id)
	}
	return mark(ctx, s, ` AND id = $4`, id)
}

// ReadAll marks everything in the caller's inbox as read.
func ReadAll(ctx context.Context, s *object.Scope) (*api.ReadNotifications, error) {
	if err := s.Require(ctx, permissionWrite); err != nil {
		return nil, err
	}
	return mark(ctx, s, "")
}

func mark(ctx context.Context, s *object.Scope, where string, args ...any) (*api.ReadNotifications, error) {
	res, err := s.Tx.ExecContext(ctx, `UPDATE notification SET read_at = $3 WHERE workspace_id = $1 AND member_id = $2 AND read_at = 0`+where, append([]any{s.WorkspaceID, s.Caller.ID, s.Now.UnixMicro()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("marking notifications as read: %w", err)
	}
	n, err := res.RowsAffected()
	return &api.ReadNotifications{Read: n}, err
}
