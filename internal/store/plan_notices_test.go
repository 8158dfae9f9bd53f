package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// bin throws mail away.
type bin struct{}

func (bin) Send(context.Context, string, time.Time, mail.Message) error { return nil }

// notices does what replicas do by themselves all the time, and what people ask of their
// inbox.
func notices(t *testing.T, f *objecttest.Fixture) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f.Put(t, f.Owner, api.NotificationPolicyKind, "", doc{"digest": "daily", "digest_hour": 0, "email_events": []string{"verdict"}})
	f.Create(t, f.Owner, api.NotificationChannelKind, doc{"name": "leads", "type": "email", "addresses": []string{"leads@example.com"}, "events": []string{"verdict"}})
	must(f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
		for action, after := range map[string]doc{
			"review.requested": {"item": "/campaign/drafts", "reviewers": []string{objecttest.MemberEmail}}, "review.verdict_given": {"item": "/campaign/drafts", "requested_by": "member:" + objecttest.MemberEmail},
			"share_link.viewed": {"first": true}, "comment.created": {"item": "/campaign/drafts", "review": "r", "parent": "c"},
		} {
			if err := s.Record(action, audit.Target{Kind: "review", ID: "x", Key: "x"}, audit.EffectNeutral, nil, after); err != nil {
				return err
			}
		}
		return nil
	}))
	must(f.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_leaf (workspace_id, seq, event_id, leaf_hash) SELECT workspace_id, ROW_NUMBER() OVER (PARTITION BY workspace_id ORDER BY xid, id), id, 'x' FROM audit_event`)
		return err
	}))
	w := &notice.Worker{Service: f.Service, Mail: bin{}}
	told, err := w.Consume(ctx)
	must(err)
	if told == 0 {
		t.Fatal("nobody was told of anything")
	}
	_, err = w.Warn(ctx)
	must(err)
	sent, err := w.Digest(ctx)
	must(err)
	if sent == 0 {
		t.Fatal("no digest was sent")
	}
	_, err = w.Queue().Once(ctx)
	must(err)
	must(f.Service.View(ctx, f.Member, func(s *object.Scope) error {
		for _, unread := range []bool{false, true} {
			if _, err := notice.Inbox(ctx, f.Service, s, unread, "", 10); err != nil {
				return err
			}
		}
		return nil
	}))
	must(f.Service.Do(ctx, f.Member, func(s *object.Scope) error {
		if _, err := notice.SetPreferences(ctx, s, api.NotificationPreferences{Digest: "daily"}); err != nil {
			return err
		}
		_, err := notice.ReadAll(ctx, s)
		return err
	}))
	must(notice.Purge(ctx, f.Service))
}
