package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestPeopleAreErasedAndExportedOnTheCommandLine(t *testing.T) {
	w := newWorld(t)
	at := w.client(w.OwnerToken, "")
	if _, err := at.Create(t.Context(), api.MemberKind, client.Document{"email": "petra@example.com", "display_name": "Petra Quill"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "person", "erase", "petra@example.com"); code != 1 || !strings.Contains(out, "leaves first") {
		t.Errorf("an active member: exit %d\n%s", code, out)
	}
	suspended := client.Document{"email": "petra@example.com", "display_name": "Petra Quill", "active": false}
	w.declare("gatehouse_team_membership.petra", api.TeamMembershipKind, client.Document{"team": "design", "principal": "petra@example.com", "role": "editor"})
	if _, err := at.Put(t.Context(), api.MemberKind, "petra@example.com", suspended, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	// What ends with the person is said as well.
	if out, code := command(t, "person", "erase", "petra@example.com", "--dry-run"); code != 0 || !strings.Contains(out, "team memberships") {
		t.Errorf("a member who is suspended in a team: exit %d\n%s", code, out)
	}
	if _, err := at.Delete(t.Context(), api.MemberKind, "petra@example.com", client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "person", "export", "Petra@example.com")
	var all api.PersonExport
	if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil || len(all.Places) == 0 || !strings.Contains(out, "Petra Quill") {
		t.Errorf("export: exit %d, %v\n%s", code, err, out)
	}
	for _, step := range []struct{ args, says string }{
		{"--dry-run", "would be deleted"},
		{"", "who is erased:"},
		{"", "Nothing is held about petra@example.com."},
		{"--json", `"total": 0`},
	} {
		args := []string{"person", "erase", "petra@example.com"}
		if step.args != "" {
			args = append(args, step.args)
		}
		if out, code := command(t, args...); code != 0 || !strings.Contains(out, step.says) || step.args == "--dry-run" && !strings.Contains(out, "members") {
			t.Errorf("erase %s: exit %d\n%s", step.args, code, out)
		}
	}
	// Whoever checks by an export does not bring the address back into the log.
	if out, code := command(t, "person", "export", "petra@example.com"); code != 0 || !strings.Contains(out, `"places": []`) {
		t.Errorf("export of somebody erased: exit %d\n%s", code, out)
	}
	if out, code := command(t, "person", "erase", "petra@example.com", "--dry-run"); code != 0 || out != "Nothing is held about petra@example.com.\n" {
		t.Errorf("after the export: exit %d\n%s", code, out)
	}
	t.Setenv("GATEHOUSE_TOKEN", w.MemberToken)
	if out, code := command(t, "person", "export", "owner@example.com"); code != 1 || !strings.Contains(out, "may not") {
		t.Errorf("a member exports somebody else: exit %d\n%s", code, out)
	}
}
