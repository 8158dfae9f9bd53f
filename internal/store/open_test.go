package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// A server that starts and the command that makes the first workspace open one new
// file at the same moment.
func TestOpeningOneNewFileTogetherWorksForEverybody(t *testing.T) {
	for range 4 {
		path := filepath.Join(t.TempDir(), "new.db")
		const together = 2
		failed := make(chan error, together)
		for range together {
			go func() {
				db, err := store.Open(ctx, path)
				if err == nil {
					err = db.Close()
				}
				failed <- err
			}()
		}
		for range together {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOpeningWhatIsNoDatabaseFailsAndReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no.db")
	if err := os.WriteFile(path, []byte("this is a letter and not a database, however long one reads"), 0o600); err != nil {
		t.Fatal(err)
	}
	returned := make(chan error, 1)
	go func() {
		db, err := store.Open(context.Background(), path)
		if err == nil {
			_ = db.Close()
		}
		returned <- err
	}()
	select {
	case err := <-returned:
		if err == nil {
			t.Error("a letter was opened as a database")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("opening what is no database does not return")
	}
}
