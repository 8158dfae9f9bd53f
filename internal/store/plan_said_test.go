package store_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// say asks for a review, comments, and puts an item into the trash and back.
func say(t *testing.T, f *objecttest.Fixture) {
	t.Helper()
	f.Create(t, f.Owner, api.ProjectKind, doc{"path": "/cuts", "name": "Cuts", "team": "design"})
	f.Create(t, f.Owner, api.AssetKind, doc{"path": "/cuts/teaser"})
	f.Create(t, f.Owner, api.CollectionKind, doc{"path": "/cuts/reel", "asset_ids": []string{"/cuts/teaser"}})
	var trashed string
	for _, step := range []func(s *object.Scope) error{
		func(s *object.Scope) error {
			r, err := review.Request(ctx, s, api.ReviewRequest{Item: "/cuts/teaser", Name: "Cut", Reviewers: []string{objecttest.OwnerEmail}})
			if err != nil {
				return err
			}
			c, err := review.Comment(ctx, s, api.CommentRequest{Review: r.ID, Body: "hello"})
			if err != nil {
				return err
			}
			if _, err := review.Comment(ctx, s, api.CommentRequest{Parent: c.ID, Body: "hello"}); err != nil {
				return err
			}
			if _, err := review.GiveVerdict(ctx, s, r.ID, api.VerdictRequest{Verdict: api.VerdictApproved}); err != nil {
				return err
			}
			if _, err := review.Status(ctx, s, r.ID); err != nil {
				return err
			}
			if _, err := review.Verdicts(ctx, s, r.ID, "", 0); err != nil {
				return err
			}
			for _, filter := range []review.Filter{{}, {Item: "/cuts/teaser"}, {State: "open"}, {Reviewer: objecttest.OwnerEmail}, {Reviewer: objecttest.OwnerEmail, Item: "/cuts/teaser"}} {
				if _, err := review.List(ctx, s, filter, "", 0); err != nil {
					return err
				}
			}
			for _, said := range []review.Said{{Item: "/cuts/teaser"}, {Review: r.ID}, {Thread: c.ID}, {Item: "/cuts/teaser", Review: r.ID}} {
				if _, err := review.Comments(ctx, s, said, "", 0); err != nil {
					return err
				}
				if _, err := review.NextUnresolved(ctx, s, said, ""); err != nil {
					return err
				}
			}
			if _, err := review.SetThread(ctx, s, c.ID, api.ThreadState{State: api.ThreadResolved}); err != nil {
				return err
			}
			if err := review.Delete(ctx, s, c.ID); err != nil {
				return err
			}
			_, err = review.SetState(ctx, s, r.ID, api.ReviewState{State: api.ReviewClosed})
			return err
		},
		func(s *object.Scope) error {
			page, err := sharing.Trash(ctx, s, "", "", 0)
			if err != nil {
				return err
			}
			trashed = page.Items[0].ID
			if _, err := sharing.Trash(ctx, s, "/cuts/teaser", trashed, 0); err != nil {
				return err
			}
			if _, err := sharing.HoldTrashed(ctx, s, trashed, true); err != nil {
				return err
			}
			_, err = sharing.Restore(ctx, s, trashed)
			return err
		},
		func(s *object.Scope) error {
			return sharing.Purge(ctx, s, trashed)
		},
	} {
		if err := f.Service.Do(ctx, f.Owner, step); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []*api.Kind{api.AssetKind} {
			if asset, err := f.Service.Get(ctx, f.Owner, kind, "/cuts/teaser"); err == nil {
				f.Put(t, f.Owner, kind, "/cuts/teaser", doc{"path": "/cuts/teaser"}) // releases the hold
				f.Delete(t, f.Owner, kind, asset.GetMeta().ID)
			}
		}
	}
}
