package controlplane_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// connect declares a SCIM token of connection okta and gives out its secret.
func connect(t *testing.T, cp *controlplane.ControlPlane) string {
	t.Helper()
	_, owner := found(t, cp)
	made, err := cp.Service.Create(t.Context(), owner, api.SCIMTokenKind, []byte(`{"connection_name":"okta","name":"main"}`), object.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var secret string
	err = cp.Service.Do(t.Context(), owner, func(s *object.Scope) (err error) {
		secret, _, err = provisioning.RotateSCIMToken(t.Context(), s, made.Object.GetMeta().ID, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestMetricsTellHowConnectionsDo(t *testing.T) {
	address := freeAddress(t)
	cp := open(t, controlplane.Config{Data: t.TempDir(), Metrics: address}, nil)
	token := connect(t, cp)
	for body, want := range map[string]int{`{"userName":"nina@example.com"}`: 201, `{"title":"x"}`: 400} {
		if status, answer := ask(t, cp, "POST", "/scim/v2/Users", token, body); status != want {
			t.Fatalf("%d %s", status, answer)
		}
	}
	ask(t, cp, "POST", "/scim/v2/Users", "stranger", `{}`)
	text := get(t, "http://"+address+"/metrics")
	for _, want := range []string{
		`gatehouse_scim_requests_total{connection="okta",method="POST",resource="User",status="201",workspace="acme"} 1`,
		`gatehouse_scim_requests_total{connection="okta",method="POST",resource="User",status="400",workspace="acme"} 1`,
		`gatehouse_scim_last_success_timestamp_seconds{connection="okta",workspace="acme"}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if strings.Contains(text, token) || strings.Contains(text, "stranger") {
		t.Error("the metrics name a token")
	}
}

// Each token has a rate of its own, and is told when to come again.
func TestOneTokenCannotTakeTheDoorFromOthers(t *testing.T) {
	cp := open(t, controlplane.Config{Data: t.TempDir(), RequestsPerSecond: 0.001}, nil)
	token := connect(t, cp)
	limited := 0
	for range 5 {
		res := count(t, cp, token)
		if res.StatusCode == http.StatusTooManyRequests {
			limited++
			if res.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	if limited != 4 {
		t.Errorf("%d of 5 requests were told to wait; one in a thousand seconds is allowed", limited)
	}
}

// Whoever tries tokens is told to wait, also at this door; the identity provider behind
// the same address is served.
func TestGuessingAtTheSCIMDoorIsSlowedDown(t *testing.T) {
	cp := open(t, controlplane.Config{Data: t.TempDir()}, nil)
	token := connect(t, cp)
	if res := count(t, cp, token); res.StatusCode != http.StatusOK {
		t.Fatalf("the token answers %s", res.Status)
	}
	var last *http.Response
	refused := 0
	for n := range 100 {
		last = count(t, cp, fmt.Sprintf("ghs_0123456789abcdefghijklmnopqr%04d", n))
		if last.StatusCode == http.StatusUnauthorized {
			refused++
		}
	}
	if last.StatusCode != http.StatusTooManyRequests || refused < 40 || last.Header.Get("Retry-After") == "" || last.Header.Get("Content-Type") != "application/scim+json" {
		t.Errorf("after %d answers of 401 the last is %s with Retry-After %q and %s", refused, last.Status, last.Header.Get("Retry-After"), last.Header.Get("Content-Type"))
	}
	if res := count(t, cp, token); res.StatusCode != http.StatusOK {
		t.Errorf("the good token from the same address answers %s", res.Status)
	}
}

// count asks how many users there are.
func count(t *testing.T, cp *controlplane.ControlPlane, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cp.BaseURL+"/scim/v2/Users?count=0", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, _ := servertest.Do(t, req)
	return res
}
