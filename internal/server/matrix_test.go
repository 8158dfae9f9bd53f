package server_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// quiet fails the test when an answer names anything of workspace a that the request
// did not name itself.
func (m *matrix) quiet(t *testing.T, c call, r reply) {
	t.Helper()
	said := c.path + " " + unescape(c.path)
	if c.body != nil {
		said += " " + string(mustJSON(t, c.body))
	}
	for _, word := range append(m.made.docs, m.a.WorkspaceID, "of "+m.a.Workspace, theSecret) {
		if bytes.Contains(r.body, []byte(word)) && !strings.Contains(said, word) {
			t.Errorf("%s %s: the answer names %q of the other workspace: %s", c.method, c.path, word, r.body)
		}
	}
}

// stranger is somebody who may do nothing in workspace a.
type stranger struct {
	name, token string
	status      func(route) int
}

func TestNobodyReachesAnotherWorkspace(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		m := newMatrix(t, i)
		a, b := &m.a, &m.b
		gone := addAndSuspend(t, a, "gone@example.com")
		scim := want(t, a, 200, call{method: "POST", path: in(a, "scim_tokens/"+escape(m.made.keys["scim_token"])+"/secrets"), token: a.OwnerToken, body: doc{"rotation": 1}}).object(t)["secret"].(string)
		elsewhere := func(status int) func(route) int {
			return func(r route) int {
				if r.inWorkspace() {
					return status
				}
				return 0
			}
		}
		always := func(status int) func(route) int { return func(route) int { return status } }
		strangers := []stranger{
			{"the owner of another workspace", b.OwnerToken, elsewhere(404)},
			{"a service account of another workspace", serviceToken(t, b, "machine", "admin", "*"), elsewhere(404)},
			{"nobody", "", always(401)},
			{"a bad token", "ght_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", always(401)},
			{"a SCIM token", scim, always(403)},
			{"a member who was suspended", gone, always(401)},
		}
		before := dump(t, i)
		sent := 0
		for _, s := range strangers {
			t.Run(s.name, func(t *testing.T) {
				for _, r := range m.routes {
					status := s.status(r)
					if status == 0 && !r.readsOnly() {
						continue // of their own; it would change their workspace
					}
					for _, c := range m.requests(t, r, false) {
						c.token = s.token
						sent++
						c.from = fmt.Sprintf("198.51.%d.%d", sent/250%250, sent%250+1) // bad tokens are throttled by address
						got := send(t, i, c)
						if status != 0 && got.status != status {
							t.Errorf("%s: status %d, want %d: %s", r, got.status, status, got.body)
						}
						m.quiet(t, c, got)
					}
				}
			})
		}
		if sent < 500 {
			t.Errorf("only %d requests were sent", sent)
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("something was changed (-before +after):\n%s", diff)
		}
	})
}

// TestUnknownWorkspaceLooksLikeAnothers: what exists elsewhere and what does not
// exist get the same answer.
func TestUnknownWorkspaceLooksLikeAnothers(t *testing.T) {
	i := servertest.Start(t)
	a := i.AddWorkspace("globex")
	for _, path := range []string{"", "/teams", "/teams/design", "/sharing_policy", "/audit_events"} {
		other := want(t, i, 404, call{method: "GET", path: "/v1/workspaces/" + a.Workspace + path, token: i.OwnerToken}).object(t)
		none := want(t, i, 404, call{method: "GET", path: "/v1/workspaces/" + "nada" + path, token: i.OwnerToken}).object(t)
		for _, p := range []doc{other, none} {
			delete(p, "instance")
			p["detail"] = strings.NewReplacer(a.Workspace, "X", "nada", "X").Replace(p["detail"].(string))
		}
		if diff := cmp.Diff(none, other); diff != "" {
			t.Errorf("%s: the two can be told apart (-none +other):\n%s", path, diff)
		}
	}
}

// TestReadOnlyTokenChangesNothing: reads and dry runs pass, writes do not.
func TestReadOnlyTokenChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		m := newMatrix(t, i)
		token := serviceToken(t, &m.a, "planner", "admin", "read_only")
		before := dump(t, i)
		for _, r := range m.routes {
			for _, dry := range []bool{false, true} {
				for _, c := range m.requests(t, r, dry) {
					c.token = token
					got := send(t, i, c)
					dried := dry && r.params["dry_run"]
					switch {
					case r.permission == "operator" || got.status >= 500 || got.status == 401:
						if got.status != 403 {
							t.Errorf("%s: status %d: %s", r, got.status, got.body)
						}
					case (r.readsOnly() || dried) && got.status == 403 && !ownersOnly(r):
						t.Errorf("%s (dry run %v) is refused: %s", r, dried, got.body)
					case !r.readsOnly() && !dried && got.status != 403:
						t.Errorf("%s: status %d, want 403: %s", r, got.status, got.body)
					}
				}
			}
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("something was changed (-before +after):\n%s", diff)
		}
	})
}

// ownersOnly routes are closed to a service account, whatever its role.
func ownersOnly(r route) bool {
	p, ok := vocabulary.Lookup(r.permission)
	return ok && p.OwnerOnly() || r.kind == api.WorkspaceKind && r.method == "DELETE" || r.id == "accept_workspace_owner" ||
		r.id == "approve_approval_request" || r.id == "deny_approval_request" // people decide, and accounts that a policy names
}

// besides names routes whose rules ask for more than the permission they name.
var besides = map[string]string{
	"list_nonconforming_shares": "seeing who has access to the item (grant.read)",
	"revoke_stale_links":        "administering the item as well (share_link.delete)",
	"preview_sharing_policy":    "seeing who has access to the item (grant.read)",

	"delete_workspace":       "closing is the Owner's (workspace.close)",
	"accept_workspace_owner": "only who was offered it",
	"create_access_grant":    "administering the item as well (grant.*)",
	"put_access_grant":       "administering the item as well (grant.*)",
	"delete_access_grant":    "administering the item as well (grant.*)",
	"create_access_grants":   "administering the item as well (grant.*)",
	"put_access_grants":      "administering the item as well (grant.*)",
	"delete_access_grants":   "administering the item as well (grant.*)",
	"put_project":            "administering the item as well (item.settings)",
	"delete_project":         "administering the item as well (item.delete)",
	"create_project":         "creating items inside the one above (item.create)",
	"put_folder":             "administering the item as well (item.settings)",
	"delete_folder":          "administering the item as well (item.delete)",
	"create_folder":          "creating items inside the one above (item.create)",
	"put_guest":              "administering the workspace, or sponsoring the guest (C053)",
	"delete_guest":           "administering the workspace, or sponsoring the guest (C053)",
	"create_guest":           "administering the workspace, or sponsoring the guest (C053)",
	"put_invitation":         "administering the workspace, or having invited",
	"delete_invitation":      "administering the workspace, or having invited",
	"create_invitation":      "administering the workspace, or inviting nobody above oneself",
	"put_asset":              "administering the item as well (item.settings)",
	"delete_asset":           "administering the item as well (item.delete)",
	"create_asset":           "creating items inside the one above (item.create)",
	"put_collection":         "administering the item as well (collection.update)",
	"delete_collection":      "administering the item as well (collection.delete)",
	"create_collection":      "creating collections inside the one above (collection.create)",
	"create_share_link":      "administering the item as well (share_link.create)",
	"put_share_link":         "administering the item as well (share_link.update)",
	"delete_share_link":      "administering the item as well (share_link.delete)",
}

// hides: objects of these kinds are not there for who may not see their item.
func hides(r route) bool {
	switch r.kind {
	case api.ProjectKind, api.FolderKind, api.AssetKind, api.CollectionKind, api.AccessGrantKind, api.AccessGrantsKind, api.ShareLinkKind:
		return strings.Contains(r.path, "{ref}")
	}
	return false
}

// TestRoutesNeedThePermissionThatTheyName compares every route with the catalogue:
// who has the permission is let in, who has not is refused.
func TestRoutesNeedThePermissionThatTheyName(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		m := newMatrix(t, i)
		tokens := map[vocabulary.Role]string{
			vocabulary.RoleOwner: m.a.OwnerToken, vocabulary.RoleAdmin: m.a.AdminToken,
			vocabulary.RoleMember: m.a.MemberToken, vocabulary.RoleGuest: addGuest(t, &m.a, "guest@example.com"),
		}
		before := dump(t, i)
		for _, r := range m.routes {
			p, known := vocabulary.Lookup(r.permission)
			if !known {
				continue
			}
			for role, token := range tokens {
				if p.Scope == vocabulary.ScopeItem && role != vocabulary.RoleGuest {
					continue // decided on the item; the capability's tests say by whom
				}
				for _, c := range m.requests(t, r, true) {
					c.token = token
					if p.AllowsRole(role) && !r.readsOnly() && !r.params["dry_run"] {
						continue // would be done; TestSecrets… sends them
					}
					got := send(t, i, c)
					switch {
					case p.Scope == vocabulary.ScopeItem && r.readsOnly() && !strings.Contains(r.path, "{ref}") && got.status == 200:
						if items := got.object(t)["items"].([]any); len(items) != 0 {
							t.Errorf("%s as %s lists %v", r, role, items)
						}
					case !p.AllowsRole(role) && got.status == 404 && (hides(r) || p.Scope == vocabulary.ScopeItem):
					case !p.AllowsRole(role) && got.status != 403:
						t.Errorf("%s as %s: status %d, want 403 (needs %s): %s", r, role, got.status, r.permission, got.body)
					case p.AllowsRole(role) && (got.status == 403 || got.status == 401) && (besides[r.id] == "" || role == vocabulary.RoleOwner):
						t.Errorf("%s as %s: status %d although the role has %s: %s", r, role, got.status, r.permission, got.body)
					case got.status >= 500:
						t.Errorf("%s as %s: status %d: %s", r, role, got.status, got.body)
					}
					if got.status == 403 {
						m.quiet(t, c, got)
					}
				}
			}
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("a dry run or a refusal changed something (-before +after):\n%s", diff)
		}
	})
}

// TestSuspendedMemberHoldsNothing: even a credential that should not exist opens
// nothing that belongs to the workspace.
func TestSuspendedMemberHoldsNothing(t *testing.T) {
	i := servertest.Start(t)
	m := newMatrix(t, i)
	addAndSuspend(t, &m.a, "gone@example.com")
	token := m.a.Token("gone@example.com") // made by mistake, after the suspension
	for _, r := range m.routes {
		if !r.inWorkspace() {
			continue
		}
		for _, c := range m.requests(t, r, true) {
			c.token = token
			got := send(t, i, c)
			if r.id == "batch_read" {
				for _, e := range got.object(t)["objects"].([]any) {
					if e.(doc)["object"] != nil {
						t.Errorf("a suspended member reads %v", e)
					}
				}
				continue
			}
			if got.status != 403 {
				t.Errorf("%s: status %d, want 403: %s", r, got.status, got.body)
			}
			m.quiet(t, c, got)
		}
	}
	who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: token}).object(t)
	if len(who["permissions"].([]any)) != 0 {
		t.Errorf("a suspended member has permissions: %v", who)
	}
}

// addAndSuspend makes a member with a token, and suspends them.
func addAndSuspend(t *testing.T, i *servertest.Instance, email string) string {
	t.Helper()
	want(t, i, 201, call{method: "POST", path: in(i, "members"), token: i.OwnerToken, body: doc{"email": email}})
	token := i.Token(email)
	want(t, i, 200, call{method: "GET", path: in(i, "teams"), token: token})
	want(t, i, 204, call{method: "DELETE", path: in(i, "members/"+escape(email)), token: i.OwnerToken})
	return token
}

// sealersOwn are the tables that the sealer writes on its own, a moment after events.
var sealersOwn = []string{"audit_leaf", "audit_hash", "audit_checkpoint", "audit_seal"}

// dump reads every row of every table, but for the sealer's and for the note of a
// token's last use.
func dump(t *testing.T, i *servertest.Instance) map[string][]string {
	t.Helper()
	ctx := context.Background()
	tables := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if i.Service.DB.Dialect() == store.Postgres {
		tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	}
	out := map[string][]string{}
	for _, row := range query(ctx, t, i.Service.DB.SQL(), tables) {
		table := row["name"]
		if table == "" {
			table = row["table_name"]
		}
		if slices.Contains(sealersOwn, table) {
			continue
		}
		for _, r := range query(ctx, t, i.Service.DB.SQL(), `SELECT * FROM "`+table+`"`) {
			delete(r, "last_used_at")
			line := []string{}
			for column, value := range r {
				line = append(line, column+"="+value)
			}
			sort.Strings(line)
			out[table] = append(out[table], strings.Join(line, " "))
		}
		sort.Strings(out[table])
	}
	if len(out["object"]) == 0 || len(out["audit_event"]) == 0 {
		t.Fatal("the dump is empty")
	}
	return out
}

func query(ctx context.Context, t *testing.T, db *sql.DB, text string) []map[string]string {
	t.Helper()
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for rows.Next() {
		values := make([]any, len(columns))
		for n := range values {
			values[n] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		line := map[string]string{}
		for n, c := range columns {
			v := *values[n].(*any)
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			line[c] = fmt.Sprint(v)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
