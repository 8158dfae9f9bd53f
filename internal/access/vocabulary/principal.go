package vocabulary

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PrincipalKind is the part of a principal string before the colon.
type PrincipalKind string

// The kinds of principal. An email principal is someone who was given access
// before having an account (C064); it becomes a member or guest on acceptance.
const (
	KindMember         PrincipalKind = "member"
	KindServiceAccount PrincipalKind = "service_account"
	KindTeam           PrincipalKind = "team"
	KindGroup          PrincipalKind = "group"
	KindEmail          PrincipalKind = "email"
	KindViewer         PrincipalKind = "viewer"
	KindOperator       PrincipalKind = "operator"
)

// PrincipalKinds lists the kinds in the order of the documentation.
func PrincipalKinds() []PrincipalKind {
	return []PrincipalKind{KindMember, KindServiceAccount, KindTeam, KindGroup, KindEmail, KindViewer, KindOperator}
}

// Principal is who an access is given to or decided for.
type Principal struct {
	Kind PrincipalKind
	Key  string
}

// String is the wire form `kind:key`; it is empty for the zero Principal.
func (p Principal) String() string {
	if p == (Principal{}) {
		return ""
	}
	return string(p.Kind) + ":" + p.Key
}

// IsZero reports whether the principal is unset.
func (p Principal) IsZero() bool { return p == Principal{} }

const (
	maxPrincipalLength = 320
	maxSlugLength      = 63
)

// ParsePrincipal reads `kind:key` and normalises the key: e-mails and slugs are
// lower-cased, group names are kept as the identity provider writes them.
// The empty string is not a principal.
func ParsePrincipal(s string) (Principal, error) {
	if len(s) > maxPrincipalLength {
		return Principal{}, fmt.Errorf("principal is longer than %d bytes", maxPrincipalLength)
	}
	kind, key, found := strings.Cut(s, ":")
	if !found {
		if validEmail(s) {
			return Principal{}, fmt.Errorf("principal %q has no kind: write member:%s, or email:%s for someone without an account", clip(s), s, s)
		}
		return Principal{}, fmt.Errorf("principal %q has no kind: write it as kind:key, for example member:ann@example.com", clip(s))
	}
	return NewPrincipal(PrincipalKind(kind), key)
}

// NewPrincipal builds a principal from its two parts, with the checks and the
// normalisation of ParsePrincipal.
func NewPrincipal(kind PrincipalKind, key string) (Principal, error) {
	if len(key) > maxPrincipalLength {
		return Principal{}, fmt.Errorf("the key of a principal is longer than %d bytes", maxPrincipalLength)
	}
	if !utf8.ValidString(key) {
		return Principal{}, errors.New("the key of a principal is not UTF-8")
	}
	fail := func(want string) (Principal, error) {
		return Principal{}, fmt.Errorf("%s:%s: the key must be %s", kind, clip(key), want)
	}
	lower := lowerASCII(key)
	switch kind {
	case KindMember, KindEmail:
		if !validEmail(lower) {
			return fail("an e-mail address")
		}
	case KindServiceAccount, KindTeam, KindOperator:
		if !validSlug(lower) {
			return fail("a slug: lower-case letters, digits, '.', '_' and '-'")
		}
	case KindViewer:
		// A link visitor is known by verified e-mail or by device (C071).
		if !validEmail(lower) && !validSlug(lower) {
			return fail("an e-mail address or a device id")
		}
	case KindGroup:
		if !validGroupName(key) {
			return fail("a group name without control characters or outer spaces")
		}
		return Principal{Kind: kind, Key: key}, nil
	default:
		return Principal{}, fmt.Errorf("unknown kind of principal %q: use %s", clip(string(kind)), principalKindList)
	}
	return Principal{Kind: kind, Key: lower}, nil
}

// FormatPrincipal writes the wire form of a kind and a key, checked and
// normalised.
func FormatPrincipal(kind PrincipalKind, key string) (string, error) {
	p, err := NewPrincipal(kind, key)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// MarshalText writes `kind:key`.
func (p Principal) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads `kind:key`; the empty text is the zero Principal.
func (p *Principal) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = Principal{}
		return nil
	}
	parsed, err := ParsePrincipal(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

var principalKindList = func() string {
	var names []string
	for _, k := range PrincipalKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}()

// ValidateSlug checks the key of a team, a service account or one path segment:
// 1 to 63 of a-z, 0-9, '.', '_', '-', starting with a letter or digit.
func ValidateSlug(s string) error {
	if !validSlug(s) {
		return fmt.Errorf("%q is not a slug: use 1 to %d of a-z, 0-9, '.', '_' and '-', starting with a letter or digit", clip(s), maxSlugLength)
	}
	return nil
}

// ValidateEmail checks the form of an e-mail address. It asks for one at sign, a
// non-empty local part and a dotted or single-label domain; whether mail arrives
// is found out by sending some.
func ValidateEmail(s string) error {
	if !validEmail(s) {
		return errors.New("not an e-mail address: write it as name@example.com")
	}
	return nil
}

func validSlug(s string) bool {
	if s == "" || len(s) > maxSlugLength || !isAlphanumeric(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isAlphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// lowerASCII lower-cases A-Z and nothing else: Unicode folding would turn look-alikes
// such as the Kelvin sign into the letters of somebody else's name.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

func isAlphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func validEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || len(local) > 64 || len(domain) > 253 || !utf8.ValidString(s) {
		return false
	}
	for _, r := range local {
		// Quoted local parts (RFC 5321 §4.1.2) are refused on purpose: they would
		// need escaping in principal strings, policies and logs.
		if unicode.IsControl(r) || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`@"(),:;<>[\]`, r) {
			return false
		}
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if c := label[i] | 0x20; !isAlphanumeric(c) && label[i] != '-' {
				return false
			}
		}
	}
	return true
}

func validGroupName(s string) bool {
	if s == "" || len(s) > 255 || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return false
		}
	}
	return true
}
