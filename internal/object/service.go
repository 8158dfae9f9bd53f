package object

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/vault"
)

// Service runs use-cases on declared objects for every door.
type Service struct {
	DB    *store.DB
	Vault *vault.Vault
	Log   *slog.Logger
	Clock func() time.Time
	// BaseURL is where people and identity providers reach this server, without a
	// slash at the end; "" when it is not configured.
	BaseURL string
	// Groups names the directory groups of a member (displayName as pushed). The
	// provisioning capability sets it; without it nobody is in a group.
	Groups func(ctx context.Context, s *Scope, memberID string) ([]string, error)

	log   *audit.Log
	authz *authorizer
	uses  grantUses
}

// New makes a service on a database.
func New(db *store.DB, v *vault.Vault, logger *slog.Logger) *Service {
	dialect := audit.SQLite
	if db.Dialect() == store.Postgres {
		dialect = audit.Postgres
	}
	return &Service{DB: db, Vault: v, Log: logger, Clock: time.Now, log: audit.NewLog(dialect), authz: newAuthorizer()}
}

// AuditLog gives the log for reading.
func (s *Service) AuditLog() *audit.Log { return s.log }

// View runs f in a read-only scope of the caller: one consistent view. f may run more
// than once; what an earlier run has left does not count.
func (s *Service) View(ctx context.Context, c *Caller, f func(*Scope) error) error {
	if done, err := s.viewSighted(ctx, c, f); done {
		return err
	}
	return s.DB.Read(ctx, func(tx *store.Tx) error {
		scope := s.newScope(tx, c)
		if err := scope.loadAuthz(ctx); err != nil {
			return err
		}
		return f(scope)
	})
}

// Do runs f in a writing scope of the caller: everything f changes, and its audit
// rows, commit together or not at all. f may run more than once.
func (s *Service) Do(ctx context.Context, c *Caller, f func(*Scope) error) error {
	return s.do(ctx, c, false, f)
}

// Try is Do, rolled back at the end: a dry run.
func (s *Service) Try(ctx context.Context, c *Caller, f func(*Scope) error) error {
	return s.do(ctx, c, true, f)
}

func (s *Service) do(ctx context.Context, c *Caller, dry bool, f func(*Scope) error) error {
	if c.ReadOnly && !dry {
		return api.NewProblem(api.CodeForbidden, "This token may only read. Use a token whose scopes include the change.")
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		scope := s.newScope(tx, c)
		scope.DryRun, scope.write = dry, true
		if err := scope.loadAuthz(ctx); err != nil {
			return err
		}
		if err := f(scope); err != nil {
			return err
		}
		if err := scope.finish(ctx); err != nil {
			return err
		}
		if dry {
			return store.ErrRollback
		}
		return nil
	})
}

func (s *Service) newScope(tx *store.Tx, c *Caller) *Scope {
	return &Scope{Tx: tx, Caller: c, WorkspaceID: c.WorkspaceID, Slug: c.WorkspaceSlug, Now: s.Clock().UTC().Truncate(time.Microsecond), svc: s}
}

// Get answers one object by id or key.
func (s *Service) Get(ctx context.Context, c *Caller, kind *api.Kind, ref string) (api.Object, error) {
	var out api.Object
	err := s.View(ctx, c, func(scope *Scope) error {
		if err := scope.Require(ctx, kind.ReadPermission()); err != nil {
			return err
		}
		obj, _, err := scope.load(ctx, kind, ref)
		if err != nil {
			return err
		}
		if ok, err := scope.visible(ctx, kind, obj); err != nil || !ok {
			return errors.Join(err, notFoundIf(!ok, kind, ref))
		}
		out = obj
		return nil
	})
	return out, err
}

func notFoundIf(yes bool, kind *api.Kind, ref string) error {
	if yes {
		return NotFound(kind.Name, ref)
	}
	return nil
}

func (s *Scope) visible(ctx context.Context, kind *api.Kind, obj api.Object) (bool, error) {
	r, err := rulesOf(kind)
	if err != nil || r.visible == nil {
		return err == nil, err
	}
	return r.visible(ctx, s, obj)
}

// List answers a page of a kind in key order.
func (s *Service) List(ctx context.Context, c *Caller, kind *api.Kind, filter map[string]string, cursor string, limit int) (api.Page[api.Object], error) {
	page := api.Page[api.Object]{Items: []api.Object{}}
	r, err := rulesOf(kind)
	if err != nil {
		return page, err
	}
	where, err := r.conditions(kind, filter)
	if err != nil {
		return page, err
	}
	after, err := decodeCursor(cursor)
	if err != nil {
		return page, err
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	err = s.View(ctx, c, func(scope *Scope) error {
		page.Items = page.Items[:0]
		if err := scope.Require(ctx, kind.ReadPermission()); err != nil {
			return err
		}
		rows, err := r.table.List(ctx, scope.Tx, scope.WorkspaceID, kind.Name, after, limit+1, where...)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			page.NextCursor = encodeCursor(rows[limit-1].Key)
		}
		objs := make([]api.Object, 0, len(rows))
		for _, row := range rows {
			obj, err := fromRow(kind, row)
			if err != nil {
				return err
			}
			objs = append(objs, obj)
		}
		if r.hydrate != nil && len(objs) > 0 {
			if err := r.hydrate(ctx, scope, objs); err != nil {
				return err
			}
		}
		for _, obj := range objs {
			ok, err := scope.visible(ctx, kind, obj)
			if err != nil {
				return err
			}
			if ok {
				page.Items = append(page.Items, obj)
			}
		}
		return nil
	})
	return page, err
}

func (r *erased) conditions(kind *api.Kind, filter map[string]string) ([]store.Condition, error) {
	var where []store.Condition
	for name, value := range filter {
		f := kind.Field(name)
		if f == nil || !f.Filter {
			return nil, api.NewProblem(api.CodeMalformed, "%s cannot be filtered by %q.", kind.Plural, name)
		}
		if norm, msg := api.Normalise(f.Format, value); msg == "" {
			value = norm
		}
		if col, ok := r.filterColumns[name]; ok {
			where = append(where, store.Condition{Column: col, Value: value})
		} else {
			where = append(where, store.Condition{Field: name, Value: value})
		}
	}
	slices.SortFunc(where, func(a, b store.Condition) int {
		if a.Column+a.Field < b.Column+b.Field {
			return -1
		}
		return 1
	})
	return where, nil
}

func encodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte("k" + key)) }

func decodeCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) == 0 || b[0] != 'k' || len(b) > 2048 {
		return "", api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	return string(b[1:]), nil
}

// Ref names an object in a batch.
type Ref struct {
	Kind string `json:"kind"`
	Ref  string `json:"ref"`
}

// BatchRead answers many objects at once; those that are missing, or that the caller
// may not read, are nil.
func (s *Service) BatchRead(ctx context.Context, c *Caller, refs []Ref) ([]api.Object, error) {
	if len(refs) > api.MaxPageSize {
		return nil, api.NewProblem(api.CodeTooLarge, "A batch may name %d objects; this one names %d.", api.MaxPageSize, len(refs))
	}
	out := make([]api.Object, len(refs))
	err := s.View(ctx, c, func(scope *Scope) error {
		for i, ref := range refs {
			kind := api.KindByName(ref.Kind)
			if kind == nil || !Registered(kind) {
				return api.NewProblem(api.CodeMalformed, "There is no kind %q.", ref.Kind)
			}
			if scope.Require(ctx, kind.ReadPermission()) != nil {
				continue
			}
			obj, _, err := scope.load(ctx, kind, ref.Ref)
			var p *api.Problem
			if errors.As(err, &p) && p.Code() == api.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			if ok, err := scope.visible(ctx, kind, obj); err != nil {
				return err
			} else if ok {
				out[i] = obj
			}
		}
		return nil
	})
	return out, err
}

// fromRow decodes a stored document and fills in Meta.
func fromRow(kind *api.Kind, row *store.Row) (api.Object, error) {
	obj := kind.New()
	if err := json.Unmarshal([]byte(row.Doc), obj); err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind.Name, row.ID, err)
	}
	m := obj.GetMeta()
	m.ID, m.Key, m.ETag = row.ID, row.Key, fmt.Sprintf("%x", row.Version)
	m.ManagedBy = &api.ManagedBy{Kind: row.Manager, Stack: row.Stack, At: &row.ManagedAt}
	if row.ChangeContext != "" {
		var cc api.ChangeContext
		if err := json.Unmarshal([]byte(row.ChangeContext), &cc); err != nil {
			return nil, fmt.Errorf("reading %s %s: %w", kind.Name, row.ID, err)
		}
		m.ManagedBy.ChangeContext = &cc
	}
	m.CreatedAt, m.UpdatedAt = &row.CreatedAt, &row.UpdatedAt
	return obj, nil
}

// encodeDoc writes an object without Meta: what is stored and audited.
func encodeDoc(obj api.Object) (json.RawMessage, error) {
	m := obj.GetMeta()
	saved := *m
	*m = api.Meta{}
	raw, err := json.Marshal(obj)
	*m = saved
	if err != nil {
		return nil, fmt.Errorf("encoding an object: %w", err)
	}
	return raw, nil
}
