package store_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// signals does what replicas do to tell receivers of people, and what administrators ask
// about it.
func signals(t *testing.T, f *objecttest.Fixture) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	receiver := doc{"name": "mail", "url": "https://127.0.0.1:1/", "audience": "mail", "signing_algorithm": "ES256", "events": []string{"user_created", "session_revoked"}}
	f.Create(t, f.Owner, api.EventReceiverKind, receiver)
	f.AddMember(t, f.Owner, "sid@example.com", "member")
	f.Delete(t, f.Owner, api.MemberKind, "sid@example.com")
	must(f.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_leaf (workspace_id, seq, event_id, leaf_hash)
			SELECT e.workspace_id, COALESCE((SELECT MAX(l.seq) FROM audit_leaf l WHERE l.workspace_id = e.workspace_id), 0) + ROW_NUMBER() OVER (PARTITION BY e.workspace_id ORDER BY e.xid, e.id), e.id, 'x'
			FROM audit_event e WHERE NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)`)
		return err
	}))
	client := outbound.NewClient(outbound.Options{}) // which reaches nobody here
	w := &secevent.Worker{Service: f.Service, Client: client}
	must(w.EnsureKeys(ctx))
	queued, err := w.Consume(ctx)
	must(err)
	tried, err := w.Deliver(ctx)
	must(err)
	if queued == 0 || tried == 0 {
		t.Fatalf("%d security events were queued, %d tried", queued, tried)
	}
	_, err = secevent.Verify(ctx, f.Service, client, f.Owner, "mail")
	must(err)
	must(f.Service.View(ctx, f.Owner, func(s *object.Scope) error {
		for _, state := range []string{"", "failed"} {
			if _, err := secevent.Deliveries(ctx, s, "mail", state, "set_0", 10); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = secevent.Rotate(ctx, f.Service, f.Owner, false, false)
	must(err)
	_, err = secevent.JWKS(ctx, f.Service, f.Workspace.ID)
	must(err)
	must(secevent.Purge(ctx, f.Service))
	receiver["enabled"] = false
	f.Put(t, f.Owner, api.EventReceiverKind, "mail", receiver)
	f.Delete(t, f.Owner, api.EventReceiverKind, "mail")
}
