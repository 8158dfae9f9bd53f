package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// outside lets anybody receive shares, through an approval policy.
func outside(t *testing.T, w *client.Workspace) {
	t.Helper()
	for _, d := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.TeamKind, client.Document{"slug": "press", "name": "Press"}},
		{api.ProjectKind, client.Document{"path": "/press", "name": "Press", "team": "press"}},
		{api.ApprovalPolicyKind, client.Document{"name": "admins", "steps": []any{map[string]any{"approvers": []any{"role:admin"}}}}},
	} {
		if _, err := w.Create(context.Background(), d.kind, d.doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Put(context.Background(), api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone", "approval_policy": "admins"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// approveAll gives an admin's word to everything that waits.
func approveAll(t *testing.T, endpoint, token, workspace string) {
	t.Helper()
	c, err := client.New(client.Config{Endpoint: endpoint, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	w := c.Workspace(workspace)
	var ids []string
	if err := w.ApprovalRequests(context.Background(), "", true, func(r api.ApprovalRequest) bool {
		ids = append(ids, r.ID)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, err := w.DecideApproval(context.Background(), id, "approve", ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) == 0 {
		t.Error("nothing waited")
	}
}

func TestWhatWaitsForApprovalIsSaidAtApply(t *testing.T) {
	inst, w := seeded(t, 0)
	outside(t, w)
	s := configured(t, inst, inst.OwnerToken, nil)
	for kind, doc := range map[string]map[string]any{
		"access_grant":  {"resource": "/press", "principal": "email:ann@outside.example", "level": "view"},
		"access_grants": {"resource": "/press", "grants": map[string]any{"email:ben@outside.example": "view", "team:press": "edit"}},
		"guest":         {"email": "gus@outside.example", "sponsor": "admin@example.com", "projects": []any{"/press"}},
		"share_link":    {"resource": "/press", "name": "Press kit", "kind": "recipient", "recipients": []any{"carl@outside.example"}},
		"invitation":    {"email": "dora@outside.example"},
	} {
		resp := s.apply(t, kind, dynamic(t, tftypes.NewValue(s.typeOf(kind), nil)), nil, s.resourceValue(t, kind, doc, nil))
		fatal(t, resp.Diagnostics)
		if got := shown(resp.Diagnostics); !strings.Contains(got, "for approval") || !strings.Contains(got, "gatehouse approval approve") {
			t.Errorf("%s: diagnostics = %s", kind, got)
		}
	}
}

// A share that waits, and then does not, is no difference that a plan would show.
func TestAccShareThatWaitsIsNoPerpetualDifference(t *testing.T) {
	a := startAcceptance(t)
	outside(t, a.client.Workspace(a.Workspace))
	config := a.config(`
resource "gatehouse_access_grant" "x" {
  resource  = "/press"
  principal = "email:ann@outside.example"
  level     = "view"
}

resource "gatehouse_guest" "x" {
  email    = "gus@outside.example"
  sponsor  = "admin@example.com"
  projects = ["/press"]
}
`)
	state := func(want string) resource.TestCheckFunc {
		return resource.ComposeTestCheckFunc(resource.TestCheckResourceAttr("gatehouse_access_grant.x", "state", want), resource.TestCheckResourceAttr("gatehouse_guest.x", "state", want))
	}
	run(t,
		resource.TestStep{Config: config, Check: state("pending_approval")},
		resource.TestStep{PreConfig: func() { approveAll(t, a.URL, a.AdminToken, a.Workspace) }, Config: config, Check: state("active")},
	)
}
