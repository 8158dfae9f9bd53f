package provider

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// pushTo sends one SCIM request to an instance.
func pushTo(t testing.TB, url, token, method, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url+"/scim/v2"+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// readData reads a data source.
func (s *session) readData(t testing.TB, name string, given map[string]tftypes.Value) (map[string]tftypes.Value, []*tfprotov6.Diagnostic) {
	t.Helper()
	schema := s.schemas.DataSourceSchemas["gatehouse_"+name]
	if schema == nil {
		t.Fatalf("there is no data source %s", name)
	}
	typ := schema.Block.ValueType()
	resp, err := s.ReadDataSource(context.Background(), &tfprotov6.ReadDataSourceRequest{TypeName: "gatehouse_" + name, Config: dynamic(t, block(typ, given))})
	if err != nil {
		t.Fatal(err)
	}
	if resp.State == nil {
		return nil, resp.Diagnostics
	}
	v, err := resp.State.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	return attributesOf(v), resp.Diagnostics
}

// listed is a list of objects that was read.
func listed(t testing.TB, v tftypes.Value) []map[string]tftypes.Value {
	t.Helper()
	var list []tftypes.Value
	if err := v.As(&list); err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]tftypes.Value, len(list))
	for i, e := range list {
		out[i] = attributesOf(e)
	}
	return out
}

func TestDataSourcesTellWhatWasPushed(t *testing.T) {
	inst, ws := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	if _, err := ws.Create(t.Context(), api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "main"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	secret, err := ws.Secret(t.Context(), api.SCIMTokenKind, "okta/main", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ path, body string }{{"/Users", `{"userName":"ann@example.com"}`}, {"/Groups", `{"displayName":"Designers"}`}, {"/Groups", `{"displayName":"Everybody","externalId":"g-1"}`}, {"/Users", `{"title":"x"}`}} {
		pushTo(t, inst.URL, secret.Secret, "POST", r.path, r.body)
	}
	if _, err := ws.Create(t.Context(), api.SCIMGroupMappingKind, client.Document{"connection_name": "okta", "group": "Designers", "workspace_role": "member"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	yes, no := tftypes.NewValue(tftypes.Bool, true), tftypes.NewValue(tftypes.Bool, false)
	got, diags := s.readData(t, "directory_groups", map[string]tftypes.Value{"mapped": no, "connection_name": str("okta")})
	fatal(t, diags)
	if groups := listed(t, got["groups"]); len(groups) != 1 || stringOf(groups[0]["display_name"]) != "Everybody" || stringOf(groups[0]["external_id"]) != "g-1" {
		t.Errorf("groups without a mapping: %v", got["groups"])
	}
	got, diags = s.readData(t, "provisioning_events", map[string]tftypes.Value{"outcome": str("failed")})
	fatal(t, diags)
	if events := listed(t, got["events"]); len(events) != 1 || stringOf(events[0]["outcome"]) != "failed" || stringOf(events[0]["detail"]) == "" {
		t.Errorf("failed events: %v", got["events"])
	}
	got, diags = s.readData(t, "provisioning_events", map[string]tftypes.Value{"waiting": yes, "limit": tftypes.NewValue(tftypes.Number, 5)})
	if fatal(t, diags); len(listed(t, got["events"])) != 0 {
		t.Errorf("waiting: %v", got["events"])
	}
	if _, diags := s.readData(t, "provisioning_events", map[string]tftypes.Value{"limit": tftypes.NewValue(tftypes.Number, 0)}); !strings.Contains(shown(diags), "out of range") {
		t.Errorf("limit 0: %s", shown(diags))
	}
	got, diags = s.readData(t, "provisioning_health", nil)
	fatal(t, diags)
	if all := listed(t, got["connections"]); len(all) != 1 || stringOf(all[0]["state"]) != "failing" || len(listed(t, all[0]["errors"])) != 1 {
		t.Errorf("health: %v", got["connections"])
	}
}

func TestActionsRotateTokensAndReplayEvents(t *testing.T) {
	inst, ws := seeded(t, 0)
	s := configured(t, inst, inst.OwnerToken, nil)
	if _, err := ws.Create(t.Context(), api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "main"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	number := func(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }
	rotation := func(n int64) map[string]tftypes.Value {
		return map[string]tftypes.Value{"token": str("okta/main"), "rotation": number(n)}
	}
	if diags := s.planAction(t, "rotate_scim_token", rotation(0)); len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError {
		t.Errorf("rotation 0: %s", shown(diags))
	}
	for n := int64(1); n <= 2; n++ {
		progress, diags := s.invokeAction(t, "rotate_scim_token", rotation(n))
		if fatal(t, diags); len(progress) != 1 || strings.Contains(progress[0], "ghs_") {
			t.Errorf("rotation %d: %q", n, progress)
		}
	}
	if _, diags := s.invokeAction(t, "rotate_scim_token", rotation(1)); !strings.Contains(shown(diags), "is over") {
		t.Errorf("an old rotation: %s", shown(diags))
	}
	secret, err := ws.Secret(t.Context(), api.SCIMTokenKind, "okta/main", 2)
	if err != nil {
		t.Fatal(err)
	}
	for want, body := range map[int]string{201: `{"userName":"ann@example.com"}`, 400: `{"title":"x"}`} {
		if got := pushTo(t, inst.URL, secret.Secret, "POST", "/Users", body); got != want {
			t.Fatalf("%s: %d, want %d", body, got, want)
		}
	}
	failed := ""
	if err := ws.ProvisioningEvents(t.Context(), map[string]string{"outcome": "failed"}, func(e client.ProvisioningEvent) bool {
		failed = e.ID
		return true
	}); err != nil {
		t.Fatal(err)
	}
	_, diags := s.invokeAction(t, "replay_provisioning_event", map[string]tftypes.Value{"event": str(failed)})
	if !strings.Contains(shown(diags), "failed again") {
		t.Errorf("what fails still: %s", shown(diags))
	}
	_, diags = s.invokeAction(t, "replay_provisioning_event", map[string]tftypes.Value{"event": str("pevt_none")})
	if !strings.Contains(shown(diags), "There is no provisioning event") {
		t.Errorf("no event: %s", shown(diags))
	}
}
