package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Everybody who reads holds a connection, and the first to ask something needs one more to
// have it prepared: nobody may wait for that while they hold theirs.
func TestReadersWhoFillThePoolAskSomethingNew(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			db := objecttest.Open(t, dialect)
			for round := range 3 {
				const readers = 8 // as many as there are connections on SQLite
				within, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				var in, done sync.WaitGroup
				in.Add(readers)
				failed := make(chan error, readers)
				for range readers {
					done.Go(func() {
						entered := sync.OnceFunc(in.Done)
						defer entered()
						failed <- db.Read(within, func(tx *store.Tx) error {
							entered()
							in.Wait()
							var n int
							return tx.QueryRowContext(within, fmt.Sprintf(`SELECT %d FROM workspace WHERE id = $1 UNION ALL SELECT %d`, round, round), "none").Scan(&n)
						})
					})
				}
				finished := make(chan struct{})
				go func() { done.Wait(); close(finished) }()
				select {
				case <-finished:
				case <-within.Done():
					t.Fatal("the readers wait for each other")
				}
				cancel()
				close(failed)
				for err := range failed {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
