package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/replay"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/scimtest"
)

// startBridge runs a SCIM door apart from the control plane.
func startBridge(t *testing.T, endpoint string) *scimBridge {
	t.Helper()
	return startBridgeBehind(t, endpoint, nil)
}

// runBridge runs one as the configuration says.
func runBridge(t *testing.T, c bridgeConfig) *scimBridge {
	t.Helper()
	b, err := openBridge(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

// onEachEngine starts a control plane on each engine that the machine has.
func onEachEngine(t *testing.T, test func(t *testing.T, i *servertest.Instance)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			database := ""
			if dialect == store.Postgres {
				database = objecttest.DSN(t, dialect)
			}
			test(t, servertest.StartOn(t, database))
		})
	}
}

// connectionToken is a SCIM token of a connection of the instance's workspace.
func connectionToken(t *testing.T, i *servertest.Instance, connection string) string {
	t.Helper()
	owner := &object.Caller{WorkspaceID: i.WorkspaceID, WorkspaceSlug: i.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	made, err := i.Service.Create(t.Context(), owner, api.SCIMTokenKind, objecttest.JSON(t, map[string]any{"connection_name": connection, "name": "main"}), object.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var secret string
	err = i.Service.Do(t.Context(), owner, func(s *object.Scope) (err error) {
		secret, _, err = provisioning.RotateSCIMToken(t.Context(), s, made.Object.GetMeta().ID, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// populate provisions people, so that the few whom a test ends are no bulk removal.
func populate(t *testing.T, base, token string, n int) {
	t.Helper()
	for i := range n {
		if status, body := push(t, base, token, "POST", "/Users", fmt.Sprintf(`{"userName":"crowd-%d@example.com"}`, i)); status != http.StatusCreated {
			t.Fatalf("populating: %d %s", status, body)
		}
	}
}

// push sends one SCIM request.
func push(t *testing.T, base, token, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	res, raw := servertest.Do(t, req)
	return res.StatusCode, string(raw)
}

// The door apart from the control plane passes what the door inside of it passes, on
// both engines.
func TestTheBridgePassesTheConformanceSuite(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			scimtest.Run(t, func(t *testing.T) scimtest.Fixture {
				database := ""
				if dialect == store.Postgres {
					database = objecttest.DSN(t, dialect)
				}
				i := servertest.StartOn(t, database)
				b := startBridge(t, i.URL)
				f := scimtest.Fixture{BaseURL: b.URL, Token: connectionToken(t, i, "okta"), Other: connectionToken(t, i, "entra")}
				populate(t, f.BaseURL, f.Token, 60)
				i.AddWorkspace("globex")
				f.Stranger = connectionToken(t, i, "okta")
				return f
			})
		})
	}
}

// TestRecordedStreamsPlayThroughTheBridge: the conversations of identity providers go as
// recorded, and leave the same events.
func TestRecordedStreamsPlayThroughTheBridge(t *testing.T) {
	files, err := filepath.Glob("../../examples/scim/*/*.scim")
	if err != nil || len(files) == 0 {
		t.Fatalf("no streams: %v", err)
	}
	idps := map[string][]string{}
	for _, f := range files {
		idp := filepath.Base(filepath.Dir(f))
		idps[idp] = append(idps[idp], f)
	}
	onEachEngine(t, func(t *testing.T, i *servertest.Instance) {
		inside := i.URL + "/scim/v2"
		apart := startBridge(t, i.URL).URL
		for idp, files := range idps {
			left := map[string][]string{}
			for mount, base := range map[string]string{"inside": inside, "apart": apart} {
				i.AddWorkspace(idp + "-" + mount)
				token := connectionToken(t, i, "okta")
				for _, file := range files {
					raw, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					s, err := replay.Parse(raw)
					if err != nil {
						t.Fatal(err)
					}
					var out strings.Builder
					if err := s.Play(t.Context(), base, token, &out); err != nil {
						t.Fatalf("%s %s: %v\n%s", mount, file, err, out.String())
					}
				}
				left[mount] = eventsOf(t, i)
			}
			if diff := cmp.Diff(left["inside"], left["apart"]); diff != "" || len(left["inside"]) == 0 {
				t.Errorf("%s: the doors leave different events (- inside, + apart):\n%s", idp, diff)
			}
		}
	})
}

// eventsOf tells what the log of provisioning events says, without ids.
func eventsOf(t *testing.T, i *servertest.Instance) []string {
	t.Helper()
	owner := &object.Caller{WorkspaceID: i.WorkspaceID, WorkspaceSlug: i.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	var out []string
	err := i.Service.View(t.Context(), owner, func(s *object.Scope) error {
		page, err := provisioning.Events(t.Context(), s, provisioning.EventFilter{Limit: 500})
		for _, e := range page.Items {
			detail := e.Detail
			if e.Outcome == provisioning.OutcomeFailed {
				detail = "" // may name ids
			}
			out = append(out, fmt.Sprintf("%s %s %s %d %v %s", e.Operation, e.Resource, e.Outcome, e.Status, len(e.Request) > 0, detail))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A token that was revoked, or belongs to somebody who is no connection, opens nothing.
func TestTheBridgeDeniesRevokedAndForeignTokensAtOnce(t *testing.T) {
	i := servertest.Start(t)
	b := startBridge(t, i.URL)
	token := connectionToken(t, i, "okta")
	if status, _ := push(t, b.URL, token, "GET", "/Users", ""); status != http.StatusOK {
		t.Fatalf("a good token: %d", status)
	}
	owner := &object.Caller{WorkspaceID: i.WorkspaceID, WorkspaceSlug: i.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	if err := i.Service.Delete(t.Context(), owner, api.SCIMTokenKind, "okta/main", object.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{token, i.OwnerToken, i.OperatorToken, "nonsense", "line\tbreak"} {
		for _, path := range []string{"/Users", "/Users/x", "/Groups?count=1"} {
			if status, body := push(t, b.URL, bad, "GET", path, ""); status != http.StatusUnauthorized || !strings.Contains(body, "urn:ietf:params:scim:api:messages:2.0:Error") {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
}

// A control plane that cannot be reached is 503 with Retry-After, so that identity
// providers come again.
func TestTheBridgeSaysWhenTheControlPlaneIsAway(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	b := startBridge(t, away.URL)
	status, body := push(t, b.URL, "ghs_whatever", "POST", "/Users", `{"userName":"ann@example.com"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"status":"503"`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestTheBridgeServesPlainHTTPOnLoopbackOnly(t *testing.T) {
	for what, c := range map[string]bridgeConfig{
		"--tls-cert":   {api: "https://gatehouse.example.com", address: "0.0.0.0:0", path: "/scim/v2"},
		"in the clear": {api: "http://gatehouse.example.com", address: "127.0.0.1:0", path: "/scim/v2"},
		"--path":       {api: "https://gatehouse.example.com", address: "127.0.0.1:0", path: "scim"},
	} {
		c.log = slog.New(slog.DiscardHandler)
		if _, err := openBridge(t.Context(), c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}
