package object

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// authorizer keeps the newest snapshot of each workspace.
type authorizer struct {
	mu        sync.Mutex
	snapshots map[string]*snapshot
}

func newAuthorizer() *authorizer { return &authorizer{snapshots: map[string]*snapshot{}} }

// Bounds of what one process remembers; beyond them it forgets and reads again.
const (
	maxSnapshots = 1000
	maxSubjects  = 20_000
	maxNodes     = 100_000
)

// snapshot is everything decided with at one version of a workspace. Versions are
// never used twice, so a snapshot cannot be mistaken for another. Subjects and nodes
// are read when first asked for.
type snapshot struct {
	version int64
	policy  int64 // version that the engine was compiled at
	engine  *access.Engine
	sharing *Sharing // of the same version as the engine

	mu       sync.RWMutex
	subjects map[string]cachedSubject
	nodes    map[string]*access.Node // nil: no such item
	// collections are the paths of the collections that reference an asset (C031).
	collections map[string][]string
}

type cachedSubject struct {
	subject *access.Subject
	until   time.Time // when one of its memberships ends by itself; zero for never
}

func (a *authorizer) at(ctx context.Context, tx *store.Tx, workspace string, version, policy int64) (*snapshot, error) {
	a.mu.Lock()
	snap := a.snapshots[workspace]
	a.mu.Unlock()
	if snap != nil && snap.version == version {
		return snap, nil
	}
	var engine *access.Engine
	var sharing *Sharing
	if snap != nil && snap.policy == policy {
		engine, sharing = snap.engine, snap.sharing
	} else {
		var err error
		if engine, err = loadEngine(ctx, tx, workspace, policy); err != nil {
			return nil, err
		}
		if sharing, err = loadSharing(ctx, tx, workspace); err != nil {
			return nil, err
		}
	}
	snap = &snapshot{version: version, policy: policy, engine: engine, sharing: sharing, subjects: map[string]cachedSubject{}, nodes: map[string]*access.Node{}, collections: map[string][]string{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.snapshots) >= maxSnapshots {
		a.snapshots = map[string]*snapshot{}
	}
	a.snapshots[workspace] = snap
	return snap, nil
}

func loadEngine(ctx context.Context, tx *store.Tx, workspace string, version int64) (*access.Engine, error) {
	set := access.PolicySet{Workspace: workspace, Version: version}
	err := eachDoc(ctx, tx, workspace, api.RoleKind, func(doc []byte) error {
		var r api.Role
		if err := json.Unmarshal(doc, &r); err != nil {
			return err
		}
		compiled, err := AccessRole(&r)
		set.Roles = append(set.Roles, compiled)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = eachDoc(ctx, tx, workspace, api.AttributePolicyKind, func(doc []byte) error {
		var p api.AttributePolicy
		if err := json.Unmarshal(doc, &p); err != nil {
			return err
		}
		set.Policies = append(set.Policies, AccessAttributePolicy(&p))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return access.New(set)
}

// eachDoc reads the stored documents of a kind, a page at a time.
func eachDoc(ctx context.Context, tx *store.Tx, workspace string, kind *api.Kind, f func(doc []byte) error) error {
	after := ""
	for {
		rows, err := store.Objects.List(ctx, tx, workspace, kind.Name, after, api.MaxPageSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := f([]byte(row.Doc)); err != nil {
				return fmt.Errorf("reading %s %s: %w", kind.Name, row.ID, err)
			}
		}
		if len(rows) < api.MaxPageSize {
			return nil
		}
		after = rows[len(rows)-1].Key
	}
}

// AccessRole is a declared role in the words of the decision.
func AccessRole(r *api.Role) (access.Role, error) {
	out := access.Role{Name: r.Name}
	if r.BaseLevel != "" {
		level, err := vocabulary.ParseLevel(r.BaseLevel)
		if err != nil {
			return out, err
		}
		out.BaseLevel = level
	}
	for _, st := range r.Statements {
		out.Statements = append(out.Statements, access.Statement{Effect: access.Effect(st.Effect), Permissions: st.Permissions, Paths: st.Paths})
	}
	return out, nil
}

// AccessAttributePolicy is a declared attribute policy in the words of the decision.
func AccessAttributePolicy(p *api.AttributePolicy) access.AttributePolicy {
	out := access.AttributePolicy{Name: p.Name, Effect: access.Effect(p.Effect), Permissions: p.Permissions, Paths: p.Paths, Condition: p.Condition, ReportOnly: p.Mode == api.PolicyReportOnly}
	if p.ExpiresAt != nil {
		out.ExpiresAt = *p.ExpiresAt
	}
	return out
}

func (sn *snapshot) subject(ctx context.Context, s *Scope, principal string) (*access.Subject, error) {
	// After this transaction changed something, its own facts are read afresh.
	if known := sn.remembered(s, principal); known != nil {
		return known, nil
	}
	subj, until, err := loadSubject(ctx, s, principal, nil)
	if err != nil || s.stale {
		return subj, err
	}
	sn.mu.Lock()
	defer sn.mu.Unlock()
	if len(sn.subjects) >= maxSubjects {
		sn.subjects = map[string]cachedSubject{}
	}
	sn.subjects[principal] = cachedSubject{subj, until}
	return subj, nil
}

func (sn *snapshot) remembered(s *Scope, principal string) *access.Subject {
	if s.stale {
		return nil
	}
	sn.mu.RLock()
	defer sn.mu.RUnlock()
	if c, ok := sn.subjects[principal]; ok && (c.until.IsZero() || s.Now.Before(c.until)) {
		return c.subject
	}
	return nil
}

func newSubject(s *Scope, p vocabulary.Principal) *access.Subject {
	return &access.Subject{Workspace: s.WorkspaceID, Principal: p, Teams: map[string]vocabulary.TeamRole{}, Grants: map[string][]access.Grant{}}
}

// loadSubject reads what a principal holds: role, teams, groups, grants (with paths,
// those on these items alone), assignments.
func loadSubject(ctx context.Context, s *Scope, principal string, paths []string) (*access.Subject, time.Time, error) {
	var until time.Time
	p, err := vocabulary.ParsePrincipal(principal)
	if err != nil {
		return nil, until, api.NewProblem(api.CodeMalformed, "%q is not a principal: %v.", principal, err)
	}
	subj := newSubject(s, p)
	holders := holdings{}
	holders.add(subj, principal)
	switch string(p.Kind) {
	case PrincipalMember:
		var role string
		var active int64
		var id string
		err := s.Tx.QueryRowContext(ctx, `SELECT id, role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, p.Key).Scan(&id, &role, &active)
		if errors.Is(err, sql.ErrNoRows) {
			subj.Role = vocabulary.RoleGuest
			return subj, until, nil
		}
		if err != nil {
			return nil, until, fmt.Errorf("reading member %s: %w", p.Key, err)
		}
		subj.Role, subj.Active, subj.External = vocabulary.Role(role), active == 1, role == string(vocabulary.RoleGuest)
		if subj.External {
			if err := boundGuest(ctx, s, subj); err != nil {
				return nil, until, err
			}
		}
		if until, err = loadTeams(ctx, s, subj, p.Key); err != nil {
			return nil, until, err
		}
		holders.add(subj, "email:"+p.Key)
		for team := range subj.Teams {
			holders.add(subj, "team:"+team)
		}
		if s.svc.Groups != nil {
			groups, err := s.svc.Groups(ctx, s, id)
			if err != nil {
				return nil, until, err
			}
			for _, g := range groups {
				holders.add(subj, "group:"+g)
			}
		}
	case PrincipalServiceAccount:
		account, err := Find[*api.ServiceAccount](ctx, s, api.ServiceAccountKind, p.Key)
		if err != nil {
			return nil, until, err
		}
		subj.Role = vocabulary.RoleMember
		if account != nil {
			subj.Role, subj.Active = vocabulary.Role(account.WorkspaceRole), account.Active
		}
	case "team", "group":
		subj.Role, subj.Active = vocabulary.RoleMember, true
		if p.Kind == "team" {
			subj.Teams[p.Key] = vocabulary.TeamViewer
		}
	default: // e-mails and viewers: people without an account
		subj.Role, subj.Active, subj.External = vocabulary.RoleViewer, true, true
	}
	if err := s.grantsOf(ctx, holders, paths); err != nil {
		return nil, until, err
	}
	return subj, until, s.assignmentsOf(ctx, holders)
}

func loadTeams(ctx context.Context, s *Scope, subj *access.Subject, email string) (time.Time, error) {
	var until time.Time
	rows, err := s.Tx.QueryContext(ctx, `SELECT team, role, expires_at FROM team_membership WHERE workspace_id = $1 AND principal = $2`, s.WorkspaceID, email)
	if err != nil {
		return until, fmt.Errorf("reading teams of %s: %w", email, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var team, role string
		var expires int64
		if err := rows.Scan(&team, &role, &expires); err != nil {
			return until, fmt.Errorf("reading teams of %s: %w", email, err)
		}
		if expires != 0 && expires <= s.Now.UnixMicro() {
			continue
		}
		subj.Teams[team] = vocabulary.TeamRole(role)
		until = soonest(until, expires)
	}
	return until, rows.Err()
}

func holderArgs(workspace string, holders []string) []any {
	args := make([]any, 0, len(holders)+1)
	args = append(args, workspace)
	for _, h := range holders {
		args = append(args, h)
	}
	return args
}
