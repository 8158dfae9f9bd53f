package review_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing" // items and grants
)

type doc = map[string]any

// world is the fixture with a project of the team design and an asset in it:
//
//	/campaigns         project
//	/campaigns/teaser  asset
type world struct {
	*objecttest.Fixture
	t *testing.T
}

const (
	editor   = "ed@example.com"      // editor of the team
	rita     = "rita@example.com"    // reviewer of the team
	viktor   = "viktor@example.com"  // viewer of the team
	manager  = "max@example.com"     // manages the project
	nobody   = "nils@example.com"    // member without any access
	outsider = "eve@partner.example" // no account; may comment
	teaser   = "/campaigns/teaser"
)

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		w := &world{f, t}
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "design", "name": "Design"})
		for email, role := range map[string]string{editor: "editor", rita: "reviewer", viktor: "viewer", manager: "", nobody: ""} {
			w.AddMember(t, w.Owner, email, "member")
			if role != "" {
				w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "design", "principal": email, "role": role})
			}
		}
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/campaigns", "name": "Campaigns", "team": "design"})
		w.Create(t, w.Owner, api.AssetKind, doc{"path": teaser, "name": "Teaser"})
		w.grant("member:"+manager, "/campaigns", "manage")
		w.grant("email:"+outsider, teaser, "comment")
		test(t, w)
	})
}

func (w *world) grant(principal, path, level string) {
	w.t.Helper()
	w.Put(w.t, w.Owner, api.AccessGrantKind, "", doc{"resource": path, "principal": principal, "level": level})
}

// as is the caller of a member of the world.
func (w *world) as(email string) *object.Caller {
	c := *w.Member
	c.Key, c.ID = email, "mem_"+email
	return &c
}

// visitor is a caller who has no account.
func (w *world) visitor(email string) *object.Caller {
	c := *w.Member
	c.Kind, c.Key, c.ID = "email", email, ""
	return &c
}

// do runs one use-case as a caller.
func do[T any](w *world, by *object.Caller, f func(ctx context.Context, s *object.Scope) (T, error)) (T, error) {
	var out T
	ctx := context.Background()
	err := w.Service.Do(ctx, by, func(s *object.Scope) (err error) {
		out, err = f(ctx, s)
		return err
	})
	return out, err
}

func must[T any](w *world) func(T, error) T {
	return func(v T, err error) T {
		w.t.Helper()
		if err != nil {
			w.t.Fatalf("unexpected: %v", err)
		}
		return v
	}
}

func (w *world) request(by *object.Caller, in api.ReviewRequest) (*api.Review, error) {
	if in.Item == "" {
		in.Item = teaser
	}
	if in.Name == "" {
		in.Name = "Second cut"
	}
	in.Reviewers = append([]string{}, in.Reviewers...)
	return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Review, error) { return review.Request(ctx, s, in) })
}

// ask asks for a review by the editor.
func (w *world) ask(reviewers ...string) *api.Review {
	w.t.Helper()
	return must[*api.Review](w)(w.request(w.as(editor), api.ReviewRequest{Reviewers: reviewers}))
}

func (w *world) comment(by *object.Caller, in api.CommentRequest) (*api.Comment, error) {
	if in.Item == "" && in.Review == "" && in.Parent == "" {
		in.Item = teaser
	}
	return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Comment, error) { return review.Comment(ctx, s, in) })
}

func (w *world) say(by, body string) *api.Comment {
	w.t.Helper()
	return must[*api.Comment](w)(w.comment(w.as(by), api.CommentRequest{Body: body}))
}

func (w *world) verdict(by *object.Caller, id, verdict string) (*api.Verdict, error) {
	return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Verdict, error) {
		return review.GiveVerdict(ctx, s, id, api.VerdictRequest{Verdict: verdict, Comment: "because of the second shot"})
	})
}

func (w *world) state(by *object.Caller, id, state string) (*api.Review, error) {
	return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Review, error) {
		return review.SetState(ctx, s, id, api.ReviewState{State: state})
	})
}

func (w *world) thread(by *object.Caller, id, state string) (*api.Comment, error) {
	return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
		return review.SetThread(ctx, s, id, api.ThreadState{State: state})
	})
}

func (w *world) status(id string) *api.ReviewStatus {
	w.t.Helper()
	return must[*api.ReviewStatus](w)(do(w, w.as(editor), func(ctx context.Context, s *object.Scope) (*api.ReviewStatus, error) {
		return review.Status(ctx, s, id)
	}))
}

func (w *world) comments(by *object.Caller, f review.Said) ([]string, error) {
	page, err := do(w, by, func(ctx context.Context, s *object.Scope) (api.Page[api.Comment], error) {
		return review.Comments(ctx, s, f, "", 0)
	})
	var out []string
	for _, c := range page.Items {
		out = append(out, c.Body)
	}
	return out, err
}

// actions lists what the audit log has of reviews and comments.
func (w *world) actions() []string {
	w.t.Helper()
	var out []string
	for _, e := range w.Events(w.t, audit.Filter{}) {
		if strings.HasPrefix(e.Action, "review.") || strings.HasPrefix(e.Action, "comment.") {
			out = append(out, e.Action)
		}
	}
	return out
}

// after is what the audit log kept with the only event of an action.
func (w *world) after(action string) map[string]any {
	w.t.Helper()
	events := w.Events(w.t, audit.Filter{Action: action})
	if len(events) != 1 {
		w.t.Fatalf("%d events %s, want one", len(events), action)
	}
	out := map[string]any{}
	if err := json.Unmarshal(events[0].After, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func wantWords(t *testing.T, message string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("message %q does not say %q", message, word)
		}
	}
}
