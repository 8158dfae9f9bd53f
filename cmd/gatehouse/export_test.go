package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// runExport runs the command against a control plane, as it is called from the root.
func runExport(t *testing.T, token string, args ...string) (string, int) {
	t.Helper()
	t.Setenv("GATEHOUSE_TOKEN", token)
	c := newExportCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	code := run(t.Context(), c)
	return out.String(), code
}

// reader makes a token that may read everything and write nothing.
func reader(t *testing.T, w *client.Workspace) string {
	t.Helper()
	for _, o := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.ServiceAccountKind, client.Document{"name": "reader", "owner": "owner@example.com", "workspace_role": "admin"}},
		{api.APITokenKind, client.Document{"name": "reader", "service_account": "reader", "scopes": []string{"read_only"}}},
	} {
		if _, err := w.Create(t.Context(), o.kind, o.doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := w.Secret(t.Context(), api.APITokenKind, "reader", 1)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Secret
}

// What is written is a whole configuration; internal/export proves it with a real
// Terraform.
func TestExportWritesAConfigurationAndSaysWhatIsNotInIt(t *testing.T) {
	inst := servertest.Start(t)
	t.Setenv("GATEHOUSE_ENDPOINT", inst.URL)
	t.Chdir(t.TempDir())
	conn, err := client.New(client.Config{Endpoint: inst.URL, Token: inst.OwnerToken})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Workspace(inst.Workspace).Create(t.Context(), api.TeamKind, client.Document{"slug": "design", "name": "${Design}"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}

	out, code := runExport(t, inst.AdminToken, "--workspace", "ACME")
	if code != 0 || !strings.Contains(out, `Wrote 14 resources of workspace "acme" to acme: main.tf, workspace.tf, people.tf, signin.tf, notices.tf, sharing.tf, imports.tf.`) ||
		!strings.Contains(out, `Not here: 1 member ("owner@example.com")`) || !strings.Contains(out, "gatehouse claim") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	exported := func() any {
		ws, err := conn.Workspace(inst.Workspace).Get(t.Context(), api.WorkspaceKind, "")
		if err != nil {
			t.Fatal(err)
		}
		return ws["last_export_at"]
	}
	noted := exported()
	if noted == nil || strings.Contains(out, "Not noted") {
		t.Errorf("the export is not noted in the workspace:\n%s", out)
	}
	if out, code := runExport(t, reader(t, conn.Workspace(inst.Workspace)), "--out", "reader"); code != 0 || !strings.Contains(out, "Not noted") {
		t.Errorf("an export with a token that may only read: exit %d:\n%s", code, out)
	}
	people, err := os.ReadFile(filepath.Join("acme", "people.tf"))
	if err != nil || !strings.Contains(string(people), `name = "$${Design}"`) {
		t.Errorf("people.tf: %v\n%s", err, people)
	}
	if strings.Contains(out+string(people), inst.AdminToken) {
		t.Error("the token is told")
	}

	if out, code := runExport(t, inst.AdminToken); code != 1 || !strings.Contains(out, "export overwrites nothing") {
		t.Errorf("again, into the same folder: exit %d:\n%s", code, out)
	}
	out, code = runExport(t, inst.AdminToken, "--kinds", "team,role", "--unmanaged-only", "--out", "one")
	if code != 0 || !strings.Contains(out, `Wrote 1 resource of workspace "acme" to one: main.tf, people.tf, imports.tf.`) {
		t.Errorf("only teams and roles: exit %d:\n%s", code, out)
	}
	if exported() != noted {
		t.Error("an export of a part, or one that was refused, is noted as an export of all")
	}
	if out, code := runExport(t, inst.AdminToken, "--kinds", "teams"); code != 1 || !strings.Contains(out, `there is no kind "teams"`) {
		t.Errorf("a kind that is none: exit %d:\n%s", code, out)
	}
	if out, code := runExport(t, inst.AdminToken, "--workspace", "elsewhere"); code != 1 || strings.Contains(out, "Wrote") {
		t.Errorf("a workspace that is none: exit %d:\n%s", code, out)
	}
}
