package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestReviewsAreAskedForAndAnsweredOnTheCommandLine(t *testing.T) {
	w := newWorld(t)
	at := w.client(w.OwnerToken, "")
	for _, email := range []string{"owner@example.com", "member@example.com"} {
		if _, err := at.Create(t.Context(), api.AccessGrantKind, client.Document{"resource": "/campaigns", "principal": "member:" + email, "level": "edit"}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want string, args ...string) string {
		t.Helper()
		out, code := command(t, append([]string{"review"}, args...)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("%v: exit %d, want %q in\n%s", args, code, want, out)
		}
		return out
	}
	says("There are no such reviews.", "list")
	out := says("Asked member@example.com for review", "request", "/campaigns", "--name", "Second cut", "--reviewer", "member@example.com", "--due", "3d")
	id := regexp.MustCompile(`review (\S+) of`).FindStringSubmatch(out)[1]
	says(id, "list", "--state", "open", "--reviewer", "member@example.com")
	says("There are no such reviews.", "list", "--state", "closed")
	said := says("on /campaigns", "comment", id, "the music ends too early", "--mention", "member@example.com")
	first := strings.Fields(said)[2]

	t.Setenv("GATEHOUSE_TOKEN", w.MemberToken)
	says("on /campaigns", "comment", id, "mended", "--reply", first)
	says("member@example.com says needs changes", "verdict", id, "needs-changes", "--comment", "the logo is\nthe old one")
	says("member@example.com says approved", "verdict", id, "approved")
	shown := says("Second cut of /campaigns: open, approved", "show", id)
	for _, want := range []string{"member@example.com  approved", "needs changes: the logo is the old one", "the music ends too early", "\n    mended\n"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show has no %q:\n%s", want, shown)
		}
	}
	var all struct {
		Outcome  string
		Verdicts []api.Verdict `json:"verdict_list"`
		Said     []api.Comment `json:"comment_list"`
	}
	if err := json.Unmarshal([]byte(says("{", "show", id, "--json")), &all); err != nil || all.Outcome != "approved" || len(all.Verdicts) != 2 || len(all.Said) != 2 {
		t.Errorf("show --json: %v, %+v", err, all)
	}
	for _, args := range [][]string{{"verdict", id, "maybe"}, {"show", "rev_none"}, {"list", "--limit", "0"}} {
		if out, code := command(t, append([]string{"review"}, args...)...); code != 1 {
			t.Errorf("%v: exit %d\n%s", args, code, out)
		}
	}
	t.Setenv("GATEHOUSE_TOKEN", w.OwnerToken)
	says(id+" is closed.", "state", id, "closed")
}

func TestURLsOfLinksAreMadeOnTheCommandLine(t *testing.T) {
	w := newWorld(t)
	at := w.client(w.OwnerToken, "")
	if _, err := at.Create(t.Context(), api.ShareLinkKind, client.Document{"resource": "/campaigns", "kind": "recipient", "name": "Spring cut", "recipients": []any{"member@example.com"}}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	url := func(args ...string) string {
		t.Helper()
		out, code := command(t, append([]string{"link", "url"}, args...)...)
		found := regexp.MustCompile(`https?://\S+/s/ghl_\S+`).FindString(out)
		if code != 0 || found == "" || strings.Count(out, found) != 1 || !strings.Contains(out, "not shown again") {
			t.Fatalf("%v: exit %d\n%s", args, code, out)
		}
		return found
	}
	first := url("spring cut")
	if url("Spring cut") == first {
		t.Error("the same URL was made twice")
	}
	if url("Spring cut", "--resource", "/campaigns", "--rotation", "7") != url("Spring cut", "--rotation", "7") {
		t.Error("one rotation has two URLs")
	}
	if out, code := command(t, "link", "url", "Autumn cut"); code != 1 || !strings.Contains(out, "no open share link") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if out, code := command(t, "link", "url", "Spring cut", "--rotation", "6"); code != 1 || strings.Contains(out, "ghl_") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
