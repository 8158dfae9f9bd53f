package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// C016, C053, C054: a guest is a member of role guest. The document here keeps who
// vouches, what for and until when; the member row and the grants follow from it.
var _ = object.Register(api.GuestKind, object.Rules[*api.Guest]{
	AuthzRelevant: true,
	Recreate:      func(old *api.Guest) bool { return !old.Active },
	Authorise:     authoriseGuest,
	Validate:      validateGuest,
	Prepare:       prepareGuest,
	Strip:         func(g *api.Guest) { g.SponsorActive = false },
	Hydrate:       hydrateGuests,
	After:         afterGuest,
	Destroy:       destroyGuest,
	Effect: func(was, is *api.Guest) audit.Effect {
		if was, is = inEffect(was), inEffect(is); was == nil && is == nil {
			return audit.EffectNeutral
		}
		return guestEffect(was, is)
	},
})

// authoriseGuest: owner and admins look after all guests, a sponsor after their own.
// What a guest receives is measured against what the sponsor may give there.
func authoriseGuest(ctx context.Context, c *object.Change[*api.Guest]) error {
	if err := c.Require(ctx, api.GuestKind.WritePermission()); err != nil {
		return err
	}
	if c.Caller.Kind == object.PrincipalConnection {
		return api.NewProblem(api.CodeForbidden, "An identity provider does not make or change guests; they are declared with gatehouse_guest.")
	}
	role, err := c.Role(ctx)
	if err != nil || vocabulary.Role(role).Governs() {
		return err
	}
	self := ""
	if c.Caller.Kind == object.PrincipalMember {
		self = c.Caller.Key
	}
	was := standing(c.Old)
	if was != nil && was.Sponsor != self {
		return api.NewProblem(api.CodeForbidden, "Only owner, admins and the sponsor of a guest may change the guest. Ask one of them.")
	}
	if c.New == nil {
		return nil
	}
	if c.New.Sponsor != self {
		p := api.NewProblem(api.CodeForbidden, "Only owner and admins may let somebody else answer for a guest.")
		p.Errors = []api.Violation{{Path: "/sponsor", Code: string(api.CodeForbidden), Message: "name yourself, or ask the owner or an admin"}}
		return p
	}
	for i, path := range c.New.Projects {
		if was != nil && slices.Contains(was.Projects, path) && was.MaxLevel == c.New.MaxLevel {
			continue
		}
		if err := sharing.MayGive(ctx, c.Scope, path, fmt.Sprintf("/projects/%d", i), c.New.MaxLevel); err != nil {
			return err
		}
	}
	return nil
}

// standing is a guest who may do something; nil for one who was suspended.
func standing(g *api.Guest) *api.Guest {
	if g == nil || !g.Active {
		return nil
	}
	return g
}

func validateGuest(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	was := standing(c.Old)
	effect := guestEffect(was, c.New)
	wider := c.New.Active && (effect == audit.EffectWidened || effect == audit.EffectUnknown)
	if c.Old != nil && was == nil {
		forgetExpiry(ctx, c)
	}
	var out []api.Violation
	for _, check := range []func() ([]api.Violation, error){
		func() ([]api.Violation, error) { return checkIdentity(ctx, c) },
		func() ([]api.Violation, error) {
			if !wider && c.Old != nil && c.Old.Sponsor == c.New.Sponsor {
				return nil, nil
			}
			return checkSponsor(ctx, c)
		},
		func() ([]api.Violation, error) { return checkProjects(ctx, c) },
		func() ([]api.Violation, error) { return checkGuestExpiry(ctx, c) },
		func() ([]api.Violation, error) {
			if !wider {
				return nil, nil // who is here stays as they are (C062, X07)
			}
			return sharing.CheckInvitation(ctx, c.Scope, c.Caller.Principal(), c.New.Email, "/email", c.New.Projects...)
		},
	} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if len(out) > 0 || !wider {
		return out, nil
	}
	return checkGuestApproval(ctx, c)
}

// checkIdentity refuses addresses of people who are no guests: a guest is never a
// second identity of a member, and never the identity provider's (SCIM).
func checkIdentity(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	m, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Email)
	if err != nil || m == nil || m.WorkspaceRole == roleGuest {
		return nil, err
	}
	if !m.Active {
		return []api.Violation{api.Invalid("/email", "%s is a suspended %s of the workspace; reactivate them as a member, or use another address", m.Email, m.WorkspaceRole)}, nil
	}
	return []api.Violation{api.Invalid("/email", "%s is %s of the workspace and needs no guest access; give the projects with gatehouse_access_grant to member:%s", m.Email, articled(m.WorkspaceRole), m.Email)}, nil
}

func articled(role string) string {
	switch role {
	case roleOwner:
		return "the Owner"
	case roleAdmin:
		return "an admin"
	}
	return "a " + role
}

func checkSponsor(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	m, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Sponsor)
	switch {
	case err != nil || m == nil:
		return nil, err // the reference check names who is missing
	case m.WorkspaceRole == roleGuest:
		return []api.Violation{api.Invalid("/sponsor", "%s is a guest, and guests vouch for nobody (C016); name a member of the organisation", m.Email)}, nil
	case !m.Active:
		return []api.Violation{api.Invalid("/sponsor", "%s is suspended; name an active member who answers for the guest", m.Email)}, nil
	}
	return nil, nil
}

// checkProjects looks at the items that are new: they exist, and the guest has no
// other grant there that this one would swallow.
func checkProjects(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	live, err := grantsOf(ctx, c.Scope, c.New.Email)
	if err != nil {
		return nil, err
	}
	var out []api.Violation
	for i, path := range c.New.Projects {
		if c.Old != nil && slices.Contains(c.Old.Projects, path) {
			continue
		}
		at := fmt.Sprintf("/projects/%d", i)
		missing, err := sharing.CheckItem(ctx, c.Scope, at, path)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
		if g := live[path]; g != nil && g.Source != sharing.SourceGuest {
			out = append(out, api.Invalid(at, "the guest has an access grant on %s already (%s); remove it first, or leave the item out", path, g.ID))
		}
	}
	return out, nil
}

// forgetExpiry lets a returning guest have a new end: the one before is carried over
// by the pipeline, and may have passed.
func forgetExpiry(ctx context.Context, c *object.Change[*api.Guest]) {
	was, is := c.Old.ExpiresAt, c.New.ExpiresAt
	if was == nil || is == nil || !was.Equal(*is) {
		return
	}
	if bad, err := endViolation(ctx, c.Scope, c.New, is); err != nil || len(bad) > 0 {
		c.New.ExpiresAt = nil
	}
}

func checkGuestExpiry(ctx context.Context, c *object.Change[*api.Guest]) ([]api.Violation, error) {
	at := c.New.ExpiresAt
	if at == nil || c.Old != nil && c.Old.ExpiresAt != nil && c.Old.ExpiresAt.Equal(*at) {
		return nil, nil
	}
	return endViolation(ctx, c.Scope, c.New, at)
}

func endViolation(ctx context.Context, s *object.Scope, g *api.Guest, at *time.Time) ([]api.Violation, error) {
	policy, err := sharing.PolicyAt(ctx, s, g.Projects...)
	if err != nil {
		return nil, err
	}
	last := lastDay(s, policy)
	switch {
	case !at.After(s.Now):
		return []api.Violation{api.Invalid("/expires_at", "lies in the past; write a time to come, or leave it out for %s", days(policy.GuestMaxDays))}, nil
	case at.After(last):
		return []api.Violation{{Path: "/expires_at", Code: api.ViolationSharingPolicy, Message: fmt.Sprintf("is later than guests may stay: the sharing policy has guest_max_days = %d, so write %s or earlier, or leave it out", policy.GuestMaxDays, last.Format(time.RFC3339))}}, nil
	}
	return nil, nil
}

func lastDay(s *object.Scope, p *api.SharingPolicy) time.Time {
	return s.Now.AddDate(0, 0, int(p.GuestMaxDays))
}

func days(n int64) string {
	if n == 1 {
		return "one day"
	}
	return fmt.Sprintf("%d days", n)
}

func prepareGuest(ctx context.Context, c *object.Change[*api.Guest]) error {
	if c.New.ExpiresAt == nil {
		policy, err := sharing.PolicyAt(ctx, c.Scope, c.New.Projects...)
		if err != nil {
			return err
		}
		end := lastDay(c.Scope, policy).Truncate(time.Second)
		c.New.ExpiresAt = &end
	}
	sponsor, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Sponsor)
	if err != nil {
		return err
	}
	c.New.SponsorActive = vouches(sponsor)
	return settleGuest(ctx, c)
}

func vouches(m *api.Member) bool { return m != nil && m.Active && m.WorkspaceRole != roleGuest }

func guestEffect(was, is *api.Guest) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectWidened
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Names(was.Projects, is.Projects)
	t.Levels(was.MaxLevel, is.MaxLevel)
	t.Expiry(was.ExpiresAt, is.ExpiresAt)
	t.Opens(was.Active, is.Active)
	return t.Effect()
}
