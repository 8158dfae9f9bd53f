package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// What people do at work is read by Terraform: from nothing to the last verdict.
func TestAccReviewStatusFollowsTheReview(t *testing.T) {
	a := startAcceptance(t)
	workspace := a.client.Workspace(a.Workspace)
	for _, doc := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.TeamKind, client.Document{"slug": "design", "name": "Design"}},
		{api.ProjectKind, client.Document{"path": "/campaigns", "name": "Campaigns", "team": "design"}},
		{api.AssetKind, client.Document{"path": "/campaigns/teaser"}},
		{api.AccessGrantKind, client.Document{"resource": "/campaigns", "principal": "member:member@example.com", "level": "comment"}},
	} {
		if _, err := workspace.Create(t.Context(), doc.kind, doc.doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	reviewer, err := client.New(client.Config{Endpoint: a.URL, Token: a.MemberToken})
	if err != nil {
		t.Fatal(err)
	}
	var review *api.Review
	due := time.Now().Add(time.Hour)
	config := a.config("data \"gatehouse_review_status\" \"x\" {\n  item = \"/campaigns/teaser\"\n}\n")
	attr := func(name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("data.gatehouse_review_status.x", name, value)
	}
	none := resource.TestCheckNoResourceAttr
	run(t,
		planOnly(expectError(config, "No review of /campaigns/teaser", "Nobody has asked")),
		planOnly(expectError(a.config("data \"gatehouse_review_status\" \"x\" {}\n"), "Which review?", "Write either review")),
		resource.TestStep{
			PreConfig: func() {
				var err error
				review, err = workspace.RequestReview(t.Context(), api.ReviewRequest{Item: "/campaigns/teaser", Name: "Second cut", Reviewers: []string{"member@example.com"}, DueAt: &due})
				if err != nil {
					t.Fatal(err)
				}
			},
			Config: config,
			Check: resource.ComposeAggregateTestCheckFunc(
				attr("name", "Second cut"), attr("state", "open"), attr("outcome", "pending"), attr("overdue", "false"), attr("comments", "0"),
				attr("reviewers.0.reviewer", "member@example.com"), attr("reviewers.0.can_review", "true"),
				none("data.gatehouse_review_status.x", "reviewers.0.verdict"), none("data.gatehouse_review_status.x", "reviewers.0.viewed_at"),
			),
		},
		resource.TestStep{
			PreConfig: func() {
				as := reviewer.Workspace(a.Workspace)
				if _, err := as.Comment(t.Context(), api.CommentRequest{Review: review.ID, Body: "The logo is cut off."}); err != nil {
					t.Fatal(err)
				}
				if _, err := as.GiveVerdict(t.Context(), review.ID, api.VerdictRequest{Verdict: api.VerdictNeedsChanges}); err != nil {
					t.Fatal(err)
				}
			},
			Config: config,
			Check: resource.ComposeAggregateTestCheckFunc(
				attr("outcome", "needs_changes"), attr("comments", "1"), attr("unresolved", "1"), attr("reviewers.0.comments", "1"),
				attr("reviewers.0.verdict", "needs_changes"), attr("reviewers.0.verdicts", "1"),
				resource.TestCheckResourceAttrSet("data.gatehouse_review_status.x", "reviewers.0.viewed_at"),
			),
		},
	)
}

// A project that Terraform destroyed lies in the trash, comes back, and is imported
// again; its path was free meanwhile.
func TestAccADestroyedProjectComesBackFromTheTrash(t *testing.T) {
	a := startAcceptance(t)
	workspace := a.client.Workspace(a.Workspace)
	team := "resource \"gatehouse_team\" \"design\" {\n  slug = \"design\"\n  name = \"Design\"\n}\n"
	project := "resource \"gatehouse_project\" \"x\" {\n  path = \"/campaigns\"\n  name = \"Campaigns\"\n  team = gatehouse_team.design.slug\n}\n"
	trashed := func() []api.Trashed {
		var out []api.Trashed
		if err := workspace.Trash(t.Context(), "/campaigns", func(e api.Trashed) bool {
			out = append(out, e)
			return true
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	var restored string
	run(t,
		resource.TestStep{Config: a.config(team + project)},
		resource.TestStep{Config: a.config(team)},
		resource.TestStep{Config: a.config(team + project)}, // a new one, of the same path
		resource.TestStep{Config: a.config(team)},
		resource.TestStep{
			PreConfig: func() {
				both := trashed()
				if len(both) != 2 {
					t.Fatalf("in the trash: %+v", both)
				}
				restored = both[0].ID
				if _, err := workspace.Restore(t.Context(), restored); err != nil {
					t.Fatal(err)
				}
				if _, err := workspace.Restore(t.Context(), both[1].ID); !client.IsCode(err, api.CodeConflict) {
					t.Fatalf("restoring the other one: %v", err)
				}
				if err := workspace.Purge(t.Context(), both[1].ID); err != nil {
					t.Fatal(err)
				}
			},
			Config: a.config(team + "import {\n  to = gatehouse_project.x\n  id = \"/campaigns\"\n}\n" + project),
			Check:  resource.TestCheckResourceAttr("gatehouse_project.x", "name", "Campaigns"),
		},
	)
	// The end of the test destroys it once more: the same project, and nothing else.
	if left := trashed(); len(left) != 1 || left[0].ID != restored {
		t.Errorf("left in the trash: %+v, want %s alone", left, restored)
	}
}
