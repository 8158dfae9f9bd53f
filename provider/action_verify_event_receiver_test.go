package provider

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestTheActionTriesAReceiverOut(t *testing.T) {
	box := receivertest.New(t)
	inst := servertest.StartWith(t, servertest.Options{Push: box.Client(outbound.Options{})})
	c, err := client.New(client.Config{Endpoint: inst.URL, Token: inst.OwnerToken})
	if err != nil {
		t.Fatal(err)
	}
	s := configured(t, inst, inst.OwnerToken, nil)
	mail := map[string]tftypes.Value{"receiver": str("mail")}
	if _, diags := s.invokeAction(t, "verify_event_receiver", mail); !strings.Contains(shown(diags), "There is no event receiver") {
		t.Errorf("of none: %s", shown(diags))
	}
	if _, err := c.Workspace(inst.Workspace).Create(t.Context(), api.EventReceiverKind, client.Document{"name": "mail", "url": box.URL, "audience": "mail"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	progress, diags := s.invokeAction(t, "verify_event_receiver", mail)
	if fatal(t, diags); !strings.Contains(strings.Join(progress, "\n"), "mail accepted the verification event set_") {
		t.Errorf("it said %q", progress)
	}
	box.Answers(func(receivertest.Token) receivertest.Answer {
		return receivertest.Answer{Status: http.StatusUnauthorized}
	})
	_, diags = s.invokeAction(t, "verify_event_receiver", mail)
	if len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(shown(diags), "the receiver answers 401") {
		t.Errorf("refused: %s", shown(diags))
	}
}
