package people

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Promotion is what a visitor of a share link asks to become (C017).
type Promotion struct {
	Role    string // guest or member
	Message string
}

// promotionsPerDay bounds what one address can ask for.
const promotionsPerDay = 3

// maxPromotionMessage bounds what a visitor writes.
const maxPromotionMessage = 1000

// promoted is what waits: an invitation that does not exist yet.
type promoted struct {
	Email   string `json:"email"`
	Role    string `json:"workspace_role"`
	Path    string `json:"path"` // that the link opens
	Level   string `json:"max_level"`
	Message string `json:"message,omitempty"`
	Link    string `json:"link"`
}

// RequestPromotion lets a visitor whose address is verified ask for more than the link
// gives: to become a guest on the item, or a member. It answers the id of the request
// for approval; a request that is open already is answered again. The error is a
// *sharing.Closed where the visit is not possible any more.
func RequestPromotion(ctx context.Context, svc *object.Service, session string, from sharing.Visitor, p Promotion) (string, error) {
	if p.Role != roleGuest && p.Role != string(vocabulary.RoleMember) {
		return "", api.NewProblem(api.CodeMalformed, "Ask to become a guest or a member.")
	}
	if len(p.Message) > maxPromotionMessage {
		return "", api.NewProblem(api.CodeTooLarge, "The message is longer than %d bytes.", maxPromotionMessage)
	}
	visit, err := sharing.Visit(ctx, svc, session, from)
	if err != nil {
		return "", err
	}
	kind, email, _ := api.SplitPrincipal(visit.Viewer)
	if kind != object.PrincipalViewer || !visit.Verified {
		return "", api.NewProblem(api.CodeForbidden, "Verify your e-mail address first: others decide about a person, not about a device.")
	}
	workspace, err := workspaceID(ctx, svc, visit.Workspace)
	if err != nil {
		return "", err
	}
	as := &object.Caller{WorkspaceID: workspace, WorkspaceSlug: visit.Workspace, Kind: object.PrincipalViewer, ID: visit.Viewer, Key: email, Door: audit.DoorWeb, IP: from.IP, Device: from.Device, RequestID: from.RequestID}
	var id string
	err = svc.Do(ctx, as, func(s *object.Scope) error {
		// The lock: one open request at a time, however often a form is sent.
		if err := s.BumpAuthz(ctx); err != nil {
			return err
		}
		if id, err = askPromotion(ctx, s, promoted{Email: email, Role: p.Role, Path: visit.Root, Level: visit.Level, Message: p.Message, Link: visit.LinkID}); err != nil {
			return err
		}
		return nil
	})
	return id, err
}

func workspaceID(ctx context.Context, svc *object.Service, slug string) (id string, err error) {
	err = svc.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT id FROM workspace WHERE slug = $1`, slug).Scan(&id)
	})
	if err != nil {
		return "", fmt.Errorf("looking up workspace %q: %w", slug, err)
	}
	return id, nil
}

func askPromotion(ctx context.Context, s *object.Scope, p promoted) (string, error) {
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, p.Email)
	if err != nil {
		return "", err
	}
	if m != nil && (m.WorkspaceRole != roleGuest || p.Role == roleGuest) {
		return "", api.NewProblem(api.CodeConflict, "%s has an account here already. Sign in with it.", p.Email)
	}
	if m != nil {
		return "", api.NewProblem(api.CodeConflict, "%s is a guest here. Ask the owner or an admin to make you a member.", p.Email)
	}
	open, today, err := sharing.AskedBefore(ctx, s, s.Caller.Principal(), s.Now.Add(-api.Day))
	switch {
	case err != nil:
		return "", err
	case open != "":
		return open, nil
	case today >= promotionsPerDay:
		return "", api.NewProblem(api.CodeRateLimited, "You have asked %d times today. Try again tomorrow.", today)
	}
	summary := fmt.Sprintf("make %s, who came by a link to %s, %s", p.Email, p.Path, articled(p.Role))
	return sharing.OpenPromotion(ctx, s, askForPromotion(p, summary), s.Caller.Principal(), p)
}

func askForPromotion(p promoted, summary string) sharing.Ask {
	return sharing.Ask{Purpose: sharing.PurposePromotion, Summary: summary, Paths: []string{p.Path}, Outside: []string{p.Email}, Always: true}
}

// A promotion that was approved is an invitation by whoever gave the last word: the
// person accepts by the link in the mail.
var _ = sharing.OnApproval(sharing.PurposePromotion, sharing.Approvable{
	Waits: func(api.Object) bool { return true },
	Activate: func(ctx context.Context, s *object.Scope, _ api.Object, by sharing.Approved) error {
		var p promoted
		if err := json.Unmarshal(by.Proposed, &p); err != nil {
			return fmt.Errorf("reading a request for promotion: %w", err)
		}
		return invitePromoted(ctx, s, p, by)
	},
	Remove: func(context.Context, *object.Scope, api.Object, string) error { return nil },
})

func invitePromoted(ctx context.Context, s *object.Scope, p promoted, by sharing.Approved) error {
	i := &api.Invitation{Email: p.Email, WorkspaceRole: p.Role, TeamRole: "viewer", ExpiresIn: "7d", State: api.InvitationPending, Inviter: by.Approver}
	if p.Role == roleGuest {
		i.Projects, i.MaxLevel, i.Sponsor = []string{p.Path}, p.Level, sponsorOf(ctx, s, p.Link, by.Approver)
	}
	before, err := object.Find[*api.Invitation](ctx, s, api.InvitationKind, p.Email)
	if err != nil {
		return err
	}
	if before != nil {
		if open(before) {
			return api.NewProblem(api.CodeConflict, "%s is invited already. Withdraw one of the two.", p.Email)
		}
		i.Meta = before.Meta
	}
	out, err := checkInvited(ctx, s, i, by.Approver)
	if err != nil {
		return err
	}
	if len(out) > 0 {
		return api.InvalidObject(api.InvitationKind.Name, p.Email, out)
	}
	markSent(s, i)
	how := by.How()
	how.Keep, how.Verb = false, "created"
	if err := s.SaveDerived(ctx, api.InvitationKind, how, i); err != nil {
		return err
	}
	return sendInvitation(ctx, s, i)
}

// sponsorOf is who answers for a guest who came by a link: who made the link, else who
// approved.
func sponsorOf(ctx context.Context, s *object.Scope, link, approver string) string {
	if l, err := object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, link); err == nil && l != nil {
		if kind, email, _ := api.SplitPrincipal(l.CreatedBy); kind == object.PrincipalMember {
			if m, err := object.Find[*api.Member](ctx, s, api.MemberKind, email); err == nil && vouches(m) {
				return email
			}
		}
	}
	_, email, _ := api.SplitPrincipal(approver)
	return email
}
