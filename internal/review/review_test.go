package review_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// C078 to C081, C123: from the request to the last verdict.
func TestAReviewFromRequestToVerdict(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		due := w.Service.Clock().Add(48 * time.Hour).UTC().Truncate(time.Second)
		r := must[*api.Review](w)(w.request(w.as(editor), api.ReviewRequest{Item: "/Campaigns/Teaser", Reviewers: []string{"Rita@Example.com", "email:" + outsider}, DueAt: &due, Instructions: "Mind the logo."}))
		want := &api.Review{Item: teaser, Name: "Second cut", Reviewers: []string{rita, outsider}, DueAt: &due, Instructions: "Mind the logo.", State: "open", Outcome: "pending", RequestedBy: "member:" + editor}
		if diff := cmp.Diff(want, r, cmpopts.IgnoreFields(api.Review{}, "ID", "CreatedAt", "UpdatedAt")); diff != "" {
			t.Errorf("review (-want +got):\n%s", diff)
		}
		if got := w.after("review.requested"); fmt.Sprint(got["reviewers"]) != "["+rita+" "+outsider+"]" || got["item"] != teaser {
			t.Errorf("the request in the audit log: %v", got)
		}

		if _, err := do(w, w.as(rita), func(ctx context.Context, s *object.Scope) (int, error) { return 0, review.Viewed(ctx, s, r.ID) }); err != nil {
			t.Fatal(err)
		}
		must[*api.Comment](w)(w.comment(w.visitor(outsider), api.CommentRequest{Review: r.ID, Body: "The logo is cut off."}))
		st := w.status(r.ID)
		if st.Outcome != "pending" || st.Overdue || st.Comments != 1 || st.Unresolved != 1 {
			t.Errorf("status = %+v", st)
		}
		if a, b := st.Reviewers[0], st.Reviewers[1]; a.NotifiedAt == nil || a.ViewedAt == nil || a.Comments != 0 || !a.CanReview || b.ViewedAt == nil || b.Comments != 1 || b.LastCommentAt == nil || b.Verdict != "" {
			t.Errorf("reviewers = %+v", st.Reviewers)
		}

		w.Advance(49 * time.Hour)
		if !w.status(r.ID).Overdue {
			t.Error("the due date has passed, and the review is not overdue")
		}
		must[*api.Verdict](w)(w.verdict(w.as(rita), r.ID, "approved"))
		must[*api.Verdict](w)(w.verdict(w.visitor(outsider), r.ID, "needs_changes"))
		if st = w.status(r.ID); st.Outcome != "needs_changes" || st.Overdue {
			t.Errorf("status = %+v", st)
		}
		w.Advance(time.Minute)
		must[*api.Verdict](w)(w.verdict(w.visitor(outsider), r.ID, "approved"))
		if st = w.status(r.ID); st.Outcome != "approved" || st.Reviewers[1].Verdicts != 2 || st.Reviewers[1].Verdict != "approved" {
			t.Errorf("status = %+v", st)
		}
		history := must[api.Page[api.Verdict]](w)(do(w, w.as(editor), func(ctx context.Context, s *object.Scope) (api.Page[api.Verdict], error) {
			return review.Verdicts(ctx, s, r.ID, "", 0)
		}))
		var given []string
		for _, v := range history.Items {
			given = append(given, v.Reviewer+" "+v.Verdict)
		}
		if diff := cmp.Diff([]string{rita + " approved", outsider + " needs_changes", outsider + " approved"}, given); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"review.requested", "review.viewed", "comment.created", "review.verdict_given", "review.verdict_given", "review.verdict_given"}, w.actions()); diff != "" {
			t.Errorf("audited (-want +got):\n%s", diff)
		}
	})
}

// X05: who is named as a reviewer gives a verdict, from comment on; nobody else does.
func TestOnlyNamedReviewersGiveVerdicts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.grant("member:"+nobody, teaser, "comment")
		r := w.ask(nobody, rita)
		must[*api.Verdict](w)(w.verdict(w.as(nobody), r.ID, "approved"))
		for _, by := range []string{editor, manager} {
			_, err := w.verdict(w.as(by), r.ID, "approved")
			wantWords(t, objecttest.WantProblem(t, err, api.CodeForbidden).Detail, "named in the review")
		}
		// A role that denies verdicts denies them to named reviewers too.
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "no-verdicts", "statements": []doc{{"effect": "deny", "permissions": []string{"review.verdict"}}}})
		w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": "no-verdicts", "principal": "member:" + nobody, "scope": "/"})
		_, err := w.verdict(w.as(nobody), r.ID, "needs_changes")
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// Nor does it outlive the access.
		w.Delete(t, w.Owner, api.RoleAssignmentKind, "no-verdicts@member:"+nobody+"@/")
		w.grant("member:"+nobody, teaser, "view")
		_, err = w.verdict(w.as(nobody), r.ID, "needs_changes")
		objecttest.WantProblem(t, err, api.CodeForbidden)
		w.Delete(t, w.Owner, api.AccessGrantKind, "member:"+nobody+"@"+teaser)
		_, err = w.verdict(w.as(nobody), r.ID, "needs_changes")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		if st := w.status(r.ID); st.Reviewers[0].CanReview || st.Reviewers[0].Verdict != "approved" || !st.Reviewers[1].CanReview {
			t.Errorf("reviewers = %+v", st.Reviewers)
		}
	})
}

func TestReviewsThatCannotBeAreRefusedInWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		past := w.Service.Clock().Add(-time.Hour)
		for name, c := range map[string]struct {
			in   api.ReviewRequest
			at   string
			says []string
		}{
			"nobody to review":           {api.ReviewRequest{}, "/reviewers", []string{"at least one"}},
			"a reviewer twice":           {api.ReviewRequest{Reviewers: []string{rita, "member:" + rita}}, "/reviewers/1", []string{"twice"}},
			"a team":                     {api.ReviewRequest{Reviewers: []string{"team:design"}}, "/reviewers/0", []string{"address of a person"}},
			"who may only look":          {api.ReviewRequest{Reviewers: []string{rita, viktor}}, "/reviewers/1", []string{viktor, "cannot comment", "access grant"}},
			"who sees nothing":           {api.ReviewRequest{Reviewers: []string{nobody}}, "/reviewers/0", []string{"cannot comment"}},
			"who is not here":            {api.ReviewRequest{Reviewers: []string{"zed@example.org"}}, "/reviewers/0", []string{"cannot comment", "access grant"}},
			"a due date that has passed": {api.ReviewRequest{Reviewers: []string{rita}, DueAt: &past}, "/due_at", []string{"has passed"}},
			"too long instructions":      {api.ReviewRequest{Reviewers: []string{rita}, Instructions: strings.Repeat("x", 10_001)}, "/instructions", []string{"longer than"}},
			"a control character":        {api.ReviewRequest{Reviewers: []string{rita}, Name: "a\x1bb"}, "/name", []string{"control character"}},
			"too many":                   {api.ReviewRequest{Reviewers: make([]string, 51)}, "/reviewers", []string{"at most 50"}},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := w.request(w.as(editor), c.in)
				wantWords(t, objecttest.WantViolation(t, err, c.at).Message, c.says...)
			})
		}
		// Asking takes edit; who cannot see the item is told nothing of it.
		_, err := w.request(w.as(rita), api.ReviewRequest{Reviewers: []string{rita}})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		for _, item := range []string{teaser, "/campaigns/nothing"} {
			_, err = w.request(w.as(nobody), api.ReviewRequest{Item: item, Reviewers: []string{rita}})
			objecttest.WantProblem(t, err, api.CodeNotFound)
		}
		if got := w.actions(); len(got) != 0 {
			t.Errorf("refusals left events: %v", got)
		}
	})
}

func TestAReviewIsClosedAndOpenedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita)
		for _, by := range []string{rita, viktor} {
			_, err := w.state(w.as(by), r.ID, "closed")
			wantWords(t, objecttest.WantProblem(t, err, api.CodeForbidden).Detail, "Only who asked for the review")
		}
		must[*api.Review](w)(w.state(w.as(editor), r.ID, "closed"))
		must[*api.Review](w)(w.state(w.as(editor), r.ID, "closed")) // nothing changes
		_, err := w.verdict(w.as(rita), r.ID, "approved")
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Detail, "not open")
		must[*api.Review](w)(w.state(w.as(manager), r.ID, "open"))
		must[*api.Verdict](w)(w.verdict(w.as(rita), r.ID, "approved"))
		must[*api.Review](w)(w.state(w.as(manager), r.ID, "cancelled"))
		_, err = w.comment(w.as(rita), api.CommentRequest{Review: r.ID, Body: "late"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		_, err = w.state(w.as(editor), r.ID, "done")
		objecttest.WantViolation(t, err, "/state")
		if diff := cmp.Diff([]string{"review.requested", "review.closed", "review.reopened", "review.verdict_given", "review.cancelled"}, w.actions()); diff != "" {
			t.Errorf("audited (-want +got):\n%s", diff)
		}
	})
}

func TestReviewsAreThereForThoseWhoSeeTheItem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.ask(rita), w.ask(manager)
		list := func(by *object.Caller, f review.Filter) []string {
			page := must[api.Page[api.Review]](w)(do(w, by, func(ctx context.Context, s *object.Scope) (api.Page[api.Review], error) {
				return review.List(ctx, s, f, "", 0)
			}))
			var out []string
			for _, r := range page.Items {
				out = append(out, r.ID)
			}
			return out
		}
		for name, c := range map[string]struct {
			by   string
			f    review.Filter
			want []string
		}{
			"all":                  {viktor, review.Filter{}, []string{first.ID, second.ID}},
			"of the item":          {viktor, review.Filter{Item: teaser}, []string{first.ID, second.ID}},
			"of a reviewer":        {viktor, review.Filter{Reviewer: manager}, []string{second.ID}},
			"of both":              {viktor, review.Filter{Reviewer: manager, Item: teaser, State: "open"}, []string{second.ID}},
			"by state":             {viktor, review.Filter{State: "closed"}, nil},
			"without access":       {nobody, review.Filter{}, nil},
			"a reviewer elsewhere": {nobody, review.Filter{Reviewer: rita}, nil},
		} {
			if diff := cmp.Diff(c.want, list(w.as(c.by), c.f)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		_, other := w.NewWorkspace(t, "globex", "gus@globex.example")
		for _, by := range []*object.Caller{w.as(nobody), w.Admin, other} {
			for what, f := range map[string]func(ctx context.Context, s *object.Scope) error{
				"get": func(ctx context.Context, s *object.Scope) error { _, err := review.Get(ctx, s, first.ID); return err },
				"status": func(ctx context.Context, s *object.Scope) error {
					_, err := review.Status(ctx, s, first.ID)
					return err
				},
				"verdicts": func(ctx context.Context, s *object.Scope) error {
					_, err := review.Verdicts(ctx, s, first.ID, "", 0)
					return err
				},
				"viewed": func(ctx context.Context, s *object.Scope) error { return review.Viewed(ctx, s, first.ID) },
				"comments": func(ctx context.Context, s *object.Scope) error {
					_, err := review.Comments(ctx, s, review.Said{Review: first.ID}, "", 0)
					return err
				},
				"comments of the item": func(ctx context.Context, s *object.Scope) error {
					_, err := review.Comments(ctx, s, review.Said{Item: teaser}, "", 0)
					return err
				},
				"reviews of the item": func(ctx context.Context, s *object.Scope) error {
					_, err := review.List(ctx, s, review.Filter{Item: teaser}, "", 0)
					return err
				},
			} {
				_, err := do(w, by, func(ctx context.Context, s *object.Scope) (int, error) { return 0, f(ctx, s) })
				var p *api.Problem
				if !errors.As(err, &p) || p.Code() != api.CodeNotFound {
					t.Errorf("%s by %s: %v, want not_found", what, by.Key, err)
				}
			}
		}
		// Once restricted, the asset and what is said about it are gone for the team.
		w.Put(t, w.Owner, api.AssetKind, teaser, doc{"path": teaser, "name": "Teaser", "inheritance": "restricted"})
		if got := list(w.as(viktor), review.Filter{}); len(got) != 0 {
			t.Errorf("reviews of a restricted asset: %v", got)
		}
	})
}

// C087: what was said about an item goes with it and comes back with it, and the next
// item of the same path begins anew.
func TestReviewsGoToTheTrashWithTheirItem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita)
		c := w.say(rita, "hello")
		w.Delete(t, w.Owner, api.AssetKind, teaser)
		gone := func(what string) {
			t.Helper()
			for name, f := range map[string]func(ctx context.Context, s *object.Scope) error{
				"review": func(ctx context.Context, s *object.Scope) error { _, err := review.Get(ctx, s, r.ID); return err },
				"comment": func(ctx context.Context, s *object.Scope) error {
					_, err := review.GetComment(ctx, s, c.ID)
					return err
				},
			} {
				if _, err := do(w, w.as(editor), func(ctx context.Context, s *object.Scope) (int, error) { return 0, f(ctx, s) }); err == nil {
					t.Errorf("%s: the %s is there", what, name)
				}
			}
		}
		gone("in the trash")
		w.Create(t, w.Owner, api.AssetKind, doc{"path": teaser, "name": "Another"})
		gone("another item at the path")
		if got, err := w.comments(w.as(editor), review.Said{Item: teaser}); err != nil || len(got) != 0 {
			t.Errorf("comments on the other item: %v, %v", got, err)
		}
		w.Delete(t, w.Owner, api.AssetKind, teaser)
		trash := must[api.Page[api.Trashed]](w)(do(w, w.Owner, func(ctx context.Context, s *object.Scope) (api.Page[api.Trashed], error) {
			return sharing.Trash(ctx, s, teaser, "", 0)
		}))
		if _, err := do(w, w.Owner, func(ctx context.Context, s *object.Scope) (*api.Restored, error) {
			return sharing.Restore(ctx, s, trash.Items[0].ID)
		}); err != nil {
			t.Fatal(err)
		}
		if st := w.status(r.ID); st.State != "open" {
			t.Errorf("status = %+v", st)
		}
		w.Delete(t, w.Owner, api.AssetKind, teaser)
		w.Advance(31 * 24 * time.Hour)
		if _, err := sharing.PurgeTrash(t.Context(), w.Service); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"review", "review_reviewer", "review_verdict", "item_comment"} {
			var n int
			if err := w.DB.SQL().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d rows left in %s (%v)", n, table, err)
			}
		}
	})
}

// Of many verdicts and an end at the same moment, all that were taken are kept, and none
// is taken after the end.
func TestVerdictsAtOnceAreAllKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita, manager)
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := map[string]int64{}
		for i := range 12 {
			wg.Go(func() {
				by, verdict := rita, "approved"
				if i%2 == 1 {
					by, verdict = manager, "needs_changes"
				}
				if i == 9 {
					if _, err := w.state(w.as(editor), r.ID, "closed"); err != nil {
						t.Errorf("closing: %v", err)
					}
					return
				}
				_, err := w.verdict(w.as(by), r.ID, verdict)
				var p *api.Problem
				switch {
				case err == nil:
					mu.Lock()
					taken[by]++
					mu.Unlock()
				case !errors.As(err, &p) || p.Code() != api.CodeConflict:
					t.Errorf("verdict: %v", err)
				}
			})
		}
		wg.Wait()
		st := w.status(r.ID)
		for _, p := range st.Reviewers {
			if p.Verdicts != taken[p.Reviewer] || (p.Verdict != "") != (p.Verdicts > 0) {
				t.Errorf("%s gave %d verdicts, %d are kept, %q counts", p.Reviewer, taken[p.Reviewer], p.Verdicts, p.Verdict)
			}
		}
		if n := int64(len(w.Events(t, audit.Filter{Action: "review.verdict_given"}))); n != taken[rita]+taken[manager] {
			t.Errorf("%d verdicts in the audit log, want %d", n, taken[rita]+taken[manager])
		}
		if actions := w.actions(); !slices.Contains(actions, "review.closed") || st.State != "closed" {
			t.Errorf("the review was not closed: %v", actions)
		}
	})
}
