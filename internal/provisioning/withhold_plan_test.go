package provisioning

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Each push asks what the groups of a few people hold by name: by their index, whatever
// the size of the groups and of the workspace.
func TestWeighingReadsNoGroupWhole(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			db := objecttest.Open(t, dialect)
			explain, people := "EXPLAIN QUERY PLAN ", "(SELECT value FROM json_each($2))"
			if dialect == store.Postgres {
				explain, people = "EXPLAIN ", "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))"
			}
			ctx := context.Background()
			err := db.Write(ctx, func(tx *store.Tx) error {
				const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) `
				for _, text := range []string{
					numbers + `INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) SELECT 'ws_x', 'sgrp_' || i, 'okta', 'G' || i, 'g' || i, '', 1, 1, 1 FROM n`,
					numbers + `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT 'ws_x', 'sgrp_' || (i % 50), 'mem_' || i, 1 FROM n`,
					`ANALYZE`,
				} {
					if _, err := tx.ExecContext(ctx, text); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for which, args := range map[whichParts][]any{heldBack: {"ws_x", "[]"}, newIn: {"ws_x", "[]", "sgrp_1"}, ofReturners: {"ws_x", "[]"}} {
				var plan []string
				err := db.Read(ctx, func(tx *store.Tx) error {
					rows, err := tx.QueryContext(ctx, explain+partsStatement(people, which), args...)
					if err != nil {
						return err
					}
					defer func() { _ = rows.Close() }()
					for rows.Next() {
						var line string
						var a, b, c int64
						dest := []any{&a, &b, &c, &line}
						if dialect == store.Postgres {
							dest = dest[3:]
						}
						if err := rows.Scan(dest...); err != nil {
							return err
						}
						plan = append(plan, strings.TrimSpace(line))
					}
					return rows.Err()
				})
				if err != nil {
					t.Fatal(err)
				}
				all := strings.Join(plan, "\n")
				if strings.Contains(all, "Seq Scan on scim_group") || strings.Contains(all, "SCAN gm") || strings.Contains(all, "SCAN g\n") || strings.Contains(all, "SCAN a") || strings.Contains(all, "SCAN r") {
					t.Errorf("%s reads a table whole:\n%s", which, all)
				}
				if testing.Verbose() {
					t.Logf("%s:\n%s", which, all)
				}
			}
		})
	}
}
