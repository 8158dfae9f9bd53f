package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// dice makes people and filters over few values, so that they meet.
type dice struct{ *rand.Rand }

func (d dice) of(values ...string) string { return values[d.IntN(len(values))] }

func (d dice) word() string {
	return d.of("Ann", "ann", "BOB", "ünïcode", "ÜNÏCODE", "a", "100%_x", `q"\`, "zoë", "Z")
}

func (d dice) user(i int) scim.User {
	yes := d.IntN(2) == 0
	u := scim.User{UserName: fmt.Sprintf("%s-%d", d.word(), i), Active: &yes}
	if d.IntN(2) == 0 {
		u.ExternalID = d.word()
	}
	if d.IntN(2) == 0 {
		u.DisplayName = d.word()
	}
	if d.IntN(2) == 0 {
		u.Title, u.ProfileURL = d.word(), d.word()
	}
	if d.IntN(2) == 0 {
		u.Name = &scim.Name{FamilyName: d.word()}
	}
	for range d.IntN(3) {
		u.Emails = append(u.Emails, scim.Plural{Value: d.word(), Type: d.of("work", "home", ""), Primary: len(u.Emails) == 0 && d.IntN(2) == 0})
	}
	if d.IntN(2) == 0 {
		u.Enterprise = &scim.EnterpriseUser{Department: d.word()}
		if d.IntN(2) == 0 {
			u.Enterprise.Manager = &scim.Manager{Value: d.word()}
		}
	}
	return u
}

func (d dice) value() string {
	raw, _ := json.Marshal(d.word())
	return string(raw)
}

func (d dice) op() string { return d.of("eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le") }

func (d dice) leaf() string {
	switch d.IntN(7) {
	case 0:
		return "active " + d.of("eq", "ne") + " " + d.of("true", "false", `"False"`)
	case 1:
		return d.of("title", "emails", "name", "externalId", enterprise, enterprise+":manager", "emails.type") + " pr"
	case 2:
		return "emails[" + d.of("type", "value", "display") + " " + d.op() + " " + d.value() + " " + d.of("and", "or") + " " + d.of("type eq \"work\"", "primary eq true", "primary ne true", "not (value pr)", "value eq "+d.value()) + "]"
	case 3:
		return "emails.primary eq " + d.of("true", "false")
	default:
		return d.of("userName", "externalId", "displayName", "title", "profileUrl", "name.familyName", "emails", "emails.type", "emails.value", enterprise+":department", enterprise+":manager.value") + " " + d.op() + " " + d.value()
	}
}

func (d dice) filter(depth int) string {
	if depth == 0 || d.IntN(3) == 0 {
		return d.leaf()
	}
	switch d.IntN(3) {
	case 0:
		return "not (" + d.filter(depth-1) + ")"
	case 1:
		return "(" + d.filter(depth-1) + " or " + d.filter(depth-1) + ")"
	}
	return "(" + d.filter(depth-1) + " and " + d.filter(depth-1) + ")"
}

// TestSQLSelectsWhatMatchDoes compares hundreds of filters with their reference, and
// sorts with theirs.
func TestSQLSelectsWhatMatchDoes(t *testing.T) {
	const people, filters = 40, 500
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			d := dice{rand.New(rand.NewPCG(1, 2))}
			db := objecttest.Open(t, dialect)
			docs := map[string]map[string]any{}
			err := db.Write(context.Background(), func(tx *store.Tx) error {
				for i := range people {
					if err := storeUser(tx, fmt.Sprintf("mem_%03d", i), d.user(i), docs); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			failures := 0
			for range filters {
				text := d.filter(3)
				n, err := filter.Parse(text)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if n, err = filter.Resolve(n, schema.User); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				want := []string{}
				for id, doc := range docs {
					if filter.Match(n, doc) {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				if diff := cmp.Diff(want, selectIDs(t, db, scim.Query{Filter: n})); diff != "" {
					t.Errorf("%s: %s", text, diff)
					if failures++; failures > 5 {
						t.Fatal("too many differences")
					}
				}
			}
			checkSorts(t, db, docs)
		})
	}
}

func checkSorts(t *testing.T, db *store.DB, docs map[string]map[string]any) {
	t.Helper()
	for _, by := range []filter.Path{{Attr: "userName"}, {Attr: "title"}, {Attr: "active"}, {Attr: "emails", Sub: "value"}, {Attr: "name", Sub: "familyName"}, {URN: enterprise, Attr: "department"}} {
		for _, descending := range []bool{false, true} {
			got := selectIDs(t, db, scim.Query{SortBy: by, Descending: descending})
			for i := 1; i < len(got); i++ {
				a, aOK := filter.SortKey(schema.User, docs[got[i-1]], by)
				b, bOK := filter.SortKey(schema.User, docs[got[i]], by)
				if descending {
					a, aOK, b, bOK = b, bOK, a, aOK
				}
				if aOK && bOK && a > b || !aOK && bOK {
					t.Fatalf("%s, descending %v: %q (%v) stands before %q (%v)", by, descending, a, aOK, b, bOK)
				}
			}
			if len(got) != len(docs) {
				t.Errorf("%s: %d rows, want %d", by, len(got), len(docs))
			}
			// Pages by cursor are the same list.
			var paged []string
			for cursor := ""; ; {
				page, next := selectPage(t, db, scim.Query{SortBy: by, Descending: descending, ByCursor: true, Cursor: cursor, Count: 7})
				paged = append(paged, page...)
				if cursor = next; cursor == "" {
					break
				}
			}
			if diff := cmp.Diff(got, paged); diff != "" {
				t.Errorf("%s, descending %v, by cursor: %s", by, descending, diff)
			}
		}
	}
}

func storeUser(tx *store.Tx, id string, u scim.User, docs map[string]map[string]any) error {
	p, err := personOf(u)
	if err != nil {
		return err
	}
	if docs[id], err = u.Document(); err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := tx.ExecContext(ctx, `INSERT INTO scim_user (workspace_id, member_id, connection, user_name, user_name_key, external_id, active, display_name, doc, folded, version, base_role, created_at, updated_at, deleted_at)
		VALUES ('ws_x', $1, 'okta', $2, $3, $4, $5, $6, $7, $8, 1, '', 1, 1, 0)`, id, p.UserName, filter.Fold(p.UserName), p.ExternalID, flag(p.Active), p.DisplayName, p.Doc, p.Folded); err != nil {
		return err
	}
	for n, e := range p.Emails {
		if _, err := tx.ExecContext(ctx, `INSERT INTO scim_email (workspace_id, member_id, position, connection, value_key, type_key, is_primary) VALUES ('ws_x', $1, $2, 'okta', $3, $4, $5)`,
			id, n, filter.Fold(e.Value), filter.Fold(e.Type), flag(e.Primary)); err != nil {
			return err
		}
	}
	return nil
}

func selectIDs(t *testing.T, db *store.DB, q scim.Query) []string {
	t.Helper()
	q.Count = 1000
	ids, _ := selectPage(t, db, q)
	return ids
}

func selectPage(t *testing.T, db *store.DB, q scim.Query) (ids []string, next string) {
	t.Helper()
	q.StartIndex = 1
	c := newCompiler(db.Dialect(), users, "ws_x", "okta")
	l, err := newList(c, q, "u.member_id")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(context.Background(), func(tx *store.Tx) error {
		page, err := readPage(context.Background(), tx, l, q, func(row rowScanner, extra ...any) (string, error) {
			var id string
			return id, row.Scan(append([]any{&id}, extra...)...)
		})
		ids, next = append([]string{}, page.Resources...), page.Next
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v\n%v", l.page, err, l.pageArgs)
	}
	return ids, next
}
