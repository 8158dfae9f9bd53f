package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// maxViolations bounds what one refusal lists.
const maxViolations = 100

// The authoritative reading of a team: its row remembers the declaration, the members
// are the rows of team_membership whose source it governs.
var _ = object.Register(api.TeamMembershipsKind, object.Rules[*api.TeamMemberships]{
	AuthzRelevant: true,
	Default: func(ctx context.Context, s *object.Scope, team string) (*api.TeamMemberships, error) {
		ok, err := s.Exists(ctx, api.TeamKind, team)
		if err != nil || !ok {
			return nil, err
		}
		v := &api.TeamMemberships{Team: team, Sources: []string{api.ManagedByManual, api.ManagedByTerraform}}
		return v, hydrateTeamMemberships(ctx, s, []*api.TeamMemberships{v})
	},
	Authorise: func(ctx context.Context, c *object.Change[*api.TeamMemberships]) error {
		team := ""
		if c.New != nil {
			team = c.New.Team
		} else {
			team = c.Old.Team
		}
		return c.RequireOnTeam(ctx, team, api.TeamMembershipsKind.WritePermission())
	},
	Validate: func(ctx context.Context, c *object.Change[*api.TeamMemberships]) ([]api.Violation, error) {
		if slices.Equal(c.New.Sources, []string{api.ManagedByTerraform}) {
			return nil, nil
		}
		mappings, err := mappingsOf(ctx, c.Scope, c.New.Team)
		if err != nil || len(mappings) == 0 {
			return nil, err
		}
		return []api.Violation{api.Invalid("/sources", "SCIM group %q of connection %q leads to team %q, so its members come from the identity provider as well; set sources = [\"terraform\"] to govern only those declared here", mappings[0].Group, mappings[0].Connection, c.New.Team)}, nil
	},
	Strip:   func(v *api.TeamMemberships) { v.Members = nil },
	Hydrate: hydrateTeamMemberships,
	After: func(ctx context.Context, c *object.Change[*api.TeamMemberships]) error {
		if c.New == nil {
			return nil
		}
		if err := applyTeam(ctx, c.Scope, c.New); err != nil {
			return err
		}
		c.New.ETag = teamETag(c.New.ETag, c.New.Members)
		return nil
	},
	Destroy: func(ctx context.Context, c *object.Change[*api.TeamMemberships]) (*api.TeamMemberships, error) {
		live, err := teamMemberships(ctx, c.Scope, c.Old.Team)
		if err != nil {
			return nil, err
		}
		live = slices.DeleteFunc(live, func(m *api.TeamMembership) bool { return !slices.Contains(c.Old.Sources, m.Source) })
		return nil, c.RemoveDerived(ctx, api.TeamMembershipKind, object.How{}, erase(live)...)
	},
	Effect: func(_, _ *api.TeamMemberships) audit.Effect { return audit.EffectNeutral }, // its rows tell
})

// hydrateTeamMemberships fills in who is in the teams, with one query for all.
func hydrateTeamMemberships(ctx context.Context, s *object.Scope, views []*api.TeamMemberships) error {
	byTeam := make(map[string]*api.TeamMemberships, len(views))
	teams := make([]string, len(views))
	for i, v := range views {
		v.Members = map[string]string{}
		byTeam[v.Team], teams[i] = v, v.Team
	}
	in, args := inList([]any{s.WorkspaceID}, teams)
	rows, err := s.Tx.QueryContext(ctx, `SELECT team, principal, role, source, expires_at FROM team_membership WHERE workspace_id = $1 AND team IN `+in, args...)
	if err != nil {
		return fmt.Errorf("reading teams: %w", err)
	}
	defer func() { _ = rows.Close() }()
	now := s.Now.UnixMicro()
	for rows.Next() {
		var team, email, role, source string
		var expires int64
		if err := rows.Scan(&team, &email, &role, &source, &expires); err != nil {
			return fmt.Errorf("reading teams: %w", err)
		}
		v := byTeam[team]
		if slices.Contains(v.Sources, source) && (expires == 0 || expires > now) {
			v.Members[email] = role
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading teams: %w", err)
	}
	for _, v := range views {
		v.ETag = teamETag(v.ETag, v.Members)
	}
	return nil
}

// teamETag changes with the declaration and with the members.
func teamETag(version string, members map[string]string) string {
	h := sha256.New()
	h.Write([]byte(version))
	for _, email := range slices.Sorted(maps.Keys(members)) {
		h.Write([]byte("\x00" + email + "\x00" + members[email]))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// applyTeam makes the rows that the view governs be what it declares.
func applyTeam(ctx context.Context, s *object.Scope, v *api.TeamMemberships) error {
	live, err := teamMemberships(ctx, s, v.Team)
	if err != nil {
		return err
	}
	now, source := s.Now, s.Caller.Source()
	var changed, removed []api.Object
	var violations []api.Violation
	var raised []string
	there := make(map[string]bool, len(live))
	for _, m := range live {
		there[m.Principal] = true
		governed := slices.Contains(v.Sources, m.Source)
		role, wanted := v.Members[m.Principal]
		expired := m.ExpiresAt != nil && !m.ExpiresAt.After(now)
		switch {
		case !wanted && governed:
			removed = append(removed, m)
		case !wanted:
		case m.Source == api.ManagedBySCIM && !governed:
			violations = append(violations, api.Violation{Path: pointer("/members", m.Principal), Code: "owned_by_scim",
				Message: fmt.Sprintf("%s is in team %q through a group at the identity provider; leave the entry out", m.Principal, v.Team)})
		case m.Role != role || expired || !governed:
			if expired || vocabulary.TeamRole(role).Level() > teamLevel(m) {
				raised = append(raised, m.Principal)
			}
			m.Role, m.Source = role, source
			if expired {
				m.ExpiresAt = nil
			}
			changed = append(changed, m)
		}
	}
	var added []string
	for _, email := range slices.Sorted(maps.Keys(v.Members)) {
		if !there[email] {
			added = append(added, email)
		}
	}
	more, err := checkNewcomers(ctx, s, v.Team, added, raised)
	if err != nil {
		return err
	}
	if violations = append(violations, more...); len(violations) > 0 {
		return api.InvalidObject(api.TeamMembershipsKind.Name, v.Team, violations[:min(len(violations), maxViolations)])
	}
	for _, email := range added {
		changed = append(changed, membership(v.Team, email, v.Members[email], source))
	}
	if err := s.RemoveDerived(ctx, api.TeamMembershipKind, object.How{}, removed...); err != nil {
		return err
	}
	if err := s.SaveDerived(ctx, api.TeamMembershipKind, object.How{}, changed...); err != nil {
		return err
	}
	gains := make([]sharing.Gain, len(changed))
	for i, o := range changed {
		m := o.(*api.TeamMembership)
		gains[i] = joined(m, pointer("/members", m.Principal))
	}
	return sharing.Separate(ctx, s, api.TeamMembershipsKind, v.Team, gains...)
}

// checkNewcomers finds people who do not exist, or may not be in the team, and guests
// who would get something that has to be approved.
func checkNewcomers(ctx context.Context, s *object.Scope, slug string, added, raised []string) ([]api.Violation, error) {
	if len(added)+len(raised) == 0 {
		return nil, nil
	}
	team, err := object.Find[*api.Team](ctx, s, api.TeamKind, slug)
	if err != nil || team == nil {
		return nil, errors.Join(err, notFoundTeam(team, slug))
	}
	roles, err := rolesOf(ctx, s, append(slices.Clone(added), raised...))
	if err != nil {
		return nil, err
	}
	var out []api.Violation
	var guests []string
	for _, email := range added {
		path := pointer("/members", email)
		role, known := roles[email]
		switch {
		case !known:
			out = append(out, object.MissingReference(path, api.MemberKind, email))
		case role == roleGuest && !team.ExternalAllowed:
			out = append(out, guestViolation(path, email, slug))
		case role == roleGuest:
			guests = append(guests, email)
		}
	}
	for _, email := range raised {
		if roles[email] == roleGuest {
			guests = append(guests, email)
		}
	}
	refused, err := sharing.CheckJoining(ctx, s, slug, guests, func(email string) string { return pointer("/members", email) })
	return append(out, refused...), err
}

func notFoundTeam(team *api.Team, slug string) error {
	if team == nil {
		return object.NotFound(api.TeamKind.Name, slug)
	}
	return nil
}

// someone is how many people are looked up one by one; beyond, all are read at once.
const someone = 400

// rolesOf reads the workspace roles of people, in one query.
func rolesOf(ctx context.Context, s *object.Scope, emails []string) (map[string]string, error) {
	query := `SELECT key, role FROM member WHERE workspace_id = $1 AND kind = 'member'`
	args := []any{s.WorkspaceID}
	if len(emails) <= someone {
		var in string
		in, args = inList(args, emails)
		query += ` AND key IN ` + in
	}
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading members: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := make(map[string]string, len(emails))
	for rows.Next() {
		var email, role string
		if err := rows.Scan(&email, &role); err != nil {
			return nil, fmt.Errorf("reading members: %w", err)
		}
		out[email] = role
	}
	return out, rows.Err()
}

// inList writes "($2, $3, …)" for values that follow args. Lists have one of few
// lengths (the last value is repeated), so that few texts are prepared.
func inList(args []any, values []string) (string, []any) {
	length := len(values)
	for _, l := range []int{1, 8, 64, someone, api.MaxPageSize} {
		if len(values) <= l {
			length = l
			break
		}
	}
	slots := make([]string, length)
	for i := range length {
		args = append(args, values[min(i, len(values)-1)])
		slots[i] = "$" + strconv.Itoa(len(args))
	}
	return "(" + strings.Join(slots, ", ") + ")", args
}

// ignoreNotFound turns the absence of a row into nothing.
func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
