package review

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// SetThread resolves or archives a thread, or opens it again (C024). Of several who do
// the same at once, one did it.
func SetThread(ctx context.Context, s *object.Scope, id string, in api.ThreadState) (*api.Comment, error) {
	n, at, err := findNote(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject(commentKind, id, violations)
	}
	permission := threadResolve
	if in.State == api.ThreadArchived || n.state == api.ThreadArchived {
		permission = threadArchive
	}
	if err := s.RequireOn(ctx, at.path, permission); err != nil {
		return nil, err
	}
	if n.parentID != "" {
		return nil, api.NewProblem(api.CodeConflict, "A thread is resolved at its first comment, here %s.", n.parentID)
	}
	if n.state == in.State {
		return n.view(at.path), nil
	}
	// The state that the permission was asked for: somebody may have archived it since.
	res, err := s.Tx.ExecContext(ctx, `UPDATE item_comment SET state = $1, state_at = $2, state_by = $3 WHERE workspace_id = $4 AND id = $5 AND state = $6`,
		in.State, s.Now.UnixMicro(), s.Caller.Principal(), s.WorkspaceID, id, n.state)
	if err != nil {
		return nil, fmt.Errorf("changing a thread: %w", err)
	}
	changed, err := res.RowsAffected()
	if err != nil {
		return nil, fmt.Errorf("changing a thread: %w", err)
	}
	if changed == 0 {
		return SetThread(ctx, s, id, in)
	}
	if n, at, err = findNote(ctx, s, id); err != nil {
		return nil, err
	}
	action := map[string]string{api.ThreadOpen: "comment.reopened", api.ThreadResolved: "comment.resolved", api.ThreadArchived: "comment.archived"}[in.State]
	after := map[string]any{"item": at.path, "author": n.author}
	if n.reviewID != "" {
		after["review"] = n.reviewID
	}
	return n.view(at.path), s.Record(action, n.target(at.path), audit.EffectNeutral, nil, after)
}

// Said says which comments are asked for: those on an item, in a review or in a thread.
type Said struct {
	Item, Review, Thread string
	Unresolved           bool // first comments of open threads alone
}

// Comments answers a page of comments in the order in which they were written. Archived
// threads are shown to those who name them.
func Comments(ctx context.Context, s *object.Scope, f Said, cursor string, limit int) (api.Page[api.Comment], error) {
	page := api.Page[api.Comment]{Items: []api.Comment{}}
	q, at, err := f.query(ctx, s, cursor)
	if err != nil {
		return page, err
	}
	limit = bounded(limit)
	notes, err := q.notes(ctx, s, limit+1)
	if err != nil {
		return page, err
	}
	for i, n := range notes {
		if i == limit {
			page.NextCursor = notes[i-1].id
			break
		}
		page.Items = append(page.Items, *n.view(at.path))
	}
	return page, nil
}

// NextUnresolved finds the first open thread after a comment (C082); nil when there is
// none. Without a comment it is the first of all.
func NextUnresolved(ctx context.Context, s *object.Scope, f Said, after string) (*api.Comment, error) {
	f.Unresolved = true
	q, at, err := f.query(ctx, s, after)
	if err != nil {
		return nil, err
	}
	notes, err := q.notes(ctx, s, 1)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	return notes[0].view(at.path), nil
}

func (f Said) query(ctx context.Context, s *object.Scope, after string) (*query, place, error) {
	var at place
	if err := s.Active(ctx); err != nil {
		return nil, at, err
	}
	q := &query{args: []any{s.WorkspaceID}}
	q.text.WriteString(`SELECT ` + noteColumns + ` FROM item_comment WHERE workspace_id = $1`)
	// The narrowest decides which index is read; the others test its rows.
	same := func(column, value string, narrowest bool) {
		if !narrowest {
			column += ` || ''`
		}
		q.text.WriteString(` AND ` + column + ` = ` + q.arg(value))
	}
	if f.Thread != "" {
		n, found, err := findNote(ctx, s, f.Thread)
		if err != nil {
			return nil, at, err
		}
		if n.parentID != "" {
			return nil, at, api.NewProblem(api.CodeMalformed, "thread is the first comment of a thread, here %s.", n.parentID)
		}
		at = found
		same("parent_id", n.id, true)
	}
	if f.Review != "" {
		_, found, err := find(ctx, s, f.Review)
		if err != nil {
			return nil, at, err
		}
		if at.id != "" && at.id != found.id {
			return nil, at, object.NotFound(targetKind, f.Review)
		}
		same("review_id", f.Review, at.id == "")
		at = found
	}
	if f.Item != "" || at.id == "" {
		if f.Item == "" {
			return nil, at, api.NewProblem(api.CodeMalformed, "Say whose comments: item, review or thread.")
		}
		found, err := itemAt(ctx, s, strings.ToLower(f.Item))
		if err != nil {
			return nil, at, err
		}
		if at.id != "" && at.id != found.id {
			return nil, at, object.NotFound("item", f.Item)
		}
		if at.id == "" {
			same("item_id", found.id, true)
		}
		at = found
	}
	if f.Unresolved {
		q.text.WriteString(` AND state = 'open' AND deleted_at = 0`)
	} else if f.Thread == "" {
		q.text.WriteString(` AND state <> 'archived' AND NOT EXISTS (SELECT 1 FROM item_comment AS first WHERE first.workspace_id = $1 AND first.id = item_comment.parent_id AND first.state = 'archived')`)
	}
	q.text.WriteString(` AND id > ` + q.arg(after))
	return q, at, nil
}

func (q *query) notes(ctx context.Context, s *object.Scope, limit int) ([]*note, error) {
	rows, err := s.Tx.QueryContext(ctx, q.text.String()+` ORDER BY id LIMIT `+q.arg(limit), q.args...)
	if err != nil {
		return nil, fmt.Errorf("reading comments: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*note
	for rows.Next() {
		n, err := scanNote(rows)
		if err != nil {
			return nil, fmt.Errorf("reading comments: %w", err)
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
