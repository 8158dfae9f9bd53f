package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Kinds of token beside the declared ones (api_token, scim_token).
const (
	TokenOperator = "operator"
	TokenPersonal = "personal"
)

// Prefixes tell people and secret scanners what a leaked string is.
const (
	PrefixAPI      = "ght_"
	PrefixSCIM     = "ghs_"
	PrefixOperator = "gho_"
)

// errUnauthenticated is the one answer to every credential that does not count, so
// that nothing can be learned from it.
func errUnauthenticated() *api.Problem {
	return api.NewProblem(api.CodeUnauthenticated, "The token is missing, unknown, expired, revoked or used from a network that it does not allow. Send a valid one as Authorization: Bearer.")
}

// Authenticate turns a bearer secret into the caller that it stands for. It reads
// the database each time: a revoked token is refused on its next use (C029).
func Authenticate(ctx context.Context, svc *object.Service, secret, remoteIP string) (*object.Caller, error) {
	if len(secret) < 20 || len(secret) > 200 {
		return nil, errUnauthenticated()
	}
	hash := HashSecret(secret)
	now := svc.Clock().UTC()
	var c *object.Caller
	var lastUsed int64
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		var workspace, tokenKind, tokenID, principal string
		var slug, doc, holder sql.NullString
		var expires, revoked int64
		// Looking up the SHA-256 of 256 random bits needs no constant-time compare:
		// what an attacker could time is a digest they cannot steer.
		err := tx.QueryRowContext(ctx, `SELECT s.workspace_id, s.token_kind, s.token_id, s.principal, s.expires_at, s.revoked_at, s.last_used_at, w.slug, o.doc, COALESCE(m.id, h.id)
			FROM token_secret s
			LEFT JOIN workspace w ON w.id = s.workspace_id
			LEFT JOIN object o ON o.workspace_id = s.workspace_id AND o.id = s.token_id
			LEFT JOIN member m ON m.workspace_id = s.workspace_id AND m.kind = 'member' AND s.principal LIKE 'member:%' AND m.key = substr(s.principal, 8)
			LEFT JOIN object h ON h.workspace_id = s.workspace_id
				AND h.kind = CASE WHEN s.principal LIKE 'service_account:%' THEN 'service_account' WHEN s.principal LIKE 'connection:%' THEN 'sso_connection' END
				AND h.key = substr(s.principal, CASE WHEN s.principal LIKE 'connection:%' THEN 12 ELSE 17 END)
			WHERE s.hash = $1`, hash).Scan(&workspace, &tokenKind, &tokenID, &principal, &expires, &revoked, &lastUsed, &slug, &doc, &holder)
		if errors.Is(err, sql.ErrNoRows) {
			return errUnauthenticated()
		}
		if err != nil {
			return fmt.Errorf("looking up a token: %w", err)
		}
		if revoked != 0 || expires != 0 && expires <= now.UnixMicro() {
			return errUnauthenticated()
		}
		kind, who, _ := strings.Cut(principal, ":")
		c = &object.Caller{WorkspaceID: workspace, WorkspaceSlug: slug.String, Kind: kind, ID: holder.String, Key: who, TokenID: tokenID, IP: remoteIP}
		if !holder.Valid {
			c.ID = tokenID // operators, and connections that only provision, have no row of their own
		}
		return narrow(c, tokenKind, doc, remoteIP, now)
	})
	if err != nil {
		return nil, err
	}
	if now.UnixMicro()-lastUsed > time.Hour.Microseconds() {
		touch(ctx, svc, hash, now)
	}
	return c, nil
}

// touch notes the use of a token, to the hour, so that unused ones can be found. It
// is not worth failing a request for.
func touch(ctx context.Context, svc *object.Service, hash string, now time.Time) {
	err := svc.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE token_secret SET last_used_at = $2 WHERE hash = $1`, hash, now.UnixMicro())
		return err
	})
	if err != nil {
		svc.Log.WarnContext(ctx, "noting the use of a token", "error", err)
	}
}

// HashSecret is how secrets are stored.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// NewSecret makes a secret of 256 random bits.
func NewSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Secret is a credential to be kept: only its hash is stored.
type Secret struct {
	WorkspaceID string
	TokenKind   string
	TokenID     string
	Principal   string
	Rotation    int64
	ExpiresAt   *time.Time
}

// KeepSecret stores the hash of a secret. Storing the same one again changes nothing.
func KeepSecret(ctx context.Context, tx *store.Tx, secret string, s Secret, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO token_secret (hash, workspace_id, token_kind, token_id, principal, rotation, created_at, expires_at, revoked_at, last_used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0) ON CONFLICT (hash) DO NOTHING`,
		HashSecret(secret), s.WorkspaceID, s.TokenKind, s.TokenID, s.Principal, s.Rotation, now.UnixMicro(), store.Micros(s.ExpiresAt)); err != nil {
		return fmt.Errorf("storing a token: %w", err)
	}
	return nil
}

// RevokeSecrets ends every live secret of a token.
func RevokeSecrets(ctx context.Context, s *object.Scope, tokenID string) error {
	if _, err := s.Tx.ExecContext(ctx, `UPDATE token_secret SET revoked_at = $3 WHERE workspace_id = $1 AND token_id = $2 AND revoked_at = 0`, s.WorkspaceID, tokenID, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("revoking a token: %w", err)
	}
	return nil
}

// IssueOperatorToken makes the credential of who runs the deployment.
func IssueOperatorToken(ctx context.Context, svc *object.Service) (string, error) {
	secret := NewSecret(PrefixOperator)
	now := svc.Clock().UTC()
	err := svc.DB.Write(ctx, func(tx *store.Tx) error {
		return KeepSecret(ctx, tx, secret, Secret{TokenKind: TokenOperator, TokenID: store.NewID("otok", now), Principal: object.PrincipalOperator + ":root"}, now)
	})
	return secret, err
}

// IssuePersonalToken makes a token that acts as a member, with everything that the
// member may do. Terraform needs the Owner's for owner-only attributes (X08).
func IssuePersonalToken(ctx context.Context, s *object.Scope, email string, ttl time.Duration) (string, error) {
	secret := NewSecret(PrefixAPI)
	until := s.Now.Add(ttl)
	return secret, KeepSecret(ctx, s.Tx, secret, Secret{WorkspaceID: s.WorkspaceID, TokenKind: TokenPersonal, TokenID: store.NewID("ptok", s.Now), Principal: object.PrincipalMember + ":" + email, ExpiresAt: &until}, s.Now)
}

// tokenDoc is what an API or SCIM token's document says about its use.
type tokenDoc struct {
	Scopes       []string   `json:"scopes"`
	AllowedCIDRs []string   `json:"allowed_cidrs"`
	ExpiresAt    *time.Time `json:"expires_at"`
}

// narrow puts on the caller what the token's document says, and refuses tokens whose
// document is gone, expired, or does not allow the network.
func narrow(c *object.Caller, tokenKind string, doc sql.NullString, remoteIP string, now time.Time) error {
	switch tokenKind {
	case TokenPersonal:
		c.Scopes = []string{"*"}
		return nil
	case TokenOperator:
		return nil
	}
	if !doc.Valid {
		return errUnauthenticated()
	}
	var d tokenDoc
	if err := json.Unmarshal([]byte(doc.String), &d); err != nil {
		return fmt.Errorf("reading a token: %w", err)
	}
	if d.ExpiresAt != nil && !d.ExpiresAt.After(now) || !allowedFrom(d.AllowedCIDRs, remoteIP) {
		return errUnauthenticated()
	}
	if tokenKind == api.SCIMTokenKind.Name {
		c.Scopes = []string{"directory.*"}
		return nil
	}
	c.Scopes, c.ReadOnly = object.TokenScopes(d.Scopes)
	return nil
}

func allowedFrom(cidrs []string, remoteIP string) bool {
	if len(cidrs) == 0 {
		return true
	}
	ip, err := netip.ParseAddr(remoteIP)
	if err != nil {
		return false
	}
	for _, c := range cidrs {
		if p, err := netip.ParsePrefix(c); err == nil && p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}
