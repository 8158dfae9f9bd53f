package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Gate authenticates bearer secrets for a door. It remembers who a secret stands for,
// and reads on each use whether that is still so: the state of the secret, the version
// of the token's document and the version of the workspace. What none of these covers
// cannot change.
type Gate struct {
	svc *object.Service

	mu    sync.RWMutex
	known map[string]*holder // by the hash of the secret
}

// NewGate makes a gate that knows nobody yet.
func NewGate(svc *object.Service) *Gate { return &Gate{svc: svc, known: map[string]*holder{}} }

// maxKnown bounds how many secrets one gate remembers; beyond it, it starts again.
const maxKnown = 20_000

// state is what can change about a secret and what it stands for.
type state struct {
	expires, revoked int64
	document         sql.NullInt64 // version of the token's document
	authz, policy    sql.NullInt64 // versions of the workspace
}

// holder is who a secret stands for in one state.
type holder struct {
	state
	caller    object.Caller
	tokenKind string
	doc       *tokenDoc // nil for tokens without a document
	lastUsed  int64
	// settled holders were met twice in the same state. Before that it is not worth
	// asking for the state alone.
	settled bool
}

// Both texts find rows by primary keys. The second reads everything about a token at
// once. Both read the versions of the workspace, so that the request's first decision
// need not (object.Caller.Saw).
const (
	lookUpState = `SELECT s.expires_at, s.revoked_at, o.version, w.authz_version, w.policy_version
	FROM token_secret s
	LEFT JOIN workspace w ON w.id = s.workspace_id
	LEFT JOIN object o ON o.workspace_id = s.workspace_id AND o.id = s.token_id
	WHERE s.hash = $1`

	lookUp = `SELECT s.expires_at, s.revoked_at, o.version, w.authz_version, w.policy_version,
		s.workspace_id, s.token_kind, s.token_id, s.principal, s.last_used_at, w.slug, o.doc, COALESCE(m.id, h.id)
	FROM token_secret s
	LEFT JOIN workspace w ON w.id = s.workspace_id
	LEFT JOIN object o ON o.workspace_id = s.workspace_id AND o.id = s.token_id
	LEFT JOIN member m ON m.workspace_id = s.workspace_id AND m.kind = 'member' AND s.principal LIKE 'member:%' AND m.key = substr(s.principal, 8)
	LEFT JOIN object h ON h.workspace_id = s.workspace_id
		AND h.kind = CASE WHEN s.principal LIKE 'service_account:%' THEN 'service_account' WHEN s.principal LIKE 'connection:%' THEN 'sso_connection' END
		AND h.key = substr(s.principal, CASE WHEN s.principal LIKE 'connection:%' THEN 12 ELSE 17 END)
	WHERE s.hash = $1`
)

// Authenticate turns a bearer secret into the caller that it stands for. It reads
// the database each time: a revoked token is refused on its next use (C029).
func (g *Gate) Authenticate(ctx context.Context, secret, remoteIP string) (*object.Caller, error) {
	if len(secret) < 20 || len(secret) > 200 {
		return nil, errUnauthenticated()
	}
	// Looking up the SHA-256 of 256 random bits needs no constant-time compare:
	// what an attacker could time is a digest they cannot steer.
	hash := HashSecret(secret)
	now, asked := g.svc.Clock().UTC(), time.Now()
	h, err := g.find(ctx, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errUnauthenticated()
	}
	if err != nil {
		return nil, fmt.Errorf("looking up a token: %w", err)
	}
	c, err := h.admit(remoteIP, now)
	if err != nil {
		return nil, err
	}
	if h.authz.Valid && h.policy.Valid {
		c.Saw(asked, h.authz.Int64, h.policy.Int64)
	}
	if now.UnixMicro()-h.lastUsed > time.Hour.Microseconds() {
		touch(ctx, g.svc, hash, now)
		g.keep(hash, h.used(now))
	}
	return c, nil
}

// find answers who a secret stands for now.
func (g *Gate) find(ctx context.Context, hash string) (*holder, error) {
	g.mu.RLock()
	was := g.known[hash]
	g.mu.RUnlock()
	if was != nil && was.settled {
		var now state
		if err := g.svc.DB.ReadRow(ctx, lookUpState, []any{hash}, &now.expires, &now.revoked, &now.document, &now.authz, &now.policy); err != nil {
			return nil, err
		}
		if now == was.state {
			return was, nil
		}
	}
	h := &holder{}
	var principal string
	var slug, doc, id sql.NullString
	if err := g.svc.DB.ReadRow(ctx, lookUp, []any{hash}, &h.expires, &h.revoked, &h.document, &h.authz, &h.policy,
		&h.caller.WorkspaceID, &h.tokenKind, &h.caller.TokenID, &principal, &h.lastUsed, &slug, &doc, &id); err != nil {
		return nil, err
	}
	h.caller.Kind, h.caller.Key, _ = strings.Cut(principal, ":")
	h.caller.WorkspaceSlug, h.caller.ID = slug.String, id.String
	if !id.Valid {
		h.caller.ID = h.caller.TokenID // operators, and connections that only provision, have no row of their own
	}
	if err := h.read(doc); err != nil {
		return nil, err
	}
	h.settled = was != nil && was.state == h.state
	g.keep(hash, h)
	return h, nil
}

func (g *Gate) keep(hash string, h *holder) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.known) >= maxKnown {
		g.known = map[string]*holder{}
	}
	g.known[hash] = h
}

// used is the holder after a use was noted. Holders are shared and never changed.
func (h *holder) used(now time.Time) *holder {
	next := *h
	next.lastUsed = now.UnixMicro()
	return &next
}

// Authenticate is Gate.Authenticate of a gate that remembers nothing.
func Authenticate(ctx context.Context, svc *object.Service, secret, remoteIP string) (*object.Caller, error) {
	return NewGate(svc).Authenticate(ctx, secret, remoteIP)
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

// read takes in the token's document.
func (h *holder) read(doc sql.NullString) error {
	c := &h.caller
	switch {
	case h.tokenKind == TokenPersonal:
		c.Scopes = []string{"*"}
		return nil
	case h.tokenKind == TokenOperator || !doc.Valid:
		return nil
	}
	d, err := readTokenDoc(doc.String)
	if err != nil {
		return err
	}
	h.doc = d
	if h.tokenKind == api.SCIMTokenKind.Name {
		c.Scopes = []string{"directory.*"}
		return nil
	}
	c.Scopes, c.ReadOnly = object.TokenScopes(d.Scopes)
	return nil
}

// admit refuses secrets that have ended, and those whose document is gone, has ended,
// or does not allow the network.
func (h *holder) admit(remoteIP string, now time.Time) (*object.Caller, error) {
	if h.revoked != 0 || h.expires != 0 && h.expires <= now.UnixMicro() {
		return nil, errUnauthenticated()
	}
	if h.tokenKind != TokenPersonal && h.tokenKind != TokenOperator {
		if h.doc == nil || h.doc.ExpiresAt != nil && !h.doc.ExpiresAt.After(now) || !allowedFrom(h.doc.AllowedCIDRs, remoteIP) {
			return nil, errUnauthenticated()
		}
	}
	c := h.caller
	c.IP = remoteIP
	return &c, nil
}
