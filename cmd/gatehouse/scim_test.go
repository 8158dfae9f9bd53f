package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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
	out, code := command(t, "scim", "play", file, "--url", w.URL+"/scim/v2")
	if code != 0 || !strings.Contains(out, "Nina leaves") {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	out, code = command(t, "scim", "events")
	if code != 0 || !strings.Contains(out, "join") || !strings.Contains(out, "leave") || !strings.Contains(out, "applied") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	out, _ = command(t, "check", "GH-LC-01", "GH-LC-02", "GH-LC-03", "GH-LC-07", "GH-LC-08", "GH-LC-09", "--format", "json", "--state", w.state)
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
	if out, code := command(t, "scim", "play", wrong, "--url", w.URL+"/scim/v2"); code != 2 {
		t.Errorf("an answer that is not as recorded: exit %d:\n%s", code, out)
	}
	if out, code := command(t, "scim", "events", "--outcome", "lost"); code != 1 || !strings.Contains(out, "quarantined") {
		t.Errorf("an outcome that does not exist: exit %d:\n%s", code, out)
	}
}

// push sends a request as the identity provider would and answers its status and body.
func (w *world) push(token, method, path, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// pushUser joins somebody and answers the id.
func (w *world) pushUser(token, email string) string {
	w.t.Helper()
	status, body := w.push(token, "POST", "/Users", fmt.Sprintf(`{"userName":%q}`, email))
	var u struct{ ID string }
	if err := json.Unmarshal([]byte(body), &u); err != nil || status != http.StatusCreated {
		w.t.Fatalf("%s: %d, %v: %s", email, status, err, body)
	}
	return u.ID
}

// quarantined runs the command and answers the events by target.
func quarantined(t *testing.T) map[string]pushed {
	t.Helper()
	out, code := command(t, "scim", "quarantine", "--json")
	var events []pushed
	if err := json.Unmarshal([]byte(out), &events); code != 0 || err != nil {
		t.Fatalf("exit %d, %v:\n%s", code, err, out)
	}
	byTarget := map[string]pushed{}
	for _, e := range events {
		if _, twice := byTarget[e.Target]; twice {
			t.Errorf("the change of %s is listed twice", e.Target)
		}
		byTarget[e.Target] = e
	}
	return byTarget
}

// X15: a removal in bulk is held, a human lets it pass, and the identity provider's
// next attempt is applied.
func TestAHeldRemovalPassesAfterItsRelease(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	var ids []string
	for n := range 12 {
		ids = append(ids, w.pushUser(token, fmt.Sprintf("p%d@example.com", n)))
	}
	remove := func(id string) (int, string) { return w.push(token, "DELETE", "/Users/"+id, "") }
	for _, id := range ids[:3] { // a quarter of twelve
		if status, body := remove(id); status != http.StatusNoContent {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	if out, code := command(t, "scim", "quarantine"); code != 0 || !strings.Contains(out, "Nothing waits") {
		t.Errorf("before: exit %d:\n%s", code, out)
	}
	for range 2 { // identity providers try again
		status, body := remove(ids[3])
		if status != http.StatusForbidden || !strings.Contains(body, "gatehouse scim release pevt_") {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	held, ok := quarantined(t)[ids[3]]
	if !ok || len(held.Affected) != 1 || held.Affected[0].Email != "p3@example.com" || !strings.Contains(held.Detail, held.ID) {
		t.Fatalf("held = %+v", held)
	}
	if out, _ := command(t, "scim", "quarantine"); !strings.Contains(out, held.ID) || !strings.Contains(out, "p3@example.com") {
		t.Errorf("the list does not say what is held, and who would lose access:\n%s", out)
	}
	if out, code := command(t, "scim", "release", held.ID, "pevt_none"); code != 1 || !strings.Contains(out, held.ID+": this leave") || !strings.Contains(out, "pevt_none is not released") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if got := quarantined(t); len(got) != 0 {
		t.Errorf("still waiting after the release: %v", got)
	}
	if status, body := remove(ids[3]); status != http.StatusNoContent {
		t.Errorf("after the release: status %d: %s", status, body)
	}
	if status, _ := remove(ids[4]); status != http.StatusForbidden {
		t.Errorf("the release of one let another pass: status %d", status)
	}
}

func TestAHeldGroupChangeNamesWhoWouldLoseAccess(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	w.declare("gatehouse_team.brand", api.TeamKind, client.Document{"slug": "brand", "name": "Brand"})
	w.declare("gatehouse_scim_group_mapping.designers", api.SCIMGroupMappingKind, client.Document{"connection_name": "okta", "group": "Designers", "team": "brand", "team_role": "viewer"})
	var members []string
	for n := range 12 {
		members = append(members, fmt.Sprintf(`{"value":%q}`, w.pushUser(token, fmt.Sprintf("p%d@example.com", n))))
	}
	status, body := w.push(token, "POST", "/Groups", `{"displayName":"Designers","members":[`+strings.Join(members, ",")+`]}`)
	var group struct{ ID string }
	if err := json.Unmarshal([]byte(body), &group); err != nil || status != http.StatusCreated {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	shrink := `{"Operations":[{"op":"replace","path":"members","value":[` + strings.Join(members[:6], ",") + `]}]}`
	if status, body = w.push(token, "PATCH", "/Groups/"+group.ID, shrink); status != http.StatusForbidden || !strings.Contains(body, "gatehouse scim release") {
		t.Fatalf("status %d: %s", status, body)
	}
	held := quarantined(t)[group.ID]
	if len(held.Affected) != 6 {
		t.Errorf("affected = %v", held.Affected)
	}
	if out, code := command(t, "scim", "release", held.ID); code != 0 || !strings.Contains(out, "and 1 more") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if status, body = w.push(token, "PATCH", "/Groups/"+group.ID, shrink); status != http.StatusNoContent {
		t.Errorf("after the release: status %d: %s", status, body)
	}
}

// X02, X03: what protects people is not a matter of release, and the answers say so.
func TestReleaseOfProtectedPeopleSaysWhyItDoesNotHelp(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	w.declare("gatehouse_sso_connection.okta", api.SSOConnectionKind, client.Document{"name": "okta", "protocol": "oidc", "domains": []string{"example.com"},
		"oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "gatehouse"}})
	w.declare("gatehouse_login_policy.this", api.LoginPolicyKind, client.Document{"exempt_principals": []string{"ann@example.com"}})
	for email, instead := range map[string]string{"owner@example.com": "gatehouse_workspace_owner", "ann@example.com": "exempt_principals"} {
		id := w.pushUser(token, email)
		status, body := w.push(token, "DELETE", "/Users/"+id, "")
		if status != http.StatusForbidden || !strings.Contains(body, "Releasing the event does not help") || !strings.Contains(body, instead) {
			t.Errorf("%s: status %d: %s", email, status, body)
		}
		held := quarantined(t)[id]
		out, code := command(t, "scim", "release", held.ID)
		if code != 1 || !strings.Contains(out, "does not help") || !strings.Contains(out, instead) {
			t.Errorf("%s: exit %d:\n%s", email, code, out)
		}
		if _, waits := quarantined(t)[id]; !waits {
			t.Errorf("%s: the refused release left something behind", email)
		}
		if status, body := w.push(token, "DELETE", "/Users/"+id, ""); status != http.StatusForbidden {
			t.Errorf("%s: status %d: %s", email, status, body)
		}
	}
	if r := checked(t, "GH-LC-09"); r.Status != assurance.Pass || !strings.Contains(r.Summary, "of 0 changes") {
		t.Errorf("protected people count as trips of the breaker: %s: %s", r.Status, r.Summary)
	}
}

// checked runs one check.
func checked(t *testing.T, id string) assurance.Result {
	t.Helper()
	out, _ := command(t, "check", id, "--format", "json")
	var r assurance.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, res := range r.Results {
		if res.ID == id {
			return res
		}
	}
	t.Fatalf("no result of %s:\n%s", id, out)
	return assurance.Result{}
}

// GH-LC-09: the check follows the policy as it is applied, and what it held.
func TestALooseBreakerFailsItsCheck(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	for _, tt := range []struct {
		ratio string
		want  assurance.Status
	}{{"0.25", assurance.Pass}, {"0.3", assurance.Fail}, {"1", assurance.Fail}, {"0", assurance.Pass}} {
		doc := client.Document{"connection_name": "okta", "max_removal_ratio": tt.ratio}
		if _, err := w.client(w.OwnerToken, stackName).Put(context.Background(), api.ProvisioningPolicyKind, "okta", doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if r := checked(t, "GH-LC-09"); r.Status != tt.want {
			t.Errorf("max_removal_ratio %s: %s %v, want %s", tt.ratio, r.Status, r.Findings, tt.want)
		}
	}
	var ids []string
	for n := range 12 {
		ids = append(ids, w.pushUser(token, fmt.Sprintf("p%d@example.com", n)))
	}
	for n, want := range []int{http.StatusNoContent, http.StatusForbidden} { // the ratio is 0
		if status, body := w.push(token, "DELETE", "/Users/"+ids[n], ""); status != want {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	if r := checked(t, "GH-LC-09"); r.Status != assurance.Pass || !strings.Contains(r.Summary, "of 1 change that it held, 1 wait") {
		t.Errorf("%s: %s", r.Status, r.Summary)
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
