package review

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// commentKind is what the audit log calls comments; their key there is the item's path.
const commentKind = "comment"

// content is what somebody said, as it is stored.
type content struct {
	Body       string          `json:"body,omitempty"`
	Timecode   *api.Timecode   `json:"timecode,omitempty"`
	Annotation *api.Annotation `json:"annotation,omitempty"`
	Voice      *api.VoiceNote  `json:"voice,omitempty"`
	Mentions   []string        `json:"mentions,omitempty"`
}

// note is a comment as it is stored.
type note struct {
	id, itemID, reviewID, parentID string
	author                         string
	said                           content
	state, stateBy                 string
	stateAt                        int64
	created                        time.Time
	edited, deleted                int64
}

const noteColumns = `id, item_id, review_id, parent_id, author, content, state, state_at, state_by, created_at, edited_at, deleted_at`

func scanNote(from interface{ Scan(...any) error }) (*note, error) {
	var n note
	var said string
	var created int64
	if err := from.Scan(&n.id, &n.itemID, &n.reviewID, &n.parentID, &n.author, &said, &n.state, &n.stateAt, &n.stateBy, &created, &n.edited, &n.deleted); err != nil {
		return nil, err
	}
	n.created = time.UnixMicro(created).UTC()
	return &n, json.Unmarshal([]byte(said), &n.said)
}

func (n *note) view(path string) *api.Comment {
	return &api.Comment{
		ID: n.id, Item: path, Review: n.reviewID, Parent: n.parentID, Author: n.author,
		Body: n.said.Body, Timecode: n.said.Timecode, Annotation: n.said.Annotation, Voice: n.said.Voice, Mentions: n.said.Mentions,
		Thread: n.state, ThreadAt: store.FromMicros(n.stateAt), ThreadBy: n.stateBy,
		Deleted: n.deleted != 0, CreatedAt: n.created, EditedAt: store.FromMicros(n.edited),
	}
}

func (n *note) target(path string) audit.Target {
	return audit.Target{Kind: commentKind, ID: n.id, Key: path}
}

// fact is what the audit log keeps of a comment: who was mentioned and how much was
// said, never what.
func (n *note) fact(path string) map[string]any {
	out := map[string]any{"item": path, "length": len(n.said.Body)}
	if len(n.said.Mentions) > 0 {
		out["mentions"] = n.said.Mentions
	}
	for name, value := range map[string]string{"review": n.reviewID, "parent": n.parentID} {
		if value != "" {
			out[name] = value
		}
	}
	for name, there := range map[string]bool{"timecode": n.said.Timecode != nil, "annotation": n.said.Annotation != nil, "voice": n.said.Voice != nil} {
		if there {
			out[name] = true
		}
	}
	return out
}

// Comment writes a comment on an item (C079). Any caller may who holds the permissions
// that its parts take there, visitors through a link included (C069).
func Comment(ctx context.Context, s *object.Scope, in api.CommentRequest) (*api.Comment, error) {
	if err := s.Active(ctx); err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject(commentKind, in.Item, violations)
	}
	n := &note{author: s.Caller.Principal(), created: s.Now, state: api.ThreadOpen}
	at, err := n.belong(ctx, s, in)
	if err != nil {
		return nil, err
	}
	if err := n.say(ctx, s, at, in); err != nil {
		return nil, err
	}
	n.id = store.NewID("cmt", s.Now)
	raw, err := json.Marshal(n.said)
	if err != nil {
		return nil, fmt.Errorf("keeping a comment: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO item_comment (workspace_id, id, item_id, review_id, parent_id, author, content, state, state_at, state_by, created_at, edited_at, deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', $9, 0, 0)`,
		s.WorkspaceID, n.id, n.itemID, n.reviewID, n.parentID, n.author, string(raw), n.state, s.Now.UnixMicro()); err != nil {
		return nil, fmt.Errorf("keeping a comment: %w", err)
	}
	if email := addressOf(s.Caller.Kind, s.Caller.Key); n.reviewID != "" && email != "" {
		if _, err := s.Tx.ExecContext(ctx, `UPDATE review_reviewer SET viewed_at = $1 WHERE workspace_id = $2 AND review_id = $3 AND email = $4 AND viewed_at = 0`, s.Now.UnixMicro(), s.WorkspaceID, n.reviewID, email); err != nil {
			return nil, fmt.Errorf("noting who looked at a review: %w", err)
		}
	}
	return n.view(at.path), s.Record("comment.created", n.target(at.path), audit.EffectNeutral, nil, n.fact(at.path))
}

// belong finds what a comment is about: an item, perhaps a review of it, perhaps a
// thread. They have to agree.
func (n *note) belong(ctx context.Context, s *object.Scope, in api.CommentRequest) (place, error) {
	n.reviewID, n.parentID = in.Review, in.Parent
	var at place
	if in.Parent != "" {
		parent, found, err := findNote(ctx, s, in.Parent)
		if err != nil {
			return at, err
		}
		switch {
		case parent.parentID != "":
			return at, disagree("/parent", "answers are given to the first comment of a thread, here %s", parent.parentID)
		case parent.state == api.ThreadArchived:
			return at, api.NewProblem(api.CodeConflict, "The thread is archived and takes no answers.")
		case in.Review != "" && in.Review != parent.reviewID:
			return at, disagree("/review", "the thread belongs to another review; leave review out")
		}
		at, n.reviewID, n.state = found, parent.reviewID, ""
	}
	if in.Review != "" && in.Parent == "" {
		r, found, err := find(ctx, s, in.Review)
		if err != nil {
			return at, err
		}
		if r.state == api.ReviewCancelled {
			return at, api.NewProblem(api.CodeConflict, "The review was cancelled and takes no comments.")
		}
		at = found
	}
	switch {
	case at.id != "" && in.Item != "" && in.Item != at.path:
		return at, disagree("/item", "the review or the thread is about %s; write that, or leave item out", at.path)
	case at.id == "" && in.Item == "":
		return at, api.InvalidObject(commentKind, "", []api.Violation{api.Required("/item", "name the item, e.g. /campaigns/teaser.mp4, or a review or a thread of it")})
	case at.id == "":
		found, err := itemAt(ctx, s, in.Item)
		if err != nil {
			return at, err
		}
		at = found
	}
	n.itemID = at.id
	return at, nil
}

func disagree(at, format string, args ...any) *api.Problem {
	return api.InvalidObject(commentKind, "", []api.Violation{api.Invalid(at, format, args...)})
}

// say takes over what is said, where the caller may say it like that.
func (n *note) say(ctx context.Context, s *object.Scope, at place, in api.CommentRequest) error {
	needs := []string{commentCreate}
	if len(in.Mentions) > 0 {
		needs = append(needs, mentionCreate)
	}
	if in.Annotation != nil {
		needs = append(needs, annotationCreate)
	}
	if in.Voice != nil {
		needs = append(needs, commentVoice)
	}
	for _, permission := range needs {
		if err := s.RequireOn(ctx, at.path, permission); err != nil {
			return err
		}
	}
	var violations []api.Violation
	for i, email := range in.Mentions {
		ok, err := allowed(ctx, s, email, at.path, itemRead)
		if err != nil {
			return err
		}
		if !ok {
			violations = append(violations, api.Invalid(fmt.Sprintf("/mentions/%d", i), "%s cannot see %s, and would learn of it; give them access first, or leave them out", email, at.path))
		}
	}
	if len(violations) > 0 {
		return api.InvalidObject(commentKind, n.id, violations)
	}
	n.said = content{Body: in.Body, Timecode: in.Timecode, Annotation: in.Annotation, Voice: in.Voice, Mentions: in.Mentions}
	return nil
}

// findNote reads a comment that the caller may read, and the item that it is about.
func findNote(ctx context.Context, s *object.Scope, id string) (*note, place, error) {
	if err := s.Active(ctx); err != nil {
		return nil, place{}, err
	}
	n, err := scanNote(s.Tx.QueryRowContext(ctx, `SELECT `+noteColumns+` FROM item_comment WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id))
	if noRows(err) {
		return nil, place{}, object.NotFound(commentKind, id)
	}
	if err != nil {
		return nil, place{}, fmt.Errorf("reading a comment: %w", err)
	}
	at, err := itemOf(ctx, s, n.itemID, object.NotFound(commentKind, id))
	return n, at, err
}

// GetComment answers one comment.
func GetComment(ctx context.Context, s *object.Scope, id string) (*api.Comment, error) {
	n, at, err := findNote(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return n.view(at.path), nil
}

// own reads a comment that the caller wrote and may still write.
func own(ctx context.Context, s *object.Scope, id string) (*note, place, error) {
	n, at, err := findNote(ctx, s, id)
	if err != nil {
		return nil, at, err
	}
	if n.author != s.Caller.Principal() {
		return nil, at, api.NewProblem(api.CodeForbidden, "Only who wrote a comment changes or deletes it. Those who manage the item can archive its thread.")
	}
	if n.deleted != 0 {
		return nil, at, api.NewProblem(api.CodeConflict, "The comment was deleted.")
	}
	return n, at, s.RequireOn(ctx, at.path, commentCreate)
}

// Edit changes what the caller said. The item, the review and the thread stay.
func Edit(ctx context.Context, s *object.Scope, id string, in api.CommentRequest) (*api.Comment, error) {
	n, at, err := own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject(commentKind, id, violations)
	}
	if in.Item != "" && in.Item != at.path || in.Review != "" && in.Review != n.reviewID || in.Parent != "" && in.Parent != n.parentID {
		return nil, disagree("/item", "a comment stays with its item, review and thread; leave them out, and write a new one elsewhere")
	}
	if err := n.say(ctx, s, at, in); err != nil {
		return nil, err
	}
	n.edited = s.Now.UnixMicro()
	if err := n.update(ctx, s); err != nil {
		return nil, err
	}
	return n.view(at.path), s.Record("comment.edited", n.target(at.path), audit.EffectNeutral, nil, n.fact(at.path))
}

func (n *note) update(ctx context.Context, s *object.Scope) error {
	raw, err := json.Marshal(n.said)
	if err != nil {
		return fmt.Errorf("keeping a comment: %w", err)
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE item_comment SET content = $1, edited_at = $2, deleted_at = $3 WHERE workspace_id = $4 AND id = $5 AND deleted_at = 0`, string(raw), n.edited, n.deleted, s.WorkspaceID, n.id)
	if err != nil {
		return fmt.Errorf("keeping a comment: %w", err)
	}
	if changed, err := res.RowsAffected(); err != nil || changed == 0 {
		return api.NewProblem(api.CodeConflict, "The comment was deleted.")
	}
	return nil
}

// Delete takes back what the caller said. What it said is gone at once; where others
// answered, an empty comment keeps their thread together.
func Delete(ctx context.Context, s *object.Scope, id string) error {
	n, at, err := own(ctx, s, id)
	if err != nil {
		return err
	}
	n.said, n.deleted = content{}, s.Now.UnixMicro()
	if err := n.update(ctx, s); err != nil {
		return err
	}
	var answers int
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM item_comment WHERE workspace_id = $1 AND parent_id = $2`, s.WorkspaceID, id).Scan(&answers); err != nil {
		return fmt.Errorf("looking for answers: %w", err)
	}
	if answers == 0 {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM item_comment WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id); err != nil {
			return fmt.Errorf("deleting a comment: %w", err)
		}
	}
	return s.Record("comment.deleted", n.target(at.path), audit.EffectNeutral, nil, map[string]any{"item": at.path})
}
