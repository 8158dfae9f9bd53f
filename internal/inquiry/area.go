package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// maxNames bounds how many principals, and how many items, one simulation looks at.
const maxNames = 20_000

// area is whom and what a change can touch: every principal of it with every item of
// it. A change of another area's facts changes nothing here.
type area struct {
	everyone   bool
	principals []string // as documents name them: teams and groups included
	everything bool
	paths      []string // with everything below
	assets     []string // alone
}

// touched reads from a change's document, old and new, what it can touch. Kinds that
// are not told apart here touch everybody and everything.
func touched(kind *api.Kind, docs ...map[string]any) area {
	var a area
	text := func(name string) (out []string) {
		for _, doc := range docs {
			if v, ok := doc[name].(string); ok && v != "" {
				out = append(out, v)
			}
		}
		return out
	}
	named := func(prefix string, values []string) []string {
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = prefix + strings.ToLower(v)
		}
		return out
	}
	switch kind.Name {
	case "access_grant":
		a.principals, a.paths = text("principal"), text("resource")
	case "role_assignment":
		if a.principals, a.paths = text("principal"), text("scope"); len(a.paths) < len(a.principals) {
			a.everything = true // a scope that is left out is the workspace
		}
	case "access_grants":
		a.everyone, a.paths = true, text("resource")
	case "team_membership":
		a.principals, a.everything = named("member:", text("principal")), true
	case "team_memberships":
		a.principals, a.everything = named("team:", text("team")), true
	case "member", "guest":
		a.principals, a.everything = named("member:", text("email")), true
	case "service_account":
		a.principals, a.everything = named("service_account:", text("name")), true
	case "project", "folder", "asset", "collection":
		a.everyone, a.paths = true, text("path")
		for _, doc := range docs {
			shown, _ := doc["asset_ids"].([]any)
			for _, v := range shown {
				if path, ok := v.(string); ok {
					a.assets = append(a.assets, path)
				}
			}
		}
	default:
		return area{everyone: true, everything: true}
	}
	if !a.everyone && len(a.principals) == 0 || !a.everything && len(a.paths) == 0 {
		return area{everyone: true, everything: true}
	}
	return a
}

// document reads the object that a change is about as it is now; nil when there is none.
func document(ctx context.Context, s *object.Scope, kind *api.Kind, ref string) (map[string]any, error) {
	if ref == "" {
		return nil, nil
	}
	obj, err := s.Get(ctx, kind, ref)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", kind.Name, err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", kind.Name, err)
	}
	return doc, nil
}

// names is a growing set that says when it is full.
type names struct {
	set  map[string]bool
	full bool
}

func (n *names) add(values ...string) {
	if n.set == nil {
		n.set = map[string]bool{}
	}
	for _, v := range values {
		if len(n.set) == maxNames && !n.set[v] {
			n.full = true
			return
		}
		n.set[v] = true
	}
}

func (n *names) sorted() []string {
	out := make([]string, 0, len(n.set))
	for v := range n.set {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}

// field is an area with the names in it.
type field struct{ principals, items names }

// survey adds to a field what the area holds in the state that the scope sees.
func (f *field) survey(ctx context.Context, s *object.Scope, a area) error {
	if a.everyone {
		after := ""
		for !f.principals.full {
			page, err := candidates{everyone: true}.next(ctx, s, after, api.MaxPageSize)
			if err != nil {
				return err
			}
			f.principals.add(page...)
			if len(page) < api.MaxPageSize {
				break
			}
			after = page[len(page)-1]
		}
	}
	for _, principal := range a.principals {
		people, err := peopleOf(ctx, s, principal)
		if err != nil {
			return err
		}
		f.principals.add(people...)
	}
	var where stretches
	if a.everything {
		where = below(vocabulary.RootPath)
	}
	for _, path := range a.paths {
		norm, err := vocabulary.NormalizePath(path)
		if err != nil {
			continue // the change is refused
		}
		if norm != vocabulary.RootPath {
			f.items.add(norm)
		}
		where = append(where, below(norm)...)
	}
	for _, path := range a.assets {
		where = append(where, point(path))
	}
	where = join(where)
	if len(where) > 0 && len(a.assets) == 0 && !a.everything {
		shown, err := shownIn(ctx, s, where)
		if err != nil {
			return err
		}
		f.items.add(shown...)
	}
	for after := ""; !f.items.full; {
		rows, err := where.next(ctx, s, after, api.MaxPageSize)
		if err != nil {
			return err
		}
		for _, r := range rows {
			f.items.add(r.path)
		}
		if len(rows) < api.MaxPageSize {
			break
		}
		after = rows[len(rows)-1].path
	}
	return nil
}

// peopleOf lists who is meant by a principal of a document: the members of a team or
// a group, the member who has an address.
func peopleOf(ctx context.Context, s *object.Scope, principal string) ([]string, error) {
	kind, key, _ := strings.Cut(principal, ":")
	q := newQuery(s)
	switch kind {
	case "team":
		return q.texts(ctx, s, "members of a team", fmt.Sprintf(`SELECT DISTINCT 'member:' || principal FROM team_membership WHERE workspace_id = $1 AND team = %s LIMIT %d`, q.arg(strings.ToLower(key)), maxNames+1))
	case "group":
		return q.texts(ctx, s, "members of a group", fmt.Sprintf(`SELECT DISTINCT 'member:' || m.key FROM scim_group g
			JOIN scim_group_member gm ON gm.workspace_id = g.workspace_id AND gm.group_id = g.id
			JOIN member m ON m.workspace_id = gm.workspace_id AND m.id = gm.member_id
			WHERE g.workspace_id = $1 AND g.display_name = %s LIMIT %d`, q.arg(key), maxNames+1))
	case "email":
		members, err := q.texts(ctx, s, "the member of an address", `SELECT 'member:' || key FROM member WHERE workspace_id = $1 AND key = `+q.arg(strings.ToLower(key)))
		if err != nil || len(members) > 0 {
			return members, err
		}
	}
	return []string{strings.ToLower(principal)}, nil
}

type pair struct{ principal, path string }

// pairs are the pairs of the fields: all of them when they are no more than limit,
// otherwise an even choice. total counts all.
func pairs(fields []*field, limit int) (chosen []pair, total int64, whole bool) {
	whole = true
	seen := map[pair]bool{}
	for _, f := range fields {
		total += int64(len(f.principals.set)) * int64(len(f.items.set))
		whole = whole && !f.principals.full && !f.items.full
	}
	share := limit
	if total > int64(limit) {
		whole, share = false, limit/len(fields)
	}
	for _, f := range fields {
		who, what := f.principals.sorted(), f.items.sorted()
		if len(who) == 0 || len(what) == 0 {
			continue
		}
		if int64(len(who))*int64(len(what)) > int64(share) {
			// At least some hundred principals: who gains matters more than where.
			who = spread(who, max(min(200, share), share/len(what)))
			what = spread(what, max(1, share/len(who)))
		}
		for _, principal := range who {
			for _, path := range what {
				if p := (pair{principal, path}); !seen[p] && len(chosen) < limit {
					seen[p] = true
					chosen = append(chosen, p)
				}
			}
		}
	}
	if whole {
		total = int64(len(chosen)) // fields may overlap
	}
	return chosen, total, whole
}

// spread takes n values at even distances.
func spread(values []string, n int) []string {
	if n >= len(values) {
		return values
	}
	out := make([]string, n)
	for i := range out {
		out[i] = values[i*len(values)/n]
	}
	return out
}
