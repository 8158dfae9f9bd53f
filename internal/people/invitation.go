package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// C064, C077, X14: a mail that asks somebody to join. Owner and admins invite; what a
// member asks for waits for one of them. Addresses outside obey the sharing policy
// (C053, C055).
var _ = object.Register(api.InvitationKind, object.Rules[*api.Invitation]{
	AuthzRelevant: true, // its lock keeps two from accepting at once
	Recreate:      func(old *api.Invitation) bool { return !open(old) && old.State != api.InvitationAccepted },
	Authorise:     authoriseInvitation,
	Visible: func(ctx context.Context, s *object.Scope, i *api.Invitation) (bool, error) {
		if s.Caller.Principal() == i.Inviter {
			return true, nil
		}
		return administers(ctx, s)
	},
	Validate: validateInvitation,
	Prepare:  prepareInvitation,
	Hydrate: func(_ context.Context, s *object.Scope, all []*api.Invitation) error {
		for _, i := range all {
			if i.State == api.InvitationPending && i.ExpiresAt != nil && !s.Now.Before(*i.ExpiresAt) {
				i.State = api.InvitationExpired
			}
		}
		return nil
	},
	After: afterInvitation,
	Effect: func(was, is *api.Invitation) audit.Effect {
		switch {
		case is == nil && open(was):
			return audit.EffectNarrowed
		case is != nil && is.State == api.InvitationPending && (was == nil || was.State != api.InvitationPending):
			return audit.EffectWidened
		}
		return audit.EffectNeutral
	},
})

// open invitations can still bring somebody in, or will after an approval.
func open(i *api.Invitation) bool {
	return i.State == api.InvitationPending || i.State == api.StatePendingApproval
}

func administers(ctx context.Context, s *object.Scope) (bool, error) {
	role, err := s.Role(ctx)
	return vocabulary.Role(role).Governs(), err
}

// authoriseInvitation: nobody invites into more than they could give by hand.
func authoriseInvitation(ctx context.Context, c *object.Change[*api.Invitation]) error {
	if err := c.Require(ctx, api.InvitationKind.WritePermission()); err != nil {
		return err
	}
	if c.Caller.Kind == object.PrincipalConnection {
		return api.NewProblem(api.CodeForbidden, "An identity provider does not invite people; it provisions them.")
	}
	all, err := administers(ctx, c.Scope)
	if all || err != nil {
		return err
	}
	if c.Old != nil && open(c.Old) && c.Old.Inviter != c.Caller.Principal() {
		return api.NewProblem(api.CodeForbidden, "Only owner, admins and whoever invited may change the invitation.")
	}
	if c.New == nil {
		return nil
	}
	forbid := func(at, message string) error {
		p := api.NewProblem(api.CodeForbidden, "You may not invite like this.")
		p.Errors = []api.Violation{{Path: at, Code: string(api.CodeForbidden), Message: message}}
		return p
	}
	switch c.New.WorkspaceRole {
	case roleAdmin:
		return forbid("/workspace_role", "only owner and admins invite admins; write member, or ask one of them")
	case roleGuest:
		if c.Caller.Principal() != "member:"+c.New.Sponsor {
			return forbid("/sponsor", "only owner and admins let somebody else answer for a guest; name yourself")
		}
		for i, path := range c.New.Projects {
			if err := sharing.MayGive(ctx, c.Scope, path, fmt.Sprintf("/projects/%d", i), levelOfGuest(c.New)); err != nil {
				return err
			}
		}
	}
	for _, team := range c.New.Teams {
		if err := c.RequireOnTeam(ctx, team, api.TeamMembershipKind.WritePermission()); err != nil {
			return err
		}
	}
	return nil
}

func levelOfGuest(i *api.Invitation) string {
	if i.MaxLevel == "" {
		return vocabulary.LevelView.String()
	}
	return i.MaxLevel
}

func validateInvitation(ctx context.Context, c *object.Change[*api.Invitation]) ([]api.Violation, error) {
	if !invites(c) {
		if sameOffer(c.Old, c.New) {
			return nil, nil
		}
		return []api.Violation{api.Invalid("/email", "%s has accepted already, so the invitation says what was; change what they have now with gatehouse_member, gatehouse_team_membership or gatehouse_guest, and leave the invitation as it is or remove it", c.New.Email)}, nil
	}
	out, err := checkInvited(ctx, c.Scope, c.New, c.Caller.Principal())
	if err != nil || len(out) > 0 {
		return out, err
	}
	ask, err := askForInvitation(ctx, c.Scope, c.New)
	if err != nil || ask == nil {
		return nil, err
	}
	return sharing.CheckApprovable(ctx, c.Scope, *ask, "/email")
}

// invites reports whether a write invites somebody: for the first time, again after
// they declined or it ended, or with another offer. Other writes edit what is there.
func invites(c *object.Change[*api.Invitation]) bool {
	switch {
	case c.Old == nil:
		return true
	case c.Old.State == api.InvitationAccepted:
		return false
	}
	return !open(c.Old) || !sameOffer(c.Old, c.New)
}

func sameOffer(a, b *api.Invitation) bool {
	return a.WorkspaceRole == b.WorkspaceRole && a.TeamRole == b.TeamRole && a.MaxLevel == b.MaxLevel && a.Sponsor == b.Sponsor && slices.Equal(a.Teams, b.Teams) && slices.Equal(a.Projects, b.Projects)
}

// checkInvited is what stands against inviting somebody, now.
func checkInvited(ctx context.Context, s *object.Scope, i *api.Invitation, inviter string) ([]api.Violation, error) {
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, i.Email)
	if err != nil {
		return nil, err
	}
	if m != nil {
		return []api.Violation{hereAlready(m)}, nil
	}
	var out []api.Violation
	for n, team := range i.Teams {
		ok, err := s.Exists(ctx, api.TeamKind, team)
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, object.MissingReference(fmt.Sprintf("/teams/%d", n), api.TeamKind, team))
		}
	}
	if i.WorkspaceRole == roleGuest {
		more, err := checkInvitedGuest(ctx, s, i)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	} else if inside, err := internal(ctx, s, i.Email); err != nil || inside {
		return out, err
	}
	refused, err := sharing.CheckInvitation(ctx, s, inviter, i.Email, "/email", i.Projects...)
	return append(out, refused...), err
}

func hereAlready(m *api.Member) api.Violation {
	switch {
	case !m.Active:
		return api.Invalid("/email", "%s is suspended here; reactivate them instead (gatehouse_member with active = true, or gatehouse_guest)", m.Email)
	case m.WorkspaceRole == roleGuest:
		return api.Invalid("/email", "%s is a guest here; to make them a member, destroy their gatehouse_guest first", m.Email)
	}
	return api.Invalid("/email", "%s is %s of the workspace already", m.Email, articled(m.WorkspaceRole))
}

func checkInvitedGuest(ctx context.Context, s *object.Scope, i *api.Invitation) ([]api.Violation, error) {
	var out []api.Violation
	sponsor, err := object.Find[*api.Member](ctx, s, api.MemberKind, i.Sponsor)
	switch {
	case err != nil:
		return nil, err
	case sponsor == nil:
		out = append(out, object.MissingReference("/sponsor", api.MemberKind, i.Sponsor))
	case !vouches(sponsor):
		out = append(out, api.Invalid("/sponsor", "%s is suspended or a guest; name an active member of the organisation", i.Sponsor))
	}
	for n, path := range i.Projects {
		missing, err := sharing.CheckItem(ctx, s, fmt.Sprintf("/projects/%d", n), path)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
	}
	return out, nil
}

// internal reports whether an address is the organisation's own: of a domain that an
// SSO connection names, or, while there is none, of the Owner's domain.
func internal(ctx context.Context, s *object.Scope, email string) (bool, error) {
	domain := email[strings.LastIndexByte(email, '@')+1:]
	named, found := false, false
	err := object.Each(ctx, s, api.SSOConnectionKind, func(c *api.SSOConnection) error {
		named = named || len(c.Domains) > 0
		found = found || slices.Contains(c.Domains, domain)
		return nil
	})
	if err != nil || named {
		return found, err
	}
	var owner string
	if err := s.Tx.QueryRowContext(ctx, `SELECT key FROM member WHERE workspace_id = $1 AND role = 'owner'`, s.WorkspaceID).Scan(&owner); err != nil {
		return false, fmt.Errorf("reading the Owner: %w", err)
	}
	return strings.HasSuffix(owner, "@"+domain), nil
}

// askForInvitation is what has to be approved, nil when nothing has: membership takes
// owner or admin (X14), and addresses outside what the sharing policy says (C055).
func askForInvitation(ctx context.Context, s *object.Scope, i *api.Invitation) (*sharing.Ask, error) {
	ask := &sharing.Ask{Purpose: sharing.PurposeInvitation, Kind: api.InvitationKind, Paths: i.Projects, Outside: []string{i.Email}, Summary: fmt.Sprintf("invite %s as %s", i.Email, strings.TrimPrefix(articled(i.WorkspaceRole), "the "))}
	if i.WorkspaceRole == roleGuest {
		ask.Summary += fmt.Sprintf(" with %s on %s, vouched for by %s", levelOfGuest(i), strings.Join(i.Projects, ", "), i.Sponsor)
		return ask, nil
	}
	if len(i.Teams) > 0 {
		ask.Summary += " in " + strings.Join(i.Teams, ", ")
	}
	all, err := administers(ctx, s)
	if err != nil {
		return nil, err
	}
	inside, err := internal(ctx, s, i.Email)
	if err != nil {
		return nil, err
	}
	if inside {
		ask.Outside = nil
		if all {
			return nil, nil
		}
	}
	ask.Always = !all
	return ask, nil
}

func prepareInvitation(ctx context.Context, c *object.Change[*api.Invitation]) error {
	if !invites(c) {
		if c.Old.ExpiresAt != nil && c.Old.ExpiresIn != c.New.ExpiresIn && open(c.Old) {
			sent := c.Old.ExpiresAt.Add(-validity(c.Old))
			end := sent.Add(validity(c.New))
			c.New.ExpiresAt = &end
		}
		return nil
	}
	c.New.Inviter, c.New.ExpiresAt = c.Caller.Principal(), nil
	c.New.State = api.InvitationPending
	ask, err := askForInvitation(ctx, c.Scope, c.New)
	if err != nil {
		return err
	}
	if ask != nil {
		state, err := sharing.StateFor(ctx, c.Scope, *ask)
		if err != nil {
			return err
		}
		if state == api.StatePendingApproval {
			c.New.State = state
			return nil
		}
	}
	markSent(c.Scope, c.New)
	return nil
}

// afterInvitation sends what is new, asks for the approval of what waits, and ends the
// link of what is gone.
func afterInvitation(ctx context.Context, c *object.Change[*api.Invitation]) error {
	if c.Deleted {
		if err := endInvitationTokens(ctx, c.Scope, c.Old.ID, endedRevoked); err != nil {
			return err
		}
		return sharing.CloseRequest(ctx, c.Scope, api.InvitationKind, c.Old.ID, "the invitation was taken back by "+c.Caller.Principal())
	}
	if !invites(c) {
		return extendToken(ctx, c.Scope, c.New)
	}
	if c.New.State == api.StatePendingApproval {
		if err := endInvitationTokens(ctx, c.Scope, c.New.ID, endedReplaced); err != nil {
			return err
		}
		ask, err := askForInvitation(ctx, c.Scope, c.New)
		if err != nil || ask == nil {
			return err
		}
		_, err = sharing.OpenRequest(ctx, c.Scope, *ask, c.New)
		return err
	}
	if err := sharing.CloseRequest(ctx, c.Scope, api.InvitationKind, c.New.ID, "invited by "+c.Caller.Principal()+", who needs no approval"); err != nil {
		return err
	}
	return sendInvitation(ctx, c.Scope, c.New)
}

// An invitation that was approved is sent; one that was not is gone.
var _ = sharing.OnApproval(api.InvitationKind.Name, sharing.Approvable{
	Waits: func(o api.Object) bool { return o.(*api.Invitation).State == api.StatePendingApproval },
	Activate: func(ctx context.Context, s *object.Scope, o api.Object, by sharing.Approved) error {
		i := *o.(*api.Invitation)
		out, err := checkInvited(ctx, s, &i, by.Requester)
		if err != nil {
			return err
		}
		if len(out) > 0 {
			return api.InvalidObject(api.InvitationKind.Name, i.Email, out)
		}
		i.State = api.InvitationPending
		markSent(s, &i)
		if err := s.SaveDerived(ctx, api.InvitationKind, by.How(), &i); err != nil {
			return err
		}
		return sendInvitation(ctx, s, &i)
	},
	Remove: func(ctx context.Context, s *object.Scope, o api.Object, reason string) error {
		return s.RemoveDerived(ctx, api.InvitationKind, object.How{Effect: audit.EffectNeutral, Reasons: []string{reason}}, o)
	},
})
