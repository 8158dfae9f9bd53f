package review_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
)

func ptr[T any](v T) *T { return &v }

// full is a comment with everything that one can have (C022, C079).
func full() api.CommentRequest {
	return api.CommentRequest{
		Item: teaser, Body: "Cut this half a second earlier.\nSee the drawing.",
		Timecode:   &api.Timecode{Seconds: ptr(12.5)},
		Annotation: &api.Annotation{Shape: "rectangle", X: 0.1, Y: 0.2, W: 0.3, H: 0.4, Color: "#ff8800"},
		Voice:      &api.VoiceNote{DurationSeconds: 4.2, ExternalRef: "media:voice-7"},
		Mentions:   []string{"Viktor@example.com"},
	}
}

func TestACommentSaysWhereAndTo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got := must[*api.Comment](w)(w.comment(w.as(rita), full()))
		in := full()
		want := &api.Comment{Item: teaser, Author: "member:" + rita, Body: in.Body, Timecode: in.Timecode, Annotation: in.Annotation, Voice: in.Voice, Mentions: []string{viktor}, Thread: "open"}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Comment{}, "ID", "CreatedAt")); diff != "" {
			t.Errorf("comment (-want +got):\n%s", diff)
		}
		again := must[*api.Comment](w)(do(w, w.as(viktor), func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
			return review.GetComment(ctx, s, got.ID)
		}))
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("read back (-written +read):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]any{"item": teaser, "length": float64(len(in.Body)), "mentions": []any{viktor}, "timecode": true, "annotation": true, "voice": true}, w.after("comment.created")); diff != "" {
			t.Errorf("in the audit log (-want +got):\n%s", diff)
		}
	})
}

// What people write is content: the audit log has who, where, to whom and how long.
func TestNothingThatPeopleWriteIsInTheAuditLog(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const secret = "xyzzy-plugh"
		in := full()
		in.Body, in.Voice.ExternalRef, in.Annotation.Color = secret, secret, "#abcdef"
		c := must[*api.Comment](w)(w.comment(w.as(rita), in))
		in.Item, in.Body = "", secret+" again"
		must[*api.Comment](w)(do(w, w.as(rita), func(ctx context.Context, s *object.Scope) (*api.Comment, error) { return review.Edit(ctx, s, c.ID, in) }))
		r := must[*api.Review](w)(w.request(w.as(editor), api.ReviewRequest{Name: secret, Instructions: secret, Reviewers: []string{rita}}))
		must[*api.Verdict](w)(do(w, w.as(rita), func(ctx context.Context, s *object.Scope) (*api.Verdict, error) {
			return review.GiveVerdict(ctx, s, r.ID, api.VerdictRequest{Verdict: "approved", Comment: secret})
		}))
		must[*api.Comment](w)(w.thread(w.as(manager), c.ID, "resolved"))
		if _, err := do(w, w.as(rita), func(ctx context.Context, s *object.Scope) (int, error) { return 0, review.Delete(ctx, s, c.ID) }); err != nil {
			t.Fatal(err)
		}
		events := w.Events(t, audit.Filter{})
		raw, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), secret) || strings.Contains(string(raw), "abcdef") {
			t.Errorf("the audit log holds what was written: %s", raw)
		}
		for _, e := range events {
			if noun, _, _ := strings.Cut(e.Action, "."); (noun == "review" || noun == "comment") && audit.FamilyOf(e.Action) != audit.FamilySharing {
				t.Errorf("%s is in the family %s", e.Action, audit.FamilyOf(e.Action))
			}
		}
	})
}

// Each part of a comment takes its own permission; a viewer takes none (X04).
func TestEachPartOfACommentTakesItsPermission(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.comment(w.as(viktor), api.CommentRequest{Body: "hello"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = w.comment(w.as(nobody), api.CommentRequest{Body: "hello"})
		objecttest.WantProblem(t, err, api.CodeNotFound)
		parts := map[string]func(*api.CommentRequest){
			"comment.create":    func(*api.CommentRequest) {},
			"comment.voice":     func(c *api.CommentRequest) { c.Voice = full().Voice },
			"annotation.create": func(c *api.CommentRequest) { c.Annotation = full().Annotation },
			"mention.create":    func(c *api.CommentRequest) { c.Mentions = full().Mentions },
		}
		for permission, add := range parts {
			name := "no-" + strings.NewReplacer(".", "-").Replace(permission)
			w.Create(t, w.Owner, api.RoleKind, doc{"name": name, "statements": []doc{{"effect": "deny", "permissions": []string{permission}}}})
			held := w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": name, "principal": "member:" + rita, "scope": "/"})
			in := api.CommentRequest{Body: "hello"}
			add(&in)
			_, err := w.comment(w.as(rita), in)
			wantWords(t, objecttest.WantProblem(t, err, api.CodeForbidden).Detail, permission)
			if permission != "comment.create" {
				w.say(rita, "without it")
			}
			w.Delete(t, w.Owner, api.RoleAssignmentKind, held.GetMeta().ID)
			must[*api.Comment](w)(w.comment(w.as(rita), in))
		}
		// On an archived asset nobody comments.
		w.Put(t, w.Owner, api.AssetKind, teaser, doc{"path": teaser, "name": "Teaser", "archived": true})
		_, err = w.comment(w.as(rita), api.CommentRequest{Body: "hello"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// C069, C076: who comes through a link comments where the link lets them.
func TestVisitorsThroughALinkComment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		visit := func(level vocabulary.Level) *object.Caller {
			return &object.Caller{WorkspaceID: w.Workspace.ID, WorkspaceSlug: w.Workspace.Slug, Kind: object.PrincipalViewer, Key: "vera@partner.example", Door: audit.DoorWeb, Link: &object.LinkGrant{ID: "slnk_1", Resource: "/campaigns", Level: level, ExpiresAt: w.Service.Clock().AddDate(0, 0, 1)}}
		}
		c := must[*api.Comment](w)(w.comment(visit(vocabulary.LevelComment), api.CommentRequest{Item: teaser, Body: "from outside"}))
		if c.Author != "viewer:vera@partner.example" {
			t.Errorf("author = %q", c.Author)
		}
		_, err := w.comment(visit(vocabulary.LevelView), api.CommentRequest{Item: teaser, Body: "from outside"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if got, err := w.comments(visit(vocabulary.LevelView), review.Said{Item: teaser}); err != nil || len(got) != 1 {
			t.Errorf("comments that a visitor reads: %v, %v", got, err)
		}
		w.Create(t, w.Owner, api.FolderKind, doc{"path": "/finance"})
		_, err = w.comment(visit(vocabulary.LevelComment), api.CommentRequest{Item: "/finance", Body: "x"})
		objecttest.WantProblem(t, err, api.CodeNotFound)
	})
}

func TestCommentsThatCannotBeAreRefusedInWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.say(rita, "first")
		answer := must[*api.Comment](w)(w.comment(w.as(editor), api.CommentRequest{Parent: first.ID, Body: "answer"}))
		r := w.ask(rita)
		with := func(change func(*api.CommentRequest)) api.CommentRequest {
			c := full()
			change(&c)
			return c
		}
		for name, c := range map[string]struct {
			in   api.CommentRequest
			at   string
			says string
		}{
			"nothing said":         {api.CommentRequest{Item: teaser, Body: " \n"}, "/body", "say something"},
			"too much said":        {api.CommentRequest{Item: teaser, Body: strings.Repeat("x", 10_001)}, "/body", "longer"},
			"a control character":  {api.CommentRequest{Item: teaser, Body: "a\x00b"}, "/body", "control character"},
			"two places":           {with(func(c *api.CommentRequest) { c.Timecode.Frame = ptr(int64(7)) }), "/timecode", "either"},
			"no place":             {with(func(c *api.CommentRequest) { c.Timecode = &api.Timecode{} }), "/timecode", "either"},
			"before the beginning": {with(func(c *api.CommentRequest) { c.Timecode.Seconds = ptr(-1.0) }), "/timecode/seconds", "between"},
			"a shape that is none": {with(func(c *api.CommentRequest) { c.Annotation.Shape = "star" }), "/annotation/shape", "rectangle"},
			"outside of the frame": {with(func(c *api.CommentRequest) { c.Annotation.X = 1.5 }), "/annotation/x", "share of the frame"},
			"half a point":         {with(func(c *api.CommentRequest) { c.Annotation.Shape, c.Annotation.Points = "freehand", []float64{0.1} }), "/annotation/points", "x and y"},
			"very many points": {with(func(c *api.CommentRequest) {
				c.Annotation.Shape, c.Annotation.Points = "freehand", make([]float64, 1002)
			}), "/annotation/points", "up to"},
			"a colour that is none":    {with(func(c *api.CommentRequest) { c.Annotation.Color = "javascript:1" }), "/annotation/color", "#ff8800"},
			"silence":                  {with(func(c *api.CommentRequest) { c.Voice.DurationSeconds = 0 }), "/voice/duration_seconds", "above 0"},
			"a sound that is nowhere":  {with(func(c *api.CommentRequest) { c.Voice.ExternalRef = "" }), "/voice/external_ref", "application"},
			"no address":               {with(func(c *api.CommentRequest) { c.Mentions = []string{"team:design"} }), "/mentions/0", "address of a person"},
			"very many mentions":       {with(func(c *api.CommentRequest) { c.Mentions = make([]string, 21) }), "/mentions", "at most 20"},
			"somebody who cannot see":  {with(func(c *api.CommentRequest) { c.Mentions = []string{rita, nobody} }), "/mentions/1", "cannot see"},
			"somebody who is not here": {with(func(c *api.CommentRequest) { c.Mentions = []string{"zed@example.org"} }), "/mentions/0", "cannot see"},
			"an answer to an answer":   {api.CommentRequest{Parent: answer.ID, Body: "x"}, "/parent", first.ID},
			"a thread elsewhere":       {api.CommentRequest{Parent: first.ID, Review: r.ID, Body: "x"}, "/review", "another review"},
			"an item elsewhere":        {api.CommentRequest{Parent: first.ID, Item: "/campaigns", Body: "x"}, "/item", teaser},
			"on nothing":               {api.CommentRequest{Body: "x", Review: "", Item: ""}, "/item", "name the item"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := do(w, w.as(rita), func(ctx context.Context, s *object.Scope) (*api.Comment, error) { return review.Comment(ctx, s, c.in) })
				wantWords(t, objecttest.WantViolation(t, err, c.at).Message, c.says)
			})
		}
		if n := len(w.Events(t, audit.Filter{Action: "comment.created"})); n != 2 {
			t.Errorf("%d comments in the audit log, want two", n)
		}
	})
}

func TestPeopleChangeOnlyWhatTheySaid(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.say(rita, "first")
		edit := func(by *object.Caller, body string) (*api.Comment, error) {
			return do(w, by, func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
				return review.Edit(ctx, s, c.ID, api.CommentRequest{Body: body})
			})
		}
		remove := func(by *object.Caller, id string) error {
			_, err := do(w, by, func(ctx context.Context, s *object.Scope) (int, error) { return 0, review.Delete(ctx, s, id) })
			return err
		}
		for _, by := range []string{editor, manager} {
			_, err := edit(w.as(by), "mine now")
			objecttest.WantProblem(t, err, api.CodeForbidden)
			objecttest.WantProblem(t, remove(w.as(by), c.ID), api.CodeForbidden)
		}
		if got := must[*api.Comment](w)(edit(w.as(rita), "second")); got.Body != "second" || got.EditedAt == nil || got.Item != teaser {
			t.Errorf("edited: %+v", got)
		}
		answer := must[*api.Comment](w)(w.comment(w.as(editor), api.CommentRequest{Parent: c.ID, Body: "answer"}))
		if err := remove(w.as(rita), c.ID); err != nil {
			t.Fatal(err)
		}
		left := must[*api.Comment](w)(do(w, w.as(viktor), func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
			return review.GetComment(ctx, s, c.ID)
		}))
		if !left.Deleted || left.Body != "" {
			t.Errorf("what is left of a deleted comment: %+v", left)
		}
		_, err := edit(w.as(rita), "back again")
		objecttest.WantProblem(t, err, api.CodeConflict)
		if err := remove(w.as(editor), answer.ID); err != nil {
			t.Fatal(err)
		}
		_, err = do(w, w.as(viktor), func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
			return review.GetComment(ctx, s, answer.ID)
		})
		objecttest.WantProblem(t, err, api.CodeNotFound)
		// Without the level, one's own words stay as they are.
		mine := w.say(rita, "mine")
		w.Put(t, w.Owner, api.TeamMembershipKind, "", doc{"team": "design", "principal": rita, "role": "viewer"})
		objecttest.WantProblem(t, remove(w.as(rita), mine.ID), api.CodeForbidden)
		if diff := cmp.Diff([]string{"comment.created", "comment.edited", "comment.created", "comment.deleted", "comment.deleted", "comment.created"}, w.actions()); diff != "" {
			t.Errorf("audited (-want +got):\n%s", diff)
		}
	})
}

// C024, C082: managers resolve and archive; everybody goes from open thread to open thread.
func TestThreadsAreResolvedAndTheNextOpenOneIsFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita)
		one, two, three := w.say(rita, "one"), w.say(editor, "two"), w.say(rita, "three")
		in := must[*api.Comment](w)(w.comment(w.as(rita), api.CommentRequest{Review: r.ID, Body: "in the review"}))
		must[*api.Comment](w)(w.comment(w.as(editor), api.CommentRequest{Parent: two.ID, Body: "answer"}))
		_, err := w.thread(w.as(rita), one.ID, "resolved")
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if got := must[*api.Comment](w)(w.thread(w.as(manager), one.ID, "resolved")); got.Thread != "resolved" || got.ThreadBy != "member:"+manager || got.ThreadAt == nil {
			t.Errorf("resolved: %+v", got)
		}
		next := func(f review.Said, after string) string {
			t.Helper()
			c := must[*api.Comment](w)(do(w, w.as(viktor), func(ctx context.Context, s *object.Scope) (*api.Comment, error) {
				return review.NextUnresolved(ctx, s, f, after)
			}))
			if c == nil {
				return ""
			}
			return c.Body
		}
		item := review.Said{Item: teaser}
		for _, c := range [][2]string{{"", "two"}, {one.ID, "two"}, {two.ID, "three"}, {three.ID, "in the review"}, {in.ID, ""}} {
			if got := next(item, c[0]); got != c[1] {
				t.Errorf("after %s comes %q, want %q", c[0], got, c[1])
			}
		}
		if got := next(review.Said{Review: r.ID}, ""); got != "in the review" {
			t.Errorf("the first open thread of the review = %q", got)
		}
		must[*api.Comment](w)(w.thread(w.as(manager), two.ID, "archived"))
		for name, c := range map[string]struct {
			f    review.Said
			want []string
		}{
			"on the item":           {item, []string{"one", "three", "in the review"}},
			"open ones":             {review.Said{Item: teaser, Unresolved: true}, []string{"three", "in the review"}},
			"in the review":         {review.Said{Review: r.ID}, []string{"in the review"}},
			"in an archived thread": {review.Said{Thread: two.ID}, []string{"answer"}},
			"item and review":       {review.Said{Item: teaser, Review: r.ID}, []string{"in the review"}},
		} {
			got, err := w.comments(w.as(viktor), c.f)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		_, err = w.comment(w.as(rita), api.CommentRequest{Parent: two.ID, Body: "too late"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		must[*api.Comment](w)(w.thread(w.as(manager), two.ID, "open"))
		if got := w.actions(); fmt.Sprint(got[len(got)-3:]) != "[comment.resolved comment.archived comment.reopened]" {
			t.Errorf("audited: %v", got)
		}
		_, err = w.comments(w.as(viktor), review.Said{})
		objecttest.WantProblem(t, err, api.CodeMalformed)
	})
}

// Of many who resolve a thread at the same moment, one did.
func TestAThreadIsResolvedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.say(rita, "hello")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				got, err := w.thread(w.as(manager), c.ID, "resolved")
				if err != nil || got.Thread != "resolved" {
					t.Errorf("resolving: %+v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if n := len(w.Events(t, audit.Filter{Action: "comment.resolved"})); n != 1 {
			t.Errorf("%d resolutions in the audit log, want one", n)
		}
	})
}

func TestCommentsArePaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var want, got []string
		for i := range 7 {
			want = append(want, w.say(rita, fmt.Sprint("comment ", i)).ID)
		}
		cursor := ""
		for {
			page := must[api.Page[api.Comment]](w)(do(w, w.as(viktor), func(ctx context.Context, s *object.Scope) (api.Page[api.Comment], error) {
				return review.Comments(ctx, s, review.Said{Item: teaser}, cursor, 3)
			}))
			for _, c := range page.Items {
				got = append(got, c.ID)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

// What somebody said and was asked stays theirs under another address.
func TestANewAddressKeepsReviewsAndComments(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita)
		c := w.say(rita, "mine")
		must[*api.Verdict](w)(w.verdict(w.as(rita), r.ID, "needs_changes"))
		if _, err := do(w, object.System(w.Workspace.ID), func(ctx context.Context, s *object.Scope) (int, error) {
			return 0, people.Rename(ctx, s, rita, "rita.new@example.com")
		}); err != nil {
			t.Fatal(err)
		}
		renamed := w.as("rita.new@example.com")
		must[*api.Verdict](w)(w.verdict(renamed, r.ID, "approved"))
		if st := w.status(r.ID); st.Outcome != "approved" || len(st.Reviewers) != 1 || st.Reviewers[0].Verdicts != 2 {
			t.Errorf("status = %+v", st)
		}
		if _, err := do(w, renamed, func(ctx context.Context, s *object.Scope) (int, error) { return 0, review.Delete(ctx, s, c.ID) }); err != nil {
			t.Error(err)
		}
	})
}

func TestSuspendedPeopleSayAndReadNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.ask(rita)
		w.Delete(t, w.Owner, api.MemberKind, rita)
		for what, f := range map[string]func() error{
			"comment": func() error { _, err := w.comment(w.as(rita), api.CommentRequest{Body: "x"}); return err },
			"verdict": func() error { _, err := w.verdict(w.as(rita), r.ID, "approved"); return err },
			"read":    func() error { _, err := w.comments(w.as(rita), review.Said{Item: teaser}); return err },
		} {
			var p *api.Problem
			if err := f(); !errors.As(err, &p) || p.Code() != api.CodeForbidden {
				t.Errorf("%s: %v, want forbidden", what, err)
			}
		}
		if st := w.status(r.ID); st.Reviewers[0].CanReview {
			t.Error("a suspended reviewer can review")
		}
	})
}
