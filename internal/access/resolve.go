package access

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// source is one thing that gives a level.
type source struct {
	kind  ReasonKind
	id    string
	level vocabulary.Level
	path  string
	from  string
	via   vocabulary.Principal
}

// String says where the level comes from.
func (s source) String() string {
	var b strings.Builder
	b.WriteString(s.from)
	b.WriteString(" gives ")
	b.WriteString(s.level.String())
	b.WriteString(" on ")
	b.WriteString(s.path)
	if !s.via.IsZero() {
		b.WriteString(" to ")
		b.WriteString(s.via.String())
	}
	return b.String()
}

// activeRole is a custom role that applies to the item.
type activeRole struct {
	role   *customRole
	direct bool
}

// resolution is what the tree gives the subject on one item.
type resolution struct {
	level         vocabulary.Level
	ceiling       vocabulary.Level
	best          source
	allowDownload bool
	reviewer      bool
	owned         bool
	roles         []activeRole
	// shut is why somebody from outside may do nothing here.
	shut string
	// problem is what could not be evaluated; the decision is then a denial.
	problem string
}

// resolver walks the tree for one decision.
type resolver struct {
	engine  *Engine
	subject *Subject
	self    string
	view    *view
	request *RequestContext
	action  *action
	trace   *trace
	out     resolution
}

// resolve computes the effective level (X05): the highest of team roles,
// ownership, grants and roles on the item and on what it inherits from, below the
// ceiling of the workspace role. It also finds the custom roles that apply.
func (r *resolver) resolve() resolution {
	if ask := r.view.item.Outsiders; ask != nil && r.subject.External {
		if r.out.shut = ask(r.subject, r.request.Time); r.out.shut != "" {
			r.trace.add(ReasonSharingPolicy, "", true, r.out.shut)
			return r.out
		}
	}
	for i := range r.view.places {
		p := &r.view.places[i]
		r.team(p)
		r.owner(p)
		grants := r.subject.Grants[p.node.Path]
		for j := range grants {
			r.grant(p, &grants[j])
		}
	}
	for i := range r.subject.Assignments {
		a := &r.subject.Assignments[i]
		p := r.view.at(a.Scope)
		if p == nil {
			continue
		}
		r.assignment(p, a)
	}
	r.out.owned = r.self != "" && r.view.leaf().Owner == r.self
	r.out.ceiling = r.subject.ceiling()
	r.out.level = min(r.out.best.level, r.out.ceiling)
	if r.out.level < r.out.best.level && r.trace != nil {
		r.trace.add(ReasonCeiling, "", true, fmt.Sprintf("the ceiling of %s is %s", r.subject.describeRole(), r.out.ceiling))
	}
	return r.out
}

// ceiling is the highest level that the subject can have on any item.
func (s *Subject) ceiling() vocabulary.Level {
	c := s.Role.Ceiling()
	if s.External {
		c = min(c, vocabulary.RoleGuest.Ceiling())
	}
	if s.MaxLevel > vocabulary.LevelNone {
		c = min(c, s.MaxLevel)
	}
	return c
}

func (s *Subject) describeRole() string {
	switch {
	case s.Role == "":
		return "somebody without a workspace role"
	case s.External && s.Role.Internal():
		return "an external " + string(s.Role)
	}
	return "a " + string(s.Role)
}

// offer takes a level into account, where no restriction stops it.
func (r *resolver) offer(p *place, s source) {
	if s.level < vocabulary.LevelNone || s.level > vocabulary.LevelFullAccess {
		r.fail(fmt.Sprintf("%s on %s has a level that does not exist", s.from, s.path))
		return
	}
	if r.trace != nil {
		text := s.String()
		if !p.open {
			text += ", but " + r.view.barrier() + " is restricted"
		}
		r.trace.add(s.kind, s.id, p.open, text)
	}
	if !p.open {
		return
	}
	// Among equals the nearest is named, because that is the one to change.
	if s.level > 0 && s.level >= r.out.best.level {
		r.out.best = s
	}
}

// team: the role in the owning team counts on what the team owns (C018).
func (r *resolver) team(p *place) {
	if p.node.Team == "" {
		return
	}
	role, ok := r.subject.Teams[p.node.Team]
	if !ok {
		return
	}
	s := source{kind: ReasonTeam, id: p.node.Team, level: role.Level(), path: p.node.Path}
	s.from = "team role " + string(role) + " in " + p.node.Team
	if p.node.TeamLevel > s.level {
		s.level, s.from = p.node.TeamLevel, "default level of team "+p.node.Team
	}
	r.offer(p, s)
	if p.open && role == vocabulary.TeamReviewer {
		r.out.reviewer = true
	}
}

// owner: who owns a container controls it. Uploading an asset gives no more than
// asset.delete.own, otherwise a guest would keep the upload after the grant that
// allowed it was revoked; and only people of the organisation own containers.
func (r *resolver) owner(p *place) {
	if p.node.Owner == "" || p.node.Owner != r.self {
		return
	}
	switch p.node.Kind {
	case ItemProject, ItemFolder, ItemCollection:
	default:
		return
	}
	if !r.subject.Role.Internal() || r.subject.External {
		return
	}
	r.offer(p, source{kind: ReasonOwner, level: vocabulary.LevelFullAccess, path: p.node.Path, from: "ownership"})
}

func (r *resolver) grant(p *place, g *Grant) {
	if r.expired(g.ExpiresAt) {
		r.skip(ReasonGrant, g.ID, "grant %s on %s expired at %s", g.ID, p.node.Path, g.ExpiresAt.UTC().Format(time.RFC3339))
		return
	}
	if !r.holds(g.Condition, "grant "+g.ID) {
		r.skip(ReasonGrant, g.ID, "the condition of grant %s on %s does not hold", g.ID, p.node.Path)
		return
	}
	if g.Role != "" {
		r.role(p, g.Role, source{kind: ReasonGrant, id: g.ID, path: p.node.Path, via: g.Source})
	} else {
		r.offer(p, source{kind: ReasonGrant, id: g.ID, level: g.Level, path: p.node.Path, from: "grant " + g.ID, via: g.Source})
	}
	if p.open && g.AllowDownload {
		r.out.allowDownload = true
	}
}

func (r *resolver) assignment(p *place, a *Assignment) {
	if r.expired(a.ExpiresAt) {
		r.skip(ReasonRole, a.ID, "assignment %s of role %s on %s expired at %s", a.ID, a.Role, a.Scope, a.ExpiresAt.UTC().Format(time.RFC3339))
		return
	}
	if !r.holds(a.Condition, "role assignment "+a.ID) {
		r.skip(ReasonRole, a.ID, "the condition of assignment %s of role %s does not hold", a.ID, a.Role)
		return
	}
	r.role(p, a.Role, source{kind: ReasonRole, id: a.ID, path: p.node.Path, via: a.Source})
}

// role applies a role held at a place: its level like a grant, its statements by
// handing the role to Cedar. Statements apply below a restriction too, because
// denies do; which allows pass it is decided there.
func (r *resolver) role(p *place, name string, s source) {
	s.from = "role " + name
	if level, builtin := IsBuiltinRole(name); builtin {
		s.level = level
		r.offer(p, s)
		return
	}
	role := r.engine.role(name)
	if role == nil {
		r.fail(fmt.Sprintf("role %s, held through %s, does not exist", name, s.id))
		return
	}
	s.level = role.base
	if role.base > vocabulary.LevelNone {
		r.offer(p, s)
	} else if r.trace != nil {
		r.trace.add(s.kind, s.id, true, fmt.Sprintf("role %s is held on %s", role.name, s.path))
	}
	for i := range r.out.roles {
		if known := &r.out.roles[i]; known.role == role {
			known.direct = known.direct || p.open
			return
		}
	}
	r.out.roles = append(r.out.roles, activeRole{role, p.open})
}

// holds evaluates the condition of a row. One that fails to evaluate denies the
// whole request: the row may carry a role with denies.
func (r *resolver) holds(condition, what string) bool {
	if condition == "" {
		return true
	}
	ok, err := r.engine.evaluateCondition(condition, r)
	if err != nil {
		r.fail(fmt.Sprintf("the condition of %s cannot be evaluated: %v", what, err))
		return false
	}
	return ok
}

func (r *resolver) fail(problem string) {
	if r.out.problem == "" {
		r.out.problem = problem
	}
	r.trace.add(ReasonError, "", false, problem)
}

// expired: at the very moment of its expiry a row no longer counts.
func (r *resolver) expired(at time.Time) bool {
	return !at.IsZero() && !r.request.Time.Before(at)
}

// skip records a row that does not count.
func (r *resolver) skip(kind ReasonKind, id, format string, args ...any) {
	if r.trace != nil {
		r.trace.add(kind, id, false, fmt.Sprintf(format, args...))
	}
}
