package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// hydrateGuests fills in what lives elsewhere: whether the guest and the sponsor are
// active, and which projects the guest has in fact. A project whose grant was revoked
// or changed by hand is not among them, so that declaring it gives it again.
func hydrateGuests(ctx context.Context, s *object.Scope, guests []*api.Guest) error {
	const atOnce = 200
	for part := range slices.Chunk(guests, atOnce) {
		emails, principals := make([]string, 0, 2*len(part)), make([]string, len(part))
		for i, g := range part {
			emails = append(emails, api.GuestKind.KeyOf(g), g.Sponsor)
			principals[i] = "member:" + api.GuestKind.KeyOf(g)
		}
		people, err := standingOf(ctx, s, emails)
		if err != nil {
			return err
		}
		held, err := heldBy(ctx, s, principals)
		if err != nil {
			return err
		}
		for i, g := range part {
			me, sponsor := people[api.GuestKind.KeyOf(g)], people[g.Sponsor]
			g.SponsorActive = sponsor.active && sponsor.role != roleGuest
			if waitsForApproval(g) {
				continue // nothing follows from it yet
			}
			g.State = api.StateActive
			g.Active = me.active && me.role == roleGuest
			g.Projects = slices.DeleteFunc(g.Projects, func(path string) bool {
				return held[principals[i]+"\x00"+path] != g.MaxLevel
			})
		}
	}
	return nil
}

type presence struct {
	role   string
	active bool
}

func standingOf(ctx context.Context, s *object.Scope, emails []string) (map[string]presence, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT key, role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key IN (`+numbered(2, len(emails))+`)`, withWorkspace(s, emails)...)
	if err != nil {
		return nil, fmt.Errorf("reading guests and their sponsors: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := make(map[string]presence, len(emails))
	for rows.Next() {
		var email string
		var p presence
		var active int64
		if err := rows.Scan(&email, &p.role, &active); err != nil {
			return nil, fmt.Errorf("reading guests and their sponsors: %w", err)
		}
		p.active = active == 1
		out[email] = p
	}
	return out, rows.Err()
}

// heldBy gives the levels of the grants that follow from being a guest.
func heldBy(ctx context.Context, s *object.Scope, principals []string) (map[string]string, error) {
	args := append(withWorkspace(s, principals), sharing.SourceGuest)
	rows, err := s.Tx.QueryContext(ctx, `SELECT principal, resource, level FROM access_grant WHERE workspace_id = $1 AND principal IN (`+numbered(2, len(principals))+fmt.Sprintf(`) AND source = $%d`, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("reading the projects of guests: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var principal, resource, level string
		if err := rows.Scan(&principal, &resource, &level); err != nil {
			return nil, fmt.Errorf("reading the projects of guests: %w", err)
		}
		out[principal+"\x00"+resource] = level
	}
	return out, rows.Err()
}

func numbered(from, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("$%d", from+i)
	}
	return strings.Join(out, ", ")
}

func withWorkspace(s *object.Scope, values []string) []any {
	out := make([]any, 0, len(values)+2)
	out = append(out, s.WorkspaceID)
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// grantsOf are the grants that name a guest, by item.
func grantsOf(ctx context.Context, s *object.Scope, email string) (map[string]*api.AccessGrant, error) {
	rows, err := rowsWhere[*api.AccessGrant](ctx, s, api.AccessGrantKind, "principal", "member:"+email)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*api.AccessGrant, len(rows))
	for _, g := range rows {
		out[g.Resource] = g
	}
	return out, nil
}

// afterGuest makes the member row and the grants follow the declaration.
func afterGuest(ctx context.Context, c *object.Change[*api.Guest]) error {
	if err := followGuestRequest(ctx, c); err != nil || c.New == nil || waitsForApproval(c.New) {
		return err
	}
	return letIn(ctx, c.Scope, c.New, object.How{})
}

// letIn makes what follows from a guest, and keeps duties apart.
func letIn(ctx context.Context, s *object.Scope, g *api.Guest, how object.How) error {
	if err := followIdentity(ctx, s, g, how); err != nil {
		return err
	}
	if err := followProjects(ctx, s, g, how); err != nil || !g.Active {
		return err
	}
	return sharing.Separate(ctx, s, api.GuestKind, g.Email, sharing.Gain{Principal: "member:" + g.Email, At: "/projects"})
}

// followIdentity keeps the one identity that the guest has in the workspace: who
// comes back is the same person as before.
func followIdentity(ctx context.Context, s *object.Scope, g *api.Guest, how object.How) error {
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, g.Email)
	if err != nil {
		return err
	}
	how.Reasons = []string{"guest, vouched for by " + g.Sponsor}
	switch {
	case m == nil:
		source := how.Manager
		if source == "" {
			source = s.Caller.Source()
		}
		m = &api.Member{Email: g.Email, Source: source}
	case m.Active == g.Active:
		return nil
	case m.Active:
		how.Verb = "suspended"
		if err := endCredentials(ctx, s, "member:"+m.Key, m.ID); err != nil {
			return err
		}
	default:
		how.Verb = "reactivated"
	}
	m.WorkspaceRole, m.Active, m.SuspendedAt = roleGuest, g.Active, nil
	if !m.Active {
		now := s.Now
		m.SuspendedAt = &now
	}
	return s.SaveDerived(ctx, api.MemberKind, how, m)
}

// followProjects gives, changes and revokes the grants of a guest. Grants that
// somebody else gave the guest stay.
func followProjects(ctx context.Context, s *object.Scope, g *api.Guest, how object.How) error {
	live, err := grantsOf(ctx, s, g.Email)
	if err != nil {
		return err
	}
	var save, remove []api.Object
	for _, path := range g.Projects {
		is := live[path]
		if is == nil {
			is = &api.AccessGrant{Resource: path, Principal: "member:" + g.Email, Source: sharing.SourceGuest}
		} else if is.Level == g.MaxLevel && is.ExpiresAt != nil && is.ExpiresAt.Equal(*g.ExpiresAt) {
			continue
		}
		is.Level, is.Role, is.ExpiresAt = g.MaxLevel, "", g.ExpiresAt
		save = append(save, is)
	}
	for path, is := range live {
		if is.Source == sharing.SourceGuest && !slices.Contains(g.Projects, path) {
			remove = append(remove, is)
		}
	}
	how.Verb, how.Reasons = "", []string{"follows from the guest " + g.Email}
	if err := s.RemoveDerived(ctx, api.AccessGrantKind, how, remove...); err != nil {
		return err
	}
	return s.SaveDerived(ctx, api.AccessGrantKind, how, save...)
}

// destroyGuest suspends (SUS): the identity and its history stay, everything else
// ends in this transaction.
func destroyGuest(ctx context.Context, c *object.Change[*api.Guest]) (*api.Guest, error) {
	if waitsForApproval(c.Old) {
		return nil, nil // nobody was let in
	}
	left := *c.Old
	left.Active, left.Projects = false, nil
	m, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.Old.Email)
	if err != nil || m == nil || m.WorkspaceRole != roleGuest {
		return &left, err // became a member since; that is not this object's to end
	}
	if err := endEverything(ctx, c.Scope, "member:"+m.Key, m.ID, "the guest was suspended"); err != nil || !m.Active {
		return &left, err
	}
	now := c.Now
	m.Active, m.SuspendedAt = false, &now
	return &left, c.SaveDerived(ctx, api.MemberKind, object.How{Verb: "suspended", Effect: audit.EffectNarrowed, Reasons: []string{"the guest was suspended"}}, m)
}

// refuseGuestAsMember answers for a guest who is written as a member: what was agreed
// about the guest (sponsor, projects, end) would go without anybody saying so.
func refuseGuestAsMember(m *api.Member) []api.Violation {
	if m == nil || m.WorkspaceRole != roleGuest || !m.Active {
		return nil
	}
	return []api.Violation{api.Invalid("/email", "%s is a guest; to make them a member, destroy their gatehouse_guest first and then declare gatehouse_member: the same identity comes back as a member, without the guest's access", m.Email)}
}

// refuseSuspendingGuest keeps a declared guest from being suspended through member.
func refuseSuspendingGuest(ctx context.Context, s *object.Scope, m *api.Member) error {
	if m.WorkspaceRole != roleGuest || !m.Active {
		return nil
	}
	declared, err := s.Exists(ctx, api.GuestKind, m.Key)
	if err != nil || !declared {
		return err
	}
	return api.NewProblem(api.CodeConflict, "%s is a guest. Destroy the gatehouse_guest (DELETE guests/%s); that suspends them and ends what they have.", m.Email, m.Key)
}
