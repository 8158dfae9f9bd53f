package main

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestReleaseMovesObjectsToAnotherStack(t *testing.T) {
	w := newWorld(t)
	next := w.client(w.OwnerToken, "next")
	_, err := next.Put(t.Context(), api.TeamKind, "design", client.Document{"slug": "design", "name": "Design"}, client.WriteOptions{})
	if !client.IsCode(err, api.CodeOwnedByOtherStack) {
		t.Fatalf("before the release: %v", err)
	}
	names := []string{"team/design", "project//campaigns", "sharing_policy", "team_memberships/design"}
	args := append([]string{"release", "--stack", stackName}, names...)
	if out, code := command(t, append(args, "--dry-run")...); code != 0 || !strings.Contains(out, "4 of 4 objects would be released") {
		t.Fatalf("dry run: exit %d:\n%s", code, out)
	}
	if out, code := command(t, args...); code != 0 || !strings.Contains(out, "4 of 4 objects were released") {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	if out, code := command(t, args...); code != 0 || !strings.Contains(out, "0 of 4 objects were released") || !strings.Contains(out, "4 had no stack") {
		t.Errorf("again: exit %d:\n%s", code, out)
	}
	got, err := next.Create(t.Context(), api.TeamKind, client.Document{"slug": "design", "name": "Designers"}, client.WriteOptions{Adopt: true})
	if err != nil || got.ID() != w.docs["gatehouse_team.design"].ID() {
		t.Errorf("adopted by POST: %v, %v", got, err)
	}
	policy, err := next.Get(t.Context(), api.SharingPolicyKind, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next.Put(t.Context(), api.SharingPolicyKind, "", client.Document{"public_links": "allowed"}, client.WriteOptions{IfMatch: policy.ETag()}); err != nil {
		t.Errorf("taken over with If-Match: %v", err)
	}

	// The rest of the state; what has moved on is named and stays.
	out, code := command(t, "release", "--stack", stackName, "--state", w.state)
	if code != 1 || !strings.Contains(out, "1 of 5 objects were released") || !strings.Contains(out, `gatehouse_team.design: it belongs to stack "next"`) {
		t.Errorf("the whole state: exit %d:\n%s", code, out)
	}
	for name, args := range map[string][]string{
		"there is no kind":         {"--stack", "x", "teams/design"},
		"say which team":           {"--stack", "x", "team"},
		"write sharing_policy":     {"--stack", "x", "sharing_policy/acme"},
		"it does not exist":        {"--stack", "x", "team/none"},
		"name objects as KIND/KEY": {"--stack", "x"},
		"--stack":                  {"team/design"},
	} {
		if out, code := command(t, append([]string{"release"}, args...)...); code != 1 || !strings.Contains(out, name) {
			t.Errorf("%v: exit %d:\n%s", args, code, out)
		}
	}
}
