package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestDriftFindsWhatWasChangedByHandAndSaysWho(t *testing.T) {
	w := newWorld(t)
	// The admin that comes with the test's workspace was made by hand.
	w.declare("gatehouse_member.admin", api.MemberKind, client.Document{"email": "second@example.com", "workspace_role": "admin"})
	w.saveState()

	out, code := command(t, "drift", "--state", w.state, "--unmanaged", "none")
	if code != 0 || !strings.Contains(out, "In sync") {
		t.Fatalf("exit %d before any change:\n%s", code, out)
	}

	w.byHand(w.AdminToken, api.SharingPolicyKind, "", "public_links", "allowed")
	if _, err := w.client(w.AdminToken, "").Create(context.Background(), api.TeamMembershipKind, client.Document{"team": "design", "principal": "member@example.com", "role": "viewer"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client(w.OwnerToken, "").Delete(context.Background(), api.ProjectKind, "/campaigns", client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "drift.json")
	out, code = command(t, "drift", "--state", w.state, "--report", report)
	t.Log(out)
	if code != 2 {
		t.Fatalf("exit %d", code)
	}
	for _, want := range []string{
		`WIDENED  sharing_policy "acme"  public_links "disabled" → "allowed"  by admin@example.com via rest at `, `reason: campaign launch)`,
		`WIDENED  team_memberships "design"  members["member@example.com"] (none) → "viewer"  by admin@example.com via rest`,
		`MISSING  project "/campaigns"`, `by owner@example.com`,
		`UNMANAGED  member "admin@example.com"  workspace_role "admin", declared by no code`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if strings.Contains(out, "owner@example.com\"  workspace_role") {
		t.Error("the Owner is reported as undeclared")
	}
	if out, code := command(t, "drift", "--state", w.state, "--format", "github"); code != 2 || !strings.Contains(out, "::error title=Drift%3A widened") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	out, _ = command(t, "drift", "--state", w.state, "--format", "json")
	var sealed drift.Sealed
	if err := json.Unmarshal([]byte(out), &sealed); err != nil || sealed.Report == nil {
		t.Errorf("the JSON cannot be read: %v", err)
	}
}

func TestDriftNeverSaysInSyncOfWhatItMayNotSee(t *testing.T) {
	w := newWorld(t)
	t.Setenv("GATEHOUSE_TOKEN", w.MemberToken)
	out, code := command(t, "drift", "--state", w.state)
	if code != 1 || strings.Contains(out, "In sync") || !strings.Contains(out, "NOT LOOKED AT") {
		t.Errorf("a member's token: exit %d\n%s", code, out)
	}
	other := w.AddWorkspace("other")
	t.Setenv("GATEHOUSE_TOKEN", w.OwnerToken)
	t.Setenv("GATEHOUSE_WORKSPACE", "")
	out, code = command(t, "drift", "--state", w.state)
	if code != 1 || !strings.Contains(out, `workspace "acme" cannot be read with this token`) || strings.Contains(out, "MISSING") {
		t.Errorf("a token of another workspace (%s): exit %d\n%s", other.Workspace, code, out)
	}
	t.Setenv("GATEHOUSE_TOKEN", "ght_0000000000000000000000000000")
	if out, code := command(t, "drift", "--state", w.state); code != 1 {
		t.Errorf("an unknown token: exit %d\n%s", code, out)
	}
	empty := filepath.Join(t.TempDir(), "empty.tfstate")
	w.docs, w.state = map[string]client.Document{}, empty
	w.saveState()
	if out, code := command(t, "drift", "--state", empty); code != 1 || !strings.Contains(out, "was the configuration applied?") {
		t.Errorf("an empty state: exit %d\n%s", code, out)
	}
}

func TestDriftWritesNothing(t *testing.T) {
	w := newWorld(t)
	count := func() int {
		n := 0
		if err := w.client(w.OwnerToken, "").AuditEvents(context.Background(), nil, func(json.RawMessage) bool { n++; return true }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	command(t, "drift", "--state", w.state, "--unmanaged", "all")
	if after := count(); after != before {
		t.Errorf("%d events before, %d after", before, after)
	}
}
