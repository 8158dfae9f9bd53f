package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// age moves every stored event into the past.
func (b *bridge) age(t *testing.T, days int) {
	t.Helper()
	err := b.DB.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(context.Background(), `UPDATE provisioning_event SET occurred_at = occurred_at - $1`, int64(days)*(24*time.Hour).Microseconds())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsGoWhenTheAuditPolicySaysSo(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		purge := func(want int64) {
			t.Helper()
			if got, err := provisioning.PurgeEvents(context.Background(), b.Service); err != nil || got != want {
				t.Fatalf("purged %d, %v; want %d", got, err, want)
			}
		}
		b.populate(t, 3)
		b.age(t, 364)
		purge(0)
		b.age(t, 2) // 366 days: more than the 365 of a workspace without a policy
		b.Put(t, b.Owner, api.AuditPolicyKind, "", map[string]any{"retention_days": 400})
		purge(0)
		b.age(t, 35)
		b.join(t, "new@example.com")
		purge(3)
		left := b.events(t, provisioning.EventFilter{})
		if len(left) != 1 || !strings.Contains(string(left[0].Request), "new@example.com") {
			t.Errorf("left = %+v", left)
		}
		purge(0)
	})
}

func TestOldEventsAreFoundByAnIndex(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		if b.DB.Dialect() != store.SQLite {
			return // PostgreSQL scans a table of few rows whatever its indexes
		}
		var detail string
		err := b.DB.Read(context.Background(), func(tx *store.Tx) error {
			var n int64
			return tx.QueryRowContext(context.Background(), `EXPLAIN QUERY PLAN SELECT id FROM provisioning_event WHERE workspace_id = 'w' AND occurred_at < 1 ORDER BY occurred_at, id LIMIT 1000`).Scan(&n, &n, &n, &detail)
		})
		if err != nil || !strings.Contains(detail, "provisioning_event_time") {
			t.Errorf("plan %q, %v", detail, err)
		}
	})
}

// X12: what identity providers sent about people goes with the workspace.
func TestPurgedWorkspaceKeepsNothingThatWasPushed(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "ann@example.com")
		b.post(t, "/Groups", `{"displayName":"Designers","members":`+refs(id)+`}`)
		b.call(t, 409, "POST", "/Users", `{"userName":"ann@example.com"}`)
		b.Put(t, b.Owner, api.WorkspaceKind, "", map[string]any{"slug": "acme", "name": "Acme", "deletion_protection": false, "closure_days": 1})
		b.Delete(t, b.Owner, api.WorkspaceKind, "")
		if n := b.rowCount(t, "provisioning_event", "1 = 1"); n != 3 {
			t.Fatalf("%d events before, want 3", n)
		}
		b.Advance(25 * time.Hour)
		if gone, err := workspace.PurgeClosed(context.Background(), b.Service); err != nil || len(gone) != 1 {
			t.Fatalf("purged %v, %v", gone, err)
		}
		for table, rows := range objecttest.Dump(t, b.DB) {
			for _, row := range rows {
				if strings.Contains(row, "ann@example.com") {
					t.Errorf("%s still knows a person: %s", table, row)
				}
			}
			if strings.HasPrefix(table, "scim_") || table == "provisioning_event" {
				if len(rows) > 0 {
					t.Errorf("%s still has %d rows", table, len(rows))
				}
			}
		}
	})
}
