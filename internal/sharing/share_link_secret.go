package sharing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// PrefixLink tells secret scanners what a leaked token is.
const PrefixLink = "ghl_"

// prefixVisit is that of visitors' sessions.
const prefixVisit = "ghv_"

// LinkPath is where links open, below the server's own address.
const LinkPath = "/s/"

const maxRotation = 1 << 31

func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken is how tokens and sessions are stored and looked up. Both are 256 bits that
// nobody can guess, so that what could be timed is a digest that nobody can steer.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// plausible bounds what is looked up at all.
func plausible(token, prefix string) bool {
	return strings.HasPrefix(token, prefix) && len(token) > 20 && len(token) < 100
}

// IssueLinkSecret makes the token of a link and ends the earlier ones with the visits
// made by them. Rotation 0 makes a random token, shown this once. Another rotation is
// for callers who must be able to ask again, such as an ephemeral resource at plan and
// at apply: the current one gives the same token, a higher one makes a new token.
func IssueLinkSecret(ctx context.Context, s *object.Scope, ref string, rotation int64) (*api.ShareSecret, error) {
	if err := s.Require(ctx, api.ShareLinkKind.WritePermission()); err != nil {
		return nil, err
	}
	if rotation < 0 || rotation > maxRotation {
		return nil, api.NewProblem(api.CodeInvalid, "The rotation is a number from 1 up, raised to make a new URL; leave it out for a token that is shown once.")
	}
	l, err := object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, ref)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, object.NotFound(api.ShareLinkKind.Name, ref)
	}
	if seen, err := sees(ctx, s, l.Resource, linkRead); err != nil || !seen && s.Caller.Principal() != l.CreatedBy {
		return nil, errors.Join(err, object.NotFound(api.ShareLinkKind.Name, ref))
	}
	if err := need(ctx, s, l.Resource, linkUpdate); err != nil {
		return nil, err
	}
	if err := lockLink(ctx, s, l.ID); err != nil {
		return nil, err
	}
	if l.State == api.LinkRevoked || l.State == api.LinkExpired {
		return nil, api.NewProblem(api.CodeConflict, "The link %s is %s, so that its URL would open nothing. %s", l, l.State, map[string]string{
			api.LinkRevoked: "Delete it and make a new one.", api.LinkExpired: "Give it a later expires_at first."}[l.State])
	}
	t, err := latestToken(ctx, s, l.ID)
	if err != nil {
		return nil, err
	}
	current, derived := t.rotation, t.live && t.derived
	out := &api.ShareSecret{Rotation: rotation, ExpiresAt: l.ExpiresAt}
	switch {
	case rotation == 0:
		out.Secret, rotation = PrefixLink+randomText(), current+1
	case rotation < current || rotation == current && !derived:
		return nil, api.NewProblem(api.CodeConflict, "Rotation %d of the link %s is over. Ask for a number above %d to make a new URL, which ends the one before.", rotation, l, current)
	default:
		out.Secret = derivedToken(s, l.ID, rotation)
	}
	if base := s.BaseURL(); base != "" {
		out.URL = base + LinkPath + out.Secret
	}
	if out.Rotation == current && derived {
		return out, nil
	}
	if err := keepToken(ctx, s, l, out.Secret, rotation, out.Rotation != 0); err != nil {
		return nil, err
	}
	return out, tellRecipients(ctx, s, l, out.Secret, s.Caller.Principal())
}

// linkToken is what is kept of a token.
type linkToken struct {
	hash     string
	rotation int64
	derived  bool // from the rotation: it can be given out again
	live     bool
}

// latestToken is the last token of a link; one of rotation 0 for none.
func latestToken(ctx context.Context, s *object.Scope, id string) (t linkToken, err error) {
	var derived, revoked int64
	err = s.Tx.QueryRowContext(ctx, `SELECT hash, rotation, derived, revoked_at FROM link_token WHERE workspace_id = $1 AND link_id = $2 ORDER BY rotation DESC LIMIT 1`, s.WorkspaceID, id).
		Scan(&t.hash, &t.rotation, &derived, &revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return linkToken{}, nil
	}
	if err != nil {
		return t, fmt.Errorf("reading the rotation of a link: %w", err)
	}
	t.derived, t.live = derived == 1, revoked == 0
	return t, nil
}

// again is the token in clear where it can be known, "" where only its hash is left.
func (t linkToken) again(s *object.Scope, link string) string {
	if !t.derived || !t.live {
		return ""
	}
	if token := derivedToken(s, link, t.rotation); hashToken(token) == t.hash {
		return token
	}
	return "" // made by a key that was replaced
}

func derivedToken(s *object.Scope, link string, rotation int64) string {
	return PrefixLink + base64.RawURLEncoding.EncodeToString(s.Derive(fmt.Sprintf("share_link/%s/%d", link, rotation)))
}

func keepToken(ctx context.Context, s *object.Scope, l *api.ShareLink, token string, rotation int64, derived bool) error {
	if err := endTokens(ctx, s, l.ID); err != nil {
		return err
	}
	if err := endVisits(ctx, s, l.ID); err != nil {
		return err
	}
	flag := int64(0)
	if derived {
		flag = 1
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_token (hash, workspace_id, link_id, rotation, derived, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
		hashToken(token), s.WorkspaceID, l.ID, rotation, flag, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("storing the token of a link: %w", err)
	}
	return s.Record("share_link.secret_issued", audit.Target{Kind: api.ShareLinkKind.Name, ID: l.ID, Key: l.Key}, audit.EffectWidened, nil, nil, fmt.Sprintf("rotation %d; earlier URLs are over", rotation))
}

// lockLink makes changes of what lies beside one link follow each other.
func lockLink(ctx context.Context, s *object.Scope, id string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE share_link SET state = state WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id); err != nil {
		return fmt.Errorf("locking a link: %w", err)
	}
	return nil
}

// Parameters of argon2id for link passwords (OWASP's second choice: 19 MiB, two
// passes), which a busy door can afford; attempts are counted besides.
const (
	argonMemory = 19 << 10
	argonTime   = 2
	argonLanes  = 1
	argonLength = 32
)

// hashing bounds how many passwords are hashed at once in this process.
var hashing = make(chan struct{}, 2)

func hashPassword(ctx context.Context, password string) (string, error) {
	var salt [16]byte
	_, _ = rand.Read(salt[:])
	sum, err := argon(ctx, password, salt[:])
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, enc.EncodeToString(salt[:]), enc.EncodeToString(sum)), nil
}

func argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonLength), nil
}

// checkHash compares a password with a hash of ours, in constant time.
func checkHash(ctx context.Context, hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, errors.New("the hash of a link's password cannot be read")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil {
		return false, fmt.Errorf("the hash of a link's password cannot be read: %w", err)
	}
	sum, err := argon(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, want) == 1, nil
}

// takePassword keeps a password from being sealed with the other secrets: it is hashed,
// and nobody can read it again. No transaction is open meanwhile.
func takePassword(ctx context.Context, c *object.Change[*api.ShareLink], given map[string]string) error {
	const name = "password_wo"
	password := given[name]
	delete(given, name)
	if password == "" || c.DryRun {
		return nil
	}
	hash, err := c.Aside(ctx, "hashing the password of a link", func(ctx context.Context) (string, error) { return hashPassword(ctx, password) })
	if err != nil {
		return err
	}
	c.New.PasswordHash = hash
	return nil
}

// keepPassword stores a new password, or takes the old one away. Visits made with
// another password end.
func keepPassword(ctx context.Context, s *object.Scope, l *api.ShareLink, was *api.ShareLink) error {
	hash := l.PasswordHash
	l.PasswordHash = ""
	switch {
	case hash != "":
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_password (workspace_id, link_id, hash, set_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (workspace_id, link_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at`, s.WorkspaceID, l.ID, hash, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("storing the password of a link: %w", err)
		}
		return endVisits(ctx, s, l.ID)
	case l.PasswordWOVersion == 0 && was.PasswordWOVersion != 0:
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM link_password WHERE workspace_id = $1 AND link_id = $2`, s.WorkspaceID, l.ID); err != nil {
			return fmt.Errorf("removing the password of a link: %w", err)
		}
	}
	return nil
}
