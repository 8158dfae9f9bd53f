package directory

import (
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// name refuses anything that could end a quoted path. Names come from the schema
// tables; this is the second lock on that door.
func name(s string) error {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(":.$-_", rune(c)) {
			return fmt.Errorf("compiling a filter: %q is not an attribute name", s)
		}
	}
	return nil
}

// json reads a value of a document as text; NULL when it is missing.
func (c *compiler) json(doc string, segments ...string) (string, error) {
	var quoted []string
	for _, s := range segments {
		if s == "" {
			continue
		}
		if err := name(s); err != nil {
			return "", err
		}
		quoted = append(quoted, `"`+s+`"`)
	}
	if c.dialect == store.Postgres {
		return "(" + doc + "::jsonb #>> '{" + strings.Join(quoted, ",") + "}')", nil
	}
	return "json_extract(" + doc + ", '$." + strings.Join(quoted, ".") + "')", nil
}

// values is a table of the values of a multi-valued attribute.
func (c *compiler) values(doc string, p filter.Path) (string, error) {
	var path []string
	for _, s := range []string{p.URN, p.Attr} {
		if s == "" {
			continue
		}
		if err := name(s); err != nil {
			return "", err
		}
		path = append(path, `"`+s+`"`)
	}
	if c.dialect == store.Postgres {
		return "jsonb_array_elements(COALESCE(" + doc + "::jsonb #> '{" + strings.Join(path, ",") + "}', '[]'::jsonb)) WITH ORDINALITY AS e(value, key)", nil
	}
	return "json_each(" + doc + ", '$." + strings.Join(path, ".") + "') AS e", nil
}

// member reads a sub-attribute of a value of values.
func (c *compiler) member(sub string) (string, error) {
	if err := name(sub); err != nil {
		return "", err
	}
	if c.dialect == store.Postgres {
		return "(e.value ->> '" + sub + "')", nil
	}
	return `json_extract(e.value, '$."` + sub + `"')`, nil
}

// soleEquality reads a filter that is nothing but sub eq "x".
func soleEquality(n filter.Node, sub string) (string, bool) {
	cmp, ok := n.(*filter.Compare)
	if !ok || cmp.Op != filter.Eq || cmp.Path.Attr != sub || cmp.Value.Kind != filter.KindString {
		return "", false
	}
	return cmp.Value.Text, true
}

// drivenByEmail answers emails[value eq "x" and type eq "work"], which is how Entra
// matches people, from the table of addresses.
func drivenByEmail(c *compiler, n filter.Node) (string, bool) {
	terms := []filter.Node{n}
	if and, ok := n.(*filter.And); ok {
		terms = and.Terms
	}
	byValue := false
	for _, t := range terms {
		cmp, ok := t.(*filter.Compare)
		if !ok || cmp.Op != filter.Eq {
			return "", false
		}
		switch cmp.Path.Attr {
		case "value":
			byValue = true
		case "type", "primary":
		default:
			return "", false
		}
	}
	if !byValue {
		return "", false
	}
	cond := "m.workspace_id = $1 AND m.connection = $2"
	for _, t := range terms {
		cmp := t.(*filter.Compare)
		switch cmp.Path.Attr {
		case "value":
			cond += " AND m.value_key = " + c.text(filter.Fold(cmp.Value.Text))
		case "type":
			cond += " AND m.type_key <> '' AND m.type_key = " + c.text(filter.Fold(cmp.Value.Text))
		case "primary":
			cond += " AND m.is_primary = " + c.arg(flag(cmp.Value.Bool))
		}
	}
	return "u.member_id IN (SELECT m.member_id FROM scim_email m WHERE " + cond + ")", true
}

// folded is a document in which every string that is not case exact is folded by
// filter.Fold: what filters compare with. It changes doc.
func folded(r *schema.Resource, doc map[string]any) map[string]any {
	for key, v := range doc {
		if ext := r.Extension(key); ext != nil {
			if m, ok := v.(map[string]any); ok {
				for k, sub := range m {
					m[k] = foldValue(ext.Lookup(k), sub)
				}
			}
			continue
		}
		doc[key] = foldValue(r.Lookup("", key), v)
	}
	return doc
}

func foldValue(a *schema.Attribute, v any) any {
	if a == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		if a.CaseExact {
			return v
		}
		return filter.Fold(v)
	case []any:
		for i := range v {
			v[i] = foldValue(a, v[i])
		}
		return v
	case map[string]any:
		for k, sub := range v {
			v[k] = foldValue(a.Lookup(k), sub)
		}
		return v
	}
	return v
}
