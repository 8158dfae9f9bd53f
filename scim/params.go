package scim

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"math"
	"net/url"
	"strconv"
	"strings"

	"encoding/base64"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// params are the parameters of RFC 7644 §3.4.2 and RFC 9865 §2, from the query
// string or from a SearchRequest.
type params struct {
	filter     string
	sortBy     string
	descending bool
	startIndex int
	hasStart   bool
	count      int // -1: not given
	cursor     string
	byCursor   bool
	attributes []string
	excluded   []string
}

// parseQuery reads the query string. It does not use url.ParseQuery, which drops
// a parameter with a semicolon in it: a lost filter would list everybody.
func parseQuery(raw string) (params, error) {
	p := params{startIndex: 1, count: -1}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			continue
		}
		key = strings.ToLower(key)
		if !known(key) {
			continue // ?aadOptscim062020 and the like
		}
		if seen[key] {
			return p, fault.Bad(fault.InvalidSyntax, "%s is given twice", key)
		}
		seen[key] = true
		if value, err = url.QueryUnescape(value); err != nil || !storable(value) {
			return p, fault.Bad(fault.InvalidSyntax, "%s is not URL-encoded UTF-8", key)
		}
		if err := p.set(key, value); err != nil {
			return p, err
		}
	}
	return p, p.check()
}

// filterOf is the filter in a query string of which nothing else is looked at.
func filterOf(raw string) string {
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(key); err == nil && strings.EqualFold(name, "filter") {
			return value
		}
	}
	return ""
}

func known(key string) bool {
	switch key {
	case "filter", "sortby", "sortorder", "startindex", "count", "cursor", "attributes", "excludedattributes":
		return true
	}
	return false
}

// set takes one parameter by its lower-case name.
func (p *params) set(key, value string) (err error) {
	switch key {
	case "filter":
		p.filter = value
	case "sortby":
		p.sortBy = strings.TrimSpace(value)
	case "sortorder":
		switch {
		case strings.EqualFold(value, "descending"):
			p.descending = true
		case value != "" && !strings.EqualFold(value, "ascending"):
			return fault.Bad(fault.InvalidValue, "sortOrder is ascending or descending")
		}
	case "startindex":
		p.hasStart = true
		p.startIndex, err = integer("startIndex", value, fault.InvalidValue)
		p.startIndex = max(p.startIndex, 1)
	case "count":
		if value != "" {
			p.count, err = integer("count", value, fault.InvalidCount)
			p.count = max(p.count, 0)
		}
	case "cursor":
		p.byCursor, p.cursor = true, value
	case "attributes":
		p.attributes = listed(value)
	case "excludedattributes":
		p.excluded = listed(value)
	}
	return err
}

func (p *params) check() error {
	if p.byCursor && p.hasStart {
		return fault.Bad(fault.InvalidValue, "give startIndex or cursor, not both") // RFC 9865 §2.4
	}
	if len(p.attributes) > 0 && len(p.excluded) > 0 {
		return fault.Bad(fault.InvalidValue, "give attributes or excludedAttributes, not both") // RFC 7644 §3.9
	}
	return nil
}

func integer(name, value string, kind fault.Kind) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
	if errors.Is(err, strconv.ErrRange) {
		if n < 0 {
			return 0, nil
		}
		return math.MaxInt32, nil
	}
	if err != nil {
		return 0, fault.Bad(kind, "%s must be an integer", name)
	}
	return int(n), nil
}

const maxNames = 200

func listed(list string) []string {
	var out []string
	for n := range strings.SplitSeq(list, ",") {
		if n = strings.TrimSpace(n); n != "" && len(out) < maxNames {
			out = append(out, n)
		}
	}
	return out
}

// parseSearch reads a SearchRequest (RFC 7644 §3.4.3).
func parseSearch(body map[string]any) (params, error) {
	p := params{startIndex: 1, count: -1}
	for _, name := range []string{"filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"} {
		v, ok := patch.Member(body, name)
		if !ok || v == nil {
			continue
		}
		var text string
		switch v := v.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		case []any:
			for _, e := range v {
				s, ok := e.(string)
				if !ok {
					return p, fault.Bad(fault.InvalidSyntax, "%s holds strings", name)
				}
				text += s + ","
			}
		default:
			return p, fault.Bad(fault.InvalidSyntax, "%s has the wrong type", name)
		}
		if !storable(text) {
			return p, fault.Bad(fault.InvalidSyntax, "%s holds a NUL character", name)
		}
		if err := p.set(strings.ToLower(name), text); err != nil {
			return p, err
		}
	}
	return p, p.check()
}

// resolveFunc is filter.Resolve or filter.ResolveAcross.
type resolveFunc func(filter.Node, *schema.Resource) (filter.Node, error)

// query turns the parameters into a Query for one resource type.
func (s *Server) query(p params, e endpoint, sel selection, resolve resolveFunc) (Query, error) {
	r := e.resource()
	q := Query{StartIndex: p.startIndex, Count: s.Limits.DefaultCount, Descending: p.descending, ByCursor: p.byCursor}
	if p.count >= 0 {
		q.Count = min(p.count, s.Limits.MaxCount)
	}
	q.Projection = e.projection(sel)
	if strings.TrimSpace(p.filter) != "" {
		n, err := parseFilter(p.filter)
		if err != nil {
			return q, err
		}
		if q.Filter, err = resolve(n, r); err != nil {
			return q, err
		}
		if b, ok := q.Filter.(filter.Bool); ok && bool(b) {
			q.Filter = nil
		}
	}
	if p.sortBy != "" {
		at, ok := sortKey(r, p.sortBy)
		if !ok {
			return q, fault.Bad(fault.InvalidValue, "%s cannot be sorted by %q", r.Name, p.sortBy)
		}
		q.SortBy = at
	}
	q.Descending = p.descending && !q.SortBy.IsZero()
	return q, nil
}

// sortKey finds the attribute to sort by: a simple one, or the value of a complex one.
func sortKey(r *schema.Resource, name string) (filter.Path, bool) {
	path, ok := filter.ParseName(name)
	if !ok {
		return path, false
	}
	at, ok := filter.Locate(r, path)
	if !ok || at.Attribute == nil || at.Attribute.Returned == schema.Never || at.Attribute.Name == "schemas" {
		return path, false
	}
	leaf := at.Sub
	if leaf == nil && at.Attribute.Type == schema.Complex {
		if leaf = at.Attribute.Lookup("value"); leaf == nil {
			return path, false
		}
		at.Path.Sub = leaf.Name
	}
	// What the server computes has no order in the directory, and memberships have none.
	membership := at.Attribute.MultiValued && at.Attribute.MaxValues == 0
	return at.Path, !membership && at.Path.Sub != "$ref" && at.Path != filter.Path{Attr: "meta", Sub: "location"}
}

// parseFilter parses a filter, which some clients URL-encode twice: the whole of
// it, or the value alone.
func parseFilter(text string) (filter.Node, error) {
	n, err := filter.Parse(text)
	if err != nil && strings.Contains(text, "%") {
		if again, uerr := url.PathUnescape(text); uerr == nil {
			if m, merr := filter.Parse(again); merr == nil {
				return m, nil
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return alsoDecoded(n), nil
}

// alsoDecoded lets "ann%40example.com" find ann@example.com as well: an encoded
// value is looked for as it is and decoded.
func alsoDecoded(n filter.Node) filter.Node {
	switch n := n.(type) {
	case *filter.And:
		for i, t := range n.Terms {
			n.Terms[i] = alsoDecoded(t)
		}
	case *filter.Or:
		for i, t := range n.Terms {
			n.Terms[i] = alsoDecoded(t)
		}
	case *filter.Not:
		n.Term = alsoDecoded(n.Term)
	case *filter.ValuePath:
		n.Filter = alsoDecoded(n.Filter)
	case *filter.Compare:
		if n.Op != filter.Eq || n.Value.Kind != filter.KindString || !strings.Contains(n.Value.Text, "%") {
			return n
		}
		plain, err := url.PathUnescape(n.Value.Text)
		if err != nil || plain == n.Value.Text || !storable(plain) {
			return n
		}
		decoded := *n
		decoded.Value.Text = plain
		return &filter.Or{Terms: []filter.Node{n, &decoded}}
	}
	return n
}

// Cursors on the wire are bound to their query: a tag of the query, then the
// directory's cursor, in characters that a URL needs not escape (RFC 9865 §2).

const tagLength = 11

func (p params) tag(endpoint string) string {
	h := fnv.New64a()
	for _, s := range []string{endpoint, p.filter, p.sortBy, strconv.FormatBool(p.descending)} {
		_, _ = h.Write([]byte(s)) // a hash does not fail
		_, _ = h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (p params) wrapCursor(endpoint, cursor string) string {
	if cursor == "" {
		return ""
	}
	return p.tag(endpoint) + base64.RawURLEncoding.EncodeToString([]byte(cursor))
}

func (p params) unwrapCursor(endpoint string) (string, error) {
	if p.cursor == "" {
		return "", nil
	}
	if len(p.cursor) > maxLogged || len(p.cursor) <= tagLength || p.cursor[:tagLength] != p.tag(endpoint) {
		return "", fault.Bad(fault.InvalidCursor, "the cursor does not belong to this query")
	}
	b, err := base64.RawURLEncoding.DecodeString(p.cursor[tagLength:])
	if err != nil || !storable(string(b)) {
		return "", fault.Bad(fault.InvalidCursor, "the cursor is not one of this server's")
	}
	return string(b), nil
}
