package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// A guest who waits for approval (C055) is a document alone: neither an identity nor a
// grant follows from it until somebody approves.
var _ = sharing.OnApproval(api.GuestKind.Name, sharing.Approvable{
	Waits:    func(o api.Object) bool { return waitsForApproval(o.(*api.Guest)) },
	Activate: activateGuest,
	Remove: func(ctx context.Context, s *object.Scope, o api.Object, reason string) error {
		return s.RemoveDerived(ctx, api.GuestKind, object.How{Effect: audit.EffectNeutral, Reasons: []string{reason}}, o)
	},
})

func waitsForApproval(g *api.Guest) bool {
	return g != nil && g.Active && g.State == api.StatePendingApproval
}

// inEffect is nil for a guest who may do nothing yet.
func inEffect(g *api.Guest) *api.Guest {
	if waitsForApproval(g) {
		return nil
	}
	return g
}

func askForGuest(g *api.Guest) sharing.Ask {
	return sharing.Ask{Purpose: sharing.PurposeShare, Kind: api.GuestKind, Paths: g.Projects, Outside: []string{g.Email},
		Summary: fmt.Sprintf("let %s in as a guest with %s on %s, vouched for by %s", g.Email, g.MaxLevel, strings.Join(g.Projects, ", "), g.Sponsor)}
}

// checkGuestApproval refuses to give a guest more where that has to be approved: the
// access there is would have to wait with it.
func checkGuestApproval(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	ask := askForGuest(c.New)
	state, err := sharing.StateFor(ctx, c.Scope, ask)
	if err != nil || state == api.StateActive {
		return nil, err
	}
	if inEffect(standing(c.Old)) == nil {
		return sharing.CheckApprovable(ctx, c.Scope, ask, "/email")
	}
	return []api.Violation{{Path: "/projects", Code: api.ViolationSharingPolicy, Message: "giving a guest more needs approval (require_external_approval in the sharing policy), and the access there is would have to wait as well; " +
		"give the item with gatehouse_access_grant, which waits by itself, or destroy the guest and declare them again"}}, nil
}

// settleGuest decides whether a guest waits. A change that gives neither more nor less
// leaves who waits waiting.
func settleGuest(ctx context.Context, c *object.Change[*api.Guest]) error {
	was := standing(c.Old)
	switch {
	case !c.New.Active, inEffect(was) != nil:
		c.New.State = api.StateActive
	case was != nil && guestEffect(was, c.New) == audit.EffectNeutral:
		c.New.State = was.State
	default:
		var err error
		c.New.State, err = sharing.StateFor(ctx, c.Scope, askForGuest(c.New))
		return err
	}
	return nil
}

// followGuestRequest makes the request for approval follow the guest.
func followGuestRequest(ctx context.Context, c *object.Change[*api.Guest]) error {
	switch {
	case !waitsForApproval(c.New):
		if !waitsForApproval(c.Old) {
			return nil
		}
		return sharing.CloseRequest(ctx, c.Scope, api.GuestKind, c.Old.ID, "the guest was changed or removed by "+c.Caller.Principal())
	case waitsForApproval(c.Old) && guestEffect(c.Old, c.New) == audit.EffectNeutral:
		return nil
	}
	_, err := sharing.OpenRequest(ctx, c.Scope, askForGuest(c.New), c.New)
	return err
}

// activateGuest checks again what was checked when it was asked, and lets them in.
func activateGuest(ctx context.Context, s *object.Scope, o api.Object, by sharing.Approved) error {
	g := *o.(*api.Guest)
	sponsor, err := object.Find[*api.Member](ctx, s, api.MemberKind, g.Sponsor)
	if err != nil {
		return err
	}
	var out []api.Violation
	if !vouches(sponsor) {
		out = append(out, api.Invalid("/sponsor", "%s no longer vouches for anybody here; name another sponsor first", g.Sponsor))
	}
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, g.Email)
	if err != nil {
		return err
	}
	if m != nil && m.WorkspaceRole != roleGuest {
		out = append(out, api.Invalid("/email", "%s became %s of the workspace meanwhile", g.Email, articled(m.WorkspaceRole)))
	}
	for i, path := range g.Projects {
		missing, err := sharing.CheckItem(ctx, s, fmt.Sprintf("/projects/%d", i), path)
		if err != nil {
			return err
		}
		out = append(out, missing...)
	}
	ended, err := endViolation(ctx, s, &g, g.ExpiresAt)
	if err != nil {
		return err
	}
	refused, err := sharing.CheckInvitation(ctx, s, by.Requester, g.Email, "/email", g.Projects...)
	if err != nil {
		return err
	}
	if out = append(append(out, ended...), refused...); len(out) > 0 {
		return api.InvalidObject(api.GuestKind.Name, g.Email, out)
	}
	g.State = api.StateActive
	how := by.How()
	if err := s.SaveDerived(ctx, api.GuestKind, how, &g); err != nil {
		return err
	}
	// What follows belongs to whom the guest belongs.
	return letIn(ctx, s, &g, object.How{Manager: g.ManagedBy.Kind, Stack: g.ManagedBy.Stack})
}
