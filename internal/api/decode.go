package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// maxJSONDepth bounds nesting of submitted documents; no kind needs more than six.
const maxJSONDepth = 16

// Decode reads a submitted object of the kind: it refuses unknown attributes,
// ignores read-only ones (so that GET, edit, PUT works), fills in defaults, checks
// every attribute and the object as a whole, and normalises case and order. All
// violations are reported, not only the first. A nil error with violations means
// that the document was JSON but not acceptable; the object is then not complete.
func (k *Kind) Decode(raw []byte) (Object, []Violation, error) {
	doc, err := decodeMap(raw)
	if err != nil {
		return nil, nil, err
	}
	return k.DecodeMap(doc)
}

// DecodeMap is Decode for a document that is parsed already. It changes doc.
func (k *Kind) DecodeMap(doc map[string]any) (Object, []Violation, error) {
	var out []Violation
	for _, meta := range []string{"id", "key", "etag", "managed_by", "created_at", "updated_at"} {
		delete(doc, meta)
	}
	checkObject("", k.fields, doc, &out)
	if len(out) > 0 {
		sort.SliceStable(out, func(i, j int) bool { return out[i].Path < out[j].Path })
		// A value of the wrong shape cannot be decoded; stop with what is known.
		return nil, out, nil
	}
	clean, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding %s: %w", k.Name, err)
	}
	obj := k.New()
	if err := json.Unmarshal(clean, obj); err != nil {
		return nil, nil, NewProblem(CodeMalformed, "The %s cannot be read: %v.", k.Name, err)
	}
	return obj, Validate(obj), nil
}

// Validate runs the pure checks of an object's type, if it has any.
func Validate(obj Object) []Violation {
	if v, ok := obj.(interface{ Validate() []Violation }); ok {
		return v.Validate()
	}
	return nil
}

func decodeMap(raw []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	depth := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			break // io.EOF, or the syntax error that Unmarshal reports better
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxJSONDepth {
				return nil, NewProblem(CodeMalformed, "The body is nested more than %d levels deep.", maxJSONDepth)
			}
		}
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, NewProblem(CodeMalformed, "The body is not a JSON object: %v.", err)
	}
	if doc == nil {
		return nil, NewProblem(CodeMalformed, "The body is null; send a JSON object.")
	}
	return doc, nil
}

func checkObject(path string, fields []Field, doc map[string]any, out *[]Violation) {
	known := make(map[string]bool, len(fields))
	for i := range fields {
		f := &fields[i]
		known[f.Name] = true
		at := path + "/" + f.Name
		if f.ReadOnly {
			delete(doc, f.Name)
			continue
		}
		v, given := doc[f.Name]
		if !given || v == nil {
			delete(doc, f.Name)
			if f.Default == nil {
				if f.Required {
					*out = append(*out, Required(at, "is required"))
				}
				continue
			}
			v = cloneJSON(f.Default)
		}
		v = checkField(at, f, v, out)
		if isEmpty(v) && f.Default == nil && !f.Required {
			delete(doc, f.Name) // nothing and an empty list are one thing
			continue
		}
		doc[f.Name] = v
	}
	for name := range doc {
		if !known[name] {
			*out = append(*out, Violation{Path: path + "/" + escapePointer(name), Code: "unknown_attribute", Message: fmt.Sprintf("there is no attribute %q here%s", name, suggest(name, fields))})
		}
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// checkField checks one value and returns it normalised.
func checkField(at string, f *Field, v any, out *[]Violation) any {
	bad := func(format string, args ...any) { *out = append(*out, Invalid(at, format, args...)) }
	switch f.Type {
	case TypeString, TypeTime:
		s, ok := v.(string)
		if !ok {
			bad("must be a string")
			return v
		}
		if f.Required && s == "" {
			*out = append(*out, Required(at, "must not be empty"))
			return v
		}
		return checkString(at, f, s, out)
	case TypeBool:
		if _, ok := v.(bool); !ok {
			bad("must be true or false")
		}
	case TypeInt:
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			bad("must be a whole number")
			return v
		}
		if f.Min != nil && n < float64(*f.Min) || f.Max != nil && n > float64(*f.Max) {
			bad("%d is out of range; write a number %s", int64(n), rangeText(f))
		}
	case TypeList:
		list, ok := v.([]any)
		if !ok {
			bad("must be a list")
			return v
		}
		return checkList(at, f, list, out)
	case TypeMap:
		m, ok := v.(map[string]any)
		if !ok {
			bad("must be a map")
			return v
		}
		return checkMap(at, f, m, out)
	case TypeObject:
		m, ok := v.(map[string]any)
		if !ok {
			bad("must be an object")
			return v
		}
		checkObject(at, f.Fields, m, out)
	}
	return v
}

func checkString(at string, f *Field, s string, out *[]Violation) any {
	if len(s) > f.MaxLength {
		*out = append(*out, Invalid(at, "is %d bytes long; at most %d are allowed", len(s), f.MaxLength))
		return s
	}
	if s == "" {
		return s
	}
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, s) {
		*out = append(*out, Invalid(at, "%q is not one of %s", s, strings.Join(f.Enum, ", ")))
		return s
	}
	if f.Type == TypeTime {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			*out = append(*out, Invalid(at, "%q is not an RFC 3339 time; write e.g. 2027-06-30T00:00:00Z", s))
			return s
		}
		return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	}
	norm, msg := Normalise(f.Format, s)
	if msg != "" {
		*out = append(*out, Invalid(at, "%s", msg))
	}
	return norm
}

func checkList(at string, f *Field, list []any, out *[]Violation) any {
	if len(list) > f.MaxItems {
		*out = append(*out, Invalid(at, "has %d elements; at most %d are allowed", len(list), f.MaxItems))
		return list
	}
	if f.Required && len(list) == 0 {
		*out = append(*out, Required(at, "must not be empty"))
	}
	seen := make(map[string]bool, len(list))
	norm := make([]any, 0, len(list))
	for i, e := range list {
		if f.Fields != nil {
			m, ok := e.(map[string]any)
			if !ok {
				*out = append(*out, Invalid(fmt.Sprintf("%s/%d", at, i), "must be an object"))
				continue
			}
			checkObject(fmt.Sprintf("%s/%d", at, i), f.Fields, m, out)
			norm = append(norm, m)
			continue
		}
		s, ok := e.(string)
		if !ok || s == "" {
			*out = append(*out, Invalid(fmt.Sprintf("%s/%d", at, i), "must be a string that is not empty"))
			continue
		}
		el := Field{Format: f.Format, MaxLength: 20000, Type: TypeString, Enum: f.Items}
		s, _ = checkString(fmt.Sprintf("%s/%d", at, i), &el, s, out).(string)
		if !f.Ordered && seen[s] {
			continue
		}
		seen[s] = true
		norm = append(norm, s)
	}
	if !f.Ordered {
		sort.Slice(norm, func(i, j int) bool { return norm[i].(string) < norm[j].(string) })
	}
	return norm
}

func checkMap(at string, f *Field, m map[string]any, out *[]Violation) any {
	if len(m) > f.MaxItems {
		*out = append(*out, Invalid(at, "has %d entries; at most %d are allowed", len(m), f.MaxItems))
		return m
	}
	norm := make(map[string]any, len(m))
	for key, v := range m {
		here := at + "/" + escapePointer(key)
		s, ok := v.(string)
		if !ok {
			*out = append(*out, Invalid(here, "must be a string"))
			continue
		}
		nk, msg := Normalise(f.KeyFormat, key)
		if msg != "" {
			*out = append(*out, Invalid(here, "%s", msg))
			continue
		}
		if _, dup := norm[nk]; dup {
			*out = append(*out, Invalid(here, "%q is given twice", nk))
			continue
		}
		el := Field{MaxLength: f.MaxLength, Type: TypeString, Enum: f.Values}
		norm[nk] = checkString(here, &el, s, out)
	}
	return norm
}

func rangeText(f *Field) string {
	switch {
	case f.Min != nil && f.Max != nil:
		return fmt.Sprintf("from %d to %d", *f.Min, *f.Max)
	case f.Min != nil:
		return fmt.Sprintf("of at least %d", *f.Min)
	}
	return fmt.Sprintf("of at most %d", *f.Max)
}

// escapePointer writes a JSON pointer token (RFC 6901 section 3).
func escapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func suggest(name string, fields []Field) string {
	var names []string
	for _, f := range fields {
		if !f.ReadOnly {
			names = append(names, f.Name)
		}
	}
	return "; the attributes are " + strings.Join(names, ", ")
}

func cloneJSON(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cloneJSON(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = cloneJSON(v[k])
		}
		return out
	}
	return v
}
