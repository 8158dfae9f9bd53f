package objecttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/vault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// People of the fixture's workspace.
const (
	OwnerEmail  = "olga@example.com"
	AdminEmail  = "adam@example.com"
	MemberEmail = "mia@example.com"
)

// Fixture is a store with one workspace and callers in it. Slug is "acme".
type Fixture struct {
	DB        *store.DB
	Service   *object.Service
	Workspace *api.Workspace

	Operator *object.Caller // outside of any workspace
	Owner    *object.Caller
	Admin    *object.Caller
	Member   *object.Caller

	shift atomic.Int64 // how far the clock was moved
}

// Each runs a test once for each engine.
func Each(t *testing.T, test func(t *testing.T, f *Fixture)) {
	t.Helper()
	for _, dialect := range Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) { test(t, New(t, dialect)) })
	}
}

// New makes a fixture on a fresh database.
func New(t testing.TB, dialect store.Dialect) *Fixture {
	t.Helper()
	v, err := vault.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	f := &Fixture{DB: Open(t, dialect), Operator: &object.Caller{Kind: object.PrincipalOperator, ID: "op_root", Key: "root", Door: audit.DoorCLI}}
	f.Service = object.New(f.DB, v, slog.New(slog.DiscardHandler))
	f.Service.Clock = func() time.Time { return time.Now().Add(time.Duration(f.shift.Load())) }
	f.Workspace, f.Owner = f.NewWorkspace(t, "acme", OwnerEmail)
	f.Admin = f.AddMember(t, f.Owner, AdminEmail, "admin")
	f.Member = f.AddMember(t, f.Owner, MemberEmail, "member")
	return f
}

// Advance moves the clock of the service.
func (f *Fixture) Advance(d time.Duration) { f.shift.Add(int64(d)) }

// NewWorkspace makes another workspace and answers the caller of its owner.
func (f *Fixture) NewWorkspace(t testing.TB, slug, owner string) (*api.Workspace, *object.Caller) {
	t.Helper()
	w, err := workspace.Create(context.Background(), f.Service, f.Operator, workspace.Spec{Slug: slug, Name: "Workspace " + slug, Owner: owner})
	if err != nil {
		t.Fatalf("making workspace %q: %v", slug, err)
	}
	m, err := f.Service.Get(context.Background(), object.System(w.ID), api.MemberKind, owner)
	if err != nil {
		t.Fatalf("reading the owner of %q: %v", slug, err)
	}
	return w, f.caller(w, m.(*api.Member))
}

// AddMember makes a member (or an admin) and answers their caller.
func (f *Fixture) AddMember(t testing.TB, by *object.Caller, email, role string) *object.Caller {
	t.Helper()
	m := f.Create(t, by, api.MemberKind, map[string]any{"email": email, "workspace_role": role}).(*api.Member)
	return &object.Caller{WorkspaceID: by.WorkspaceID, WorkspaceSlug: by.WorkspaceSlug, Kind: object.PrincipalMember, ID: m.ID, Key: m.Key, Door: audit.DoorREST}
}

func (f *Fixture) caller(w *api.Workspace, m *api.Member) *object.Caller {
	return &object.Caller{WorkspaceID: w.ID, WorkspaceSlug: w.Slug, Kind: object.PrincipalMember, ID: m.ID, Key: m.Key, Door: audit.DoorREST}
}

// Stack is a caller who writes by Terraform from a stack.
func Stack(c *object.Caller, stack string) *object.Caller {
	as := *c
	as.Stack = stack
	as.ChangeContext = &api.ChangeContext{Commit: "4f2a9c1", Author: "ann@example.com"}
	return &as
}

// Reason is a caller who breaks the glass.
func Reason(c *object.Caller, reason string) *object.Caller {
	as := *c
	as.Reason = reason
	return &as
}

// Create makes an object and fails the test when it is refused.
func (f *Fixture) Create(t testing.TB, c *object.Caller, kind *api.Kind, doc any) api.Object {
	t.Helper()
	res, err := f.Service.Create(context.Background(), c, kind, JSON(t, doc), object.WriteOptions{})
	if err != nil {
		t.Fatalf("creating a %s: %v", kind.Name, err)
	}
	return res.Object
}

// Put writes an object and fails the test when it is refused. ref is "" for
// singletons and for the key in the document.
func (f *Fixture) Put(t testing.TB, c *object.Caller, kind *api.Kind, ref string, doc any) api.Object {
	t.Helper()
	res, err := f.TryPut(t, c, kind, ref, doc)
	if err != nil {
		t.Fatalf("writing %s %q: %v", kind.Name, ref, err)
	}
	return res
}

// TryPut writes an object that may be refused.
func (f *Fixture) TryPut(t testing.TB, c *object.Caller, kind *api.Kind, ref string, doc any) (api.Object, error) {
	t.Helper()
	res, err := f.Service.Put(context.Background(), c, kind, ref, JSON(t, doc), object.WriteOptions{})
	if err != nil {
		return nil, err
	}
	return res.Object, nil
}

// TryCreate makes an object that may be refused.
func (f *Fixture) TryCreate(t testing.TB, c *object.Caller, kind *api.Kind, doc any) (api.Object, error) {
	t.Helper()
	res, err := f.Service.Create(context.Background(), c, kind, JSON(t, doc), object.WriteOptions{})
	if err != nil {
		return nil, err
	}
	return res.Object, nil
}

// Get reads an object and fails the test when there is none.
func (f *Fixture) Get(t testing.TB, c *object.Caller, kind *api.Kind, ref string) api.Object {
	t.Helper()
	obj, err := f.Service.Get(context.Background(), c, kind, ref)
	if err != nil {
		t.Fatalf("reading %s %q: %v", kind.Name, ref, err)
	}
	return obj
}

// Delete destroys an object and fails the test when it is refused.
func (f *Fixture) Delete(t testing.TB, c *object.Caller, kind *api.Kind, ref string) {
	t.Helper()
	if err := f.Service.Delete(context.Background(), c, kind, ref, object.WriteOptions{}); err != nil {
		t.Fatalf("deleting %s %q: %v", kind.Name, ref, err)
	}
}

// Events lists the workspace's audit events, oldest first.
func (f *Fixture) Events(t testing.TB, filter audit.Filter) []audit.Event {
	t.Helper()
	if filter.Workspace == "" {
		filter.Workspace = f.Workspace.ID
	}
	filter.Ascending = true
	var all []audit.Event
	err := f.DB.Read(context.Background(), func(tx *store.Tx) error {
		all = nil
		for {
			page, next, err := f.Service.AuditLog().Query(context.Background(), tx, filter)
			if err != nil {
				return err
			}
			all = append(all, page...)
			if next == "" {
				return nil
			}
			filter.Cursor = next
		}
	})
	if err != nil {
		t.Fatalf("reading the audit log: %v", err)
	}
	return all
}

// JSON encodes a document as it is sent: objects lose what the server computes.
func JSON(t testing.TB, doc any) []byte {
	t.Helper()
	if raw, ok := doc.([]byte); ok {
		return raw
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("encoding a document: %v", err)
	}
	return raw
}

// WantProblem fails the test unless err is a problem of the code, and answers it.
func WantProblem(t testing.TB, err error, code api.Code) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("error = %v, want a problem %q", err, code)
	}
	if p.Code() != code {
		t.Fatalf("problem = %q (%v), want %q", p.Code(), p, code)
	}
	return p
}

// WantViolation fails the test unless err refuses the attribute at path.
func WantViolation(t testing.TB, err error, path string) api.Violation {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("error = %v, want a problem with a violation at %s", err, path)
	}
	for _, v := range p.Errors {
		if v.Path == path {
			return v
		}
	}
	t.Fatalf("problem = %v, want a violation at %s", p, path)
	return api.Violation{}
}

// Seal gives every event its place in the log, as the sealer does; the sealer itself
// waits for the transactions of all databases of a PostgreSQL.
func (f *Fixture) Seal(t testing.TB) {
	t.Helper()
	err := f.DB.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(context.Background(), `INSERT INTO audit_leaf (workspace_id, seq, event_id, leaf_hash)
			SELECT e.workspace_id, COALESCE((SELECT MAX(l.seq) FROM audit_leaf l WHERE l.workspace_id = e.workspace_id), 0) + ROW_NUMBER() OVER (PARTITION BY e.workspace_id ORDER BY e.xid, e.id), e.id, 'x'
			FROM audit_event e WHERE NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
