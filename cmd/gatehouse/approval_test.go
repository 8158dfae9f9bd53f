package main

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestWhatWaitsIsDecidedOnTheCommandLine(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	at := w.client(w.OwnerToken, "")
	for _, d := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.TeamKind, client.Document{"slug": "press", "name": "Press"}},
		{api.ProjectKind, client.Document{"path": "/press-kit", "name": "Press kit", "team": "press"}},
		{api.ApprovalPolicyKind, client.Document{"name": "two", "steps": []any{map[string]any{"approvers": []any{"role:admin"}}}}},
	} {
		if _, err := at.Create(ctx, d.kind, d.doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := at.Put(ctx, api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone", "approval_policy": "two"}, client.WriteOptions{Adopt: true}); err != nil {
		t.Fatal(err)
	}
	share := func(email string) {
		t.Helper()
		if _, err := at.Create(ctx, api.AccessGrantKind, client.Document{"resource": "/press-kit", "principal": "email:" + email, "level": "view"}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	request := func() string {
		t.Helper()
		t.Setenv("GATEHOUSE_TOKEN", w.AdminToken)
		out, code := command(t, "approval", "list", "--mine")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != 0 || len(lines) != 2 || !strings.Contains(out, "1 of role:admin") {
			t.Fatalf("list: exit %d\n%s", code, out)
		}
		return strings.Fields(lines[1])[0]
	}
	share("ann@outside.example")
	id := request()
	t.Setenv("GATEHOUSE_TOKEN", w.OwnerToken)
	if out, code := command(t, "approval", "approve", id); code == 0 || !strings.Contains(out, "asked for this yourself") {
		t.Errorf("by who asked: exit %d\n%s", code, out)
	}
	t.Setenv("GATEHOUSE_TOKEN", w.AdminToken)
	if out, code := command(t, "approval", "approve", id, "--comment", "agreed"); code != 0 || !strings.Contains(out, id+" is approved") {
		t.Errorf("approve: exit %d\n%s", code, out)
	}
	share("ben@outside.example")
	if out, code := command(t, "approval", "deny", request()); code != 0 || !strings.Contains(out, "is denied") {
		t.Errorf("deny: exit %d\n%s", code, out)
	}
	if out, code := command(t, "approval", "list", "--state", "approved", "--json"); code != 0 || !strings.Contains(out, `"comment": "agreed"`) {
		t.Errorf("list: exit %d\n%s", code, out)
	}
	if _, err := at.Create(ctx, api.InvitationKind, client.Document{"email": "nora@example.com"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "invitation", "resend", "nora@example.com"); code != 0 || !strings.Contains(out, "Sent to nora@example.com again") {
		t.Errorf("resend: exit %d\n%s", code, out)
	}
}
