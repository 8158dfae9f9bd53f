package object

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// authz is what one transaction decides with: the policies of the workspace's
// version, and the caller's own facts.
type authz struct {
	snapshot *snapshot
	caller   *access.Subject
}

// loadAuthz reads the workspace's version, in this transaction, and with it either
// reuses or rebuilds the policies. Nothing is decided by anything older.
func (s *Scope) loadAuthz(ctx context.Context) error {
	if s.WorkspaceID == "" {
		return nil
	}
	var version, policy int64
	err := s.Tx.QueryRowContext(ctx, `SELECT slug, authz_version, policy_version FROM workspace WHERE id = $1`, s.WorkspaceID).Scan(&s.Slug, &version, &policy)
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound("workspace", s.Slug)
	}
	if err != nil {
		return fmt.Errorf("reading the workspace: %w", err)
	}
	s.authz.snapshot, err = s.svc.authz.at(ctx, s.Tx, s.WorkspaceID, version, policy)
	return err
}

// Require answers a forbidden problem unless the caller has a workspace permission.
func (s *Scope) Require(ctx context.Context, permission string) error {
	d, err := s.decide(ctx, permission, func(e *access.Engine, subj *access.Subject, rc *access.RequestContext) access.Decision {
		return e.CheckWorkspace(subj, permission, rc)
	})
	return refuse(d, err)
}

// RequireOn is Require for a permission on the item at a path.
func (s *Scope) RequireOn(ctx context.Context, path, permission string) error {
	item, err := s.Item(ctx, path)
	if err != nil {
		return err
	}
	d, err := s.decide(ctx, permission, func(e *access.Engine, subj *access.Subject, rc *access.RequestContext) access.Decision {
		d := e.Check(subj, item, permission, rc)
		s.Decided(subj, item, d)
		return d
	})
	return refuse(d, err)
}

// RequireOnTeam is Require for a permission on one team: team admins look after
// their own.
func (s *Scope) RequireOnTeam(ctx context.Context, team, permission string) error {
	d, err := s.decide(ctx, permission, func(e *access.Engine, subj *access.Subject, rc *access.RequestContext) access.Decision {
		return e.CheckTeam(subj, team, permission, rc)
	})
	return refuse(d, err)
}

func (s *Scope) decide(ctx context.Context, permission string, ask func(*access.Engine, *access.Subject, *access.RequestContext) access.Decision) (access.Decision, error) {
	if s.Caller.Kind == PrincipalSystem {
		return access.Decision{Allowed: true, Permission: permission}, nil
	}
	subj, err := s.callerSubject(ctx)
	if err != nil {
		return access.Decision{}, err
	}
	rc := s.requestContext()
	return ask(s.authz.snapshot.engine, subj, &rc), nil
}

func refuse(d access.Decision, err error) error {
	if err != nil || d.Allowed {
		return err
	}
	p := api.NewProblem(api.CodeForbidden, "You may not do this: %s.", d.String())
	for _, r := range d.Reasons {
		p.Errors = append(p.Errors, api.Violation{Code: string(r.Kind), Message: r.Text})
	}
	return p
}

func (s *Scope) requestContext() access.RequestContext {
	rc := access.RequestContext{Time: s.Now, TokenID: s.Caller.TokenID}
	rc.IP, _ = netip.ParseAddr(s.Caller.IP)
	switch {
	case s.Caller.TokenID != "":
		rc.Authenticator = "token"
	case s.Caller.Kind == PrincipalViewer:
		rc.Authenticator = "link"
	}
	return rc
}

func (s *Scope) callerSubject(ctx context.Context) (*access.Subject, error) {
	if s.authz.caller != nil {
		return s.authz.caller, nil
	}
	c := s.Caller
	var subj access.Subject
	switch c.Kind {
	case PrincipalViewer:
		viewer, err := ViewerSubject(s.WorkspaceID, c.Key, c.Link)
		if err != nil {
			return nil, err
		}
		subj = *viewer
	case PrincipalConnection:
		p, err := vocabulary.NewPrincipal("service_account", "scim-"+c.Key)
		if err != nil {
			return nil, fmt.Errorf("naming the connection: %w", err)
		}
		subj = access.Subject{Workspace: s.WorkspaceID, Principal: p, Role: vocabulary.RoleAdmin, Active: true}
	default:
		found, err := s.Subject(ctx, c.Principal())
		if err != nil {
			return nil, err
		}
		subj = *found
	}
	if c.TokenID != "" {
		// A read-only token may try what it may not do: a plan asks for nothing else.
		subj.Token = &access.Token{ID: c.TokenID, Scopes: c.Scopes, ReadOnly: c.ReadOnly && !s.DryRun}
	}
	s.authz.caller = &subj
	return &subj, nil
}

// Subject reads everything a principal holds in the workspace. Principals that do
// not exist are inactive subjects: they may do nothing, and explain can say so.
func (s *Scope) Subject(ctx context.Context, principal string) (*access.Subject, error) {
	return s.authz.snapshot.subject(ctx, s, principal)
}

// Item reads the chain of items that leads to a path.
func (s *Scope) Item(ctx context.Context, path string) (*access.Item, error) {
	return s.authz.snapshot.item(ctx, s, path)
}

// Engine gives the compiled policies of this transaction's version, for questions
// about others (explain, check).
func (s *Scope) Engine() *access.Engine { return s.authz.snapshot.engine }

// Role is the caller's workspace role.
func (s *Scope) Role(ctx context.Context) (string, error) {
	if s.Caller.Kind == PrincipalSystem {
		return string(vocabulary.RoleOwner), nil
	}
	subj, err := s.callerSubject(ctx)
	if err != nil {
		return "", err
	}
	return string(subj.Role), nil
}

// authoriseChange decides a change: by the rules of its kind or by the kind's write
// permission, and by the Owner alone for owner-only attributes (X08).
func (s *Scope) authoriseChange(ctx context.Context, c *change) error {
	r, err := rulesOf(c.kind)
	if err != nil {
		return err
	}
	if r.authorise != nil {
		err = r.authorise(ctx, c)
	} else {
		err = s.Require(ctx, c.kind.WritePermission())
	}
	if err != nil {
		return err
	}
	var defaults api.Object
	if c.old == nil {
		if defaults, _, err = c.kind.DecodeMap(map[string]any{}); err != nil {
			return err
		}
	}
	fields := ownerOnly(c, defaults)
	if len(fields) == 0 {
		return nil
	}
	role, err := s.Role(ctx)
	if err != nil {
		return err
	}
	if role == string(vocabulary.RoleOwner) {
		return nil
	}
	p := api.NewProblem(api.CodeForbidden, "Only the workspace Owner may change %s of %s. Apply this with a token of the Owner, or leave the attribute as it is.", strings.Join(fields, ", "), c.kind.Name)
	for _, f := range fields {
		p.Errors = append(p.Errors, api.Violation{Path: "/" + f, Code: string(api.CodeForbidden), Message: "only the workspace Owner may change this; use a token of the Owner, or leave it as it is"})
	}
	return p
}

// ReadOnlyScope is the token scope that stands for every reading permission.
const ReadOnlyScope = "read_only"

// TokenScopes splits the scopes of a token document into patterns and read-only.
func TokenScopes(scopes []string) (patterns []string, readOnly bool) {
	for _, sc := range scopes {
		if sc == ReadOnlyScope {
			readOnly = true
			continue
		}
		patterns = append(patterns, sc)
	}
	if readOnly && len(patterns) == 0 {
		patterns = []string{"*"}
	}
	return slices.Clip(patterns), readOnly
}

// soonest keeps the earliest moment at which facts change by themselves.
func soonest(until time.Time, at int64) time.Time {
	if at == 0 {
		return until
	}
	t := time.UnixMicro(at).UTC()
	if until.IsZero() || t.Before(until) {
		return t
	}
	return until
}
