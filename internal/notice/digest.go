package notice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// maxDigest bounds what one digest lists.
const maxDigest = 50

// recipient is somebody for whom notifications wait.
type recipient struct{ workspace, member string }

// Digest sends the digests that are due and answers how many it sent. The day is
// claimed in the transaction that queues the letter: each person gets one a day,
// however many replicas there are.
func (w *Worker) Digest(ctx context.Context) (int, error) {
	var waiting []recipient
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		waiting = nil
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT workspace_id, member_id FROM notification WHERE digest = 1 ORDER BY workspace_id, member_id`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var r recipient
			if err := rows.Scan(&r.workspace, &r.member); err != nil {
				return err
			}
			waiting = append(waiting, r)
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("looking for digests: %w", err)
	}
	sent := 0
	var errs []error
	for _, r := range waiting {
		if ctx.Err() != nil {
			break
		}
		did := false
		err := w.Service.Do(ctx, object.System(r.workspace), func(s *object.Scope) (err error) {
			did, err = w.digestOf(ctx, s, r.member)
			return err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("sending a digest in %s: %w", r.workspace, err))
		} else if did {
			sent++
		}
	}
	return sent, errors.Join(errs...)
}

func (w *Worker) digestOf(ctx context.Context, s *object.Scope, member string) (bool, error) {
	policy, err := Policy(ctx, s)
	if err != nil {
		return false, err
	}
	day, due, err := dueDay(policy, s.Now)
	if err != nil || !due {
		return false, err
	}
	own, err := preferencesOf(ctx, s, member)
	if err != nil {
		return false, err
	}
	var email string
	var active int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(key), ''), COALESCE(MAX(active), 0) FROM member WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, member).Scan(&email, &active); err != nil {
		return false, fmt.Errorf("reading whom a digest is for: %w", err)
	}
	if active == 0 || effective(policy, own).Digest != "daily" {
		return false, settle(ctx, s, member)
	}
	claimed, err := claimDay(ctx, s, member, day)
	if err != nil || !claimed {
		return false, err
	}
	found, err := entries(ctx, s, `member_id = $2 AND digest = 1 ORDER BY id LIMIT $3`, member, maxDigest+1)
	if err != nil {
		return false, err
	}
	r := &reader{svc: w.Service, scope: s, principal: object.PrincipalMember + ":" + email, seen: map[string]bool{}}
	text, lines, err := r.digest(ctx, found)
	if err != nil {
		return false, err
	}
	if err := settle(ctx, s, member); err != nil || lines == 0 {
		return false, err
	}
	if base := s.BaseURL(); base != "" {
		text += fmt.Sprintf("\nWorkspace: %s at %s\n", s.Slug, base)
	}
	return true, mail.Send(ctx, s, mail.Message{To: email, Member: member, Subject: fmt.Sprintf("%s: what you have not read", s.Slug), Text: text})
}

// digest lists what is still unread.
func (r *reader) digest(ctx context.Context, found []entry) (string, int, error) {
	var b strings.Builder
	b.WriteString("Since the last digest:\n\n")
	lines := 0
	for i, e := range found {
		if e.read != 0 {
			continue
		}
		if i == maxDigest {
			b.WriteString("  and more in your inbox.\n")
			break
		}
		n, err := r.show(ctx, e)
		if err != nil {
			return "", 0, err
		}
		fmt.Fprintf(&b, "  %s  %s\n", n.OccurredAt.Format("2 Jan 15:04"), n.Text)
		lines++
	}
	b.WriteString("\nTimes are UTC. Your notification preferences turn this letter off.\n")
	return b.String(), lines, nil
}

// dueDay is the day whose digest may leave: today, once the hour has come.
func dueDay(policy *api.NotificationPolicy, now time.Time) (day string, due bool, err error) {
	at, err := zone(policy.DigestTimezone)
	if err != nil {
		return "", false, fmt.Errorf("the time zone of the digest: %w", err)
	}
	local := now.In(at)
	return local.Format(time.DateOnly), int64(local.Hour()) >= policy.DigestHour, nil
}

// claimDay reports whether nobody has sent this day's digest yet.
func claimDay(ctx context.Context, s *object.Scope, member, day string) (bool, error) {
	res, err := s.Tx.ExecContext(ctx, `INSERT INTO notice_digest (workspace_id, member_id, day) VALUES ($1, $2, $3)
		ON CONFLICT (workspace_id, member_id) DO UPDATE SET day = excluded.day WHERE notice_digest.day < excluded.day`, s.WorkspaceID, member, day)
	if err != nil {
		return false, fmt.Errorf("claiming a digest: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// settle takes a member's notifications out of the digest.
func settle(ctx context.Context, s *object.Scope, member string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE notification SET digest = 0 WHERE workspace_id = $1 AND member_id = $2 AND digest = 1`, s.WorkspaceID, member); err != nil {
		return fmt.Errorf("settling a digest: %w", err)
	}
	return nil
}
