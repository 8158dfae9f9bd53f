package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
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

func readTokenDoc(doc string) (*tokenDoc, error) {
	var d tokenDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, fmt.Errorf("reading a token: %w", err)
	}
	return &d, nil
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
