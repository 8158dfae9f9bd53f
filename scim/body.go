package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Bounds on the shape of JSON: a small body can decode into a large tree. SCIM
// itself nests six deep (a bulk PATCH of members).
const (
	maxNesting = 32
	maxTokens  = 400_000
)

func readBody(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if t := r.Header.Get("Content-Type"); t != "" {
		media, _, err := mime.ParseMediaType(t)
		if err != nil || media != "application/scim+json" && media != "application/json" {
			return nil, fault.New(http.StatusUnsupportedMediaType, "", "the body must be application/scim+json")
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
	return obj, nil
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

const redacted = "[redacted]"

// redact returns the body fit for the event log: no password, whether named as
// an attribute, by its URN or by the path of a PATCH operation.
func redact(raw []byte) []byte {
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
			if containsPassword(k) || secretPath && strings.EqualFold(k, "value") {
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

func containsPassword(s string) bool { return strings.Contains(strings.ToLower(s), "password") }

const maxLogged = 4 << 10

// redactQuery keeps the query for the event log unless it asks about passwords.
func redactQuery(q string) string {
	plain, err := url.QueryUnescape(q)
	if err != nil || containsPassword(plain) || len(q) > maxLogged {
		return redacted
	}
	return q
}

func clipPath(p string) string {
	if len(p) > maxLogged {
		return p[:maxLogged]
	}
	return p
}

// storable reports whether a database keeps the string as it is.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
