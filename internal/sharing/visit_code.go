package sharing

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// One-time codes of visitors (X11).
const (
	codeLife   = 10 * time.Minute
	codeTries  = 5
	codeResend = time.Minute
	codeRange  = 1_000_000
)

// codeHash is how a code is stored: under a key that is not in the database, because a
// million codes are tried in no time.
func codeHash(s *object.Scope, link, email, code string) string {
	m := hmac.New(sha256.New, s.Derive("link/code"))
	m.Write([]byte(link + "\x00" + email + "\x00" + code))
	return hex.EncodeToString(m.Sum(nil))
}

func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(codeRange))
	if err != nil {
		return "", fmt.Errorf("making a code: %w", err)
	}
	return fmt.Sprintf("%06d", n.Int64()), nil
}

// sendCode mails a new code to an address that the link welcomes. For any other it
// does the same but for the mail, so that asking tells nobody whom a link names. It
// answers how long to wait before the next.
func sendCode(ctx context.Context, s *object.Scope, l *api.ShareLink, email, ip string) (wait time.Duration, err error) {
	var sent int64
	err = s.Tx.QueryRowContext(ctx, `SELECT created_at FROM link_code WHERE workspace_id = $1 AND link_id = $2 AND email = $3`, s.WorkspaceID, l.ID, email).Scan(&sent)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the code of a visitor: %w", err)
	}
	// A code from the future is one that a clock made before it was set back.
	if since := s.Now.UnixMicro() - sent; err == nil && since >= 0 && since < codeResend.Microseconds() {
		return time.Duration(codeResend.Microseconds()-since) * time.Microsecond, nil
	}
	if wait, err := count(ctx, s, codeLimits(s, l.ID, ip, email)...); err != nil || wait > 0 {
		return wait, err
	}
	welcome, err := welcomes(ctx, s, l, email)
	if err != nil {
		return 0, err
	}
	code, err := newCode()
	if err != nil {
		return 0, err
	}
	hash := codeHash(s, l.ID, email, code)
	if !welcome {
		hash = hashToken(randomText()) // no code is right
	}
	until := s.Now.Add(codeLife)
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_code (workspace_id, link_id, email, code_hash, tries, created_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $6)
		ON CONFLICT (workspace_id, link_id, email) DO UPDATE SET code_hash = excluded.code_hash, tries = 0, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		s.WorkspaceID, l.ID, email, hash, s.Now.UnixMicro(), until.UnixMicro()); err != nil {
		return 0, fmt.Errorf("storing the code of a visitor: %w", err)
	}
	if !welcome {
		return 0, nil
	}
	return 0, mail.Send(ctx, s, mail.Message{
		To: email, Subject: "Your code for a shared link", Until: until,
		Text: fmt.Sprintf("Somebody, probably you, opened a link that was shared with %s.\n\nThe code is %s. It counts for ten minutes and for this link only.\n\nIf it was not you, ignore this mail: without the code nobody gets in.\n", email, code),
	})
}

// useCode compares a code with the one that was mailed. Each comparison is counted
// before it is made; a code that was right is used up.
func useCode(ctx context.Context, s *object.Scope, link, email, code string) (bool, error) {
	now := s.Now.UnixMicro()
	var want string
	err := s.Tx.QueryRowContext(ctx, `UPDATE link_code SET tries = tries + 1 WHERE workspace_id = $1 AND link_id = $2 AND email = $3 AND tries < $4 AND expires_at > $5 AND created_at <= $5 RETURNING code_hash`,
		s.WorkspaceID, link, email, codeTries, now).Scan(&want)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("checking the code of a visitor: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(codeHash(s, link, email, code))) != 1 {
		return false, nil
	}
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM link_code WHERE workspace_id = $1 AND link_id = $2 AND email = $3`, s.WorkspaceID, link, email); err != nil {
		return false, fmt.Errorf("using up the code of a visitor: %w", err)
	}
	return true, nil
}
