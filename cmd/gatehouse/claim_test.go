package main

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestClaimStampsWhatTheStateDeclaresAndNamesWhatOthersOwn(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	made, err := w.client(w.OwnerToken, "").Create(ctx, api.TeamKind, client.Document{"slug": "imported", "name": "Imported"}, client.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made["__type"] = "team"
	w.docs["gatehouse_team.imported"] = made
	w.saveState()

	out, code := command(t, "claim", "--state", w.state, "--stack", stackName)
	if code != 0 || !strings.Contains(out, "1 of 6 objects are newly claimed") || !strings.Contains(out, "5 were its already") {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	after, err := w.client(w.OwnerToken, "").Get(ctx, api.TeamKind, "imported")
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := after["managed_by"].(map[string]any); m["kind"] != "terraform" || m["stack"] != stackName {
		t.Errorf("managed_by is %v", m)
	}
	out, code = command(t, "claim", "--state", w.state, "--stack", "another")
	if code != 1 || !strings.Contains(out, "gatehouse_team.imported (team ") || !strings.Contains(out, `it belongs to stack "`+stackName+`"`) {
		t.Errorf("another stack: exit %d:\n%s", code, out)
	}
	if out, code := command(t, "claim", "--state", w.state); code != 1 || !strings.Contains(out, "--stack") {
		t.Errorf("without a stack: exit %d:\n%s", code, out)
	}
}

func TestChangeContextIsReadFromTheCIJob(t *testing.T) {
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": "example/infra", "GITHUB_RUN_ID": "7",
		"GITHUB_REF": "refs/pull/12/merge", "GITHUB_SHA": "abc", "GITHUB_ACTOR": "ann", "GATEHOUSE_CHANGE_APPROVER": "bob"}
	got := ciChange(func(name string) string { return env[name] })
	want := api.ChangeContext{Commit: "abc", PullRequest: "https://git.example.com/example/infra/pull/12", RunURL: "https://git.example.com/example/infra/actions/runs/7", Author: "ann", Approver: "bob"}
	if *got != want {
		t.Errorf("got %+v", *got)
	}
}
