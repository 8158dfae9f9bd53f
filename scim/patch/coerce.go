package patch

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Scalar converts what was sent for a simple attribute to its type. It is nil
// where the attribute becomes unassigned: null, an empty string, an empty list
// (RFC 7643 §2.5).
func Scalar(a *schema.Attribute, v any) (any, error) {
	v = unwrap(v)
	if a.Type == schema.Boolean {
		return boolean(a, v)
	}
	s := ""
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		s = v
	case json.Number: // employeeNumber: 701984
		s = v.String()
	default:
		return nil, fault.Bad(fault.InvalidValue, "%s must be a %s", a.Name, a.Type)
	}
	switch {
	case s == "":
		return nil, nil
	case a.MaxLength > 0 && len(s) > a.MaxLength:
		return nil, fault.Bad(fault.InvalidValue, "%s is longer than %d bytes", a.Name, a.MaxLength)
	case strings.IndexByte(s, 0) >= 0:
		return nil, fault.Bad(fault.InvalidValue, "%s holds a NUL character", a.Name)
	}
	switch a.Type {
	case schema.Binary: // RFC 7643 §2.3.6: padding may be left out
		if _, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "=")); err != nil {
			return nil, fault.Bad(fault.InvalidValue, "%s must be base64", a.Name)
		}
	case schema.Reference: // RFC 7643 §2.3.7: absolute or relative
		if _, err := url.Parse(s); err != nil || strings.ContainsAny(s, " \t\r\n\"<>") {
			return nil, fault.Bad(fault.InvalidValue, "%s must be a URI", a.Name)
		}
	}
	return s, nil
}

// boolean takes true, false and the strings that Entra sends.
func boolean(a *schema.Attribute, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		return v, nil
	case string:
		switch {
		case v == "":
			return nil, nil
		case strings.EqualFold(v, "true"):
			return true, nil
		case strings.EqualFold(v, "false"):
			return false, nil
		}
	}
	return nil, fault.Bad(fault.InvalidValue, "%s must be true or false", a.Name)
}

// unwrap takes the one value out of [v] and {"value": v}, in which older Entra
// clients wrap the value of any attribute.
func unwrap(v any) any {
	if l, ok := v.([]any); ok {
		switch len(l) {
		case 0:
			return nil
		case 1:
			v = l[0]
		}
	}
	if m, ok := v.(map[string]any); ok {
		if inner, ok := Member(m, "value"); ok && len(m) <= 2 {
			return inner
		}
	}
	return v
}

// Elements converts what was sent for a multi-valued complex attribute: a list,
// or one value without its list; an object, or a string that stands for its
// "value". What is unknown or read-only is reported and dropped.
func Elements(a *schema.Attribute, v any, report func(string)) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, nil
		}
		list = []any{v}
	}
	if a.MaxValues > 0 && len(list) > a.MaxValues {
		return nil, fault.Bad(fault.InvalidValue, "%s has more than %d values", a.Name, a.MaxValues)
	}
	out := make([]map[string]any, 0, len(list))
	primaries := 0
	for _, e := range list {
		m, err := element(a, e, report)
		if err != nil {
			return nil, err
		}
		if len(m) == 0 {
			continue
		}
		if m["primary"] == true {
			if primaries++; primaries > 1 {
				return nil, fault.Bad(fault.InvalidValue, "%s has more than one primary value", a.Name) // RFC 7643 §2.4
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func element(a *schema.Attribute, v any, report func(string)) (map[string]any, error) {
	out := map[string]any{}
	err := each(a, v, report, func(sub *schema.Attribute, v any) {
		if v != nil {
			out[sub.Name] = v
		}
	})
	return out, err
}

// each walks the sub-attributes in v; set gets nil for one that becomes unassigned.
func each(a *schema.Attribute, v any, report func(string), set func(*schema.Attribute, any)) error {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		for _, k := range sortedKeys(v) {
			sub := a.Lookup(k)
			if sub == nil {
				report(a.Name + "." + k)
				continue
			}
			if sub.Mutability == schema.ReadOnly {
				report(a.Name + "." + sub.Name)
				continue
			}
			s, err := Scalar(sub, v[k])
			if err != nil {
				return err
			}
			set(sub, s)
		}
		return nil
	case string, json.Number:
		if a.HasValue() {
			sub := a.Lookup("value")
			s, err := Scalar(sub, v)
			if err != nil {
				return err
			}
			set(sub, s)
			return nil
		}
	}
	return fault.Bad(fault.InvalidValue, "%s must be an object", a.Name)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func itoa(i int) string { return strconv.Itoa(i) }
