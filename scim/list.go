package scim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// listing is one page, ready to be written resource by resource.
type listing struct {
	total      int
	count      int
	next, prev string
	write      func(w io.Writer, i int) error
	document   func(i int) (map[string]any, error)
}

// listHead is a ListResponse up to its Resources (RFC 7644 §3.4.2).
type listHead struct {
	Schemas    []string `json:"schemas"`
	Total      int      `json:"totalResults"`
	StartIndex int      `json:"startIndex,omitempty"`
	PerPage    int      `json:"itemsPerPage"`
	Next       string   `json:"nextCursor,omitempty"`
	Previous   string   `json:"previousCursor,omitempty"`
}

// searched reads the parameters from a SearchRequest instead of the URL.
func (s *Server) searched(list func(*call) (reply, error)) func(*call, []byte) (reply, error) {
	return func(c *call, raw []byte) (reply, error) {
		body, err := decodeObject(raw)
		if err != nil {
			return reply{}, err
		}
		if c.params, err = parseSearch(body); err != nil {
			return reply{}, err
		}
		return list(c)
	}
}

// inTime ends a query that takes too long: a filter may be cheap to send and dear to
// evaluate (RFC 7644 §3.4.2.1).
func (s *Server) inTime(c *call, list func() (reply, error)) (reply, error) {
	whole := c.ctx
	ctx, cancel := context.WithTimeout(whole, s.Limits.QueryTime)
	defer cancel()
	c.ctx = ctx
	out, err := list()
	c.ctx = whole
	if err != nil && ctx.Err() != nil && whole.Err() == nil {
		return reply{}, &Error{Status: http.StatusBadRequest, Kind: TooMany, Detail: "the query takes too long; ask for less", Cause: err}
	}
	return out, err
}

// listOne lists one resource type.
func (s *Server) listOne(c *call, e endpoint) (reply, error) {
	return s.inTime(c, func() (reply, error) { return s.listType(c, e) })
}

func (s *Server) listType(c *call, e endpoint) (reply, error) {
	p, r := c.params, e.resource()
	sel := newSelection(r, p)
	q, err := s.query(p, e, sel, filter.Resolve)
	if err != nil {
		return reply{}, err
	}
	if q.Cursor, err = p.unwrapCursor(r.Endpoint); err != nil {
		return reply{}, err
	}
	if q.Filter == filter.Bool(false) {
		return s.listReply(q, listing{}), nil
	}
	l, err := e.list(c, q, sel)
	if err != nil {
		return reply{}, err
	}
	l.next, l.prev = p.wrapCursor(r.Endpoint, l.next), p.wrapCursor(r.Endpoint, l.prev)
	return s.listReply(q, l), nil
}

func (s *Server) listReply(q Query, l listing) reply {
	head := listHead{Schemas: []string{listURN}, Total: l.total, StartIndex: q.StartIndex, PerPage: l.count}
	if q.ByCursor {
		head.StartIndex, head.Next, head.Previous = 0, l.next, l.prev
	}
	return reply{status: http.StatusOK, write: func(w io.Writer) error {
		b, err := json.Marshal(head)
		if err != nil {
			return err
		}
		// Resources comes last and one by one, so that a page is never held as text.
		out := stringWriter{w: w}
		out.write(string(b[:len(b)-1]) + `,"Resources":[`)
		for i := range l.count {
			if i > 0 {
				out.write(",")
			}
			if out.err == nil {
				out.err = l.write(w, i)
			}
		}
		out.write("]}")
		return out.err
	}}
}

// stringWriter keeps the first error, so that a sequence of writes reads as one.
type stringWriter struct {
	w   io.Writer
	err error
}

func (s *stringWriter) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

const rootEndpoint = "/"

// listAll lists over all resource types (RFC 7644 §3.4.2.1): users first, then
// groups, or merged by the sort key.
func (s *Server) listAll(c *call) (reply, error) {
	return s.inTime(c, func() (reply, error) { return s.listTypes(c) })
}

func (s *Server) listTypes(c *call) (reply, error) {
	p := c.params
	parts := make([]part, len(s.endpoints))
	known := p.sortBy == ""
	for i, e := range s.endpoints {
		each := p
		if _, ok := sortKey(e.resource(), p.sortBy); ok {
			known = true
		} else {
			each.sortBy = "" // this type has no such attribute: all come where the empty ones do
		}
		sel := newSelection(e.resource(), p)
		q, err := s.query(each, e, sel, filter.ResolveAcross)
		if err != nil {
			return reply{}, err
		}
		parts[i] = part{e, q, sel}
	}
	switch {
	case !known:
		return reply{}, fault.Bad(fault.InvalidValue, "nothing can be sorted by %q", p.sortBy)
	case p.byCursor && p.sortBy != "":
		return reply{}, fault.Bad(fault.InvalidValue, "over several resource types, sort with startIndex or use a cursor without sortBy")
	case p.byCursor:
		return s.chainByCursor(c, parts)
	case p.sortBy != "":
		return s.merge(c, parts)
	}
	return s.chainByIndex(c, parts)
}

type part struct {
	endpoint
	q   Query
	sel selection
}

func (p part) fetch(c *call) (listing, error) {
	if p.q.Filter == filter.Bool(false) {
		return listing{}, nil
	}
	return p.list(c, p.q, p.sel)
}

// chainByIndex pages through the types one after the other.
func (s *Server) chainByIndex(c *call, parts []part) (reply, error) {
	q := parts[0].q
	var out joined
	skip, room := q.StartIndex-1, q.Count
	for _, p := range parts {
		p.q.StartIndex, p.q.Count = skip+1, room
		l, err := p.fetch(c)
		if err != nil {
			return reply{}, err
		}
		out.total += l.total
		skip = max(0, skip-l.total)
		room -= l.count
		out.add(l, l.count)
		if room > 0 && skip == 0 && p.q.StartIndex-1+l.count < l.total {
			room = 0 // the directory returned a short page: the next type must wait
		}
	}
	return s.listReply(q, out.listing()), nil
}

// chainByCursor walks one type to its end, then the next. The cursor names the type.
func (s *Server) chainByCursor(c *call, parts []part) (reply, error) {
	cursor, err := c.params.unwrapCursor(rootEndpoint)
	if err != nil {
		return reply{}, err
	}
	at := 0
	if cursor != "" {
		name, rest, _ := strings.Cut(cursor, ":")
		at = slices.IndexFunc(parts, func(p part) bool { return p.resource().Name == name })
		if at < 0 {
			return reply{}, fault.Bad(fault.InvalidCursor, "the cursor is not one of this server's")
		}
		cursor = rest
	}
	var out joined
	for i, p := range parts {
		if i != at {
			p.q.Count = 0 // only to count
		} else {
			p.q.Cursor = cursor
		}
		l, err := p.fetch(c)
		if err != nil {
			return reply{}, err
		}
		out.total += l.total
		if i != at {
			if i > at && out.next == "" && l.total > 0 && c.params.count != 0 {
				out.next = p.resource().Name + ":"
			}
			continue
		}
		out.add(l, l.count)
		if l.next != "" {
			out.next = p.resource().Name + ":" + l.next
		}
	}
	l := out.listing()
	l.next = c.params.wrapCursor(rootEndpoint, l.next)
	return s.listReply(parts[0].q, l), nil
}

// merge sorts across types. Each type is asked from its beginning, so it only
// goes as deep as one page may be.
func (s *Server) merge(c *call, parts []part) (reply, error) {
	q := parts[0].q
	reach := q.StartIndex - 1 + q.Count
	if reach > s.Limits.MaxCount {
		return reply{}, fault.Bad(fault.TooMany, "over several resource types, sorted pages end after %d results", s.Limits.MaxCount)
	}
	var out joined
	for _, p := range parts {
		p.q.StartIndex, p.q.Count = 1, reach
		l, err := p.fetch(c)
		if err != nil {
			return reply{}, err
		}
		if l.count < min(reach, l.total) {
			return reply{}, fault.Bad(fault.TooMany, "too much to sort over several resource types")
		}
		out.total += l.total
		if err := out.addSorted(p.resource(), l, p.q); err != nil {
			return reply{}, err
		}
	}
	slices.SortStableFunc(out.items, func(a, b item) int { return order(a, b, c.params.descending) })
	out.items = out.items[min(q.StartIndex-1, len(out.items)):min(reach, len(out.items))]
	return s.listReply(q, out.listing()), nil
}

// joined is a page made of several listings.
type joined struct {
	total int
	next  string
	items []item
}

type item struct {
	write func(w io.Writer) error
	key   string
	keyed bool
}

func (j *joined) add(l listing, n int) {
	for i := range n {
		j.items = append(j.items, item{write: func(w io.Writer) error { return l.write(w, i) }})
	}
}

func (j *joined) addSorted(r *schema.Resource, l listing, q Query) error {
	start := len(j.items)
	j.add(l, l.count)
	if q.SortBy.IsZero() {
		return nil
	}
	for i := range l.count {
		doc, err := l.document(i)
		if err != nil {
			return err
		}
		j.items[start+i].key, j.items[start+i].keyed = filter.SortKey(r, doc, q.SortBy)
	}
	return nil
}

func (j *joined) listing() listing {
	return listing{total: j.total, count: len(j.items), next: j.next,
		write: func(w io.Writer, i int) error { return j.items[i].write(w) }}
}

// order puts what has no key last, first when descending (RFC 7644 §3.4.2.3).
func order(a, b item, descending bool) int {
	c := 0
	switch {
	case a.keyed && b.keyed:
		c = strings.Compare(a.key, b.key)
	case a.keyed:
		c = -1
	case b.keyed:
		c = 1
	}
	if descending {
		return -c
	}
	return c
}
