package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestTheActionSendsAnInvitationAgain(t *testing.T) {
	inst, ws := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	nora := map[string]tftypes.Value{"email": str("Nora@example.com")}
	if _, diags := s.invokeAction(t, "resend_invitation", nora); len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError {
		t.Errorf("of nobody: %s", shown(diags))
	}
	if _, err := ws.Create(t.Context(), api.InvitationKind, client.Document{"email": "nora@example.com"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if diags := s.planAction(t, "resend_invitation", nora); len(diags) != 0 {
		t.Errorf("the plan says %s", shown(diags))
	}
	progress, diags := s.invokeAction(t, "resend_invitation", nora)
	if fatal(t, diags); !strings.Contains(strings.Join(progress, "\n"), "Sent to nora@example.com") {
		t.Errorf("it said %q", progress)
	}
	for range 5 {
		_, diags = s.invokeAction(t, "resend_invitation", nora)
	}
	if text := shown(diags); !strings.Contains(text, "tomorrow") {
		t.Errorf("after many: %s", text)
	}
}
