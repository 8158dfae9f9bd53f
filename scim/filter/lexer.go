package filter

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Bounds on hostile input. A filter of MaxTerms ids fits well into MaxLength.
const (
	MaxLength = 32 << 10
	MaxDepth  = 32
	MaxTerms  = 512
)

// scanner walks over the text; every method leaves pos behind what it took.
type scanner struct {
	text  string
	pos   int
	depth int
	terms int
	kind  fault.Kind // what a mistake is called: invalidFilter or invalidPath
}

func (s *scanner) fail(format string, args ...any) error {
	args = append(args, s.pos+1)
	return fault.Bad(s.kind, format+" at position %d", args...)
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end. A literal NUL cannot be confused
// with the end: check refuses it before parsing starts.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// word takes everything up to a space, bracket, parenthesis or quote.
func (s *scanner) word() string {
	start := s.pos
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n', '(', ')', '[', ']', '"':
			return s.text[start:s.pos]
		}
		s.pos++
	}
	return s.text[start:]
}

// keyword takes the word w (lower case) in any case if it comes next as a whole word.
func (s *scanner) keyword(w string) bool {
	end := s.pos + len(w)
	if end > len(s.text) || !strings.EqualFold(s.text[s.pos:end], w) {
		return false
	}
	if end < len(s.text) {
		switch s.text[end] {
		case ' ', '\t', '\r', '\n', '(':
		default:
			return false
		}
	}
	s.pos = end
	return true
}

// str takes a JSON string. Without escapes it is a slice of the text.
func (s *scanner) str() (string, error) {
	start := s.pos
	s.pos++
	escaped := false
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			if !escaped {
				return s.text[start+1 : s.pos-1], nil
			}
			var out string
			if err := json.Unmarshal([]byte(s.text[start:s.pos]), &out); err != nil {
				return "", s.fail("a string with a broken escape")
			}
			if strings.IndexByte(out, 0) >= 0 {
				return "", s.fail("a string with a NUL character")
			}
			return out, nil
		case c == '\\':
			escaped = true
			s.pos += 2
		case c < 0x20:
			return "", s.fail("a string with a control character")
		default:
			s.pos++
		}
	}
	s.pos = start
	return "", s.fail("a string without its closing quote")
}

// check refuses what no part of the grammar can hold.
func (s *scanner) check() error {
	switch {
	case len(s.text) > MaxLength:
		return fault.Bad(s.kind, "longer than %d bytes", MaxLength)
	case !utf8.ValidString(s.text):
		return fault.Bad(s.kind, "not valid UTF-8")
	case strings.IndexByte(s.text, 0) >= 0:
		return fault.Bad(s.kind, "a NUL character")
	}
	return nil
}

// name reports whether s is an attribute name: ALPHA *(nameChar), with a leading
// "$" for $ref.
func name(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '$' && i == 0:
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return s != "$"
}

const urnPrefix = "urn:"

// splitPath splits [URN ":"] attr ["." sub]. A URN may hold dots, an attribute
// name may not hold colons, so the last colon parts them.
func splitPath(text string) (Path, bool) {
	var p Path
	rest := text
	if len(text) > len(urnPrefix) && strings.EqualFold(text[:len(urnPrefix)], urnPrefix) {
		i := strings.LastIndexByte(text, ':')
		p.URN, rest = text[:i], text[i+1:]
		if len(p.URN) < len(urnPrefix) {
			return Path{}, false
		}
	}
	if i := strings.IndexByte(rest, '.'); i >= 0 {
		p.Attr, p.Sub = rest[:i], rest[i+1:]
		return p, name(p.Attr) && name(p.Sub)
	}
	p.Attr = rest
	return p, name(p.Attr)
}
