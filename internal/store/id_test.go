package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

func TestIDsSortInTheOrderInWhichTheyWereMade(t *testing.T) {
	now := time.Now()
	ids := make([]string, 0, 100_000)
	for i := range cap(ids) {
		// The clock stands still, and once jumps back.
		at := now
		if i > 50_000 {
			at = now.Add(-time.Hour)
		}
		ids = append(ids, store.NewID("evt", at))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of one process are out of order")
	}
	if n := len(slices.Compact(ids)); n != cap(ids) {
		t.Errorf("%d different ids, want %d", n, cap(ids))
	}
	later := store.NewID("evt", now.Add(time.Minute))
	if later < ids[len(ids)-1] || len(later) != len("evt_")+26 {
		t.Errorf("later id %q does not sort after %q", later, ids[len(ids)-1])
	}
}
