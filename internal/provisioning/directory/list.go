package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
)

type rowScanner interface{ Scan(dest ...any) error }

// listing is one compiled list request: the page, and the count where it is needed.
type listing struct {
	page      string
	pageArgs  []any
	count     string
	countArgs []any
	marks     []mark // of the rows of the page, when it is paged by cursor
	cursor    bool
}

// mark is a place in a list, the content of a cursor: keyset pages neither skip nor
// repeat what stays, whatever comes and goes in between (RFC 9865).
type mark struct {
	ID  string  `json:"i"`
	Key *string `json:"k,omitempty"` // of the sort attribute; nil where it is missing
}

// sortKey is the SQL of a sort attribute.
type sortKey struct {
	expr   string
	number bool
}

func newList(c *compiler, q scim.Query, columns string) (*listing, error) {
	where, err := c.where(q.Filter)
	if err != nil {
		return nil, err
	}
	l := &listing{cursor: q.ByCursor}
	l.count, l.countArgs = "SELECT COUNT(*) FROM "+c.table.from+" WHERE "+where, append([]any(nil), c.args...)
	key, err := c.sortKey(q.SortBy)
	if err != nil {
		return nil, err
	}
	if q.ByCursor && q.Cursor != "" {
		after, err := c.after(q, key)
		if err != nil {
			return nil, err
		}
		where += " AND " + after
	}
	order := ""
	if key != nil {
		order = key.expr + " ASC NULLS LAST, "
		if q.Descending {
			order = key.expr + " DESC NULLS FIRST, "
		}
	}
	if q.ByCursor {
		columns += ", " + c.table.id + ", "
		if key != nil {
			columns += "CAST(" + key.expr + " AS TEXT)"
		} else {
			columns += "CAST(NULL AS TEXT)"
		}
	}
	l.page = "SELECT " + columns + " FROM " + c.table.from + " WHERE " + where + " ORDER BY " + order + c.table.id + " LIMIT " + c.arg(int64(q.Count)+1)
	if !q.ByCursor {
		l.page += " OFFSET " + c.arg(int64(q.StartIndex)-1)
	}
	l.pageArgs = c.args
	return l, nil
}

// sortKey compiles sortBy: what is missing is NULL, upper and lower case sort together
// unless the attribute is case exact (filter.SortKey is the reference). nil when there is nothing to sort by.
func (c *compiler) sortKey(p filter.Path) (*sortKey, error) {
	if p.IsZero() {
		return nil, nil
	}
	if col, ok := c.table.columns[p]; ok {
		switch {
		case col.kind == columnTime || col.kind == columnFlag:
			return &sortKey{expr: col.expr, number: true}, nil
		case col.kind == columnNumber:
			return &sortKey{expr: c.collated("CAST(" + col.expr + " AS TEXT)")}, nil
		case col.optional:
			return &sortKey{expr: c.collated("NULLIF(" + col.expr + ", '')")}, nil // externalId: case exact
		}
		return &sortKey{expr: c.collated(col.expr)}, nil
	}
	if l, ok := c.table.lists[p.Attr]; ok && l.exists != "" || c.table.doc == "" {
		return nil, nil // memberships have no order of their own
	}
	expr, err := c.sortText(p)
	if err != nil {
		return nil, err
	}
	return &sortKey{expr: c.collated("NULLIF(CAST(" + expr + " AS TEXT), '')")}, nil
}

func (c *compiler) sortText(p filter.Path) (string, error) {
	a := c.table.resource.Lookup(p.URN, p.Attr)
	if a == nil || !a.MultiValued {
		return c.json(c.table.doc, p.URN, p.Attr, p.Sub)
	}
	values, err := c.values(c.table.doc, filter.Path{URN: p.URN, Attr: p.Attr})
	if err != nil {
		return "", err
	}
	value, err := c.member(p.Sub)
	if err != nil {
		return "", err
	}
	primary, err := c.member("primary")
	if err != nil {
		return "", err
	}
	yes := "'true'"
	if c.dialect == store.SQLite {
		yes = "1"
	}
	return "(SELECT " + value + " FROM " + values + " ORDER BY CASE WHEN " + primary + " = " + yes + " THEN 0 ELSE 1 END, e.key LIMIT 1)", nil
}

// after continues behind a mark in the order of the list.
func (c *compiler) after(q scim.Query, key *sortKey) (string, error) {
	var m mark
	if err := json.Unmarshal([]byte(q.Cursor), &m); err != nil || m.ID == "" {
		return "", fault.Bad(fault.InvalidCursor, "the cursor is not one of this server's")
	}
	later := c.table.id + " > " + c.arg(m.ID)
	if key == nil {
		return later, nil
	}
	if m.Key == nil {
		if q.Descending {
			return "((" + key.expr + ") IS NULL AND " + later + " OR (" + key.expr + ") IS NOT NULL)", nil
		}
		return "((" + key.expr + ") IS NULL AND " + later + ")", nil
	}
	v := ""
	if key.number {
		n, err := strconv.ParseInt(*m.Key, 10, 64)
		if err != nil {
			return "", fault.Bad(fault.InvalidCursor, "the cursor is not one of this server's")
		}
		v = c.arg(n)
	} else {
		v = c.text(*m.Key)
	}
	same := key.expr + " = " + v + " AND " + later
	if q.Descending {
		return "(" + key.expr + " < " + v + " OR " + same + ")", nil
	}
	return "(" + key.expr + " > " + v + " OR " + same + " OR (" + key.expr + ") IS NULL)", nil
}

// readPage runs a list. The total is counted only when the page does not tell it.
func readPage[T any](ctx context.Context, tx *store.Tx, l *listing, q scim.Query, scan func(rowScanner, ...any) (T, error)) (scim.Page[T], error) {
	var page scim.Page[T]
	more := q.Count == 0
	if q.Count > 0 {
		var err error
		if page.Resources, more, err = readRows(ctx, tx, l, q.Count, scan); err != nil {
			return page, err
		}
	}
	whole := !more && (q.StartIndex == 1 && !q.ByCursor || q.ByCursor && q.Cursor == "")
	inside := !more && !q.ByCursor && len(page.Resources) > 0
	switch {
	case whole:
		page.Total = len(page.Resources)
	case inside:
		page.Total = q.StartIndex - 1 + len(page.Resources)
	default:
		if err := tx.QueryRowContext(ctx, l.count, l.countArgs...).Scan(&page.Total); err != nil {
			return page, fmt.Errorf("counting resources: %w", err)
		}
	}
	if more && l.cursor && len(page.Resources) > 0 {
		return page, cutPage(l, &page, len(page.Resources))
	}
	return page, nil
}

func readRows[T any](ctx context.Context, tx *store.Tx, l *listing, count int, scan func(rowScanner, ...any) (T, error)) (out []T, more bool, err error) {
	rows, err := tx.QueryContext(ctx, l.page, l.pageArgs...)
	if err != nil {
		return nil, false, fmt.Errorf("listing resources: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if len(out) == count {
			return out, true, nil
		}
		var m mark
		var extra []any
		if l.cursor {
			extra = []any{&m.ID, &m.Key}
		}
		v, err := scan(rows, extra...)
		if err != nil {
			return nil, false, err
		}
		out = append(out, v)
		l.marks = append(l.marks, m)
	}
	return out, false, rows.Err()
}

// cutPage ends a page early, after n resources.
func cutPage[T any](l *listing, page *scim.Page[T], n int) error {
	page.Resources = page.Resources[:n]
	if !l.cursor {
		return nil
	}
	next, err := json.Marshal(l.marks[n-1])
	if err != nil {
		return fmt.Errorf("encoding a cursor: %w", err)
	}
	page.Next = string(next)
	return nil
}
