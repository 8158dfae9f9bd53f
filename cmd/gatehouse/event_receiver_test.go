package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestReceiversAreTriedOutFromTheCommandLine(t *testing.T) {
	box := receivertest.New(t)
	i := servertest.StartWith(t, servertest.Options{Push: box.Client(outbound.Options{})})
	t.Setenv("GATEHOUSE_ENDPOINT", i.URL)
	t.Setenv("GATEHOUSE_TOKEN", i.OwnerToken)
	t.Setenv("GATEHOUSE_WORKSPACE", i.Workspace)
	if out, code := command(t, "event-receiver", "rotate-keys"); code != 0 || !strings.Contains(out, "There is no key yet") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	w := &world{Instance: i, t: t, docs: map[string]client.Document{}}
	w.declare("gatehouse_event_receiver.mail", api.EventReceiverKind, client.Document{"name": "mail", "url": box.URL, "audience": "mail"})
	if out, code := command(t, "event-receiver", "verify", "mail"); code != 0 || !strings.Contains(out, "mail accepted the verification event set_") || !strings.Contains(out, "(202)") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	box.Answers(func(receivertest.Token) receivertest.Answer {
		return receivertest.Answer{Status: http.StatusBadRequest, Body: `{"err":"invalid_audience","description":"not me"}`}
	})
	for _, args := range [][]string{{"event-receiver", "verify", "mail"}, {"event-receiver", "verify", "mail", "--json"}} {
		if out, code := command(t, args...); code != 2 || !strings.Contains(out, "the receiver answers 400: invalid_audience not me") {
			t.Errorf("%v: exit %d:\n%s", args, code, out)
		}
	}
	out, code := command(t, "event-receiver", "deliveries", "mail", "--state", "failed")
	if code != 0 || strings.Count(out, "verification") != 2 || !strings.Contains(out, "idle, 0 waiting, last success 2") || !strings.Contains(out, "invalid_audience") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, "event-receiver", "deliveries", "mail", "--json"); code != 0 || strings.Count(out, `"event": "verification"`) != 3 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, "event-receiver", "rotate-keys"); code != 0 || strings.Count(out, "RS256") != 2 || !strings.Contains(out, "the next rotation") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, "event-receiver", "rotate-keys", "--at-once", "--json"); code != 0 || strings.Count(out, `"RS256"`) != 1 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, "event-receiver", "deliveries", "none"); code != 1 {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
