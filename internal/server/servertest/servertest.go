// Package servertest starts a whole control plane for tests: real store, real
// doors, on a loopback port, stopped with the test.
package servertest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// Instance is a running control plane with one workspace.
type Instance struct {
	*controlplane.ControlPlane
	URL           string
	Workspace     string // slug
	WorkspaceID   string
	OwnerToken    string // owner@example.com
	AdminToken    string // admin@example.com
	MemberToken   string // member@example.com
	OperatorToken string
	t             testing.TB
}

// Start starts a control plane on SQLite in a temporary folder.
func Start(t testing.TB) *Instance { return StartOn(t, "") }

// StartOn starts a control plane on a database ("" is SQLite).
func StartOn(t testing.TB, database string) *Instance {
	t.Helper()
	return StartWith(t, Options{Database: database})
}

// Options are what a test may want otherwise.
type Options struct {
	Database string           // "" is SQLite
	Log      io.Writer        // what the server logs, every level; nil discards it
	Clock    func() time.Time // of the use-cases; nil is the real time
	Proxies  []netip.Prefix   // whose X-Forwarded-For is believed
	Push     *http.Client     // sends security events; nil sends none
}

// StartWith starts a control plane as the options say.
func StartWith(t testing.TB, o Options) *Instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	logger := slog.New(slog.DiscardHandler)
	if o.Log != nil {
		logger = slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	data := t.TempDir()
	if o.Database == "" {
		objecttest.Lay(t, filepath.Join(data, "gatehouse.db"))
	}
	cp, err := controlplane.Open(ctx, controlplane.Config{Data: data, Database: o.Database, Address: "127.0.0.1:0", SealInterval: 100 * time.Millisecond, TrustedProxies: o.Proxies, Push: o.Push, Log: logger})
	if err != nil {
		cancel()
		t.Fatalf("starting the control plane: %v", err)
	}
	if o.Clock != nil {
		cp.Service.Clock = o.Clock
	}
	done := make(chan error, 1)
	go func() { done <- cp.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
		if err := cp.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	i := &Instance{ControlPlane: cp, URL: cp.BaseURL, t: t}
	if i.OperatorToken, err = signin.IssueOperatorToken(ctx, cp.Service); err != nil {
		t.Fatalf("making an operator token: %v", err)
	}
	i.AddWorkspace("acme")
	return i
}

// AddWorkspace makes a workspace with owner, admin and member, and makes it the
// instance's; the tokens of the one before are returned in a copy.
func (i *Instance) AddWorkspace(slug string) Instance {
	i.t.Helper()
	before := *i
	ctx := context.Background()
	operator := &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: audit.DoorSystem}
	ws, err := workspace.Create(ctx, i.Service, operator, workspace.Spec{Slug: slug, Name: slug, Owner: "owner@example.com"})
	if err != nil {
		i.t.Fatalf("making workspace %s: %v", slug, err)
	}
	i.Workspace, i.WorkspaceID = ws.Slug, ws.ID
	owner := &object.Caller{WorkspaceID: ws.ID, WorkspaceSlug: slug, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	for _, m := range [][2]string{{"admin@example.com", "admin"}, {"member@example.com", "member"}} {
		if _, err := i.Service.Create(ctx, owner, api.MemberKind, []byte(`{"email":"`+m[0]+`","workspace_role":"`+m[1]+`"}`), object.WriteOptions{}); err != nil {
			i.t.Fatalf("making %s: %v", m[0], err)
		}
	}
	i.OwnerToken, i.AdminToken, i.MemberToken = i.Token("owner@example.com"), i.Token("admin@example.com"), i.Token("member@example.com")
	return before
}

// Token makes a token that acts as a member of the instance's workspace.
func (i *Instance) Token(email string) string {
	i.t.Helper()
	var token string
	err := i.Service.Do(context.Background(), object.System(i.WorkspaceID), func(s *object.Scope) (err error) {
		token, err = signin.IssuePersonalToken(context.Background(), s, email, time.Hour)
		return err
	})
	if err != nil {
		i.t.Fatalf("making a token for %s: %v", email, err)
	}
	return token
}
