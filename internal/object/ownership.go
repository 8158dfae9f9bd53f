package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// checkOwnership refuses changes of what another stack owns, hand edits of what code
// owns where the change policy blocks them, and silent adoption (RESOURCES.md 0).
func (s *Scope) checkOwnership(ctx context.Context, c *change, row *store.Row, o WriteOptions) error {
	if row == nil {
		return nil
	}
	manager, stack := s.Caller.manager()
	if manager == api.ManagedBySystem {
		return nil
	}
	name := c.kind.Name
	switch row.Manager {
	case api.ManagedByTerraform:
		if manager == api.ManagedByTerraform && stack != row.Stack {
			return api.NewProblem(api.CodeOwnedByOtherStack, "The %s %q belongs to stack %q; this is stack %q. Change it there, or let that stack release it (gatehouse release --stack %q %s) and then import it here.", name, row.Key, row.Stack, stack, row.Stack, releaseName(c.kind, row.Key))
		}
		if manager == api.ManagedByManual {
			return s.checkHandEdit(ctx, c, row)
		}
	case api.ManagedByManual:
		if manager == api.ManagedByTerraform && c.kind.Singleton && c.new != nil && o.IfMatch == "" && !o.Adopt {
			return s.checkAdoption(ctx, c, row)
		}
	}
	return nil
}

// checkHandEdit applies the change policy to an edit of a code-owned object (M04).
func (s *Scope) checkHandEdit(ctx context.Context, c *change, row *store.Row) error {
	policy, err := Find[*api.ChangePolicy](ctx, s, api.ChangePolicyKind, api.ChangePolicyKind.Name)
	if err != nil {
		return err
	}
	if policy == nil || policy.Mode != "block" {
		return nil
	}
	role, err := s.Role(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(policy.OverrideRoles, role) {
		return api.NewProblem(api.CodeManagedByCode, "The %s %q is managed by code (stack %q) and the change policy blocks edits by hand. Change it in the stack's repository.", c.kind.Name, row.Key, row.Stack)
	}
	if policy.RequireReason && s.Caller.Reason == "" {
		return api.NewProblem(api.CodeManagedByCode, "The %s %q is managed by code (stack %q). You may break the glass, but must say why: send the header Gatehouse-Reason.", c.kind.Name, row.Key, row.Stack)
	}
	return nil
}

// checkAdoption refuses to overwrite a hand-made setting that nobody looked at.
func (s *Scope) checkAdoption(ctx context.Context, c *change, row *store.Row) error {
	r, err := rulesOf(c.kind)
	if err != nil || r.def == nil {
		return err
	}
	def, err := r.def(ctx, s, c.kind.Name)
	if err != nil || def == nil {
		return err
	}
	live, err := encodeDoc(c.old)
	if err != nil {
		return err
	}
	plain, err := encodeDoc(def)
	if err != nil {
		return err
	}
	changes, err := audit.Diff(plain, live)
	if err != nil {
		return fmt.Errorf("comparing with the default: %w", err)
	}
	if len(changes) == 0 {
		return nil
	}
	p := api.NewProblem(api.CodeNeedsAdoption, "The %s was set by hand and differs from the server's default. Import it (terraform import), or set adopt = true to take it over as it will be written.", c.kind.Name)
	for _, ch := range changes {
		p.Errors = append(p.Errors, api.Violation{Path: ch.Path, Code: string(api.CodeNeedsAdoption), Message: fmt.Sprintf("the live value is %s; the default is %s", ch.New, ch.Old)})
	}
	return p
}

// overrideReasons marks the audit event of a hand edit of a code-owned object.
func (s *Scope) overrideReasons(row, next *store.Row) []string {
	manager, _ := s.Caller.manager()
	if row == nil || row.Manager != api.ManagedByTerraform || manager == api.ManagedByTerraform {
		return nil
	}
	return []string{fmt.Sprintf("override: owned by stack %q, edited through %s", next.Stack, s.Caller.Door)}
}

// destroySingleton keeps or resets a singleton; kept is false when its rules say
// what destroying it means.
func (s *Scope) destroySingleton(ctx context.Context, c *change, r *erased, row *store.Row) (kept bool, err error) {
	if r.destroy != nil {
		return false, nil
	}
	if onDestroy(row.Doc) == "reset" && r.def != nil {
		def, err := r.def(ctx, s, c.kind.Name)
		if err != nil {
			return true, err
		}
		_, err = s.store(ctx, &change{Scope: s, kind: c.kind, old: c.old, new: def}, row)
		if err != nil {
			return true, err
		}
		row, err = r.table.ByID(ctx, s.Tx, s.WorkspaceID, c.kind.Name, row.ID)
		if err != nil {
			return true, err
		}
	}
	if row.Manager != api.ManagedByTerraform {
		return true, nil
	}
	was := row.Version
	row.Version, row.Manager, row.Stack, row.ChangeContext, row.ManagedAt, row.UpdatedAt = was+1, api.ManagedByManual, "", "", s.Now, s.Now
	if r.columns != nil {
		row.Extra = r.columns(c.old)
	}
	if err := r.table.Update(ctx, s.Tx, row, was); err != nil {
		return true, err
	}
	return true, s.Record(c.kind.Name+".released", target(c.kind, c.old), audit.EffectNeutral, nil, nil, "ownership released; the setting stays")
}

// idempotencyAge is how long a key is remembered.
const idempotencyAge = 24 * time.Hour

// replayed answers a POST whose Idempotency-Key was seen before with the object that
// it made then. It takes the key first: of equal requests sent at once, the later ones
// wait here (PostgreSQL) until the first has ended, and find what it made.
func (s *Scope) replayed(ctx context.Context, kind *api.Kind, doc []byte, o WriteOptions) (*Result, error) {
	if o.IdempotencyKey == "" {
		return nil, nil
	}
	if err := s.Require(ctx, kind.ReadPermission()); err != nil {
		return nil, err
	}
	var hash, objectKind, id string
	var at int64
	err := s.Tx.QueryRowContext(ctx, `INSERT INTO idempotency (workspace_id, principal, key, request_hash, object_kind, object_id, created_at) VALUES ($1, $2, $3, '', '', '', $4)
		ON CONFLICT (workspace_id, principal, key) DO UPDATE SET key = excluded.key RETURNING request_hash, object_kind, object_id, created_at`,
		s.WorkspaceID, s.Caller.Principal(), o.IdempotencyKey, s.Now.UnixMicro()).Scan(&hash, &objectKind, &id, &at)
	if err != nil {
		return nil, fmt.Errorf("taking the idempotency key: %w", err)
	}
	if id == "" || at <= s.Now.Add(-idempotencyAge).UnixMicro() {
		return nil, nil
	}
	if hash != requestHash(kind, doc) || objectKind != kind.Name {
		return nil, api.NewProblem(api.CodeConflict, "This Idempotency-Key was used for another request. Use a new key for a new request.")
	}
	obj, _, err := s.load(ctx, kind, id)
	if err != nil {
		return nil, err
	}
	return &Result{Object: obj, Created: true}, nil
}

// remember completes the row that replayed took.
func (s *Scope) remember(ctx context.Context, kind *api.Kind, id string, doc []byte, o WriteOptions) error {
	if o.IdempotencyKey == "" {
		return nil
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE idempotency SET request_hash = $1, object_kind = $2, object_id = $3, created_at = $4 WHERE workspace_id = $5 AND principal = $6 AND key = $7`,
		requestHash(kind, doc), kind.Name, id, s.Now.UnixMicro(), s.WorkspaceID, s.Caller.Principal(), o.IdempotencyKey); err != nil {
		return fmt.Errorf("remembering the idempotency key: %w", err)
	}
	return nil
}

func requestHash(kind *api.Kind, doc []byte) string {
	sum := sha256.Sum256(append([]byte(kind.Name+"\x00"), doc...))
	return hex.EncodeToString(sum[:])
}
