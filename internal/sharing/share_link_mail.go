package sharing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// tellRecipients mails a link to those of its recipients who have not had the URL that
// opens it now, where the link says so (C070, notify_recipients): all of them when the
// URL is made or the link is approved, those who are added later when they are. Nobody
// is told of a link that opens nothing.
//
// secret is the token in clear, where it has just been made. Later it can be known only
// when it is one that can be given out again (a rotation); who made another, which only
// a hash is left of, has to send it, and the mail says so. by is who shares.
func tellRecipients(ctx context.Context, s *object.Scope, l *api.ShareLink, secret, by string) error {
	if !l.NotifyRecipients || l.State != api.LinkActive {
		return nil
	}
	t, err := latestToken(ctx, s, l.ID)
	if err != nil || !t.live {
		return err
	}
	if secret == "" {
		secret = t.again(s, l.ID)
	}
	open, err := untold(ctx, s, l, t.rotation)
	if err != nil || len(open) == 0 {
		return err
	}
	from, err := sharerOf(ctx, s, by)
	if err != nil {
		return err
	}
	var to, withheld []string
	for _, r := range open {
		if ok, err := mayMail(ctx, s, l.Key, r.email); err != nil {
			return err
		} else if !ok {
			withheld = append(withheld, r.email)
			continue
		}
		m := mail.Message{To: r.email, Member: r.member, Subject: fmt.Sprintf("%s shares “%s” with you", from.short(), mail.Line(l.Name)), Text: linkLetter(s, l, r, secret, from)}
		if l.ExpiresAt != nil {
			m.Until = *l.ExpiresAt
		}
		if err := mail.Send(ctx, s, m); err != nil {
			return err
		}
		if _, err := s.Tx.ExecContext(ctx, `UPDATE link_recipient SET told_rotation = $4 WHERE workspace_id = $1 AND link_id = $2 AND email = $3`, s.WorkspaceID, l.ID, r.email, t.rotation); err != nil {
			return fmt.Errorf("noting who was mailed a link: %w", err)
		}
		to = append(to, r.email)
	}
	return noteMailed(s, linkTarget(l.ID, l.Key), to, withheld)
}

// told is a recipient and the rotation that they were mailed the URL of, 0 for none.
type told struct {
	email    string
	rotation int64
	member   string // id, where the recipient is one
}

// untold are the recipients who have not been mailed about a rotation, and whom the
// link would let in.
func untold(ctx context.Context, s *object.Scope, l *api.ShareLink, rotation int64) ([]told, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT email, told_rotation FROM link_recipient WHERE workspace_id = $1 AND link_id = $2 AND told_rotation < $3 ORDER BY email`, s.WorkspaceID, l.ID, rotation)
	if err != nil {
		return nil, fmt.Errorf("reading who was mailed a link: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all, out []told
	for rows.Next() {
		var r told
		if err := rows.Scan(&r.email, &r.rotation); err != nil {
			return nil, fmt.Errorf("reading who was mailed a link: %w", err)
		}
		all = append(all, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("reading who was mailed a link: %w", err)
	}
	for _, r := range all {
		ok, err := welcomes(ctx, s, l, r.email)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		err = s.Tx.QueryRowContext(ctx, `SELECT id FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, r.email).Scan(&r.member)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("reading member %s: %w", r.email, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func linkLetter(s *object.Scope, l *api.ShareLink, r told, secret string, from *sharer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Hello,\n\n%s shares “%s” with you%s.\n", from.short(), mail.Line(l.Name), from.in())
	level := "view"
	if mayComment(l) {
		level = "comment"
	}
	fmt.Fprintf(&b, "You may %s%s%s.\n\n", mayDo[level], alsoDownload(allows(l.AllowDownload)), until(l.ExpiresAt))
	if base := s.BaseURL(); secret != "" && base != "" {
		fmt.Fprintf(&b, "Open it here:\n\n%s%s%s\n\nYou are asked there for your address, %s, and then for a code that is mailed to it.", base, LinkPath, secret, r.email)
	} else {
		fmt.Fprintf(&b, "%s has the link and sends it to you. You are asked there for your address, %s, and then for a code that is mailed to it.", from.short(), r.email)
	}
	if l.PasswordWOVersion > 0 {
		fmt.Fprintf(&b, " You also need the password, which %s tells you.", from.short())
	}
	if r.rotation > 0 {
		b.WriteString(" The link that you had before is over.")
	}
	b.WriteString("\n\nIf you did not expect this mail, leave it alone: nothing happens then.\n")
	return b.String()
}
