package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

const stream = `title: one joiner who leaves
source: RFC 7644
date: 2026-03-02

-- Nina joins --
POST /Users
{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"nina@example.com","externalId":"n-1","active":true,"emails":[{"value":"nina@example.com","type":"work","primary":true}]}
-> 201
/active = true
/id => nina

-- Nina leaves --
PATCH /Users/${nina}
{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}
-> 200
/active = false
`

func (w *world) scimToken(connection string) string {
	w.t.Helper()
	at := w.client(w.OwnerToken, stackName)
	token, err := at.Create(context.Background(), api.SCIMTokenKind, client.Document{"connection_name": connection, "name": "main"}, client.WriteOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	secret, err := at.Secret(context.Background(), api.SCIMTokenKind, token.ID(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.Secret
}

func TestAReplayedLeaverIsSeenByEventsAndChecks(t *testing.T) {
	w := newWorld(t)
	folder := t.TempDir()
	t.Setenv("GATEHOUSE_SCIM_TOKEN", w.scimToken("okta"))
	file := filepath.Join(folder, "stream.scim")
	if err := os.WriteFile(file, []byte(stream), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "scim", "replay", file, "--url", w.URL+"/scim/v2")
	if code != 0 || !strings.Contains(out, "Nina leaves") {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	out, code = command(t, "scim", "events")
	if code != 0 || !strings.Contains(out, "join") || !strings.Contains(out, "leave") || !strings.Contains(out, "applied") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	out, _ = command(t, "check", "GH-LC-01", "GH-LC-02", "GH-LC-03", "GH-LC-07", "GH-LC-08", "--format", "json", "--state", w.state)
	var r assurance.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, res := range r.Results {
		if !res.Selected || res.ID == "GH-LC-02" { // the fixture's people are made by hand
			continue
		}
		if res.Status != assurance.Pass {
			t.Errorf("%s is %s: %s %v", res.ID, res.Status, res.Summary, res.Findings)
		}
	}

	wrong := filepath.Join(folder, "wrong.scim")
	if err := os.WriteFile(wrong, []byte(strings.Replace(stream, "-> 201", "-> 200", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "scim", "replay", wrong, "--url", w.URL+"/scim/v2"); code != 2 {
		t.Errorf("an answer that is not as recorded: exit %d:\n%s", code, out)
	}
	if out, code := command(t, "scim", "events", "--outcome", "lost"); code != 1 || !strings.Contains(out, "quarantined") {
		t.Errorf("an outcome that does not exist: exit %d:\n%s", code, out)
	}
}

func TestSCIMTokensAreNotSentInTheClear(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://gatehouse.example.com/scim/v2": true,
		"http://127.0.0.1:8460/scim/v2":         true,
		"http://localhost:1/scim/v2":            true,
		"http://gatehouse.example.com/scim/v2":  false,
		"gatehouse":                             false,
	} {
		if err := checkSCIMURL(base); (err == nil) != ok {
			t.Errorf("%s: %v", base, err)
		}
	}
}
