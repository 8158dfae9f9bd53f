package sharing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// actionSeparationReported is recorded where a rule reports instead of blocking.
const actionSeparationReported = "separation_of_duties.reported"

// violationSeparation is the code of a refusal for the sake of a rule.
const violationSeparation = "separation_of_duties"

// Gain is what a change gave to somebody. It is checked after it was written, in the
// same transaction, so that what is read is what will be.
type Gain struct {
	// Principal received it: a person, a service account, a team or a group.
	Principal string
	// At is the attribute that names it, for the refusal.
	At string
	// Role, Level, WorkspaceRole, Team and Group say what it is; none of them when
	// anything that the principal holds may be new.
	Role, Level   string
	Scope         string // of the role, where that matters
	WorkspaceRole string
	Team          string
	TeamRole      string
	Group         string
}

// Separate refuses a change that gives somebody both duties of a rule (GH-AZ-04), or
// records it where the rule only reports. Whoever writes memberships, grants,
// assignments or workspace roles calls it afterwards with what was given.
func Separate(ctx context.Context, s *object.Scope, kind *api.Kind, key string, gains ...Gain) error {
	if len(gains) == 0 {
		return nil
	}
	var rules []*api.SeparationOfDutiesRule
	if err := object.Each(ctx, s, api.SeparationOfDutiesRuleKind, func(r *api.SeparationOfDutiesRule) error {
		rules = append(rules, r)
		return nil
	}); err != nil || len(rules) == 0 {
		return err
	}
	j, err := newJudge(ctx, s)
	if err != nil {
		return err
	}
	var out []api.Violation
	for _, g := range gains {
		gained, err := j.gained(ctx, s, g)
		if err != nil {
			return err
		}
		relevant := slices.DeleteFunc(slices.Clone(rules), func(r *api.SeparationOfDutiesRule) bool {
			return gained != nil && j.meets(r.Left, gained) == "" && j.meets(r.Right, gained) == ""
		})
		if len(relevant) == 0 {
			continue
		}
		people, err := receivers(ctx, s, g.Principal)
		if err != nil {
			return err
		}
		for _, p := range people {
			h, err := heldBy(ctx, s, p)
			if err != nil {
				return err
			}
			for _, r := range relevant {
				b, broken := j.breaks(r, p, h)
				switch {
				case !broken:
				case r.Mode == api.SeparationReport:
					if err := b.record(s, r); err != nil {
						return err
					}
				default:
					out = append(out, api.Violation{Path: g.At, Code: violationSeparation,
						Message: fmt.Sprintf("%s, which the separation-of-duties rule %q forbids; take one of them away first", b, r.Name)})
				}
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return api.InvalidObject(kind.Name, key, out[:min(len(out), maxBreaches)])
}

// maxBreaches bounds what one refusal lists.
const maxBreaches = 20

// breach is somebody with both duties of a rule, and why.
type breach struct{ principal, left, right string }

func (b breach) String() string {
	return fmt.Sprintf("%s would have %s and also %s", b.principal, b.left, b.right)
}

func (b breach) record(s *object.Scope, r *api.SeparationOfDutiesRule) error {
	return s.Record(actionSeparationReported, audit.Target{Kind: api.SeparationOfDutiesRuleKind.Name, ID: r.ID, Key: strings.ToLower(r.Name)}, audit.EffectWidened, nil,
		map[string]string{"principal": b.principal, "left": b.left, "right": b.right}, fmt.Sprintf("%s has both duties of the rule %q", b.principal, r.Name))
}

// holdings is what one principal holds, as far as duties go: wherever it is, whatever
// its condition.
type holdings struct {
	workspace vocabulary.Role
	roles     map[string]string // how each role is held
	level     vocabulary.Level  // the highest, anywhere
	levelVia  string
	reviewer  bool
	download  bool
}

func (h *holdings) give(role string, level vocabulary.Level, via string) {
	if role == "" && level > vocabulary.LevelNone {
		role = level.RoleName()
	}
	if l, builtin := access.IsBuiltinRole(role); builtin {
		level = l
	}
	if h.roles == nil {
		h.roles = map[string]string{}
	}
	if role = strings.ToLower(role); role != "" && h.roles[role] == "" {
		h.roles[role] = via
	}
	if level > h.level {
		h.level, h.levelVia = level, via
	}
}

func (h *holdings) join(team string, role vocabulary.TeamRole) {
	if level := role.Level(); level > h.level {
		h.level, h.levelVia = level, "in the team "+team
	}
	h.reviewer = h.reviewer || role == vocabulary.TeamReviewer
}

// add takes over what a team, a group or an e-mail address holds.
func (h *holdings) add(o *holdings) {
	if o == nil {
		return
	}
	for role, via := range o.roles {
		h.give(role, vocabulary.LevelNone, via)
	}
	if o.level > h.level {
		h.level, h.levelVia = o.level, o.levelVia
	}
	h.reviewer, h.download = h.reviewer || o.reviewer, h.download || o.download
}

// judge knows what custom roles mean.
type judge struct{ custom map[string]*customDuty }

type customDuty struct {
	level  vocabulary.Level
	allows map[string]bool
}

func newJudge(ctx context.Context, s *object.Scope) (*judge, error) {
	j := &judge{custom: map[string]*customDuty{}}
	return j, object.Each(ctx, s, api.RoleKind, func(r *api.Role) error {
		c := &customDuty{level: levelOf(r.BaseLevel), allows: map[string]bool{}}
		for _, effect := range []access.Effect{access.Allow, access.Deny} {
			for _, st := range r.Statements {
				// A deny on some paths leaves the permission elsewhere.
				if st.Effect != string(effect) || effect == access.Deny && len(st.Paths) > 0 {
					continue
				}
				names, err := vocabulary.ExpandAll(st.Permissions)
				if err != nil {
					return fmt.Errorf("reading role %s: %w", r.Name, err)
				}
				for _, name := range names {
					c.allows[name] = effect == access.Allow
				}
			}
		}
		j.custom[strings.ToLower(r.Name)] = c
		return nil
	})
}

// meets says how somebody has a duty, "" when they have not.
func (j *judge) meets(d *api.Duty, h *holdings) string {
	for _, role := range d.Roles {
		if via, ok := h.roles[role]; ok {
			return fmt.Sprintf("the role %s (%s)", role, via)
		}
	}
	names, _ := vocabulary.ExpandAll(d.Permissions) // checked when it was written
	for _, name := range names {
		if via := j.has(h, name); via != "" {
			return fmt.Sprintf("%s (%s)", name, via)
		}
	}
	return ""
}

// has says through what somebody has a permission.
func (j *judge) has(h *holdings, name string) string {
	p, _ := vocabulary.Lookup(name)
	switch {
	case p.OwnerOnly():
		return "" // no role gives it
	case p.AllowsRole(h.workspace), p.Governance && h.workspace.Governs():
		return "by the workspace role " + string(h.workspace)
	}
	for _, role := range slices.Sorted(maps.Keys(h.roles)) {
		c := j.custom[role]
		if c == nil {
			continue
		}
		allowed, named := c.allows[name]
		if allowed || !named && p.Scope == vocabulary.ScopeItem && c.level >= p.MinLevel {
			return "by the role " + role + ", " + h.roles[role]
		}
	}
	switch {
	case p.Scope == vocabulary.ScopeItem && h.level >= p.MinLevel:
		return fmt.Sprintf("by the level %s, %s", h.level, h.levelVia)
	case name == vocabulary.AssetDownload && h.download:
		return "by a grant that allows downloads"
	case name == vocabulary.ReviewVerdict && h.reviewer:
		return "as a reviewer of a team"
	}
	return ""
}

// breaks reports whether somebody has both duties. The Owner has every duty that there
// is, and there must be one.
func (j *judge) breaks(r *api.SeparationOfDutiesRule, principal string, h *holdings) (breach, bool) {
	if h == nil || h.workspace == vocabulary.RoleOwner {
		return breach{}, false
	}
	b := breach{principal, j.meets(r.Left, h), j.meets(r.Right, h)}
	return b, b.left != "" && b.right != ""
}

// gained is what a change gave, nil when anything may be new.
func (j *judge) gained(ctx context.Context, s *object.Scope, g Gain) (*holdings, error) {
	h := &holdings{workspace: vocabulary.Role(g.WorkspaceRole)}
	switch {
	case g.Team != "":
		subject, err := s.Subject(ctx, "team:"+g.Team)
		if err != nil {
			return nil, err
		}
		h.hold(subject, s.Now)
		h.join(g.Team, vocabulary.TeamRole(g.TeamRole))
	case g.Group != "":
		subject, err := s.Subject(ctx, principalGroup+":"+g.Group)
		if err != nil {
			return nil, err
		}
		h.hold(subject, s.Now)
	case g.Role != "" || g.Level != "":
		h.give(g.Role, levelOf(g.Level), "now")
		h.download = true // a grant may allow downloads whatever its level
	case g.WorkspaceRole == "":
		return nil, nil
	}
	return h, nil
}

// hold takes over the grants and assignments of a subject that have not ended.
func (h *holdings) hold(subject *access.Subject, now time.Time) {
	live := func(end time.Time) bool { return end.IsZero() || end.After(now) }
	for _, a := range subject.Assignments {
		if live(a.ExpiresAt) {
			h.give(a.Role, vocabulary.LevelNone, fmt.Sprintf("assigned to %s on %s", a.Source, a.Scope))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(subject.Grants)) {
		for _, g := range subject.Grants[path] {
			if live(g.ExpiresAt) {
				h.give(g.Role, g.Level, fmt.Sprintf("granted to %s on %s", g.Source, path))
				h.download = h.download || g.AllowDownload
			}
		}
	}
}

// heldBy reads what a person, a service account or an address holds as the
// transaction leaves it; nil for those who may do nothing.
func heldBy(ctx context.Context, s *object.Scope, principal string) (*holdings, error) {
	subject, err := s.Subject(ctx, principal)
	if err != nil || !subject.Active {
		return nil, err
	}
	h := &holdings{}
	if subject.Principal.Kind == vocabulary.KindMember || subject.Principal.Kind == vocabulary.KindServiceAccount {
		h.workspace = subject.Role
	}
	h.hold(subject, s.Now)
	for _, team := range slices.Sorted(maps.Keys(subject.Teams)) {
		h.join(team, subject.Teams[team])
	}
	return h, nil
}

// receivers are those who hold what a principal was given.
func receivers(ctx context.Context, s *object.Scope, principal string) ([]string, error) {
	kind, key, _ := api.SplitPrincipal(principal)
	var query string
	switch kind {
	case "team":
		query = `SELECT principal FROM team_membership WHERE workspace_id = $1 AND team = $2 ORDER BY principal`
	case "group":
		// Groups belong to another capability; its rows are read as they are stored.
		query = `SELECT m.key FROM scim_group g JOIN scim_group_member gm ON gm.workspace_id = g.workspace_id AND gm.group_id = g.id
			JOIN member m ON m.workspace_id = gm.workspace_id AND m.id = gm.member_id
			WHERE g.workspace_id = $1 AND g.display_name = $2 AND gm.withheld = '' ORDER BY m.key`
	case "email":
		role, err := memberRole(ctx, s, key)
		if err == nil && role != "" {
			principal = "member:" + key
		}
		return []string{principal}, err
	default:
		return []string{principal}, nil
	}
	rows, err := s.Tx.QueryContext(ctx, query, s.WorkspaceID, key)
	if err != nil {
		return nil, fmt.Errorf("reading who is in %s: %w", principal, err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var email string
		if err := rows.Scan(&email); err != nil {
			return nil, fmt.Errorf("reading who is in %s: %w", principal, err)
		}
		out = append(out, "member:"+email)
	}
	return out, rows.Err()
}
