package review

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Item permissions that are asked for here (catalogue: internal/access/vocabulary).
const (
	itemRead         = "item.read"
	itemSettings     = "item.settings"
	reviewRead       = "review.read"
	reviewRequest    = "review.request"
	commentCreate    = "comment.create"
	commentVoice     = "comment.voice"
	mentionCreate    = "mention.create"
	annotationCreate = "annotation.create"
	threadResolve    = "thread.resolve"
	threadArchive    = "thread.archive"
)

// place is an item that reviews and comments hang on.
type place struct{ id, path string }

// itemAt finds the item at a path, as the caller may read what is said about it. To
// others it does not exist.
func itemAt(ctx context.Context, s *object.Scope, path string) (place, error) {
	p := place{path: path}
	err := s.Tx.QueryRowContext(ctx, `SELECT id FROM item WHERE workspace_id = $1 AND key = $2`, s.WorkspaceID, path).Scan(&p.id)
	if errors.Is(err, sql.ErrNoRows) {
		return p, object.NotFound("item", path)
	}
	if err != nil {
		return p, fmt.Errorf("looking for the item %s: %w", path, err)
	}
	return p, mayRead(ctx, s, path, object.NotFound("item", path))
}

// itemOf finds the item of an id; notFound answers for one that is in the trash, and
// for those who may not read what is said about it.
func itemOf(ctx context.Context, s *object.Scope, id string, notFound *api.Problem) (place, error) {
	p := place{id: id}
	err := s.Tx.QueryRowContext(ctx, `SELECT key FROM item WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id).Scan(&p.path)
	if errors.Is(err, sql.ErrNoRows) {
		return p, notFound
	}
	if err != nil {
		return p, fmt.Errorf("looking for the item %s: %w", id, err)
	}
	return p, mayRead(ctx, s, p.path, notFound)
}

// mayRead answers notFound for who may not read reviews on the item. A token whose
// scopes leave that out is told so.
func mayRead(ctx context.Context, s *object.Scope, path string, notFound *api.Problem) error {
	d, err := s.DecideOn(ctx, path, reviewRead)
	if err != nil {
		return err
	}
	if !d.Allowed {
		return notFound
	}
	return s.RequireOn(ctx, path, reviewRead)
}

// addressOf is the address of a person, by which they are reviewers; "" for machines
// and for visitors who are known by their device alone.
func addressOf(kind, key string) string {
	switch kind {
	case object.PrincipalMember, "email", "viewer":
		if strings.Contains(key, "@") {
			return key
		}
	}
	return ""
}

// allowed reports whether the person of an address may do something on an item, as a
// member or, without an account, by what was given to the address.
func allowed(ctx context.Context, s *object.Scope, email, path string, permissions ...string) (bool, error) {
	if !strings.Contains(email, "@") {
		return false, nil // the person was erased
	}
	principal := object.PrincipalMember + ":" + email
	member, err := s.Exists(ctx, api.MemberKind, email)
	if err != nil {
		return false, err
	}
	if !member {
		principal = "email:" + email
	}
	subject, err := s.Subject(ctx, principal)
	if err != nil || !subject.Active {
		return false, err
	}
	item, err := s.Item(ctx, path)
	if err != nil {
		return false, err
	}
	for _, p := range permissions {
		// Nothing is known of their next request but the time.
		if d := s.Engine().Check(subject, item, p, &access.RequestContext{Time: s.Now, MFAAge: -1}); !d.Allowed {
			return false, nil
		}
	}
	return true, nil
}

// mayVerdict decides a named reviewer's verdict: it takes review.verdict, or to be able
// to comment (X05). So people outside who were asked answer, although the ceiling of
// their level has no verdicts; a role or a policy that denies them denies these too.
func mayVerdict(ctx context.Context, s *object.Scope, path string) error {
	refused := s.RequireOn(ctx, path, vocabulary.ReviewVerdict)
	var p *api.Problem
	if refused == nil || !errors.As(refused, &p) || p.Code() != api.CodeForbidden {
		return refused
	}
	for _, v := range p.Errors {
		if v.Code != string(access.ReasonMissing) && v.Code != string(access.ReasonCeiling) {
			return refused
		}
	}
	return s.RequireOn(ctx, path, commentCreate)
}
