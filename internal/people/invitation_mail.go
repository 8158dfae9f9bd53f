package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// PrefixInvitation tells secret scanners what a leaked link is.
const PrefixInvitation = "ghi_"

// InvitationPath is where links of invitations open, below the server's own address.
const InvitationPath = "/invitations/"

// How a link ended before its time.
const (
	endedUsed     = "used"
	endedDeclined = "declined"
	endedReplaced = "replaced"
	endedRevoked  = "revoked"
)

// resendsPerDay bounds the mail that one invitation can cause.
const resendsPerDay = 5

func validity(i *api.Invitation) time.Duration {
	d, err := api.ParseDuration(i.ExpiresIn)
	if err != nil {
		return 7 * api.Day // it was checked when it was written
	}
	return d
}

// markSent gives the link that is about to be sent its end.
func markSent(s *object.Scope, i *api.Invitation) {
	end := s.Now.Add(validity(i))
	i.ExpiresAt = &end
}

// sendInvitation makes the one link that counts and mails it. Only its hash is kept.
func sendInvitation(ctx context.Context, s *object.Scope, i *api.Invitation) error {
	if err := endInvitationTokens(ctx, s, i.ID, endedReplaced); err != nil {
		return err
	}
	token := signin.NewSecret(PrefixInvitation)
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO invitation_token (hash, workspace_id, invitation_id, created_at, expires_at, ended) VALUES ($1, $2, $3, $4, $5, '')`,
		signin.HashSecret(token), s.WorkspaceID, i.ID, s.Now.UnixMicro(), i.ExpiresAt.UnixMicro()); err != nil {
		return fmt.Errorf("keeping the link of an invitation: %w", err)
	}
	name, err := workspaceName(ctx, s)
	if err != nil {
		return err
	}
	return mail.Send(ctx, s, mail.Message{To: i.Email, Until: *i.ExpiresAt, Subject: "Invitation to " + name, Text: letter(s, i, name, token)})
}

func workspaceName(ctx context.Context, s *object.Scope) (string, error) {
	var w api.Workspace
	if err := readDoc(ctx, s, api.WorkspaceKind, &w); err != nil || w.Name != "" {
		return w.Name, err
	}
	return s.Slug, nil
}

func letter(s *object.Scope, i *api.Invitation, workspace, token string) string {
	var b strings.Builder
	_, who, _ := api.SplitPrincipal(i.Inviter)
	fmt.Fprintf(&b, "Hello,\n\n%s invites you to %s as %s.\n", who, workspace, strings.TrimPrefix(articled(i.WorkspaceRole), "the "))
	if len(i.Projects) > 0 {
		fmt.Fprintf(&b, "You would work on %s.\n", strings.Join(i.Projects, ", "))
	}
	if i.Message != "" {
		b.WriteString("\nThey write:\n\n")
		for _, line := range strings.Split(i.Message, "\n") {
			b.WriteString("> " + line + "\n")
		}
	}
	fmt.Fprintf(&b, "\nAccept or decline here, until %s:\n\n%s%s%s\n\nThe link is for you alone and works once. If you did not expect this mail, leave it alone: nothing happens then.\n",
		i.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"), s.BaseURL(), InvitationPath, token)
	return b.String()
}

func endInvitationTokens(ctx context.Context, s *object.Scope, id, how string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE invitation_token SET ended = $3 WHERE workspace_id = $1 AND invitation_id = $2 AND ended = ''`, s.WorkspaceID, id, how); err != nil {
		return fmt.Errorf("ending the link of an invitation: %w", err)
	}
	return nil
}

// extendToken gives the link that was sent the end that the invitation has now.
func extendToken(ctx context.Context, s *object.Scope, i *api.Invitation) error {
	if i.ExpiresAt == nil {
		return nil
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE invitation_token SET expires_at = $3 WHERE workspace_id = $1 AND invitation_id = $2 AND ended = ''`, s.WorkspaceID, i.ID, i.ExpiresAt.UnixMicro()); err != nil {
		return fmt.Errorf("moving the end of an invitation: %w", err)
	}
	return nil
}

// ResendInvitation sends an invitation that waits for its answer, or that has ended
// without one, with a new link; those before open nothing any more.
func ResendInvitation(ctx context.Context, s *object.Scope, ref string) (*api.Invitation, error) {
	if err := s.Require(ctx, api.InvitationKind.WritePermission()); err != nil {
		return nil, err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	obj, err := s.Get(ctx, api.InvitationKind, ref)
	if err != nil {
		return nil, err
	}
	i := obj.(*api.Invitation)
	all, err := administers(ctx, s)
	if err != nil {
		return nil, err
	}
	if !all && i.Inviter != s.Caller.Principal() {
		return nil, object.NotFound(api.InvitationKind.Name, ref)
	}
	switch i.State {
	case api.InvitationPending, api.InvitationExpired:
	case api.StatePendingApproval:
		return nil, api.NewProblem(api.CodeConflict, "The invitation of %s waits for approval and was never sent; it will be when it is approved.", i.Email)
	default:
		return nil, api.NewProblem(api.CodeConflict, "%s has %s the invitation; there is nothing to send again.", i.Email, i.State)
	}
	out, err := checkInvited(ctx, s, i, s.Caller.Principal())
	if err != nil {
		return nil, err
	}
	if len(out) > 0 {
		return nil, api.InvalidObject(api.InvitationKind.Name, i.Email, out)
	}
	var sent int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM invitation_token WHERE workspace_id = $1 AND invitation_id = $2 AND created_at > $3`, s.WorkspaceID, i.ID, s.Now.Add(-api.Day).UnixMicro()).Scan(&sent); err != nil {
		return nil, fmt.Errorf("counting the mails of an invitation: %w", err)
	}
	if sent >= resendsPerDay {
		return nil, api.NewProblem(api.CodeRateLimited, "The invitation of %s was sent %d times within a day; try again tomorrow.", i.Email, sent)
	}
	// Who sends it stands for it from now on.
	i.State, i.Inviter = api.InvitationPending, s.Caller.Principal()
	markSent(s, i)
	if err := s.SaveDerived(ctx, api.InvitationKind, object.How{Keep: true, Verb: "resent", Effect: audit.EffectNeutral}, i); err != nil {
		return nil, err
	}
	return i, sendInvitation(ctx, s, i)
}

// renameInvitations makes what a member has sent, and whom they answer for, follow
// their address. What was sent to the old address is theirs to answer no more.
func renameInvitations(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	for field, was := range map[string]string{"inviter": "member:" + from, "sponsor": from} {
		var found []api.Object
		err := object.Each(ctx, s, api.InvitationKind, func(i *api.Invitation) error {
			if field == "inviter" {
				i.Inviter = "member:" + to
			} else {
				i.Sponsor = to
			}
			found = append(found, i)
			return nil
		}, store.Condition{Field: field, Value: was})
		if err != nil {
			return err
		}
		if err := s.SaveDerived(ctx, api.InvitationKind, how, found...); err != nil {
			return err
		}
	}
	return nil
}

// keptEnded is how long the link of an invitation can say how it ended.
const keptEnded = 90 * api.Day

// PurgeInvitationLinks forgets links that ended long ago; the server calls it now and
// then. What they say afterwards is that nobody knows them.
func PurgeInvitationLinks(ctx context.Context, svc *object.Service) error {
	before := svc.Clock().Add(-keptEnded).UnixMicro()
	err := svc.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM invitation_token WHERE expires_at < $1`, before)
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting old links of invitations: %w", err)
	}
	return nil
}
