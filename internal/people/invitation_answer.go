package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Why an invitation cannot be answered.
const (
	InvitationUnknown  = "unknown" // never sent, or taken back
	InvitationReplaced = "replaced"
	InvitationUsed     = "used"
	InvitationEnded    = "expired"
	InvitationRefused  = "declined"
	InvitationHeld     = "not_possible" // it no longer may be, or can be, accepted
)

// InvitationClosed is the error of a link that opens nothing.
type InvitationClosed struct {
	Reason string
	// Detail says more where the reason is not_possible.
	Detail string
}

// Error says why.
func (c *InvitationClosed) Error() string {
	if c.Detail != "" {
		return "the invitation is closed: " + c.Detail
	}
	return "the invitation is closed: " + c.Reason
}

// InvitationLetter is what somebody sees before they answer.
type InvitationLetter struct {
	Workspace string // name
	Slug      string
	Email     string
	Inviter   string // who invites, without the kind
	Role      string
	Teams     []string
	Projects  []string
	Message   string
	ExpiresAt time.Time
}

// OpenInvitation shows what a link invites to. The error is an *InvitationClosed for
// one that opens nothing.
func OpenInvitation(ctx context.Context, svc *object.Service, token string) (*InvitationLetter, error) {
	a, err := findAnswer(ctx, svc, token)
	if err != nil {
		return nil, err
	}
	var out *InvitationLetter
	err = svc.View(ctx, object.System(a.workspace), func(s *object.Scope) error {
		i, err := a.read(ctx, s)
		if err != nil {
			return err
		}
		out, err = shownLetter(ctx, s, i)
		return err
	})
	return out, err
}

func shownLetter(ctx context.Context, s *object.Scope, i *api.Invitation) (*InvitationLetter, error) {
	name, err := workspaceName(ctx, s)
	if err != nil {
		return nil, err
	}
	_, who, _ := api.SplitPrincipal(i.Inviter)
	return &InvitationLetter{Workspace: name, Slug: s.Slug, Email: i.Email, Inviter: who, Role: i.WorkspaceRole, Teams: i.Teams, Projects: i.Projects, Message: i.Message, ExpiresAt: *i.ExpiresAt}, nil
}

// AcceptInvitation makes the person who was invited what they were invited as, at once
// and with everything that the invitation offers. A link works once.
func AcceptInvitation(ctx context.Context, svc *object.Service, token string, from sharing.Visitor) (*InvitationLetter, error) {
	var out *InvitationLetter
	err := answer(ctx, svc, token, from, func(s *object.Scope, i *api.Invitation) error {
		if err := mayStillJoin(ctx, s, i); err != nil {
			return err
		}
		if err := join(ctx, s, i); err != nil {
			return err
		}
		i.State = api.InvitationAccepted
		if err := s.SaveDerived(ctx, api.InvitationKind, object.How{Keep: true, Verb: "accepted", Effect: audit.EffectWidened}, i); err != nil {
			return err
		}
		if err := endInvitationTokens(ctx, s, i.ID, endedUsed); err != nil {
			return err
		}
		var err error
		out, err = shownLetter(ctx, s, i)
		return err
	})
	return out, err
}

// DeclineInvitation notes that the person does not want to join.
func DeclineInvitation(ctx context.Context, svc *object.Service, token string, from sharing.Visitor) error {
	return answer(ctx, svc, token, from, func(s *object.Scope, i *api.Invitation) error {
		i.State = api.InvitationDeclined
		if err := s.SaveDerived(ctx, api.InvitationKind, object.How{Keep: true, Verb: "declined", Effect: audit.EffectNeutral}, i); err != nil {
			return err
		}
		return endInvitationTokens(ctx, s, i.ID, endedDeclined)
	})
}

// pendingAnswer is a link as it was found.
type pendingAnswer struct{ hash, workspace, invitation string }

func findAnswer(ctx context.Context, svc *object.Service, token string) (*pendingAnswer, error) {
	if !strings.HasPrefix(token, PrefixInvitation) || len(token) > 100 {
		return nil, &InvitationClosed{Reason: InvitationUnknown}
	}
	a := &pendingAnswer{hash: signin.HashSecret(token)}
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT t.workspace_id, t.invitation_id FROM invitation_token t JOIN workspace w ON w.id = t.workspace_id WHERE t.hash = $1`, a.hash).Scan(&a.workspace, &a.invitation)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &InvitationClosed{Reason: InvitationUnknown}
	}
	if err != nil {
		return nil, fmt.Errorf("looking up an invitation: %w", err)
	}
	return a, nil
}

// read finds out whether the link can still be answered.
func (a *pendingAnswer) read(ctx context.Context, s *object.Scope) (*api.Invitation, error) {
	var expires int64
	var ended string
	if err := s.Tx.QueryRowContext(ctx, `SELECT expires_at, ended FROM invitation_token WHERE hash = $1 AND workspace_id = $2`, a.hash, s.WorkspaceID).Scan(&expires, &ended); err != nil {
		return nil, fmt.Errorf("looking up an invitation: %w", err)
	}
	switch ended {
	case "":
	case endedUsed:
		return nil, &InvitationClosed{Reason: InvitationUsed}
	case endedDeclined:
		return nil, &InvitationClosed{Reason: InvitationRefused}
	case endedReplaced:
		return nil, &InvitationClosed{Reason: InvitationReplaced}
	default:
		return nil, &InvitationClosed{Reason: InvitationUnknown}
	}
	i, err := object.Find[*api.Invitation](ctx, s, api.InvitationKind, a.invitation)
	switch {
	case err != nil:
		return nil, err
	case i == nil:
		return nil, &InvitationClosed{Reason: InvitationUnknown}
	case !s.Now.Before(time.UnixMicro(expires)), i.State == api.InvitationExpired:
		return nil, &InvitationClosed{Reason: InvitationEnded}
	case i.State != api.InvitationPending:
		return nil, &InvitationClosed{Reason: InvitationUnknown}
	}
	return i, nil
}

// answer runs f on an invitation that can be answered, as the person who was invited:
// the link proves that the address is theirs.
func answer(ctx context.Context, svc *object.Service, token string, from sharing.Visitor, f func(*object.Scope, *api.Invitation) error) error {
	a, err := findAnswer(ctx, svc, token)
	if err != nil {
		return err
	}
	var email string
	if err := svc.View(ctx, object.System(a.workspace), func(s *object.Scope) error {
		i, err := a.read(ctx, s)
		if err == nil {
			email = i.Email
		}
		return err
	}); err != nil {
		return err
	}
	as := &object.Caller{WorkspaceID: a.workspace, Kind: object.PrincipalViewer, ID: object.PrincipalViewer + ":" + email, Key: email, Door: audit.DoorWeb, IP: from.IP, Device: from.Device, RequestID: from.RequestID}
	return svc.Do(ctx, as, func(s *object.Scope) error {
		// The lock: of two that answer at once the second finds the link ended.
		if err := s.BumpAuthz(ctx); err != nil {
			return err
		}
		i, err := a.read(ctx, s)
		if err != nil {
			return err
		}
		return f(s, i)
	})
}

// mayStillJoin asks again what stood against the invitation when it was sent: the
// policy, the sponsor and the items may be others by now. Who invited may have left.
func mayStillJoin(ctx context.Context, s *object.Scope, i *api.Invitation) error {
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, i.Email)
	if err != nil {
		return err
	}
	if m != nil {
		return &InvitationClosed{Reason: InvitationHeld, Detail: hereAlready(m).Message}
	}
	if held, err := inviterHolds(ctx, s, i); err != nil || held != "" {
		return errors.Join(err, closedIf(err == nil, held))
	}
	var out []api.Violation
	if i.WorkspaceRole == roleGuest {
		if out, err = checkInvitedGuest(ctx, s, i); err != nil {
			return err
		}
	}
	inside := false
	if i.WorkspaceRole != roleGuest {
		if inside, err = internal(ctx, s, i.Email); err != nil {
			return err
		}
	}
	if !inside {
		refused, err := sharing.CheckAddress(ctx, s, i.Email, "/email", i.Projects...)
		if err != nil {
			return err
		}
		out = append(out, refused...)
	}
	if len(out) > 0 {
		return &InvitationClosed{Reason: InvitationHeld, Detail: out[0].Message}
	}
	return nil
}

// inviterHolds says why nobody stands for an invitation any more: what somebody sent
// who has left, or who no longer may make admins, brings nobody in.
func inviterHolds(ctx context.Context, s *object.Scope, i *api.Invitation) (string, error) {
	if i.Inviter == object.System("").Principal() {
		return "", nil
	}
	who, err := s.Subject(ctx, i.Inviter)
	if err != nil {
		return "", err
	}
	if !who.Active || i.WorkspaceRole == roleAdmin && !who.Role.Governs() {
		return "who invited you has left, or may no longer invite; ask for a new invitation", nil
	}
	return "", nil
}

func closedIf(yes bool, detail string) error {
	if !yes {
		return nil
	}
	return &InvitationClosed{Reason: InvitationHeld, Detail: detail}
}

// verbJoined makes audit.ActionMemberJoined of the event of a new member.
const verbJoined = "joined"

// join makes the member with their teams, or the guest with their projects.
func join(ctx context.Context, s *object.Scope, i *api.Invitation) error {
	how := object.How{Reasons: []string{"accepted the invitation of " + i.Inviter}}
	if i.WorkspaceRole == roleGuest {
		return joinAsGuest(ctx, s, i, how)
	}
	// One record says how somebody joined (GH-LC-02).
	joined := how
	joined.Verb = verbJoined
	m := &api.Member{Email: i.Email, WorkspaceRole: i.WorkspaceRole, Active: true, Source: api.ManagedByManual}
	if err := s.SaveDerived(ctx, api.MemberKind, joined, m); err != nil {
		return err
	}
	var memberships []api.Object
	for _, team := range i.Teams {
		ok, err := s.Exists(ctx, api.TeamKind, team)
		if err != nil {
			return err
		}
		if ok { // a team that was deleted meanwhile is not made again
			memberships = append(memberships, &api.TeamMembership{Team: team, Principal: i.Email, Role: i.TeamRole, Source: api.ManagedByManual})
		}
	}
	if err := s.SaveDerived(ctx, api.TeamMembershipKind, how, memberships...); err != nil {
		return err
	}
	return sharing.Separate(ctx, s, api.InvitationKind, i.Email, sharing.Gain{Principal: "member:" + i.Email, At: "/email"})
}

func joinAsGuest(ctx context.Context, s *object.Scope, i *api.Invitation, how object.How) error {
	policy, err := sharing.PolicyAt(ctx, s, i.Projects...)
	if err != nil {
		return err
	}
	end := lastDay(s, policy).Truncate(time.Second)
	g := &api.Guest{Email: i.Email, Sponsor: i.Sponsor, Projects: i.Projects, MaxLevel: levelOfGuest(i), ExpiresAt: &end, Active: true, State: api.StateActive}
	was, err := object.Find[*api.Guest](ctx, s, api.GuestKind, i.Email)
	if err != nil {
		return err
	}
	if was != nil {
		return &InvitationClosed{Reason: InvitationHeld, Detail: i.Email + " was declared as a guest meanwhile"}
	}
	if err := s.SaveDerived(ctx, api.GuestKind, how, g); err != nil {
		return err
	}
	return letIn(ctx, s, g, object.How{Verb: verbJoined})
}
