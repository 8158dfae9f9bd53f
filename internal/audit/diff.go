package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Change is one attribute that differs between two documents. Old or New is
// empty where the attribute is absent.
type Change struct {
	// Path is a JSON pointer (RFC 6901); "" is the whole document.
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

// Diff lists what changed from one document to the next, by path. Objects are
// compared attribute by attribute; lists are compared whole, because an element
// has no name that would survive an insertion before it. An empty document means
// that the object did not exist.
func Diff(before, after json.RawMessage) ([]Change, error) {
	was, err := decodeDocument(before)
	if err != nil {
		return nil, fmt.Errorf("reading the document before the change: %w", err)
	}
	is, err := decodeDocument(after)
	if err != nil {
		return nil, fmt.Errorf("reading the document after the change: %w", err)
	}
	return diffValue(nil, "", was, is)
}

// absent stands for an attribute that a document does not have; JSON null is nil.
type absent struct{}

func diffValue(changes []Change, path string, was, is any) ([]Change, error) {
	oldObject, oldOK := was.(map[string]any)
	newObject, newOK := is.(map[string]any)
	if oldOK && newOK {
		names := slices.Collect(maps.Keys(oldObject))
		for name := range newObject {
			if _, both := oldObject[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		var err error
		for _, name := range names {
			changes, err = diffValue(changes, path+"/"+escapePointer(name), attribute(oldObject, name), attribute(newObject, name))
			if err != nil {
				return nil, err
			}
		}
		return changes, nil
	}
	if equalJSON(was, is) {
		return changes, nil
	}
	change := Change{Path: path}
	var err error
	if change.Old, err = encodeValue(was); err != nil {
		return nil, err
	}
	if change.New, err = encodeValue(is); err != nil {
		return nil, err
	}
	return append(changes, change), nil
}

func attribute(object map[string]any, name string) any {
	if v, ok := object[name]; ok {
		return v
	}
	return absent{}
}

func equalJSON(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equalJSON)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalJSON)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && equalNumber(a.String(), b.String())
	default:
		return a == b
	}
}

// equalNumber takes 1 and 1.0 for the same. Beyond 2^53 a float cannot tell
// neighbours apart, so there only the text counts.
func equalNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	const exact = 1 << 53
	return errX == nil && errY == nil && x == y && x > -exact && x < exact
}

// decodeDocument reads JSON with numbers kept as they were written. A missing
// document is an empty object, so that a creation lists its attributes.
func decodeDocument(doc json.RawMessage) (any, error) {
	if len(bytes.TrimSpace(doc)) == 0 {
		return map[string]any{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

func encodeValue(v any) (json.RawMessage, error) {
	if v == (any)(absent{}) {
		return nil, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding a JSON value: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func escapePointer(name string) string { return pointerEscapes.Replace(name) }
