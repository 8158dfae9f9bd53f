package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var ctx = context.Background()

// each runs one suite on every engine.
func each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) { test(t, objecttest.Open(t, dialect)) })
	}
}

// at has the microseconds that both engines keep.
var at = time.Date(2027, 1, 2, 3, 4, 5, 6000, time.UTC)

func row(workspace, kind, key string) *store.Row {
	return &store.Row{WorkspaceID: workspace, Kind: kind, ID: store.NewID(kind, time.Now()), Key: key, Doc: fmt.Sprintf(`{"name":%q,"on":true,"n":7}`, key),
		Version: 1, Manager: "manual", ManagedAt: at, CreatedAt: at, UpdatedAt: at}
}

func write(t *testing.T, db *store.DB, f func(*store.Tx) error) {
	t.Helper()
	if err := db.Write(ctx, f); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, db *store.DB, f func(*store.Tx) error) {
	t.Helper()
	if err := db.Read(ctx, f); err != nil {
		t.Fatal(err)
	}
}

func insert(t *testing.T, db *store.DB, table store.Table, rows ...*store.Row) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		for _, r := range rows {
			if err := table.Insert(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestRowComesBackAsItWasStored(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		want := row("ws_1", "team", "café/ünïcode \x01'\"")
		want.Stack, want.ChangeContext = "blue", `{"commit":"4f2a9c1"}`
		insert(t, db, store.Objects, want)
		read(t, db, func(tx *store.Tx) error {
			byID, err := store.Objects.ByID(ctx, tx, "ws_1", "team", want.ID)
			if err != nil {
				return err
			}
			byKey, err := store.Objects.ByKey(ctx, tx, "ws_1", "team", want.Key)
			if err != nil {
				return err
			}
			for _, got := range []*store.Row{byID, byKey} {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("row: %s", diff)
				}
			}
			return nil
		})
	})
}

func TestRowsOfAnotherWorkspaceOrKindAreNotFound(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := row("ws_1", "team", "design")
		insert(t, db, store.Objects, r)
		read(t, db, func(tx *store.Tx) error {
			for _, where := range [][3]string{{"ws_2", "team", r.ID}, {"ws_1", "role", r.ID}, {"ws_1", "team", "design"}} {
				if _, err := store.Objects.ByID(ctx, tx, where[0], where[1], where[2]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("ByID(%v) = %v, want ErrNotFound", where, err)
				}
			}
			if _, err := store.Objects.ByKey(ctx, tx, "ws_2", "team", "design"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("ByKey of another workspace = %v", err)
			}
			rows, err := store.Objects.ByIDs(ctx, tx, "ws_2", "team", []string{r.ID})
			if err != nil || len(rows) != 0 {
				t.Errorf("ByIDs of another workspace = %v, %v", rows, err)
			}
			return nil
		})
		write(t, db, func(tx *store.Tx) error {
			if err := store.Objects.Delete(ctx, tx, "ws_2", "team", r.ID, 1); !errors.Is(err, store.ErrStale) {
				t.Errorf("Delete across workspaces = %v", err)
			}
			return store.Objects.RemoveAll(ctx, tx, "ws_2", "team", []string{r.ID})
		})
		read(t, db, func(tx *store.Tx) error {
			_, err := store.Objects.ByID(ctx, tx, "ws_1", "team", r.ID)
			return err
		})
	})
}

func TestKeysAreUniqueWithinWorkspaceAndKind(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		insert(t, db, store.Objects, row("ws_1", "team", "design"), row("ws_2", "team", "design"), row("ws_1", "role", "design"))
		write(t, db, func(tx *store.Tx) error {
			if err := store.Objects.Insert(ctx, tx, row("ws_1", "team", "design")); !errors.Is(err, store.ErrExists) {
				t.Errorf("second row of a key = %v, want ErrExists", err)
			}
			// The transaction lives on after the refusal.
			return store.Objects.Insert(ctx, tx, row("ws_1", "team", "film"))
		})
		err := db.Write(ctx, func(tx *store.Tx) error {
			r, err := store.Objects.ByKey(ctx, tx, "ws_1", "team", "film")
			if err != nil {
				return err
			}
			r.Key = "design"
			return store.Objects.Update(ctx, tx, r, 1)
		})
		if !errors.Is(err, store.ErrExists) {
			t.Errorf("renaming to a taken key = %v, want ErrExists", err)
		}
		err = db.Write(ctx, func(tx *store.Tx) error {
			return store.Objects.SaveAll(ctx, tx, []*store.Row{row("ws_1", "team", "new"), row("ws_1", "team", "design")})
		})
		if !errors.Is(err, store.ErrExists) {
			t.Errorf("saving a taken key = %v, want ErrExists", err)
		}
	})
}

func TestUpdateAndDeleteCompareVersions(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := row("ws_1", "team", "design")
		insert(t, db, store.Objects, r)
		r.Version, r.Doc = 2, `{"name":"second"}`
		write(t, db, func(tx *store.Tx) error { return store.Objects.Update(ctx, tx, r, 1) })
		for name, f := range map[string]func(*store.Tx) error{
			"update": func(tx *store.Tx) error { return store.Objects.Update(ctx, tx, r, 1) },
			"delete": func(tx *store.Tx) error { return store.Objects.Delete(ctx, tx, "ws_1", "team", r.ID, 1) },
		} {
			if err := db.Write(ctx, f); !errors.Is(err, store.ErrStale) {
				t.Errorf("%s of an old version = %v, want ErrStale", name, err)
			}
		}
		write(t, db, func(tx *store.Tx) error { return store.Objects.Delete(ctx, tx, "ws_1", "team", r.ID, 2) })
		read(t, db, func(tx *store.Tx) error {
			if _, err := store.Objects.ByKey(ctx, tx, "ws_1", "team", "design"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("after the deletion: %v", err)
			}
			return nil
		})
	})
}

func TestListGoesThroughKeysInByteOrder(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		keys := []string{"", "/", "/a", "/a-b", "/a/b", "/ab", "_", "a", "a@b", "b", "é"}
		for _, k := range keys {
			insert(t, db, store.Objects, row("ws_1", "folder", k))
		}
		read(t, db, func(tx *store.Tx) error {
			var got []string
			after := ""
			for {
				rows, err := store.Objects.List(ctx, tx, "ws_1", "folder", after, 3)
				if err != nil {
					return err
				}
				for _, r := range rows {
					got = append(got, r.Key)
				}
				if len(rows) < 3 {
					break
				}
				after = rows[len(rows)-1].Key
			}
			if diff := cmp.Diff(keys[1:], got); diff != "" {
				t.Errorf("keys: %s", diff)
			}
			return nil
		})
	})
}

func TestPostgreSQLComparesTextByteByByteWhateverItsLocale(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() != store.Postgres {
			return // SQLite knows nothing else
		}
		read(t, db, func(tx *store.Tx) error {
			var texts, others int
			err := tx.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE collation_name IS DISTINCT FROM 'C')
				FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text'`).Scan(&texts, &others)
			if err != nil {
				return err
			}
			if texts < 50 || others != 0 {
				t.Errorf("%d of %d text columns follow the locale", others, texts)
			}
			return nil
		})
	})
}

func TestListFiltersByFieldsAndColumnsAlike(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		members := store.Table{Name: "member", Extra: []string{"role", "active", "source", "external_id", "connection"}}
		for i, role := range []string{"owner", "admin", "member", "member", "guest"} {
			r := row("ws_1", "member", fmt.Sprintf("m%d@example.com", i))
			r.Doc = fmt.Sprintf(`{"workspace_role":%q,"active":%v,"n":%d}`, role, i%2 == 0, i)
			r.Extra = []any{role, int64(1 - i%2), "manual", "", ""}
			insert(t, db, members, r)
		}
		read(t, db, func(tx *store.Tx) error {
			for _, c := range []struct {
				where []store.Condition
				want  int
			}{
				{[]store.Condition{{Column: "role", Value: "member"}}, 2},
				{[]store.Condition{{Field: "workspace_role", Value: "member"}}, 2},
				{[]store.Condition{{Field: "active", Value: "true"}}, 3},
				{[]store.Condition{{Field: "n", Value: "3"}}, 1},
				{[]store.Condition{{Column: "role", Value: "member"}, {Field: "active", Value: "true"}}, 1},
				{[]store.Condition{{Column: "key", Value: "m4@example.com"}}, 1},
				{[]store.Condition{{Field: "missing", Value: "x"}}, 0},
				{[]store.Condition{{Field: "workspace_role", Value: "' OR 1=1 --"}}, 0},
			} {
				rows, err := members.List(ctx, tx, "ws_1", "member", "", 10, c.where...)
				if err != nil {
					return err
				}
				if len(rows) != c.want {
					t.Errorf("%+v: %d rows, want %d", c.where, len(rows), c.want)
				}
			}
			rows, err := members.List(ctx, tx, "ws_1", "guest", "", 10, store.Condition{Column: "role", Value: "member"})
			if err != nil || len(rows) != 0 {
				t.Errorf("rows of another kind: %d, %v", len(rows), err)
			}
			return nil
		})
	})
}

func TestBulkWritesOfEveryLengthAreWhole(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		for _, n := range []int{1, 7, 8, 9, 199, 200, 201, 613} {
			rows := make([]*store.Row, n)
			ids := make([]string, n)
			for i := range rows {
				rows[i] = row("ws_1", "team", fmt.Sprintf("%d-%04d", n, i))
				ids[i] = rows[i].ID
			}
			write(t, db, func(tx *store.Tx) error { return store.Objects.SaveAll(ctx, tx, rows) })
			for _, r := range rows {
				r.Version, r.Key, r.Doc = 2, "again-"+r.Key, `{"name":"again"}`
			}
			write(t, db, func(tx *store.Tx) error { return store.Objects.SaveAll(ctx, tx, rows) })
			read(t, db, func(tx *store.Tx) error {
				got, err := store.Objects.ByIDs(ctx, tx, "ws_1", "team", append([]string{"team_unknown"}, ids...))
				if err != nil {
					return err
				}
				if len(got) != n {
					t.Errorf("%d rows came back of %d", len(got), n)
				}
				for _, r := range rows {
					if diff := cmp.Diff(r, got[r.ID]); diff != "" {
						t.Fatalf("row of %d: %s", n, diff)
					}
				}
				return nil
			})
			write(t, db, func(tx *store.Tx) error { return store.Objects.RemoveAll(ctx, tx, "ws_1", "team", ids) })
			read(t, db, func(tx *store.Tx) error {
				left, err := store.Objects.List(ctx, tx, "ws_1", "team", "", 10)
				if err != nil || len(left) != 0 {
					t.Errorf("after removing %d: %d left, %v", n, len(left), err)
				}
				return nil
			})
		}
	})
}

func TestWriteHappensWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		boom := errors.New("boom")
		for name, fail := range map[string]error{"error": boom, "rollback": store.ErrRollback} {
			err := db.Write(ctx, func(tx *store.Tx) error {
				if err := store.Objects.Insert(ctx, tx, row("ws_1", "team", name)); err != nil {
					return err
				}
				return fail
			})
			if want := map[string]error{"error": boom}[name]; !errors.Is(err, want) {
				t.Errorf("%s: Write = %v, want %v", name, err, want)
			}
		}
		read(t, db, func(tx *store.Tx) error {
			left, err := store.Objects.List(ctx, tx, "ws_1", "team", "", 10)
			if err != nil || len(left) != 0 {
				t.Errorf("%d rows outlived their transaction, %v", len(left), err)
			}
			return nil
		})
	})
}

func TestWritesThatWaitTogetherFailAlone(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const many = 120
		var wg sync.WaitGroup
		errs := make([]error, many)
		for i := range many {
			wg.Go(func() {
				errs[i] = db.Write(ctx, func(tx *store.Tx) error {
					if err := store.Objects.Insert(ctx, tx, row("ws_1", "team", fmt.Sprintf("t%03d", i))); err != nil {
						return err
					}
					if i%3 == 0 {
						return errors.New("changed its mind")
					}
					return nil
				})
			})
		}
		wg.Wait()
		read(t, db, func(tx *store.Tx) error {
			rows, err := store.Objects.List(ctx, tx, "ws_1", "team", "", many)
			if err != nil {
				return err
			}
			kept := map[string]bool{}
			for _, r := range rows {
				kept[r.Key] = true
			}
			for i, err := range errs {
				if key := fmt.Sprintf("t%03d", i); kept[key] != (err == nil) || (err == nil) != (i%3 != 0) {
					t.Errorf("%s: error %v, kept %v", key, err, kept[key])
				}
			}
			return nil
		})
	})
}

func TestPanickingWriteHarmsNobodyElse(t *testing.T) {
	db := objecttest.Open(t, store.SQLite)
	err := db.Write(ctx, func(*store.Tx) error { panic("bug") })
	if err == nil || !strings.Contains(err.Error(), "panicked: bug") {
		t.Errorf("error = %v", err)
	}
	insert(t, db, store.Objects, row("ws_1", "team", "after"))
}

func TestReadSeesOneMomentAndCannotWrite(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		insert(t, db, store.Objects, row("ws_1", "team", "first"))
		read(t, db, func(tx *store.Tx) error {
			count := func() int {
				rows, err := store.Objects.List(ctx, tx, "ws_1", "team", "", 10)
				if err != nil {
					t.Fatal(err)
				}
				return len(rows)
			}
			before := count()
			insert(t, db, store.Objects, row("ws_1", "team", "second"))
			if after := count(); before != 1 || after != 1 {
				t.Errorf("one read saw %d, then %d rows", before, after)
			}
			return nil
		})
		err := db.Read(ctx, func(tx *store.Tx) error { return store.Objects.Insert(ctx, tx, row("ws_1", "team", "sneaky")) })
		if err == nil {
			t.Error("a read could write")
		}
	})
}

func TestCancelledCallerLearnsTheTruthAboutTheirWrite(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		err := db.Write(gone, func(tx *store.Tx) error { return store.Objects.Insert(gone, tx, row("ws_1", "team", "late")) })
		if err == nil {
			t.Fatal("a write of a caller who had left was acknowledged")
		}
		read(t, db, func(tx *store.Tx) error {
			if _, err := store.Objects.ByKey(ctx, tx, "ws_1", "team", "late"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("reported as undone, yet it is there: %v", err)
			}
			return nil
		})
	})
}

func TestOpeningAgainKeepsTheDataAndMigratesOnce(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			dsn := objecttest.Empty(t, dialect)
			var wg sync.WaitGroup
			dbs := make([]*store.DB, 3)
			errs := make([]error, 3)
			for i := range dbs {
				if dialect == store.SQLite && i > 0 {
					break // one process owns a SQLite file
				}
				wg.Go(func() { dbs[i], errs[i] = store.Open(ctx, dsn) })
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			insert(t, dbs[0], store.Objects, row("ws_1", "team", "design"))
			for _, db := range dbs {
				if db != nil {
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				}
			}
			db, err := store.Open(ctx, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			read(t, db, func(tx *store.Tx) error {
				_, err := store.Objects.ByKey(ctx, tx, "ws_1", "team", "design")
				return err
			})
			if err := db.Ping(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedDatabaseRefusesWrites(t *testing.T) {
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := db.Write(ctx, func(*store.Tx) error { return nil }); err == nil {
		t.Error("a closed database took a write")
	}
}

func TestAuditEventsCannotBeChangedOrDeleted(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		for _, statement := range []string{`UPDATE audit_event SET action = 'x.y'`, `DELETE FROM audit_event`, `DELETE FROM audit_subject`} {
			err := f.DB.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.ExecContext(ctx, statement)
				return err
			})
			if err == nil {
				t.Errorf("%s was allowed", statement)
			}
		}
	})
}
