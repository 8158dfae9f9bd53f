package object

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// What the column extras of a grant says.
const (
	extrasNone     = ""
	extrasDownload = "download"
	extrasDoc      = "doc" // the document is to be read
)

// GrantExtras is the value of the column extras.
func GrantExtras(g *api.AccessGrant) string {
	switch {
	case g.Condition != "":
		return extrasDoc
	case g.AllowDownload:
		return extrasDownload
	}
	return extrasNone
}

// holdings are the subjects that hold something by a name: their own, their address,
// a team or a group.
type holdings map[string][]*access.Subject

func (h holdings) add(subj *access.Subject, names ...string) {
	for _, name := range names {
		h[name] = append(h[name], subj)
	}
}

// maxValues bounds the values of one list in a statement.
const maxValues = 256

// list builds the values of IN (…). It repeats the last one until there is a power of
// two of them, so that few texts are prepared.
type list struct {
	args []any
}

func (l *list) in(values []string) string {
	n := 1
	for n < len(values) {
		n *= 2
	}
	from := len(l.args) + 1
	for i := range n {
		l.args = append(l.args, values[min(i, len(values)-1)])
	}
	return "(" + store.Params(from, n) + ")"
}

// grantsOf reads the grants of the holders: all of them, or with paths those on the
// items at these alone.
func (s *Scope) grantsOf(ctx context.Context, holders holdings, paths []string) error {
	if len(paths) > maxValues {
		paths = nil // an asset may be in very many collections
	}
	var whole []string // ids of grants whose document says more than the columns
	owners := map[string]string{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(holders)), maxValues) {
		l := &list{args: []any{s.WorkspaceID}}
		where := `principal IN ` + l.in(part)
		if paths != nil {
			where += ` AND resource IN ` + l.in(paths)
		}
		query := `SELECT principal, resource, level, role, expires_at, extras, id FROM access_grant WHERE workspace_id = $1 AND ` + where + ` AND state = 'active'`
		err := s.each(ctx, "grants", query, l.args, func(rows *sql.Rows) error {
			var principal, resource, level, role, extras, id string
			var expires int64
			if err := rows.Scan(&principal, &resource, &level, &role, &expires, &extras, &id); err != nil {
				return err
			}
			if extras == extrasDoc {
				whole, owners[id] = append(whole, id), principal
				return nil
			}
			grant := access.Grant{ID: id, Role: role, AllowDownload: extras == extrasDownload}
			if expires != 0 {
				grant.ExpiresAt = time.UnixMicro(expires).UTC()
			}
			return holders.give(principal, resource, level, grant)
		})
		if err != nil {
			return err
		}
	}
	rows, err := store.Table{Name: "access_grant"}.ByIDs(ctx, s.Tx, s.WorkspaceID, api.AccessGrantKind.Name, whole)
	if err != nil {
		return err
	}
	for _, id := range whole {
		row := rows[id]
		if row == nil {
			return fmt.Errorf("grant %s vanished while it was read", id)
		}
		var g api.AccessGrant
		if err := json.Unmarshal([]byte(row.Doc), &g); err != nil {
			return fmt.Errorf("reading grant %s: %w", id, err)
		}
		grant := access.Grant{ID: id, Role: g.Role, AllowDownload: g.AllowDownload, Condition: g.Condition}
		if g.ExpiresAt != nil {
			grant.ExpiresAt = *g.ExpiresAt
		}
		if err := holders.give(owners[id], strings.ToLower(g.Resource), g.Level, grant); err != nil {
			return fmt.Errorf("reading grant %s: %w", id, err)
		}
	}
	return nil
}

// give puts a grant on everybody who holds it.
func (h holdings) give(principal, resource, level string, grant access.Grant) (err error) {
	if level != "" {
		if grant.Level, err = vocabulary.ParseLevel(level); err != nil {
			return err
		}
	}
	if grant.Source, err = vocabulary.ParsePrincipal(principal); err != nil {
		return err
	}
	for _, subj := range h[principal] {
		subj.Grants[resource] = append(subj.Grants[resource], grant)
	}
	return nil
}

// assignmentsOf reads the role assignments of the holders.
func (s *Scope) assignmentsOf(ctx context.Context, holders holdings) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(holders)), maxValues) {
		l := &list{args: []any{s.WorkspaceID}}
		query := `SELECT id, role, principal, scope, doc FROM role_assignment WHERE workspace_id = $1 AND principal IN ` + l.in(part)
		err := s.each(ctx, "role assignments", query, l.args, func(rows *sql.Rows) error {
			var doc, principal string
			var a access.Assignment
			if err := rows.Scan(&a.ID, &a.Role, &principal, &a.Scope, &doc); err != nil {
				return err
			}
			var ra api.RoleAssignment
			if err := json.Unmarshal([]byte(doc), &ra); err != nil {
				return fmt.Errorf("%s: %w", a.ID, err)
			}
			a.Condition = ra.Condition
			if ra.ExpiresAt != nil {
				a.ExpiresAt = *ra.ExpiresAt
			}
			var err error
			if a.Source, err = vocabulary.ParsePrincipal(principal); err != nil {
				return fmt.Errorf("%s: %w", a.ID, err)
			}
			for _, subj := range holders[principal] {
				subj.Assignments = append(subj.Assignments, a)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading role assignments: %w", err)
		}
	}
	return nil
}

// each calls f on every row that a query answers; what says what is read.
func (s *Scope) each(ctx context.Context, what, query string, args []any, f func(*sql.Rows) error) (err error) {
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return fmt.Errorf("reading %s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// SubjectsOn reads of several principals what counts on the items at some paths: a
// page of people costs a few statements and none of their other grants. The subjects
// serve decisions on these items alone. With no paths they serve decisions on the
// workspace.
func (s *Scope) SubjectsOn(ctx context.Context, principals, paths []string) (map[string]*access.Subject, error) {
	if len(paths) == 0 {
		paths = []string{""} // no item: no grant
	}
	out := make(map[string]*access.Subject, len(principals))
	var members []string
	for _, principal := range principals {
		if subj := s.authz.snapshot.remembered(s, principal); subj != nil {
			out[principal] = subj
			continue
		}
		if email, ok := strings.CutPrefix(principal, PrincipalMember+":"); ok {
			members = append(members, email)
			continue
		}
		subj, _, err := loadSubject(ctx, s, principal, paths)
		if err != nil {
			return nil, err
		}
		out[principal] = subj
	}
	for part := range slices.Chunk(members, maxValues) {
		if err := s.membersOn(ctx, part, paths, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// membersOn is SubjectsOn for members.
func (s *Scope) membersOn(ctx context.Context, emails, paths []string, out map[string]*access.Subject) error {
	found := map[string]*access.Subject{}
	ids := map[string]string{}
	for _, email := range emails {
		p, err := vocabulary.ParsePrincipal(PrincipalMember + ":" + email)
		if err != nil {
			return api.NewProblem(api.CodeMalformed, "%q is not a principal: %v.", email, err)
		}
		subj := newSubject(s, p)
		subj.Role = vocabulary.RoleGuest // of those who are no members, and inactive
		out[PrincipalMember+":"+email] = subj
	}
	l := &list{args: []any{s.WorkspaceID}}
	query := `SELECT id, key, role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key IN ` + l.in(emails)
	if err := s.each(ctx, "members", query, l.args, func(rows *sql.Rows) error {
		var id, email, role string
		var active int64
		if err := rows.Scan(&id, &email, &role, &active); err != nil {
			return err
		}
		subj := out[PrincipalMember+":"+email]
		subj.Role, subj.Active, subj.External = vocabulary.Role(role), active == 1, role == string(vocabulary.RoleGuest)
		found[email], ids[email] = subj, id
		return nil
	}); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	holders := holdings{}
	known := slices.Sorted(maps.Keys(found))
	for _, email := range known {
		holders.add(found[email], PrincipalMember+":"+email, "email:"+email)
		if found[email].External {
			if err := boundGuest(ctx, s, found[email]); err != nil {
				return err
			}
		}
		if s.svc.Groups == nil {
			continue
		}
		groups, err := s.svc.Groups(ctx, s, ids[email])
		if err != nil {
			return err
		}
		for _, g := range groups {
			holders.add(found[email], "group:"+g)
		}
	}
	l = &list{args: []any{s.WorkspaceID}}
	query = `SELECT principal, team, role, expires_at FROM team_membership WHERE workspace_id = $1 AND principal IN ` + l.in(known) + ` AND (expires_at = 0 OR expires_at > $` + strconv.Itoa(len(l.args)+1) + `)`
	if err := s.each(ctx, "teams", query, append(l.args, s.Now.UnixMicro()), func(rows *sql.Rows) error {
		var email, team, role string
		var expires int64
		if err := rows.Scan(&email, &team, &role, &expires); err != nil {
			return err
		}
		found[email].Teams[team] = vocabulary.TeamRole(role)
		holders.add(found[email], "team:"+team)
		return nil
	}); err != nil {
		return err
	}
	if err := s.grantsOf(ctx, holders, paths); err != nil {
		return err
	}
	return s.assignmentsOf(ctx, holders)
}
