package sharing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// memberStanding is the workspace role of a person and whether they are active; ""
// when nobody of the address is here.
func memberStanding(ctx context.Context, s *object.Scope, email string) (role string, active bool, err error) {
	var flag int64
	err = s.Tx.QueryRowContext(ctx, `SELECT role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&role, &flag)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading member %s: %w", email, err)
	}
	return role, flag == 1, nil
}

// refuseDomain is what the sharing policy says about an address outside that looks
// without becoming a guest.
func refuseDomain(p *api.SharingPolicy, email string) string {
	looking := *p
	looking.GuestAccess = true
	return refuseAddress(&looking, email)
}

// afterLink keeps what lies beside a link in step with it.
func afterLink(ctx context.Context, c *object.Change[*api.ShareLink]) error {
	if err := followLinkRequest(ctx, c.Scope, c.Old, c.New); err != nil {
		return err
	}
	if c.Deleted {
		return buryLink(ctx, c.Scope, c.Old.ID)
	}
	was := c.Old
	if was == nil {
		was = &api.ShareLink{}
	}
	if was.State == api.LinkRevoked {
		// Made anew: nothing of the one before counts for it.
		if err := closeLinks(ctx, c.Scope, c.New.ID); err != nil {
			return err
		}
		if _, err := c.Tx.ExecContext(ctx, `DELETE FROM link_use WHERE workspace_id = $1 AND link_id = $2`, c.WorkspaceID, c.New.ID); err != nil {
			return fmt.Errorf("counting the visits of a link anew: %w", err)
		}
		was = &api.ShareLink{}
	}
	if err := keepRecipients(ctx, c.Scope, c.New, was.Recipients); err != nil {
		return err
	}
	if err := keepPassword(ctx, c.Scope, c.New, was); err != nil {
		return err
	}
	return tellRecipients(ctx, c.Scope, c.New, "", c.Caller.Principal())
}

// keepRecipients stores whom a link names, and ends the visits of those it no longer
// does.
func keepRecipients(ctx context.Context, s *object.Scope, l *api.ShareLink, was []string) error {
	for _, email := range l.Recipients {
		if slices.Contains(was, email) {
			continue
		}
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_recipient (workspace_id, link_id, email) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, s.WorkspaceID, l.ID, email); err != nil {
			return fmt.Errorf("storing the recipients of a link: %w", err)
		}
	}
	for _, email := range was {
		if slices.Contains(l.Recipients, email) {
			continue
		}
		for _, text := range []string{
			`DELETE FROM link_recipient WHERE workspace_id = $1 AND link_id = $2 AND email = $3`,
			`DELETE FROM link_code WHERE workspace_id = $1 AND link_id = $2 AND email = $3`,
		} {
			if _, err := s.Tx.ExecContext(ctx, text, s.WorkspaceID, l.ID, email); err != nil {
				return fmt.Errorf("taking %s off a link: %w", email, err)
			}
		}
		if _, err := s.Tx.ExecContext(ctx, `UPDATE link_session SET revoked_at = $4 WHERE workspace_id = $1 AND link_id = $2 AND viewer = $3 AND revoked_at = 0`, s.WorkspaceID, l.ID, email, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("ending the visits of %s: %w", email, err)
		}
	}
	return nil
}

// closeLinks ends tokens and visits of links, and forgets passwords, codes and
// recipients. What was looked at stays, as do the hashes of the tokens: their URLs go
// on answering that access was taken away.
func closeLinks(ctx context.Context, s *object.Scope, ids ...string) error {
	for _, id := range ids {
		if err := endTokens(ctx, s, id); err != nil {
			return err
		}
		if err := endVisits(ctx, s, id); err != nil {
			return err
		}
		for _, table := range []string{"link_password", "link_code", "link_recipient"} {
			if _, err := s.Tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1 AND link_id = $2`, s.WorkspaceID, id); err != nil {
				return fmt.Errorf("closing a link: %w", err)
			}
		}
	}
	return nil
}

func endTokens(ctx context.Context, s *object.Scope, id string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE link_token SET revoked_at = $3 WHERE workspace_id = $1 AND link_id = $2 AND revoked_at = 0`, s.WorkspaceID, id, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("ending the tokens of a link: %w", err)
	}
	return nil
}

func endVisits(ctx context.Context, s *object.Scope, id string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE link_session SET revoked_at = $3 WHERE workspace_id = $1 AND link_id = $2 AND revoked_at = 0`, s.WorkspaceID, id, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("ending the visits of a link: %w", err)
	}
	return nil
}

// RevokeLinks closes links for good, as part of the change under way: their URLs and
// the visits under way are refused from its commit on (C074). The links stay, with the
// state revoked, so that who declared them sees it. The links must have been read in
// this transaction.
func RevokeLinks(ctx context.Context, s *object.Scope, reason string, links ...*api.ShareLink) error {
	open := slices.DeleteFunc(slices.Clone(links), func(l *api.ShareLink) bool { return l.State == api.LinkRevoked })
	objs := make([]api.Object, len(open))
	for i, l := range open {
		l.State = api.LinkRevoked
		objs[i] = l
	}
	how := object.How{Keep: true, Verb: "revoked", Effect: audit.EffectNarrowed, Reasons: []string{reason}}
	if err := s.SaveDerived(ctx, api.ShareLinkKind, how, objs...); err != nil {
		return err
	}
	for _, l := range open {
		if err := closeLinks(ctx, s, l.ID); err != nil {
			return err
		}
	}
	return nil
}

// LeaveLinks is what somebody's leaving does to links: those they made are revoked,
// and their visits to others end. principal is e.g. member:ann@example.com.
func LeaveLinks(ctx context.Context, s *object.Scope, principal, reason string) error {
	if reason == "" {
		reason = principal + " left"
	}
	made, err := linksWhere(ctx, s, "created_by", principal)
	if err != nil {
		return err
	}
	if err := RevokeLinks(ctx, s, reason, made...); err != nil {
		return err
	}
	kind, email, _ := api.SplitPrincipal(principal)
	if kind != string(vocabulary.KindMember) {
		return nil
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE link_session SET revoked_at = $3 WHERE workspace_id = $1 AND viewer = $2 AND revoked_at = 0`, s.WorkspaceID, email, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("ending the visits of %s: %w", email, err)
	}
	return nil
}

// buryLink closes a link that is deleted, and notes from when on its record counts as
// that of a deleted one.
func buryLink(ctx context.Context, s *object.Scope, id string) error {
	if err := closeLinks(ctx, s, id); err != nil {
		return err
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_gone (workspace_id, link_id, gone_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, s.WorkspaceID, id, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("noting that a link was deleted: %w", err)
	}
	return nil
}

// removeLinksOn takes away the links of an item that is deleted: the next item of the
// same path must not be open to those who knew this one.
func removeLinksOn(ctx context.Context, s *object.Scope, path string, how object.How) error {
	links, err := linksWhere(ctx, s, "resource", path)
	if err != nil {
		return err
	}
	return removeLinks(ctx, s, how, links...)
}

// removeLinks deletes links as part of the change under way.
func removeLinks(ctx context.Context, s *object.Scope, how object.How, links ...*api.ShareLink) error {
	objs := make([]api.Object, len(links))
	for i, l := range links {
		if err := buryLink(ctx, s, l.ID); err != nil {
			return err
		}
		objs[i] = l
	}
	return s.RemoveDerived(ctx, api.ShareLinkKind, how, objs...)
}

func linksWhere(ctx context.Context, s *object.Scope, column, value string) ([]*api.ShareLink, error) {
	var out []*api.ShareLink
	err := object.Each(ctx, s, api.ShareLinkKind, func(l *api.ShareLink) error {
		out = append(out, l)
		return nil
	}, store.Condition{Column: column, Value: value})
	return out, err
}

// RenameInLinks follows a member to another address: links that they made stay theirs,
// and end with them; links that name them as a recipient name the new address. Visits
// that were verified by the old one end.
func RenameInLinks(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	made, err := linksWhere(ctx, s, "created_by", "member:"+from)
	if err != nil {
		return err
	}
	changed := map[string]*api.ShareLink{}
	for _, l := range made {
		l.CreatedBy = "member:" + to
		changed[l.ID] = l
	}
	ids, err := textsOf(ctx, s, `SELECT link_id FROM link_recipient WHERE workspace_id = $1 AND email = $2 ORDER BY link_id`, s.WorkspaceID, from)
	if err != nil {
		return err
	}
	for _, id := range ids {
		l := changed[id]
		if l == nil {
			if l, err = object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, id); err != nil {
				return err
			}
			if l == nil {
				continue
			}
			changed[id] = l
		}
		was := slices.Clone(l.Recipients)
		l.Recipients = slices.DeleteFunc(l.Recipients, func(email string) bool { return email == from })
		if !slices.Contains(l.Recipients, to) {
			l.Recipients = append(l.Recipients, to)
		}
		slices.Sort(l.Recipients)
		// What they were mailed as counts for the new address too.
		if _, err := s.Tx.ExecContext(ctx, `UPDATE link_recipient SET email = $4 WHERE workspace_id = $1 AND link_id = $2 AND email = $3
			AND NOT EXISTS (SELECT 1 FROM link_recipient o WHERE o.workspace_id = $1 AND o.link_id = $2 AND o.email = $4)`, s.WorkspaceID, id, from, to); err != nil {
			return fmt.Errorf("renaming a recipient of a link: %w", err)
		}
		if err := keepRecipients(ctx, s, l, was); err != nil {
			return err
		}
	}
	objs := make([]api.Object, 0, len(changed))
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		objs = append(objs, changed[id])
	}
	return s.SaveDerived(ctx, api.ShareLinkKind, how, objs...)
}
