package objecttest

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Dump reads every row of every table as text, sorted, so that tests can prove that
// something left nothing behind.
func Dump(t testing.TB, db *store.DB) map[string][]string {
	t.Helper()
	ctx := context.Background()
	out := map[string][]string{}
	err := db.Read(ctx, func(tx *store.Tx) error {
		query := `SELECT name FROM sqlite_master WHERE type = 'table'`
		if db.Dialect() == store.Postgres {
			query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
		}
		names, err := scanAll(ctx, tx, query)
		if err != nil {
			return err
		}
		for _, name := range names {
			if out[name], err = scanAll(ctx, tx, `SELECT * FROM `+name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("dumping the database: %v", err)
	}
	return out
}

func scanAll(ctx context.Context, tx *store.Tx, query string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	out := []string{}
	for rows.Next() {
		values := make([]any, len(cols))
		into := make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = fmt.Sprintf("%v", v)
			if b, ok := v.([]byte); ok {
				parts[i] = string(b)
			}
		}
		out = append(out, strings.Join(parts, "\x1f"))
	}
	sort.Strings(out)
	return out, rows.Err()
}
