package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// measureGuests measures the guests as people of the whole workspace, by its policy.
// What overrides say is measured where they work, on their grants.
func measureGuests(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) ([]*share, string, error) {
	if m.Resource != "" && m.Resource != vocabulary.RootPath {
		return nil, "", nil // a matter of the whole workspace
	}
	rows, err := placesOf(ctx, s, `SELECT o.id, '', o.key FROM object o WHERE o.workspace_id = $1 AND o.kind = 'guest' AND o.key > $2
		AND EXISTS (SELECT 1 FROM member m WHERE m.workspace_id = o.workspace_id AND m.kind = 'member' AND m.key = o.key AND m.role = 'guest' AND m.active = 1)
		ORDER BY o.key LIMIT `+fmt.Sprint(limit), after)
	if err != nil {
		return nil, "", err
	}
	guests, err := object.Many[*api.Guest](ctx, s, api.GuestKind, rowIDs(rows))
	if err != nil {
		return nil, "", err
	}
	var out []*share
	next := ""
	for i, row := range rows {
		if i == limit-1 {
			next = row.key
		}
		g := guests[row.id]
		if g == nil || g.ExpiresAt != nil && !s.Now.Before(*g.ExpiresAt) {
			continue
		}
		out = append(out, &share{obj: g, name: g.Email, resource: vocabulary.RootPath, recipient: "member:" + g.Email, at: row.key, gaps: guestGaps(s, m, g)})
	}
	return out, next, nil
}

func guestGaps(s *object.Scope, m *Measure, g *api.Guest) []gap {
	policy := m.Sharing.Workspace()
	return append(asGaps(policy.RefusesAddress(g.Email), api.RemedySuspend), tooLong("guest_max_days", policy.GuestMaxDays, g.ExpiresAt, g.UpdatedAt, s.Now, api.RemedySuspend)...)
}

// measureGrants measures the grants of people outside: addresses, and guests.
func measureGrants(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) ([]*share, string, error) {
	rows, next, err := outsideRows(ctx, s, "access_grant", after, limit)
	if err != nil {
		return nil, "", err
	}
	grants, err := object.Many[*api.AccessGrant](ctx, s, api.AccessGrantKind, rowIDs(rows))
	if err != nil {
		return nil, "", err
	}
	var out []*share
	for _, row := range rows {
		g := grants[row.id]
		if g == nil || !m.within(g.Resource) || g.ExpiresAt != nil && !s.Now.Before(*g.ExpiresAt) {
			continue
		}
		_, email, _ := api.SplitPrincipal(g.Principal)
		if g.Source == SourceGuest && len(m.Sharing.Workspace().RefusesAddress(email)) > 0 {
			continue // it goes with the guest
		}
		policy := m.Sharing.At(g.Resource)
		sh := &share{obj: g, name: fmt.Sprintf("%s on %s to %s", g.Level+g.Role, g.Resource, g.Principal), resource: g.Resource, recipient: g.Principal, at: row.place(),
			gaps: asGaps(policy.RefusesAddress(email), api.RemedyRevoke)}
		if g.Source == SourceGuest && policy.GuestMaxDays < m.Sharing.Workspace().GuestMaxDays {
			sh.gaps = append(sh.gaps, tooLong("guest_max_days", policy.GuestMaxDays, g.ExpiresAt, g.UpdatedAt, s.Now, api.RemedyRevoke)...)
		}
		out = append(out, sh)
	}
	return out, next, nil
}

// measureAssignments measures the roles that people outside hold.
func measureAssignments(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) ([]*share, string, error) {
	rows, next, err := outsideRows(ctx, s, "role_assignment", after, limit)
	if err != nil {
		return nil, "", err
	}
	held, err := object.Many[*api.RoleAssignment](ctx, s, api.RoleAssignmentKind, rowIDs(rows))
	if err != nil {
		return nil, "", err
	}
	var out []*share
	for _, row := range rows {
		a := held[row.id]
		if a == nil || !m.within(a.Scope) || a.ExpiresAt != nil && !s.Now.Before(*a.ExpiresAt) {
			continue
		}
		_, email, _ := api.SplitPrincipal(a.Principal)
		out = append(out, &share{obj: a, name: fmt.Sprintf("%s on %s to %s", a.Role, a.Scope, a.Principal), resource: a.Scope, recipient: a.Principal, at: row.place(),
			gaps: asGaps(m.Sharing.At(a.Scope).RefusesAddress(email), api.RemedyRevoke)})
	}
	return out, next, nil
}

// row is where a share is found.
type row struct{ id, principal, key string }

func (r row) place() string {
	part := "guest"
	if strings.HasPrefix(r.principal, "email:") {
		part = "email"
	}
	return joinPlace(part, r.principal, r.key)
}

func rowIDs(rows []row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.id
	}
	return out
}

func placesOf(ctx context.Context, s *object.Scope, text string, args ...any) ([]row, error) {
	rows, err := s.Tx.QueryContext(ctx, text, append([]any{s.WorkspaceID}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading shares: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.principal, &r.key); err != nil {
			return nil, fmt.Errorf("reading shares: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// outsideRows finds what addresses hold, and then what guests hold, in the order of
// the index of principals: how much others hold does not matter.
func outsideRows(ctx context.Context, s *object.Scope, table, after string, limit int) ([]row, string, error) {
	part, principal, key := splitPlace(after)
	if part != "guest" {
		rows, err := placesOf(ctx, s, `SELECT id, principal, key FROM `+table+` WHERE workspace_id = $1 AND principal >= 'email:' AND principal < 'email;'
			AND (principal > $2 OR principal = $2 AND key > $3) ORDER BY principal, key LIMIT `+fmt.Sprint(limit), principal, key)
		if err != nil {
			return nil, "", err
		}
		if len(rows) == limit {
			return rows, rows[limit-1].place(), nil
		}
		return rows, joinPlace("guest", "member:", ""), nil
	}
	guests, err := guestsFrom(ctx, s, strings.TrimPrefix(principal, "member:"), key == afterAll)
	if err != nil || len(guests) == 0 {
		return nil, "", err
	}
	args := []any{principal, key}
	for _, email := range guests {
		args = append(args, "member:"+email)
	}
	rows, err := placesOf(ctx, s, `SELECT id, principal, key FROM `+table+` WHERE workspace_id = $1 AND principal IN (`+store.Params(4, len(guests))+`)
		AND (principal > $2 OR principal = $2 AND key > $3) ORDER BY principal, key LIMIT `+fmt.Sprint(limit), args...)
	switch {
	case err != nil:
		return nil, "", err
	case len(rows) == limit:
		return rows, rows[limit-1].place(), nil
	case len(guests) < guestsAtOnce:
		return rows, "", nil
	}
	return rows, joinPlace("guest", "member:"+guests[len(guests)-1], afterAll), nil
}

const (
	guestsAtOnce = 200
	// afterAll stands for all keys of a principal: there is no such key.
	afterAll = "*"
)

// guestsFrom lists the addresses of guests from one on, or after it.
func guestsFrom(ctx context.Context, s *object.Scope, email string, done bool) ([]string, error) {
	from := ">="
	if done {
		from = ">"
	}
	rows, err := placesOf(ctx, s, `SELECT '', '', key FROM member WHERE workspace_id = $1 AND role = 'guest' AND key `+from+` $2 ORDER BY key LIMIT `+fmt.Sprint(guestsAtOnce), email)
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.key
	}
	return out, err
}

func joinPlace(part, principal, key string) string { return part + "\x00" + principal + "\x00" + key }

func splitPlace(after string) (part, principal, key string) {
	fields := strings.SplitN(after, "\x00", 3)
	if len(fields) != 3 {
		return "", "", ""
	}
	return fields[0], fields[1], fields[2]
}
