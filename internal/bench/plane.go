package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// plane is a control plane in this process, with one workspace.
type plane struct {
	*controlplane.ControlPlane
	workspaceID string
	token       string
	owner       *object.Caller
	stop        func()
}

func (b *bench) startPlane(ctx context.Context, name string) (*plane, error) {
	return b.startPlaneOn(ctx, name, "")
}

// startPlaneOn starts a plane on a PostgreSQL database; "" is SQLite.
func (b *bench) startPlaneOn(ctx context.Context, name, database string) (*plane, error) {
	ctx, cancel := context.WithCancel(ctx)
	cp, err := controlplane.Open(ctx, controlplane.Config{Data: filepath.Join(b.folder, name), Database: database, Address: "127.0.0.1:0", RequestsPerSecond: 1_000_000, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		cancel()
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cp.Run(ctx) }()
	p := &plane{ControlPlane: cp, stop: func() {
		cancel()
		if err := errors.Join(<-done, cp.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the control plane:", err)
		}
	}}
	operator := &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: audit.DoorCLI}
	ws, err := workspace.Create(ctx, cp.Service, operator, workspace.Spec{Slug: "bench", Name: "Bench", Owner: "owner@example.com"})
	if err != nil {
		p.stop()
		return nil, err
	}
	p.workspaceID = ws.ID
	p.owner = &object.Caller{WorkspaceID: ws.ID, WorkspaceSlug: "bench", Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	err = cp.Service.Do(ctx, object.System(ws.ID), func(s *object.Scope) error {
		p.token, err = signin.IssuePersonalToken(ctx, s, "owner@example.com", time.Hour)
		return err
	})
	if err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// counter is a proxy that counts requests on their way to a plane.
type counter struct {
	*httptest.Server
	n atomic.Int64
}

func countRequests(target string) (*counter, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("the plane's address: %w", err)
	}
	c := &counter{}
	proxy := httputil.NewSingleHostReverseProxy(u)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.n.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	return c, nil
}
