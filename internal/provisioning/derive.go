package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// meaning is what a mapping gives: one of team and role, a workspace role, or a role
// on a scope.
type meaning struct {
	team, teamRole string
	workspaceRole  string
	role, scope    string
}

// holding is one provisioned person with what they have and what they should have.
type holding struct {
	id, email string
	active    bool
	baseRole  string
	wants     []meaning
}

// batch bounds how many people one round of recompute reads.
const batch = 500

// recompute makes what people of a connection have by group be what the mappings say
// (the mover of SCIM.md). It touches only rows whose source is SCIM and whose owner is
// this connection: what code or people gave stays, and is not doubled.
func recompute(ctx context.Context, s *object.Scope, connection string, ids []string) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for len(ids) > 0 {
		n := min(len(ids), batch)
		if err := recomputeBatch(ctx, s, connection, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func recomputeBatch(ctx context.Context, s *object.Scope, connection string, ids []string) error {
	people, err := holdings(ctx, s, connection, ids)
	if err != nil || len(people) == 0 {
		return err
	}
	byEmail := make(map[string]*holding, len(people))
	for _, h := range people {
		byEmail[h.email] = h
	}
	if err := deriveTeams(ctx, s, connection, byEmail); err != nil {
		return err
	}
	if err := deriveAssignments(ctx, s, connection, byEmail); err != nil {
		return err
	}
	for _, h := range people {
		if err := deriveWorkspaceRole(ctx, s, h); err != nil {
			return err
		}
	}
	return nil
}

// holdings reads people with what their groups mean. The joins start at the people:
// SQLite would otherwise walk every mapping.
func holdings(ctx context.Context, s *object.Scope, connection string, ids []string) ([]*holding, error) {
	set := EncodeIDs(ids)
	rows, err := s.Tx.QueryContext(ctx, `SELECT u.member_id, u.active * m.active, u.base_role, m.key FROM scim_user u CROSS JOIN member m
		WHERE u.workspace_id = $1 AND u.connection = $2 AND u.deleted_at = 0 AND u.member_id IN `+IDSet(s, 3)+` AND m.workspace_id = u.workspace_id AND m.id = u.member_id ORDER BY u.member_id`, s.WorkspaceID, connection, set)
	if err != nil {
		return nil, fmt.Errorf("reading provisioned people: %w", err)
	}
	defer func() { _ = rows.Close() }()
	byID := map[string]*holding{}
	var out []*holding
	for rows.Next() {
		var h holding
		var active int64
		if err := rows.Scan(&h.id, &active, &h.baseRole, &h.email); err != nil {
			return nil, fmt.Errorf("reading provisioned people: %w", err)
		}
		h.active = active == 1
		byID[h.id] = &h
		out = append(out, &h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading provisioned people: %w", err)
	}
	given, err := s.Tx.QueryContext(ctx, `SELECT gm.member_id, p.team, p.team_role, p.workspace_role, p.role, p.scope
		FROM scim_group_member gm CROSS JOIN scim_group g CROSS JOIN scim_group_mapping p
		WHERE gm.workspace_id = $1 AND gm.member_id IN `+IDSet(s, 3)+` AND g.workspace_id = $1 AND g.id = gm.group_id AND g.connection = $2
		AND p.workspace_id = $1 AND p.connection = $2 AND p.group_key IN ('n:' || g.display_key, 'x:' || g.external_id)`, s.WorkspaceID, connection, set)
	if err != nil {
		return nil, fmt.Errorf("reading what groups mean: %w", err)
	}
	defer func() { _ = given.Close() }()
	for given.Next() {
		var id string
		var m meaning
		if err := given.Scan(&id, &m.team, &m.teamRole, &m.workspaceRole, &m.role, &m.scope); err != nil {
			return nil, fmt.Errorf("reading what groups mean: %w", err)
		}
		if h := byID[id]; h != nil && h.active {
			h.wants = append(h.wants, m)
		}
	}
	return out, given.Err()
}

// row is a derived row as it is stored.
type row struct {
	id, key, doc  string
	source, stack string
	ours          bool
}

// rowsOf reads the team memberships or role assignments that name some principals.
func rowsOf(ctx context.Context, s *object.Scope, table, connection string, principals []string) ([]row, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, key, doc, source, manager, stack FROM `+table+` WHERE workspace_id = $1 AND principal IN `+IDSet(s, 2), s.WorkspaceID, EncodeIDs(principals))
	if err != nil {
		return nil, fmt.Errorf("reading derived rows: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []row
	for rows.Next() {
		var r row
		var manager string
		if err := rows.Scan(&r.id, &r.key, &r.doc, &r.source, &manager, &r.stack); err != nil {
			return nil, fmt.Errorf("reading derived rows: %w", err)
		}
		r.ours = r.source == api.ManagedBySCIM && manager == api.ManagedBySCIM && r.stack == connection
		out = append(out, r)
	}
	return out, rows.Err()
}

func (r row) decode(into api.Object) error {
	if err := json.Unmarshal([]byte(r.doc), into); err != nil {
		return fmt.Errorf("reading %s: %w", r.id, err)
	}
	m := into.GetMeta()
	m.ID, m.Key = r.id, r.key
	return nil
}

func deriveTeams(ctx context.Context, s *object.Scope, connection string, byEmail map[string]*holding) error {
	want := map[string]*api.TeamMembership{}
	emails := make([]string, 0, len(byEmail))
	for email, h := range byEmail {
		emails = append(emails, email)
		for _, m := range h.wants {
			if m.team == "" {
				continue
			}
			next := &api.TeamMembership{Team: m.team, Principal: email, Role: m.teamRole, Source: api.ManagedBySCIM}
			key := api.TeamMembershipKind.KeyOf(next)
			// Several groups may lead to one team: the highest role counts.
			if had := want[key]; had == nil || vocabulary.TeamRole(had.Role).Level() < vocabulary.TeamRole(m.teamRole).Level() {
				want[key] = next
			}
		}
	}
	rows, err := rowsOf(ctx, s, "team_membership", connection, emails)
	if err != nil {
		return err
	}
	var save, remove []api.Object
	for _, r := range rows {
		next := want[r.key]
		delete(want, r.key)
		if !r.ours {
			continue // given by code or by hand, and therefore not ours to change
		}
		var was api.TeamMembership
		if err := r.decode(&was); err != nil {
			return err
		}
		switch {
		case next == nil:
			remove = append(remove, &was)
			if err := suggestReview(ctx, s, byEmail[was.Principal], was.Team); err != nil {
				return err
			}
		case next.Role != was.Role:
			was.Role = next.Role
			save = append(save, &was)
		}
	}
	for _, next := range want {
		save = append(save, next)
	}
	return settle(ctx, s, api.TeamMembershipKind, connection, save, remove)
}

func deriveAssignments(ctx context.Context, s *object.Scope, connection string, byEmail map[string]*holding) error {
	want := map[string]*api.RoleAssignment{}
	principals := make([]string, 0, len(byEmail))
	for email, h := range byEmail {
		principal := object.PrincipalMember + ":" + email
		principals = append(principals, principal)
		for _, m := range h.wants {
			if m.role == "" {
				continue
			}
			next := &api.RoleAssignment{Role: m.role, Principal: principal, Scope: m.scope, Source: api.ManagedBySCIM}
			want[api.RoleAssignmentKind.KeyOf(next)] = next
		}
	}
	rows, err := rowsOf(ctx, s, "role_assignment", connection, principals)
	if err != nil {
		return err
	}
	var save, remove []api.Object
	for _, r := range rows {
		_, wanted := want[r.key]
		delete(want, r.key)
		if wanted || !r.ours {
			continue
		}
		var was api.RoleAssignment
		if err := r.decode(&was); err != nil {
			return err
		}
		remove = append(remove, &was)
	}
	for _, next := range want {
		save = append(save, next)
	}
	return settle(ctx, s, api.RoleAssignmentKind, connection, save, remove)
}

// settle writes and removes derived rows, in an order that does not depend on maps.
func settle(ctx context.Context, s *object.Scope, kind *api.Kind, connection string, save, remove []api.Object) error {
	byKey := func(a, b api.Object) int { return strings.Compare(kind.KeyOf(a), kind.KeyOf(b)) }
	slices.SortFunc(save, byKey)
	slices.SortFunc(remove, byKey)
	how := scimOwned(connection)
	how.Reasons = []string{"derived from groups that connection " + connection + " pushed"}
	if err := s.RemoveDerived(ctx, kind, how, remove...); err != nil {
		return err
	}
	save, err := withhold(ctx, s, save)
	if err != nil {
		return err
	}
	return s.SaveDerived(ctx, kind, how, save...)
}

// suggestReview lists the direct grants of a mover on what belongs to the team that
// they left (GH-LC-05): access that no group explains any more.
func suggestReview(ctx context.Context, s *object.Scope, h *holding, team string) error {
	if h == nil || !h.active {
		return nil
	}
	ids, err := queryIDs(ctx, s, `SELECT g.id FROM access_grant g JOIN item i ON i.workspace_id = g.workspace_id AND i.key = g.resource
		WHERE g.workspace_id = $1 AND g.principal = $2 AND i.team = $3 ORDER BY g.id LIMIT 50`, s.WorkspaceID, object.PrincipalMember+":"+h.email, team)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.Record("provisioning.review_suggested", audit.Target{Kind: api.MemberKind.Name, ID: h.id, Key: h.email}, audit.EffectNeutral, nil, nil,
		"left team "+team+" and keeps direct grants on its items: "+strings.Join(ids, ", "))
}

// deriveWorkspaceRole gives the highest role that the groups say, never owner, and
// takes back only what it gave. Members whom code declares keep their declared role.
func deriveWorkspaceRole(ctx context.Context, s *object.Scope, h *holding) error {
	want := ""
	for _, m := range h.wants {
		if vocabulary.Role(m.workspaceRole).Authority() > vocabulary.Role(want).Authority() {
			want = m.workspaceRole
		}
	}
	if want == "" && h.baseRole == "" {
		return nil
	}
	m, err := memberOf(ctx, s, h.id)
	if err != nil || m == nil {
		return err
	}
	if m.WorkspaceRole == string(vocabulary.RoleOwner) || m.ManagedBy.Kind == api.ManagedByTerraform {
		return nil
	}
	base, next := h.baseRole, want
	switch {
	case want == "":
		base, next = "", h.baseRole
	case base == "" && vocabulary.Role(m.WorkspaceRole).Authority() >= vocabulary.Role(want).Authority():
		return nil // has as much already, and not from here
	case base == "":
		base = m.WorkspaceRole
	}
	if vocabulary.Role(next).Authority() > vocabulary.Role(m.WorkspaceRole).Authority() {
		if withheld, err := withheldRole(ctx, s, h.email, next); err != nil || withheld {
			return err
		}
	}
	if base != h.baseRole {
		if _, err := s.Tx.ExecContext(ctx, `UPDATE scim_user SET base_role = $3 WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, h.id, base); err != nil {
			return fmt.Errorf("storing a derived role: %w", err)
		}
	}
	if next == m.WorkspaceRole {
		return nil
	}
	lowered := vocabulary.Role(m.WorkspaceRole).Governs() && !vocabulary.Role(next).Governs()
	m.WorkspaceRole = next
	if err := s.SaveDerived(ctx, api.MemberKind, object.How{Reasons: []string{"workspace role by mapped group"}}, m); err != nil {
		return err
	}
	if !lowered || !m.Active {
		return nil
	}
	return keepAdministrators(ctx, s, h.id, h.email, 0)
}

// keepDerived makes what a deleted group gave stay, where its mappings say keep: the
// rows become as if they had been given by hand, and no later push takes them.
func keepDerived(ctx context.Context, s *object.Scope, maps []*api.SCIMGroupMapping, members []string) error {
	keep := map[meaning]bool{}
	for _, m := range maps {
		if m.OnGroupDeleted == "keep" {
			keep[meaningOf(m)] = true
		}
	}
	if len(keep) == 0 {
		return nil
	}
	for len(members) > 0 {
		n := min(len(members), batch)
		if err := keepBatch(ctx, s, keep, members[:n]); err != nil {
			return err
		}
		members = members[n:]
	}
	return nil
}

func keepBatch(ctx context.Context, s *object.Scope, keep map[meaning]bool, ids []string) error {
	list, err := holdings(ctx, s, s.Caller.Key, ids)
	if err != nil {
		return err
	}
	var emails, principals, roles []string
	for _, h := range list {
		emails, principals = append(emails, h.email), append(principals, object.PrincipalMember+":"+h.email)
		for m := range keep {
			if m.workspaceRole != "" && h.baseRole != "" {
				roles = append(roles, h.id)
			}
		}
	}
	teams, err := rowsOf(ctx, s, "team_membership", s.Caller.Key, emails)
	if err != nil {
		return err
	}
	var kept []api.Object
	for _, r := range teams {
		var m api.TeamMembership
		if err := r.decode(&m); err != nil {
			return err
		}
		if r.ours && keepsTeam(keep, &m) {
			m.Source = api.ManagedByManual
			kept = append(kept, &m)
		}
	}
	how := object.How{Manager: api.ManagedByManual, Effect: audit.EffectNeutral, Reasons: []string{"the group was deleted and its mapping says keep"}}
	if err := s.SaveDerived(ctx, api.TeamMembershipKind, how, kept...); err != nil {
		return err
	}
	assigned, err := rowsOf(ctx, s, "role_assignment", s.Caller.Key, principals)
	if err != nil {
		return err
	}
	kept = nil
	for _, r := range assigned {
		var a api.RoleAssignment
		if err := r.decode(&a); err != nil {
			return err
		}
		if r.ours && keep[meaning{role: a.Role, scope: a.Scope}] {
			a.Source = api.ManagedByManual
			kept = append(kept, &a)
		}
	}
	if err := s.SaveDerived(ctx, api.RoleAssignmentKind, how, kept...); err != nil {
		return err
	}
	if len(roles) == 0 {
		return nil
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE scim_user SET base_role = '' WHERE workspace_id = $1 AND member_id IN `+IDSet(s, 2), s.WorkspaceID, EncodeIDs(roles)); err != nil {
		return fmt.Errorf("keeping derived roles: %w", err)
	}
	return nil
}

func keepsTeam(keep map[meaning]bool, m *api.TeamMembership) bool {
	for k := range keep {
		if k.team != "" && k.team == m.Team {
			return true
		}
	}
	return false
}

func meaningOf(m *api.SCIMGroupMapping) meaning {
	return meaning{team: m.Team, teamRole: m.TeamRole, workspaceRole: m.WorkspaceRole, role: m.Role, scope: m.Scope}
}

// isMapped reports whether a group means anything here.
func isMapped(ctx context.Context, s *object.Scope, g *Group) (bool, error) {
	maps, err := mappingsOf(ctx, s, g)
	return len(maps) > 0, err
}

// mappingsOf reads the mappings of a group, by name and by externalId.
func mappingsOf(ctx context.Context, s *object.Scope, g *Group) ([]*api.SCIMGroupMapping, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT doc FROM scim_group_mapping WHERE workspace_id = $1 AND connection = $2 AND group_key IN ($3, $4) ORDER BY key`,
		s.WorkspaceID, s.Caller.Key, nameKey(g.DisplayName), externalKey(g.ExternalID))
	if err != nil {
		return nil, fmt.Errorf("reading group mappings: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*api.SCIMGroupMapping
	for rows.Next() {
		var doc string
		var m api.SCIMGroupMapping
		if err := rows.Scan(&doc); err != nil {
			return nil, fmt.Errorf("reading group mappings: %w", err)
		}
		if err := json.Unmarshal([]byte(doc), &m); err != nil {
			return nil, fmt.Errorf("reading group mappings: %w", err)
		}
		out = append(out, &m)
	}
	return out, rows.Err()
}

// store.Table of mappings; see 00003_provisioning.sql.
var mappingTable = store.Table{Name: "scim_group_mapping", Extra: []string{"connection", "group_key", "team", "team_role", "workspace_role", "role", "scope"}}
