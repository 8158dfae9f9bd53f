package inquiry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// What asks for the items on which a principal may use a permission.
type What struct {
	Principal  string
	Permission string
	Request    access.RequestContext
	// Kind leaves out all items but those of one kind, e.g. project; "" is all.
	Kind string
}

// Usable is an item that the principal may use.
type Usable struct {
	Path  string           `json:"path"`
	Kind  string           `json:"kind"`
	Level vocabulary.Level `json:"level"`
}

// Items answers a page of the items on which the principal may use the permission,
// in the order of their paths. SQL reads only what lies where the principal holds
// something, so that the first page costs a page and not the workspace.
func Items(ctx context.Context, s *object.Scope, q What, cursor string, limit int) (api.Page[Usable], error) {
	page := api.Page[Usable]{Items: []Usable{}}
	after, err := decodeCursor(cursor)
	if err != nil {
		return page, err
	}
	if err := known(q.Permission, vocabulary.ScopeItem); err != nil {
		return page, err
	}
	subject, err := s.Subject(ctx, q.Principal)
	if err != nil || !subject.Active {
		return page, err
	}
	where, err := reach(ctx, s, subject, q)
	if err != nil {
		return page, err
	}
	limit = bounded(limit)
	for examined := 0; ; {
		found, err := where.next(ctx, s, after, limit+1)
		if err != nil || len(found) == 0 {
			return page, err
		}
		if err := s.Prepare(ctx, pathsIn(found)); err != nil {
			return page, err
		}
		for _, i := range found {
			if len(page.Items) == limit || examined == maxExamined {
				page.NextCursor = encodeCursor(after)
				return page, nil
			}
			after = i.path
			examined++
			if q.Kind != "" && i.kind != q.Kind {
				continue
			}
			item, err := s.Item(ctx, i.path)
			if err != nil {
				return page, err
			}
			if d := s.Engine().Check(subject, item, q.Permission, &q.Request); d.Allowed {
				page.Items = append(page.Items, Usable{i.path, item.Kind, d.Level})
			}
		}
		if len(found) <= limit {
			return page, nil
		}
	}
}

// stretch is the paths from one on and up to another, in byte order.
type stretch struct{ from, to string }

// stretches are disjoint and in order.
type stretches []stretch

// below are the stretches of a path and of everything below it. '0' follows '/', and
// no path holds a control character.
func below(path string) stretches {
	if path == vocabulary.RootPath {
		return stretches{{"/", "0"}}
	}
	return stretches{point(path), {path + "/", path + "0"}}
}

func point(path string) stretch { return stretch{path, path + "\x01"} }

// join sorts stretches and makes one of those that overlap.
func join(all stretches) stretches {
	slices.SortFunc(all, func(a, b stretch) int { return strings.Compare(a.from, b.from) })
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (all stretches) hold(path string) bool {
	i, found := slices.BinarySearchFunc(all, path, func(s stretch, p string) int { return strings.Compare(s.from, p) })
	return found || i > 0 && path < all[i-1].to
}

// reach finds the stretches outside of which the subject has nothing: what it and
// its teams own, what its grants and roles are on, and what collections in there
// show (C031).
func reach(ctx context.Context, s *object.Scope, subject *access.Subject, q What) (stretches, error) {
	paths, everywhere := s.Engine().Reach(subject, q.Permission, q.Request.Time)
	if everywhere {
		return below(vocabulary.RootPath), nil
	}
	owned, err := owned(ctx, s, subject)
	if err != nil {
		return nil, err
	}
	var all stretches
	for _, path := range append(paths, owned...) {
		all = append(all, below(path)...)
	}
	all = join(all)
	if len(all) == 0 || all.hold(vocabulary.RootPath) {
		return all, nil
	}
	shown, err := shownIn(ctx, s, all)
	if err != nil || len(shown) == 0 {
		return all, err
	}
	for _, path := range shown {
		all = append(all, point(path))
	}
	return join(all), nil
}

// owned lists what the subject and its teams own: projects, collections and assets.
func owned(ctx context.Context, s *object.Scope, subject *access.Subject) ([]string, error) {
	var out []string
	if subject.Principal.Kind == vocabulary.KindMember {
		q := newQuery(s)
		own, err := q.texts(ctx, s, "owned items", `SELECT key FROM item WHERE workspace_id = $1 AND owner = `+q.arg(subject.Principal.Key))
		if err != nil {
			return nil, err
		}
		out = own
	}
	teams := make([]string, 0, len(subject.Teams))
	for team := range subject.Teams {
		teams = append(teams, team)
	}
	for part := range slices.Chunk(teams, 500) {
		q := newQuery(s)
		of, err := q.texts(ctx, s, "items of teams", `SELECT key FROM item WHERE workspace_id = $1 AND team IN (`+q.list(part)+`)`)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	return out, nil
}

// shownIn lists the assets that the collections inside the stretches reference.
func shownIn(ctx context.Context, s *object.Scope, where stretches) ([]string, error) {
	collections, err := newQuery(s).texts(ctx, s, "collections", `SELECT DISTINCT collection_path FROM collection_asset WHERE workspace_id = $1`)
	if err != nil {
		return nil, err
	}
	collections = slices.DeleteFunc(collections, func(path string) bool { return !where.hold(path) })
	var out []string
	for part := range slices.Chunk(collections, 500) {
		q := newQuery(s)
		assets, err := q.texts(ctx, s, "what collections show", `SELECT DISTINCT asset_path FROM collection_asset WHERE workspace_id = $1 AND collection_path IN (`+q.list(part)+`)`)
		if err != nil {
			return nil, err
		}
		out = append(out, assets...)
	}
	return out, nil
}

// maxStretches bounds the parts of one statement.
const maxStretches = 32

type itemRow struct{ path, kind string }

func pathsIn(rows []itemRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.path
	}
	return out
}

// next answers the items after a path inside the stretches. Fewer than limit means
// that there are no more.
func (all stretches) next(ctx context.Context, s *object.Scope, after string, limit int) ([]itemRow, error) {
	var out []itemRow
	for i := 0; i < len(all) && len(out) < limit; {
		q := newQuery(s)
		var parts []string
		most := q.arg(limit - len(out))
		for ; i < len(all) && len(parts) < maxStretches; i++ {
			from := all[i].from
			if after != "" {
				from = max(from, after+"\x01")
			}
			if from >= all[i].to {
				continue
			}
			parts = append(parts, fmt.Sprintf(`SELECT key, kind FROM (SELECT key, kind FROM item WHERE workspace_id = $1 AND key >= %s AND key < %s ORDER BY key LIMIT %s) AS part%d`, q.arg(from), q.arg(all[i].to), most, len(parts)))
		}
		if len(parts) == 0 {
			continue
		}
		rows, err := q.items(ctx, s, `SELECT key, MIN(kind) FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS found GROUP BY key ORDER BY key LIMIT `+most)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

func (q *query) items(ctx context.Context, s *object.Scope, text string) ([]itemRow, error) {
	rows, err := s.Tx.QueryContext(ctx, text, q.args...)
	if err != nil {
		return nil, fmt.Errorf("reading items: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []itemRow
	for rows.Next() {
		var i itemRow
		if err := rows.Scan(&i.path, &i.kind); err != nil {
			return nil, fmt.Errorf("reading items: %w", err)
		}
		out = append(out, i)
	}
	return out, rows.Err()
}
