package scim

import (
	"bytes"
	"strings"
)

// References between the operations of a bulk request (RFC 7644 §3.7.2): a
// string "bulkId:x" in data, the same inside the value filter of a PATCH path,
// or as the id in the path of an operation.

// references lists the bulkIds that an operation needs.
func references(it *bulkItem) map[string]bool {
	refs := map[string]bool{}
	if i := strings.Index(it.Path, "/"+bulkRefPrefix); i >= 0 {
		refs[it.Path[i+1+len(bulkRefPrefix):]] = true
	}
	if !bytes.Contains(it.Data, []byte(bulkRefPrefix)) {
		return refs
	}
	v, err := decode(it.Data)
	if err != nil {
		return refs // reported when its turn comes
	}
	eachString(v, func(s string) {
		if ref, ok := strings.CutPrefix(s, bulkRefPrefix); ok {
			refs[ref] = true
			return
		}
		for rest := s; ; {
			_, after, ok := strings.Cut(rest, `"`+bulkRefPrefix)
			if !ok {
				return
			}
			ref, tail, ok := strings.Cut(after, `"`)
			if !ok {
				return
			}
			refs[ref], rest = true, tail
		}
	})
	return refs
}

func eachString(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			eachString(e, visit)
		}
	case map[string]any:
		for _, e := range v {
			eachString(e, visit)
		}
	}
}

// fill puts ids in the place of references.
func (b *bulkRun) fill(v any) any {
	switch v := v.(type) {
	case string:
		if ref, ok := strings.CutPrefix(v, bulkRefPrefix); ok {
			if t := b.byID[ref]; t != nil {
				return t.id
			}
			return v
		}
		return b.fillQuoted(v)
	case []any:
		for i := range v {
			v[i] = b.fill(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = b.fill(v[k])
		}
	}
	return v
}

// fillQuoted fills members[value eq "bulkId:x"].
func (b *bulkRun) fillQuoted(s string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, `"`+bulkRefPrefix)
		ref, tail, closed := strings.Cut(after, `"`)
		if !ok || !closed {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(before + `"`)
		if t := b.byID[ref]; t != nil {
			out.WriteString(t.id)
		} else {
			out.WriteString(bulkRefPrefix + ref)
		}
		out.WriteString(`"`)
		s = tail
	}
}

// without leaves out references to what does not exist yet, with the value that
// they make up: a member, the manager. It reports whether v itself must go.
func (b *bulkRun) without(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		if ref, ok := strings.CutPrefix(v, bulkRefPrefix); ok {
			if t := b.byID[ref]; t == nil || t.id == "" {
				return nil, true
			}
		}
		return b.fill(v), false
	case []any:
		kept := v[:0:0]
		for _, e := range v {
			if out, gone := b.without(e); !gone {
				kept = append(kept, out)
			}
		}
		return kept, false
	case map[string]any:
		for k, e := range v {
			out, gone := b.without(e)
			if gone && strings.EqualFold(k, "value") {
				return nil, true
			}
			if gone {
				delete(v, k)
			} else {
				v[k] = out
			}
		}
		return v, false
	}
	return v, false
}
