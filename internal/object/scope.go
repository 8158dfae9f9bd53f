package object

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Scope is one transaction of one caller in one workspace. Rules and use-cases read
// and write through it, so that everything carries the workspace and is audited.
type Scope struct {
	Tx          *store.Tx
	Caller      *Caller
	WorkspaceID string
	Slug        string
	Now         time.Time
	DryRun      bool

	svc   *Service
	authz authz
	stale bool // authz_version must be bumped
	// sharing is what this transaction has read of the sharing policies since then.
	sharing *Sharing
	events  []audit.Event
	write   bool
	aside   map[string]string // what was computed outside of this change; nil where nothing can be
}

// Get reads a declared object by key, as rules see it (hydrated). It answers a
// not_found problem when there is none.
func (s *Scope) Get(ctx context.Context, kind *api.Kind, key string) (api.Object, error) {
	obj, _, err := s.load(ctx, kind, key)
	return obj, err
}

// Find is Get with a type; nil when there is none.
func Find[P api.Object](ctx context.Context, s *Scope, kind *api.Kind, key string) (P, error) {
	var none P
	obj, _, err := s.load(ctx, kind, key)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeNotFound {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return obj.(P), nil
}

// Exists reports whether an object of the key exists, without reading it whole.
func (s *Scope) Exists(ctx context.Context, kind *api.Kind, key string) (bool, error) {
	r, err := rulesOf(kind)
	if err != nil {
		return false, err
	}
	_, err = r.table.ByKey(ctx, s.Tx, s.WorkspaceID, kind.Name, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Each calls f with every object of a kind that meets the conditions, in key order,
// a page at a time.
func Each[P api.Object](ctx context.Context, s *Scope, kind *api.Kind, f func(P) error, where ...store.Condition) error {
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	after := ""
	for {
		rows, err := r.table.List(ctx, s.Tx, s.WorkspaceID, kind.Name, after, api.MaxPageSize, where...)
		if err != nil {
			return err
		}
		for _, row := range rows {
			obj, err := fromRow(kind, row)
			if err != nil {
				return err
			}
			if err := f(obj.(P)); err != nil {
				return err
			}
		}
		if len(rows) < api.MaxPageSize {
			return nil
		}
		after = rows[len(rows)-1].Key
	}
}

// load finds an object by id or key and hydrates it. The row is nil when the object
// is a default that was never declared.
func (s *Scope) load(ctx context.Context, kind *api.Kind, ref string) (api.Object, *store.Row, error) {
	r, err := rulesOf(kind)
	if err != nil {
		return nil, nil, err
	}
	key := ref
	var row *store.Row
	if !kind.Singleton && kind.IsID(ref) {
		row, err = r.table.ByID(ctx, s.Tx, s.WorkspaceID, kind.Name, ref)
	} else {
		key = s.keyOf(kind, ref)
		row, err = r.table.ByKey(ctx, s.Tx, s.WorkspaceID, kind.Name, key)
	}
	if errors.Is(err, store.ErrNotFound) {
		if r.def != nil {
			obj, err := r.def(ctx, s, key)
			if err != nil {
				return nil, nil, err
			}
			if obj != nil {
				s.stampDefault(kind, obj, key)
				return obj, nil, nil
			}
		}
		return nil, nil, NotFound(kind.Name, ref)
	}
	if err != nil {
		return nil, nil, err
	}
	obj, err := fromRow(kind, row)
	if err != nil {
		return nil, nil, err
	}
	obj.GetMeta().Key = s.displayKey(kind, row.Key)
	if r.hydrate != nil {
		if err := r.hydrate(ctx, s, []api.Object{obj}); err != nil {
			return nil, nil, err
		}
	}
	return obj, row, nil
}

// keyOf is the stored form of a key: singletons have one, others ignore case.
func (s *Scope) keyOf(kind *api.Kind, ref string) string {
	if kind.Singleton {
		return kind.Name
	}
	return strings.ToLower(ref)
}

// stampDefault gives an object that was never declared a stable identity.
func (s *Scope) stampDefault(kind *api.Kind, obj api.Object, key string) {
	m := obj.GetMeta()
	m.ID = s.stableID(kind, key)
	m.Key = s.displayKey(kind, key)
	m.ManagedBy = &api.ManagedBy{Kind: api.ManagedBySystem}
	if m.ETag == "" {
		m.ETag = "0"
	}
}

func (s *Scope) displayKey(kind *api.Kind, key string) string {
	if kind.Singleton {
		return s.Slug
	}
	return key
}

// stableID is the id of what exists without having been created: singletons and
// views. It depends on workspace, kind and key alone.
func (s *Scope) stableID(kind *api.Kind, key string) string {
	if kind == api.WorkspaceKind {
		return s.WorkspaceID
	}
	sum := sha256.Sum256([]byte(s.WorkspaceID + "\x00" + kind.Name + "\x00" + key))
	enc := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	return kind.Prefix + "_" + enc.EncodeToString(sum[:])[:26]
}

// Record adds an audit event of this transaction. Actor, door, time and context are
// the caller's; the rest is given.
func (s *Scope) Record(action string, target audit.Target, effect audit.Effect, before, after any, reasons ...string) error {
	e := audit.Event{
		ID: store.NewID("evt", s.Now), Workspace: s.WorkspaceID, Time: s.Now,
		Actor: audit.Actor{Kind: s.Caller.Kind, ID: s.Caller.ID, Key: s.Caller.Key, TokenID: s.Caller.TokenID},
		Door:  s.Caller.Door, Action: action, Effect: effect, Target: target,
		IP: s.Caller.IP, Device: s.Caller.Device, Reasons: reasons, RequestID: s.Caller.RequestID,
	}
	if s.Caller.Reason != "" {
		e.Reasons = append(e.Reasons, "reason given: "+s.Caller.Reason)
	}
	if s.Caller.Stack != "" || !s.Caller.ChangeContext.IsZero() {
		e.Change = &audit.ChangeContext{Stack: s.Caller.Stack}
		if s.Caller.ChangeContext != nil {
			e.Change.ChangeContext = *s.Caller.ChangeContext
		}
	}
	var err error
	if e.Before, err = encodeEvent(before); err != nil {
		return err
	}
	if e.After, err = encodeEvent(after); err != nil {
		return err
	}
	s.events = append(s.events, e)
	return nil
}

func encodeEvent(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return v, nil
	case api.Object:
		return encodeDoc(v)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding an audit event: %w", err)
	}
	return raw, nil
}

// BumpAuthz makes every cached decision of the workspace stale when the transaction
// commits. Rules call it for changes that AuthzRelevant does not cover. It also
// takes the workspace row's lock, so that checks such as "the last admin" hold
// against concurrent changes.
func (s *Scope) BumpAuthz(ctx context.Context) error {
	if s.stale {
		return nil
	}
	s.stale = true
	if _, err := s.Tx.ExecContext(ctx, `UPDATE workspace SET authz_version = $2 WHERE id = $1`, s.WorkspaceID, NewVersion()); err != nil {
		return fmt.Errorf("making decisions stale: %w", err)
	}
	return nil
}

// bumpFor makes stale what a change of a kind makes stale.
func (s *Scope) bumpFor(ctx context.Context, r *erased) error {
	if !r.authzRelevant {
		return nil
	}
	if r.policyRelevant {
		return s.BumpPolicies(ctx)
	}
	return s.BumpAuthz(ctx)
}

// BumpPolicies is BumpAuthz for what is read once for each version of the policies:
// roles, attribute policies, sharing policies.
func (s *Scope) BumpPolicies(ctx context.Context) error {
	s.sharing = nil
	if _, err := s.Tx.ExecContext(ctx, `UPDATE workspace SET policy_version = $2 WHERE id = $1`, s.WorkspaceID, NewVersion()); err != nil {
		return fmt.Errorf("making policies stale: %w", err)
	}
	return s.BumpAuthz(ctx)
}

// NewVersion makes an authz_version. Versions are random, not counted, so that the
// number of a change that was rolled back is never met again.
func NewVersion() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// finish writes the audit rows of the transaction. The sealed log is the outbox as
// well: consumers (streams, notifications) keep a cursor over its sequence.
func (s *Scope) finish(ctx context.Context) error {
	if len(s.events) == 0 {
		return nil
	}
	if err := s.svc.log.Append(ctx, s.Tx, s.events...); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// NotFound is the answer for what does not exist, or belongs to somebody else.
func NotFound(kind, ref string) *api.Problem {
	return api.NewProblem(api.CodeNotFound, "There is no %s %q here.", strings.ReplaceAll(kind, "_", " "), ref)
}
