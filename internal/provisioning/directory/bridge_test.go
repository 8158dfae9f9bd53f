package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// call sends a request and decodes the answer, whose status must be as wanted.
func (b *bridge) call(t testing.TB, want int, method, path, body string) map[string]any {
	t.Helper()
	res, err := b.send(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil && res.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %v", method, path, res.StatusCode, want, out)
	}
	return out
}

func (b *bridge) post(t testing.TB, path, body string) map[string]any {
	t.Helper()
	return b.call(t, http.StatusCreated, "POST", path, body)
}

func (b *bridge) get(t testing.TB, path string) map[string]any {
	t.Helper()
	return b.call(t, http.StatusOK, "GET", path, "")
}

func (b *bridge) list(t testing.TB, path string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, r := range b.get(t, path)["Resources"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}

// bigGroup makes a group with many people, past the protocol.
func (b *bridge) bigGroup(t testing.TB, size int) string {
	t.Helper()
	group := b.group(t, "Everybody")
	numbers := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + fmt.Sprint(size) + `) `
	err := b.DB.Write(context.Background(), func(tx *store.Tx) error {
		for _, statement := range []string{
			numbers + `INSERT INTO scim_user (workspace_id, member_id, connection, user_name, user_name_key, external_id, active, display_name, doc, folded, version, base_role, created_at, updated_at, deleted_at)
				SELECT $1, 'mem_' || i, 'okta', 'u' || i, 'u' || i, '', 1, 'U', '{"userName":"u"}', '{}', 1, '', 1, 1, 0 FROM n`,
			numbers + `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT $1, '` + group + `', 'mem_' || i, 1 FROM n`,
		} {
			if _, err := tx.ExecContext(context.Background(), statement, b.Workspace.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return group
}
