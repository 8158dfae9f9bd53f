package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
)

// Bounds on the shape of JSON: a small body can decode into a large tree. SCIM
// itself nests six deep (a bulk PATCH of members).
const (
	maxNesting = 32
	maxTokens  = 400_000
)

func readBody(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if t := r.Header.Get("Content-Type"); t != "" {
		media, parameters, err := mime.ParseMediaType(t)
		if err != nil || media != scimJSON && media != plainJSON {
			return nil, fault.New(http.StatusUnsupportedMediaType, "", "the body must be application/scim+json")
		}
		switch strings.ToLower(parameters["charset"]) { // RFC 7644 §3.8
		case "", "utf-8", "utf8", "us-ascii":
		default:
			return nil, fault.New(http.StatusUnsupportedMediaType, "", "the body must be in UTF-8")
		}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, fault.New(http.StatusUnsupportedMediaType, "", "the body must not be encoded")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, fault.New(http.StatusRequestEntityTooLarge, "", "the body is larger than %d bytes", max)
		}
		return nil, &Error{Status: http.StatusBadRequest, Kind: fault.InvalidSyntax, Detail: "the body ended early", Cause: err}
	}
	return raw, checkShape(raw)
}

// checkShape refuses what is not worth decoding, in one pass and without memory.
func checkShape(raw []byte) error {
	if !utf8.Valid(raw) {
		return fault.Bad(fault.InvalidSyntax, "the body is not valid UTF-8")
	}
	depth, tokens, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch c {
		case '"':
			inString = true
		case '{', '[':
			depth++
			tokens++
		case '}', ']':
			depth--
		case ',':
			tokens++
		}
		if depth > maxNesting {
			return fault.Bad(fault.InvalidSyntax, "the body nests deeper than %d", maxNesting)
		}
		if tokens > maxTokens {
			return fault.New(http.StatusRequestEntityTooLarge, "", "the body holds more than %d values", maxTokens)
		}
	}
	return nil
}

func decodeObject(raw []byte) (map[string]any, error) {
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, fault.Bad(fault.InvalidSyntax, "the body must be a JSON object")
	}
	return obj, checkNames(raw)
}

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Kind: fault.InvalidSyntax, Detail: "the body is not JSON", Cause: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Bad(fault.InvalidSyntax, "something follows the JSON object")
	}
	return v, nil
}

// checkNames refuses an object that gives one name twice: readers differ in which one
// they believe (RFC 8259 §4), and this server must believe what the others do. The text
// must be JSON.
func checkNames(raw []byte) error {
	var stack []names
	expected := false // the next string is a name
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '{', '[':
			if n := len(stack); n < cap(stack) {
				stack = stack[:n+1]
				stack[n].few, stack[n].many = stack[n].few[:0], nil
			} else {
				stack = append(stack, names{})
			}
			expected = c == '{'
			stack[len(stack)-1].object = expected
		case '}', ']':
			stack = stack[:len(stack)-1]
		case ',':
			expected = stack[len(stack)-1].object
		case '"':
			start := i + 1
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if !expected {
				continue
			}
			expected = false
			if stack[len(stack)-1].has(raw[start:i]) {
				return fault.Bad(fault.InvalidSyntax, "%q is given twice", patch.Clip(string(raw[start:i])))
			}
		}
	}
	return nil
}

// names are those that one object has so far.
type names struct {
	object bool
	few    [][]byte
	many   map[string]bool // once there are more than a few
}

// has reports whether the name was there already, and notes it. It is as in the text.
func (n *names) has(name []byte) bool {
	if bytes.IndexByte(name, '\\') >= 0 {
		var plain string
		if json.Unmarshal([]byte(`"`+string(name)+`"`), &plain) == nil {
			name = []byte(plain)
		}
	}
	const most = 16
	switch {
	case n.many != nil:
		if n.many[string(name)] {
			return true
		}
		n.many[string(name)] = true
	case slices.ContainsFunc(n.few, func(o []byte) bool { return bytes.Equal(o, name) }):
		return true
	case len(n.few) < most:
		n.few = append(n.few, name)
	default:
		n.many = make(map[string]bool, 2*most)
		for _, o := range append(n.few, name) {
			n.many[string(o)] = true
		}
	}
	return false
}

const redacted = "[redacted]"

// redact returns the body fit for the event log: no password, whether named as
// an attribute, by its URN or by the path of a PATCH operation.
func redact(raw []byte) []byte {
	raw = withoutNUL(raw)
	if !bytes.Contains(bytes.ToLower(raw), []byte("password")) && !bytes.Contains(raw, []byte(`\u`)) {
		return raw
	}
	v, err := decode(raw)
	if err != nil {
		return nil // refused anyway; what cannot be read cannot be redacted
	}
	out, err := json.Marshal(redactValue(v))
	if err != nil {
		return nil
	}
	return out
}

// withoutNUL puts the replacement character in the place of NUL, which no value may
// hold and no database keeps.
func withoutNUL(raw []byte) []byte {
	const nul = `\u0000`
	if !bytes.Contains(raw, []byte(nul)) {
		return raw
	}
	out := bytes.Clone(raw)
	for i := 0; i < len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(out[i:], []byte(nul)) {
			copy(out[i:], `\ufffd`)
		}
		i++
	}
	return out
}

func redactValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		secretPath := false
		for k, e := range v {
			if path, ok := e.(string); ok && strings.EqualFold(k, "path") {
				secretPath = secretPath || containsPassword(path)
			}
		}
		for k, e := range v {
			if containsPassword(k) || secretPath && strings.EqualFold(k, "value") || asksForPassword(k, e) {
				v[k] = redacted
			} else {
				v[k] = redactValue(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	}
	return v
}

// asksForPassword reports whether a member is the filter of a search by password.
func asksForPassword(name string, value any) bool {
	filter, _ := value.(string)
	return strings.EqualFold(name, "filter") && containsPassword(filter)
}

func containsPassword(s string) bool { return strings.Contains(strings.ToLower(s), "password") }

const maxLogged = 4 << 10

// redactQuery keeps the query for the event log unless it asks about passwords.
func redactQuery(q string) string {
	plain, err := url.QueryUnescape(q)
	if err != nil || containsPassword(plain) || len(q) > maxLogged || !storable(q) {
		return redacted
	}
	return q
}

func clipPath(p string) string {
	if len(p) > maxLogged {
		p = strings.ToValidUTF8(p[:maxLogged], "")
	}
	return strings.ReplaceAll(p, "\x00", "\uFFFD")
}

// clipMethod is what a bulk operation calls its method, fit for the event log.
func clipMethod(m string) string {
	const most = 16
	if len(m) > most {
		m = strings.ToValidUTF8(m[:most], "")
	}
	return strings.ReplaceAll(m, "\x00", "\uFFFD")
}

// storable reports whether a database keeps the string as it is.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
