package filter

import "github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"

// SortKey returns the key of a resource under sortBy, a canonical path: of a
// multi-valued attribute the primary value, else the first (RFC 7644 §3.4.2.3).
// Keys are folded unless the attribute is case exact; false comes before true.
// It is the reference for a directory's ORDER BY.
func SortKey(r *schema.Resource, doc map[string]any, sortBy Path) (string, bool) {
	v := holder(doc, sortBy)[sortBy.Attr]
	if l, ok := v.([]any); ok {
		v = nil
		for i, e := range l {
			m, ok := e.(map[string]any)
			if ok && (i == 0 || m["primary"] == true) {
				v = m
				if m["primary"] == true {
					break
				}
			}
		}
	}
	if sortBy.Sub != "" {
		m, _ := v.(map[string]any)
		v = m[sortBy.Sub]
	}
	switch v := v.(type) {
	case string:
		if at, ok := parseTime(v); ok && sortBy.Attr == "meta" {
			return at.UTC().Format("2006-01-02T15:04:05.000000000"), true
		}
		if a := TypeOf(r, sortBy); a != nil && a.CaseExact {
			return v, v != ""
		}
		return Fold(v), v != ""
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	}
	return "", false
}

// TypeOf returns the attribute behind a canonical path, for a directory that
// compiles it; nil if the path is a whole extension.
func TypeOf(r *schema.Resource, p Path) *schema.Attribute {
	at, _ := Locate(r, p)
	if at.Sub != nil {
		return at.Sub
	}
	return at.Attribute
}
