package scim

import (
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// selection is what attributes and excludedAttributes ask for (RFC 7644 §3.9).
// Names that the resource does not have select nothing.
type selection struct {
	resource *schema.Resource
	limited  bool // attributes was given: only include, id and schemas
	include  []filter.Path
	exclude  []filter.Path
}

func newSelection(r *schema.Resource, p params) selection {
	sel := selection{resource: r, limited: len(p.attributes) > 0}
	find := func(names []string) []filter.Path {
		var out []filter.Path
		for _, n := range names {
			path, ok := filter.ParseName(n)
			if !ok {
				continue
			}
			if at, ok := filter.Locate(r, path); ok && !at.Path.IsZero() {
				out = append(out, at.Path)
			}
		}
		return out
	}
	sel.include, sel.exclude = find(p.attributes), find(p.excluded)
	return sel
}

// plain reports whether everything is wanted.
func (s selection) plain() bool { return !s.limited && len(s.exclude) == 0 }

// wants reports whether a top-level core attribute is part of the answer.
func (s selection) wants(attr string) bool {
	is := func(p filter.Path) bool { return p.URN == "" && p.Attr == attr }
	if s.limited && !slices.ContainsFunc(s.include, is) {
		return false
	}
	return !slices.Contains(s.exclude, filter.Path{Attr: attr})
}

// wantsSub reports whether a sub-attribute of a wanted attribute is.
func (s selection) wantsSub(attr, sub string) bool {
	if slices.Contains(s.exclude, filter.Path{Attr: attr, Sub: sub}) {
		return false
	}
	return !s.limited || slices.Contains(s.include, filter.Path{Attr: attr}) ||
		slices.Contains(s.include, filter.Path{Attr: attr, Sub: sub})
}

// project reduces a document to the selection.
func (s selection) project(doc map[string]any) map[string]any {
	if s.limited {
		doc = s.pick(doc)
	}
	for _, p := range s.exclude {
		if a := s.resource.Lookup(p.URN, p.Attr); a != nil && a.Returned == schema.Always {
			continue
		}
		drop(doc, p)
	}
	return doc
}

func (s selection) pick(doc map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range doc {
		switch {
		case key == "id" || key == "schemas":
			out[key] = v
		case strings.Contains(key, ":"):
			if slices.Contains(s.include, filter.Path{URN: key}) {
				out[key] = v
			} else if m, ok := v.(map[string]any); ok {
				if kept := s.pickFrom(key, m); len(kept) > 0 {
					out[key] = kept
				}
			}
		}
	}
	for k, v := range s.pickFrom("", doc) {
		out[k] = v
	}
	return out
}

// pickFrom picks the included attributes of one schema.
func (s selection) pickFrom(urn string, m map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range m {
		var subs []string
		whole := false
		for _, p := range s.include {
			if p.URN == urn && p.Attr == key {
				whole = whole || p.Sub == ""
				subs = append(subs, p.Sub)
			}
		}
		switch {
		case whole:
			out[key] = v
		case len(subs) > 0:
			if kept := pickSubs(v, subs); kept != nil {
				out[key] = kept
			}
		}
	}
	return out
}

func pickSubs(v any, subs []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, sub := range subs {
			if e, ok := v[sub]; ok {
				out[sub] = e
			}
		}
		if len(out) > 0 {
			return out
		}
	case []any:
		var out []any
		for _, e := range v {
			if kept := pickSubs(e, subs); kept != nil {
				out = append(out, kept)
			}
		}
		if out != nil {
			return out
		}
	}
	return nil
}

func drop(doc map[string]any, p filter.Path) {
	h := doc
	if p.URN != "" {
		if p.Attr == "" {
			delete(doc, p.URN)
			return
		}
		h, _ = doc[p.URN].(map[string]any)
	}
	if p.Sub == "" {
		delete(h, p.Attr)
		return
	}
	switch v := h[p.Attr].(type) {
	case map[string]any:
		delete(v, p.Sub)
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				delete(m, p.Sub)
			}
		}
	}
}
