package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// failedEvent is the newest event of an outcome, as the command lists it.
func failedEvent(t *testing.T, outcome string) string {
	t.Helper()
	out, code := command(t, "scim", "events", "--outcome", outcome, "--limit", "1", "--json")
	var events []pushed
	if err := json.Unmarshal([]byte(out), &events); err != nil || code != 0 || len(events) != 1 {
		t.Fatalf("exit %d, %v:\n%s", code, err, out)
	}
	return events[0].ID
}

func TestAFailedEventIsReplayedOnce(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	first := w.pushUser(token, "nina@example.com")
	if status, _ := w.push(token, "POST", "/Users", `{"userName":"nina@example.com","displayName":"Second"}`); status != http.StatusConflict {
		t.Fatalf("status %d", status)
	}
	id := failedEvent(t, "failed")
	if out, code := command(t, "scim", "replay", id); code != 2 || !strings.Contains(out, "failed again with 409") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if status, body := w.push(token, "PATCH", "/Users/"+first, `{"Operations":[{"op":"replace","path":"userName","value":"other@example.com"}]}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if out, code := command(t, "scim", "replay", id); code != 0 || !strings.Contains(out, id+": done (201), as pevt_") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, "scim", "replay", id); code != 0 || !strings.Contains(out, "done before") {
		t.Errorf("twice: exit %d:\n%s", code, out)
	}
	if out, code := command(t, "scim", "replay", "stream.scim"); code != 1 || !strings.Contains(out, "scim play") {
		t.Errorf("a file: exit %d:\n%s", code, out)
	}
}

func TestAHeldChangeIsRejected(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	id := w.pushUser(token, "nina@example.com")
	w.declare("gatehouse_provisioning_policy.okta", api.ProvisioningPolicyKind, client.Document{"connection_name": "okta", "email_change": "hold"})
	rename := func() int {
		status, _ := w.push(token, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"other@example.com"}]}`)
		return status
	}
	if status := rename(); status != http.StatusForbidden {
		t.Fatalf("status %d", status)
	}
	event := quarantined(t)[id].ID
	if out, code := command(t, "scim", "reject", event, "pevt_none"); code != 1 || !strings.Contains(out, event+": this rename") || !strings.Contains(out, "pevt_none") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if status := rename(); status != http.StatusForbidden || len(quarantined(t)) != 0 {
		t.Errorf("asked about again, or made: %d", status)
	}
}

func TestASimulatedDeltaSaysWhoGainsAndLoses(t *testing.T) {
	w := newWorld(t)
	token := w.scimToken("okta")
	id := w.pushUser(token, "nina@example.com")
	file := filepath.Join(t.TempDir(), "delta.jsonl")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# next Monday\n" + `{"method":"post","path":"/Users","body":{"userName":"omar@example.com"},"as":"omar"}` + "\n\n" +
		`{"method":"PUT","path":"/Users/${omar}","body":{"userName":"omar@example.com","title":"T"}}` + "\n" + fmt.Sprintf(`{"method":"DELETE","path":"/Users/%s"}`, id) + "\n")
	out, code := command(t, "scim", "simulate", file, "--connection", "okta")
	if code != 0 || !strings.Contains(out, "+ omar@example.com: member as member") || !strings.Contains(out, "- nina@example.com: member as member") || !strings.Contains(out, "1 gained, 1 lost, 0 held, 0 refused") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if status, body := w.push(token, "GET", "/Users/"+id, ""); status != http.StatusOK || !strings.Contains(body, `"active":true`) {
		t.Errorf("the simulation was kept: %d %s", status, body)
	}
	write(`{"method":"DELETE","path":"/Users/nobody"}`)
	if out, code := command(t, "scim", "simulate", file, "--connection", "okta", "--json"); code != 2 || !strings.Contains(out, `"failed"`) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	for _, bad := range []string{"", "nonsense", `{"method":"DELETE"}`, `{"method":"DELETE","path":"/x","colour":1}`} {
		write(bad)
		if out, code := command(t, "scim", "simulate", file, "--connection", "okta"); code != 1 {
			t.Errorf("%q: exit %d:\n%s", bad, code, out)
		}
	}
}

func TestHealthNamesTheConnectionThatFails(t *testing.T) {
	w := newWorld(t)
	if out, code := command(t, "scim", "health"); code != 0 || !strings.Contains(out, "no provisioning connection") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	token := w.scimToken("okta")
	w.pushUser(token, "nina@example.com")
	if out, code := command(t, "scim", "health"); code != 0 || !strings.Contains(out, "healthy") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	w.push(token, "POST", "/Users", `{"userName":"nina@example.com"}`)
	if out, code := command(t, "scim", "health"); code != 2 || !strings.Contains(out, "failing") || !strings.Contains(out, "1×409") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestARotatedTokenIsWrittenForItsOwnerAlone(t *testing.T) {
	w := newWorld(t)
	w.scimToken("okta")
	file := filepath.Join(t.TempDir(), "okta.token")
	out, code := command(t, "scim", "rotate", "okta/main", "--rotation", "2", "--token-file", file)
	info, err := os.Stat(file)
	if code != 0 || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("exit %d, %v:\n%s", code, err, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil || strings.Contains(out, strings.TrimSpace(string(raw))) {
		t.Errorf("%v, or the token was printed:\n%s", err, out)
	}
	if status, _ := w.push(strings.TrimSpace(string(raw)), "GET", "/Users", ""); status != http.StatusOK {
		t.Errorf("the new token answers %d", status)
	}
}
