package directory

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
)

func statement(t *testing.T, d store.Dialect, tab *table, text string, q scim.Query) *listing {
	t.Helper()
	if text != "" {
		n, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if q.Filter, err = filter.Resolve(n, tab.resource); err != nil {
			t.Fatal(err)
		}
	}
	if q.StartIndex == 0 {
		q.StartIndex = 1
	}
	q.Count = 100
	l, err := newList(newCompiler(d, tab, "ws_x", "okta"), q, tab.id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhatIdentityProvidersAskUsesAnIndex asks the planner for the hot look-ups: a
// connection with 100,000 people must not be scanned to find one.
func TestWhatIdentityProvidersAskUsesAnIndex(t *testing.T) {
	cases := []struct {
		table  *table
		filter string
		query  scim.Query
		index  string
	}{
		{users, `userName eq "Ann@example.com"`, scim.Query{}, "scim_user_name"},
		{users, `userName eq "Ann@example.com" and active eq "True"`, scim.Query{}, "scim_user_name"},
		{users, `externalId eq "00u1"`, scim.Query{}, "scim_user_external"},
		{users, `emails[type eq "work"].value eq "ann@example.com"`, scim.Query{}, "scim_email_value"},
		{users, `emails.value eq "ann@example.com" and externalId eq "x"`, scim.Query{}, "scim_user_external"},
		{users, `id eq "mem_1"`, scim.Query{}, "scim_user"},
		{users, ``, scim.Query{}, "scim_user_list|scim_user_pkey"},
		{users, ``, scim.Query{ByCursor: true, Cursor: `{"i":"mem_1"}`}, "scim_user_list|scim_user_pkey"},
		{users, `groups.value eq "sgrp_1"`, scim.Query{}, "scim_group_member"},
		{groups, `displayName eq "Designers"`, scim.Query{}, "scim_group_name"},
		{groups, `externalId eq "x"`, scim.Query{}, "scim_group_external"},
		{groups, `members[value eq "mem_1"]`, scim.Query{}, "scim_group_member_reverse"},
		{groups, ``, scim.Query{}, "scim_group_list|scim_group_pkey"},
	}
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			db := objecttest.Open(t, dialect)
			fill(t, db)
			for _, tt := range cases {
				l := statement(t, dialect, tt.table, tt.filter, tt.query)
				plan := explainPlan(t, db, l.page, l.pageArgs)
				uses := func(index string) bool { return strings.Contains(plan, index) }
				if !slices.ContainsFunc(strings.Split(tt.index, "|"), uses) || strings.Contains(plan, "Seq Scan on scim_user") || scans(plan) {
					t.Errorf("%s %q does not use %s:\n%s", tt.table.resource.Name, tt.filter, tt.index, plan)
				}
			}
		})
	}
}

// TestLookUpsOfAPushUseIndexes asks for what every joiner, and the circuit breaker,
// looks up before anything is written.
func TestLookUpsOfAPushUseIndexes(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			db := objecttest.Open(t, dialect)
			fill(t, db)
			for statement, indexes := range map[string][]string{
				provisioning.TracesStatement:       {"scim_user_name", "scim_user_external", "scim_user_gone"},
				provisioning.ActivePeopleStatement: {"scim_user_list"},
			} {
				args := []any{"ws_x", "okta", "u1", "x1", "u1@example.com"}[:strings.Count(statement, "$5")*3+2]
				plan := explainPlan(t, db, statement, args)
				for _, index := range indexes {
					if db.Dialect() == store.SQLite && !strings.Contains(plan, index) {
						t.Errorf("%s is not used:\n%s", index, plan)
					}
				}
				if strings.Contains(plan, "Seq Scan on scim_user") && strings.Contains(statement, "$5") || strings.Contains(plan, "SCAN scim_user") {
					t.Errorf("people are scanned:\n%s", plan)
				}
			}
		})
	}
}

// scans finds a table that SQLite reads whole; a SCAN over an index's range would be a
// SEARCH, and json_each is a parameter.
func scans(plan string) bool {
	for line := range strings.Lines(plan) {
		if strings.HasPrefix(line, "SCAN ") && !strings.Contains(line, "USING INDEX") && !strings.Contains(line, "VIRTUAL TABLE") {
			return true
		}
	}
	return false
}

// fill gives PostgreSQL's planner a reason to prefer indexes.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	numbers := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) `
	err := db.Write(context.Background(), func(tx *store.Tx) error {
		for _, statement := range []string{
			numbers + `INSERT INTO scim_user (workspace_id, member_id, connection, user_name, user_name_key, external_id, active, display_name, doc, folded, version, base_role, created_at, updated_at, deleted_at)
				SELECT 'ws_x', 'mem_' || i, 'okta', 'u' || i, 'u' || i, 'x' || i, 1, 'U', '{}', '{}', 1, '', 1, 1, 0 FROM n`,
			numbers + `INSERT INTO scim_email (workspace_id, member_id, position, connection, value_key, type_key, is_primary) SELECT 'ws_x', 'mem_' || i, 0, 'okta', 'u' || i || '@example.com', 'work', 1 FROM n`,
			numbers + `INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) SELECT 'ws_x', 'sgrp_' || i, 'okta', 'G' || i, 'g' || i, 'x' || i, 1, 1, 1 FROM n`,
			numbers + `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT 'ws_x', 'sgrp_' || i, 'mem_' || (i % 700), 1 FROM n`,
			`ANALYZE`,
		} {
			if _, err := tx.ExecContext(context.Background(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func explainPlan(t *testing.T, db *store.DB, query string, args []any) string {
	t.Helper()
	prefix := "EXPLAIN QUERY PLAN "
	if db.Dialect() == store.Postgres {
		prefix = "EXPLAIN "
	}
	var out strings.Builder
	err := db.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.QueryContext(context.Background(), prefix+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			var a, b, c int64
			dest := []any{&a, &b, &c, &line}
			if db.Dialect() == store.Postgres {
				dest = dest[3:]
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			out.WriteString(strings.TrimSpace(line) + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out.String()
}

// TestGroupListWithoutMembersReadsNone holds excludedAttributes=members to its word.
func TestGroupListWithoutMembersReadsNone(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		l := statement(t, dialect, groups, `displayName eq "Designers"`, scim.Query{})
		if strings.Contains(l.page+l.count, "scim_group_member") {
			t.Errorf("%s reads members: %s", dialect, l.page)
		}
	}
}

// TestValuesNeverBecomeText sends what would end a quoted string through every kind of
// comparison.
func TestValuesNeverBecomeText(t *testing.T) {
	const hostile = `x' OR '1'='1`
	for _, dialect := range []store.Dialect{store.SQLite, store.Postgres} {
		for _, f := range []string{
			`userName eq "` + hostile + `"`, `userName co "` + hostile + `"`, `title ew "` + hostile + `"`, `name.familyName gt "` + hostile + `"`,
			`emails[type eq "` + hostile + `" and value sw "` + hostile + `"]`, `emails[value eq "` + hostile + `"]`, `groups.display eq "` + hostile + `"`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "` + hostile + `"`,
		} {
			l := statement(t, dialect, users, f, scim.Query{})
			if strings.Contains(l.page, "OR '1'") || strings.Contains(l.count, "OR '1'") {
				t.Errorf("%s: %s", f, l.page)
			}
		}
	}
}
