package controlplane_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// open opens a control plane and runs it until the test ends; before changes it first.
func open(t *testing.T, c controlplane.Config, before func(*controlplane.ControlPlane)) *controlplane.ControlPlane {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.Address, c.Log, c.SealInterval = "127.0.0.1:0", quiet(), 50*time.Millisecond
	cp, err := controlplane.Open(ctx, c)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if before != nil {
		before(cp)
	}
	done := make(chan error, 1)
	go func() { done <- cp.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := cp.Close(); err != nil {
			t.Error(err)
		}
	})
	return cp
}

func operator() *object.Caller {
	return &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: audit.DoorCLI}
}

// found makes a workspace whose owner is ann@example.com and answers her caller.
func found(t *testing.T, cp *controlplane.ControlPlane) (*api.Workspace, *object.Caller) {
	t.Helper()
	ws, err := workspace.Create(t.Context(), cp.Service, operator(), workspace.Spec{Slug: "acme", Name: "Acme", Owner: "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return ws, &object.Caller{WorkspaceID: ws.ID, WorkspaceSlug: ws.Slug, Kind: object.PrincipalMember, Key: "ann@example.com", Door: audit.DoorREST}
}

func ask(t *testing.T, cp *controlplane.ControlPlane, method, path, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, cp.BaseURL+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, raw := servertest.Do(t, req)
	return res.StatusCode, string(raw)
}

// M06, C029: two replicas share PostgreSQL and nothing else. What one of them changes
// or revokes counts in the other on its next request.
func TestReplicasShareOnePostgreSQLAndNothingElse(t *testing.T) {
	if !slices.Contains(objecttest.Dialects(t), store.Postgres) {
		t.Skip("replicas need PostgreSQL: run the tests with scripts/with-postgres")
	}
	database := objecttest.Empty(t, store.Postgres)
	folders := [2]string{t.TempDir(), t.TempDir()}
	var replicas [2]*controlplane.ControlPlane
	for n, folder := range folders {
		for _, key := range []string{"master.key", "audit.key"} {
			if n > 0 {
				copyFile(t, filepath.Join(folders[0], key), filepath.Join(folder, key))
			}
		}
		replicas[n] = open(t, controlplane.Config{Data: folder, Database: database}, nil)
	}
	first, second := replicas[0], replicas[1]
	ws, owner := found(t, first)
	for _, email := range []string{"bob@example.com", "cem@example.com"} {
		if _, err := first.Service.Create(t.Context(), owner, api.MemberKind, []byte(`{"email":"`+email+`"}`), object.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	tokens := map[string]string{}
	for _, email := range []string{"ann@example.com", "bob@example.com"} {
		err := first.Service.Do(t.Context(), object.System(ws.ID), func(s *object.Scope) (err error) {
			tokens[email], err = signin.IssuePersonalToken(t.Context(), s, email, time.Hour)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const teams, members = "/v1/workspaces/acme/teams", "/v1/workspaces/acme/members"
	expect := func(cp *controlplane.ControlPlane, status int, method, path, email, body string) {
		t.Helper()
		if got, answer := ask(t, cp, method, path, tokens[email], body); got != status {
			t.Fatalf("%s %s as %s: status %d, want %d: %s", method, path, email, got, status, answer)
		}
	}
	// The second has decided for Bob before, so it holds a snapshot of the rules.
	expect(second, 200, "GET", teams, "bob@example.com", "")
	expect(second, 403, "POST", teams, "bob@example.com", `{"slug":"design","name":"Design"}`)
	expect(first, 200, "PUT", members+"/bob@example.com", "ann@example.com", `{"email":"bob@example.com","workspace_role":"admin"}`)
	expect(second, 201, "POST", teams, "bob@example.com", `{"slug":"design","name":"Design"}`)
	expect(first, 200, "GET", teams+"/design", "bob@example.com", "")
	expect(first, 204, "DELETE", members+"/bob@example.com", "ann@example.com", "")
	expect(second, 401, "GET", teams, "bob@example.com", "")
	// Whichever of them sealed, the log is one and whole.
	if status, report := ask(t, second, "GET", "/v1/workspaces/acme/audit/verify", tokens["ann@example.com"], ""); status != 200 || !strings.Contains(report, `"problem_count":0`) {
		t.Errorf("verifying the log: %d, %s", status, report)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// C089: the running control plane deletes a closed workspace when its clock runs out;
// nobody has to call anything.
func TestRunningControlPlaneDeletesAClosedWorkspace(t *testing.T) {
	var id string
	cp := open(t, controlplane.Config{Data: t.TempDir()}, func(cp *controlplane.ControlPlane) {
		ws, owner := found(t, cp)
		id = ws.ID
		if _, err := cp.Service.Put(t.Context(), owner, api.WorkspaceKind, "", []byte(`{"slug":"acme","name":"Acme","deletion_protection":false,"closure_days":30}`), object.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := cp.Service.Delete(t.Context(), owner, api.WorkspaceKind, "", object.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := workspace.Lookup(t.Context(), cp.Service.DB, "acme"); err != nil {
			t.Fatalf("a closing workspace is there until its clock runs out: %v", err)
		}
		cp.Service.Clock = func() time.Time { return time.Now().Add(30*24*time.Hour + time.Minute) }
	})
	for range 200 {
		if _, _, err := workspace.Lookup(t.Context(), cp.Service.DB, "acme"); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("workspace %s is still there thirty days after it was closed", id)
}
