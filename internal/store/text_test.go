package store_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// A parameter that stands alone as LIMIT makes SQLite plan a statement anew whenever it
// is bound (sqlite3_reprepare); inside an expression it does not.
func TestNoParameterAloneIsALimitForSQLite(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT 1 ORDER BY x LIMIT $4`:            `SELECT 1 ORDER BY x LIMIT CAST($4 AS BIGINT)`,
		`SELECT 1 LIMIT $12 OFFSET $13`:           `SELECT 1 LIMIT CAST($12 AS BIGINT) OFFSET CAST($13 AS BIGINT)`,
		`DELETE WHERE id IN (SELECT x LIMIT $2)`:  `DELETE WHERE id IN (SELECT x LIMIT CAST($2 AS BIGINT))`,
		`SELECT max_limit FROM x WHERE limits=$1`: `SELECT max_limit FROM x WHERE limits=$1`,
		`SELECT 1 LIMIT 1`:                        `SELECT 1 LIMIT 1`,
	} {
		if got := store.PlanOnce(query); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", query, got, want)
		}
	}
}
