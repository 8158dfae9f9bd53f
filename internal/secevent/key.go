package secevent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	// JWKSMaxAge is how long receivers may keep the keys that they have read.
	JWKSMaxAge = 5 * time.Minute
	// A new key is published before it is used, for longer than JWKSMaxAge, and an old
	// one for a week after it was last used.
	publishedBefore = 10 * time.Minute
	publishedAfter  = 7 * 24 * time.Hour

	rsaBits = 2048 // the least that the interoperability profile of CAEP allows
)

// signingKey is a key with its private half.
type signingKey struct {
	id, algorithm string
	private       crypto.Signer
	public        string // JSON Web Key
}

// newKey makes a key.
func newKey(algorithm string) (*signingKey, error) {
	k := &signingKey{algorithm: algorithm}
	var err error
	switch algorithm {
	case api.AlgorithmRS256:
		k.private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case api.AlgorithmES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("keys of algorithm %q are not known", algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	return k, k.describe()
}

// describe writes the public half as a JSON Web Key (RFC 7517), named by its thumbprint
// (RFC 7638).
func (k *signingKey) describe() error {
	jwk := jose.JSONWebKey{Key: k.private.Public(), Algorithm: k.algorithm, Use: "sig"}
	print, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("naming a public key: %w", err)
	}
	k.id = base64.RawURLEncoding.EncodeToString(print)
	jwk.KeyID = k.id
	raw, err := jwk.MarshalJSON()
	if err != nil {
		return fmt.Errorf("writing a public key: %w", err)
	}
	k.public = string(raw)
	return nil
}

func keyPlace(kid string) string { return "security_event_key/" + kid }

// keep stores a new key; one replica's stays when several made one.
func (k *signingKey) keep(ctx context.Context, s *object.Scope, from time.Time) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return fmt.Errorf("writing a signing key: %w", err)
	}
	_, err = s.Tx.ExecContext(ctx, `INSERT INTO security_event_key (workspace_id, kid, algorithm, sealed, public, created_at, active_from, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT DO NOTHING`,
		s.WorkspaceID, k.id, k.algorithm, s.Seal(keyPlace(k.id), base64.StdEncoding.EncodeToString(der)), k.public, s.Now.UnixMicro(), from.UnixMicro())
	if err != nil {
		return fmt.Errorf("keeping a signing key: %w", err)
	}
	return nil
}

// keyNow reads the key that tokens are signed with now: the newest that receivers have
// had the time to read. It is nil before there is any.
func keyNow(ctx context.Context, s *object.Scope, algorithm string) (*signingKey, error) {
	k := &signingKey{algorithm: algorithm}
	var sealed string
	err := s.Tx.QueryRowContext(ctx, `SELECT kid, sealed, public FROM security_event_key WHERE workspace_id = $1 AND algorithm = $2 AND active_from <= $3 AND (expires_at = 0 OR expires_at > $3) ORDER BY active_from DESC, kid LIMIT 1`,
		s.WorkspaceID, algorithm, s.Now.UnixMicro()).Scan(&k.id, &sealed, &k.public)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	text, err := s.Unseal(keyPlace(k.id), sealed)
	if err != nil {
		return nil, fmt.Errorf("opening the signing key: %w", err)
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the signing key is none")
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("the signing key is none")
	}
	var ok bool
	if k.private, ok = private.(crypto.Signer); !ok {
		return nil, errors.New("the signing key is none")
	}
	return k, nil
}

// ensureKey makes the first key of a workspace and an algorithm. Making one takes a
// while, so it is done outside of any transaction.
func ensureKey(ctx context.Context, svc *object.Service, workspace, algorithm string) error {
	k, err := newKey(algorithm)
	if err != nil {
		return err
	}
	return svc.Do(ctx, object.System(workspace), func(s *object.Scope) error { return k.keep(ctx, s, s.Now) })
}

// EnsureKeys makes the keys that receivers need and that are not there yet.
func (w *Worker) EnsureKeys(ctx context.Context) error {
	type need struct{ workspace, algorithm string }
	var needs []need
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		needs = nil
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT r.workspace_id, r.algorithm FROM event_receiver_state r
			WHERE NOT EXISTS (SELECT 1 FROM security_event_key k WHERE k.workspace_id = r.workspace_id AND k.algorithm = r.algorithm AND k.expires_at = 0)`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var n need
			if err := rows.Scan(&n.workspace, &n.algorithm); err != nil {
				return err
			}
			needs = append(needs, n)
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("looking for missing signing keys: %w", err)
	}
	for _, n := range needs {
		if err := ensureKey(ctx, w.Service, n.workspace, n.algorithm); err != nil {
			return err
		}
	}
	return nil
}

// Rotate makes new keys for the algorithms of a workspace that have one. The old ones
// sign for a few minutes more, until receivers have had the time to read the new ones,
// and stay published for a week; at once, they count no longer from now on.
func Rotate(ctx context.Context, svc *object.Service, caller *object.Caller, atOnce, dry bool) (*api.SecurityEventKeys, error) {
	look, run := svc.View, svc.Do
	if dry {
		look, run = svc.Try, svc.Try
	}
	var have []string
	err := look(ctx, caller, func(s *object.Scope) error {
		if err := s.Require(ctx, api.EventReceiverKind.WritePermission()); err != nil {
			return err
		}
		keys, err := published(ctx, s)
		have = nil
		for _, k := range keys {
			if k.ExpiresAt == nil {
				have = append(have, k.Algorithm)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var fresh []*signingKey
	for _, algorithm := range have {
		k, err := newKey(algorithm)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, k)
	}
	out := &api.SecurityEventKeys{}
	err = run(ctx, caller, func(s *object.Scope) error {
		if err := s.Require(ctx, api.EventReceiverKind.WritePermission()); err != nil {
			return err
		}
		from, end := s.Now.Add(publishedBefore), s.Now.Add(publishedBefore+publishedAfter)
		if atOnce {
			from, end = s.Now, s.Now
		}
		for _, k := range fresh {
			if _, err := s.Tx.ExecContext(ctx, `UPDATE security_event_key SET expires_at = $3 WHERE workspace_id = $1 AND algorithm = $2 AND (expires_at = 0 OR expires_at > $3)`, s.WorkspaceID, k.algorithm, end.UnixMicro()); err != nil {
				return fmt.Errorf("ending a signing key: %w", err)
			}
			if err := k.keep(ctx, s, from); err != nil {
				return err
			}
			if err := s.Record("security_event_key.rotated", audit.Target{Kind: "security_event_key", ID: k.id}, audit.EffectNeutral, nil, map[string]any{"algorithm": k.algorithm, "at_once": atOnce}); err != nil {
				return err
			}
		}
		var err error
		out.Items, err = published(ctx, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Keys lists the keys of a workspace.
func Keys(ctx context.Context, s *object.Scope) (*api.SecurityEventKeys, error) {
	if err := s.Require(ctx, api.EventReceiverKind.ReadPermission()); err != nil {
		return nil, err
	}
	items, err := published(ctx, s)
	return &api.SecurityEventKeys{Items: items}, err
}

func published(ctx context.Context, s *object.Scope) ([]api.SecurityEventKey, error) {
	out := []api.SecurityEventKey{}
	rows, err := s.Tx.QueryContext(ctx, `SELECT kid, algorithm, active_from, expires_at FROM security_event_key WHERE workspace_id = $1 AND (expires_at = 0 OR expires_at > $2) ORDER BY active_from DESC, kid`, s.WorkspaceID, s.Now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("listing signing keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k api.SecurityEventKey
		var from, end int64
		if err := rows.Scan(&k.ID, &k.Algorithm, &from, &end); err != nil {
			return nil, fmt.Errorf("listing signing keys: %w", err)
		}
		k.ActiveFrom, k.ExpiresAt = time.UnixMicro(from).UTC(), store.FromMicros(end)
		out = append(out, k)
	}
	return out, rows.Err()
}

// JWKS is the key set of a workspace (RFC 7517 §5), for anybody. It answers a not_found
// problem for a workspace that tells nobody anything: who asks learns of no other.
func JWKS(ctx context.Context, svc *object.Service, workspace string) (json.RawMessage, error) {
	var keys []json.RawMessage
	now := svc.Clock().UTC().UnixMicro()
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		keys = []json.RawMessage{}
		rows, err := tx.QueryContext(ctx, `SELECT public FROM security_event_key WHERE workspace_id = $1 AND (expires_at = 0 OR expires_at > $2) ORDER BY active_from DESC, kid`, workspace, now)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var k string
			if err := rows.Scan(&k); err != nil {
				return err
			}
			keys = append(keys, json.RawMessage(k))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading public keys: %w", err)
	}
	if len(keys) == 0 {
		return nil, object.NotFound("key set", workspace)
	}
	return json.Marshal(map[string]any{"keys": keys})
}

// Metadata describes the transmitter of a workspace (SSF 1.0 §7.1), for anybody.
func Metadata(ctx context.Context, svc *object.Service, workspace string) (json.RawMessage, error) {
	if _, err := JWKS(ctx, svc, workspace); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"spec_version": "1_0", "issuer": IssuerOf(svc.BaseURL, workspace), "jwks_uri": jwksOf(svc.BaseURL, workspace),
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935"}, "default_subjects": "ALL",
	})
}

// IssuerOf is the issuer of a workspace's tokens. It names the workspace by id: the id
// never changes, and cannot be guessed.
func IssuerOf(baseURL, workspace string) string { return baseURL + "/ssf/" + workspace }

func jwksOf(baseURL, workspace string) string { return IssuerOf(baseURL, workspace) + "/jwks.json" }

// purgeKeys deletes keys that are published no longer.
func purgeKeys(ctx context.Context, svc *object.Service) error {
	now := svc.Clock().UTC().UnixMicro()
	err := svc.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM security_event_key WHERE expires_at <> 0 AND expires_at <= $1`, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("purging signing keys: %w", err)
	}
	return nil
}
