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

func TestEvidenceIsWrittenFromARunningControlPlaneAndVerifies(t *testing.T) {
	w := newWorld(t)
	w.byHand(w.AdminToken, api.SharingPolicyKind, "", "public_links", "allowed")
	folder := filepath.Join(t.TempDir(), "evidence")
	out, code := command(t, "evidence", "write", folder, "--state", w.state, "--canary")
	t.Log(out)
	if code != 2 {
		t.Fatalf("exit %d", code)
	}
	raw, err := os.ReadFile(filepath.Join(folder, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r assurance.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	got := map[string]assurance.Result{}
	for _, res := range r.Results {
		got[res.ID] = res
	}
	for id, want := range map[string]assurance.Status{
		"GH-ID-02": assurance.Fail, "GH-ID-04": assurance.NotApplicable, "GH-ID-07": assurance.Pass, "GH-ID-08": assurance.Pass,
		"GH-LC-01": assurance.NotApplicable, "GH-LC-02": assurance.Fail, "GH-LC-03": assurance.NotApplicable, "GH-LC-07": assurance.NotApplicable,
		"GH-AU-01": assurance.Pass, "GH-AU-04": assurance.Pass, "GH-AU-06": assurance.Pass, "GH-AU-08": assurance.NotApplicable,
		"GH-AZ-01": assurance.Fail, "GH-AZ-06": assurance.Pass, "GH-AL-02": assurance.Pass, "GH-AL-03": assurance.Pass,
		"GH-CM-01": assurance.Fail, "GH-CM-03": assurance.Fail, "GH-DP-05": assurance.Pass,
	} {
		if got[id].Status != want {
			t.Errorf("%s is %s, want %s: %s %v", id, got[id].Status, want, got[id].Summary, got[id].Findings)
		}
		if got[id].Measured == nil || got[id].Measured.Collector != "member:owner@example.com" || got[id].Measured.Server == "" {
			t.Errorf("%s does not say what it was measured on: %+v", id, got[id].Measured)
		}
	}
	if n := len(r.Results); n != 69 {
		t.Errorf("%d results; every question of the catalogue is answered", n)
	}
	out, code = command(t, "evidence", "verify", folder, "--log-key", w.Key.Public)
	t.Log(out)
	if code != 0 || !strings.Contains(out, "holds") {
		t.Errorf("exit %d", code)
	}
	page, err := os.ReadFile(filepath.Join(folder, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(string(page)), "compliant") {
		t.Error("the page calls something compliant")
	}
	for _, file := range []string{"results.json", "snapshot/objects/api_token.json", "snapshot/audit_events.json", "report.html"} {
		raw, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "ght_") || strings.Contains(string(raw), w.OwnerToken) {
			t.Errorf("%s holds a secret", file)
		}
	}
	if _, code := command(t, "evidence", "write", folder, "--state", w.state); code != 1 {
		t.Error("evidence was written over evidence")
	}
}

func TestTheCanaryLeavesNoCredentialBehind(t *testing.T) {
	w := newWorld(t)
	for range 2 { // the second run finds the suspended account of the first
		out, code := command(t, "check", "GH-AZ-06", "--canary", "--state", w.state)
		if code != 0 || !strings.Contains(out, "refused on the request after its revocation") {
			t.Fatalf("exit %d:\n%s", code, out)
		}
	}
	at := w.client(w.OwnerToken, "")
	tokens, err := at.List(context.Background(), api.APITokenKind, nil)
	if err != nil || len(tokens) != 0 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	accounts, err := at.List(context.Background(), api.ServiceAccountKind, nil)
	if err != nil || len(accounts) != 1 || accounts[0]["active"] != false {
		t.Errorf("accounts %v, %v", accounts, err)
	}
	if out, code := command(t, "check", "GH-AZ-06", "--state", w.state); code != 1 || !strings.Contains(out, "not assessed") {
		t.Errorf("without a canary: exit %d:\n%s", code, out)
	}
}

func TestChecksOfWhatMayNotBeReadAreNotAssessed(t *testing.T) {
	w := newWorld(t)
	t.Setenv("GATEHOUSE_TOKEN", w.MemberToken)
	out, code := command(t, "check", "GH-AL-03", "GH-LC-02", "GH-ID-02", "GH-AU-08", "--state", w.state)
	if code != 1 || strings.Contains(out, "pass ") || strings.Count(out, "not assessed") < 4 {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestEndedAccessIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	soon := w.client(w.OwnerToken, stackName)
	if _, err := soon.Create(ctx, api.AccessGrantKind, client.Document{"resource": "/campaigns", "principal": "member:ann@example.com", "level": "manage", "expires_at": nextSecond()}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	untilNextSecond()
	out, code := command(t, "check", "GH-AZ-05", "--format", "json", "--state", w.state)
	var r assurance.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("exit %d, %v:\n%s", code, err, out)
	}
	for _, res := range r.Results {
		if res.ID == "GH-AZ-05" && (res.Status != assurance.Pass || !strings.HasPrefix(res.Summary, "1 ended")) {
			t.Errorf("%s: %s", res.Status, res.Summary)
		}
	}
}
