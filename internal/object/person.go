package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Person is somebody who is to be erased, by everything that the workspace knows them
// by. Rooms add to it (KnownAs) before anybody forgets anything.
type Person struct {
	// Addresses are e-mail addresses in lower case, the one that was named first.
	Addresses []string
	// Member is the id that they have here, "" for people who never were members.
	Member string
	// Logins are user names of theirs that are no addresses, in lower case.
	Logins []string
	// Names are full names that nobody else here bears.
	Names []string
	// Token stands where somebody has to be named: erased:<ref>, as in the audit log.
	Token string
	// Heir is the e-mail of the workspace's Owner, who answers for what they owned.
	Heir string

	patterns []*regexp.Regexp
}

// Email is the address that was named.
func (p *Person) Email() string { return p.Addresses[0] }

// AddAddress adds another address of the person.
func (p *Person) AddAddress(address string) {
	address = strings.ToLower(strings.TrimSpace(address))
	if strings.Count(address, "@") == 1 && !slices.Contains(p.Addresses, address) {
		p.Addresses = append(p.Addresses, address)
		p.patterns = nil
	}
}

// AddLogin adds a user name; one that is an address counts as that. Very short ones are
// not looked for: too much else is spelled like them.
func (p *Person) AddLogin(login string) {
	login = strings.ToLower(strings.TrimSpace(login))
	if strings.Contains(login, "@") {
		p.AddAddress(login)
	} else if len(login) > 2 && !slices.Contains(p.Logins, login) {
		p.Logins = append(p.Logins, login)
	}
}

// AddName adds a full name. One word alone is not looked for: too many bear it.
func (p *Person) AddName(name string) {
	name = strings.Join(strings.Fields(name), " ")
	if strings.Contains(name, " ") && !slices.ContainsFunc(p.Names, func(n string) bool { return strings.EqualFold(n, name) }) {
		p.Names = append(p.Names, name)
	}
}

// prefixes are the kinds under which an address or an id is a principal.
var prefixes = []string{"", PrincipalMember + ":", "email:", "viewer:", "guest:", "person:"}

// Forms are all spellings under which a column names the person as a whole.
func (p *Person) Forms() []string {
	var out []string
	for _, prefix := range prefixes {
		for _, address := range p.Addresses {
			out = append(out, prefix+address)
		}
		if p.Member != "" {
			out = append(out, prefix+p.Member)
		}
	}
	return out
}

// Is reports whether a text is the person and nothing else.
func (p *Person) Is(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return text != "" && (slices.Contains(p.Forms(), text) || slices.Contains(p.Logins, text))
}

func (p *Person) named(text string) bool {
	text = strings.Join(strings.Fields(text), " ")
	return slices.ContainsFunc(p.Names, func(n string) bool { return strings.EqualFold(n, text) })
}

// In reports whether an address of the person occurs in a text.
func (p *Person) In(text string) bool { return p.Mask(text) != text }

// Mask puts the token in the place of each address of the person in a text, also where
// the address is written as part of a URL. Longer addresses that contain one of theirs
// are other people's.
func (p *Person) Mask(text string) string {
	if !strings.Contains(text, "@") && !strings.Contains(text, "%40") {
		return text
	}
	if p.patterns == nil {
		for _, address := range p.Addresses {
			local, domain, _ := strings.Cut(address, "@")
			p.patterns = append(p.patterns, regexp.MustCompile(`(?i)(?:(?:member|email|viewer|guest|person):)?`+regexp.QuoteMeta(local)+`(?:@|%40)`+regexp.QuoteMeta(domain)))
		}
	}
	for _, pattern := range p.patterns {
		var out strings.Builder
		done := 0
		for _, at := range pattern.FindAllStringIndex(text, -1) {
			if within(text, at[0], at[1]) {
				continue
			}
			out.WriteString(text[done:at[0]] + p.Token)
			done = at[1]
		}
		text = out.String() + text[done:]
	}
	return text
}

// within reports whether what lies between two places of a text is a part of a longer
// address.
func within(text string, from, to int) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' }
	if r, n := utf8.DecodeLastRuneInString(text[:from]); n > 0 && (word(r) || r == '.' || r == '+') {
		return true
	}
	r, n := utf8.DecodeRuneInString(text[to:])
	if n > 0 && r == '.' {
		next, _ := utf8.DecodeRuneInString(text[to+n:])
		return to+n < len(text) && word(next)
	}
	return n > 0 && word(r)
}

// Scrub is how a stored text reads without the person: plain text, or JSON.
func (p *Person) Scrub(text string) (string, error) {
	out, _, err := p.scrub(text, scrubber{Person: p})
	return out, err
}

// ScrubNaming is Scrub for what an identity provider sent: whatever stands beside an
// identifier of the person in one JSON object describes them, and goes.
func (p *Person) ScrubNaming(text string) (string, error) {
	out, _, err := p.scrub(text, scrubber{Person: p, beside: true, names: true})
	return out, err
}

// ScrubAuthors is Scrub for a change context: names of people are whole texts there.
func (p *Person) ScrubAuthors(text string) (string, error) {
	out, _, err := p.scrub(text, scrubber{Person: p, names: true, whole: true})
	return out, err
}

func (p *Person) scrub(text string, c scrubber) (string, *scrubber, error) {
	if t := strings.TrimSpace(text); !strings.HasPrefix(t, "{") && !strings.HasPrefix(t, "[") {
		return c.text(text), &c, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return c.text(text), &c, nil // it only looked like JSON
	}
	tree = c.value("", tree)
	if !c.changed {
		return text, &c, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return "", nil, fmt.Errorf("writing a document without a person: %w", err)
	}
	return strings.TrimSuffix(out.String(), "\n"), &c, nil
}

// scrubber walks through a document.
type scrubber struct {
	*Person
	beside bool // other texts of an object that names them go as well
	names  bool // full names count
	whole  bool // a text with an address in it goes as a whole

	changed bool
	emptied []string // attributes whose list holds nobody any more
}

func (c *scrubber) text(text string) string {
	if c.Is(text) && strings.Contains(text, "@") || c.names && c.named(text) || c.whole && c.In(text) {
		return c.Token
	}
	return c.Mask(text)
}

func (c *scrubber) value(name string, v any) any {
	switch v := v.(type) {
	case string:
		is := c.text(v)
		if is == v {
			return v
		}
		if is == c.Token && (name == "owner" || name == "sponsor") && c.Heir != "" {
			is = c.Heir
		}
		c.changed = true
		return is
	case []any:
		return c.list(name, v)
	case map[string]any:
		return c.object(v)
	}
	return v
}

// list takes the person out of lists of people.
func (c *scrubber) list(name string, v []any) any {
	out := make([]any, 0, len(v))
	for _, element := range v {
		if text, ok := element.(string); ok && c.Is(text) && strings.Contains(text, "@") {
			c.changed = true
			continue
		}
		out = append(out, c.value(name, element))
	}
	if len(out) == 0 && len(v) > 0 {
		c.emptied = append(c.emptied, name)
	}
	return out
}

// technical attributes of SCIM say nothing about a person.
var technical = []string{"value", "$ref", "op", "path", "type", "schemas", "method"}

func (c *scrubber) object(v map[string]any) any {
	about := false
	if c.beside {
		for name, element := range v {
			text, ok := element.(string)
			login := !strings.Contains(text, "@") && !strings.EqualFold(text, c.Member)
			// A login may be spelled like any other word.
			if ok && c.Is(text) && (!login || strings.EqualFold(name, "userName")) {
				about = true
			}
		}
	}
	out := make(map[string]any, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		element := v[name]
		if c.Is(name) && strings.Contains(name, "@") {
			c.changed = true
			continue
		}
		if text, ok := element.(string); ok && about && text != "" && !slices.Contains(technical, name) {
			c.changed = true
			out[name] = c.Token
			continue
		}
		masked := c.Mask(name)
		c.changed = c.changed || masked != name
		out[masked] = c.value(name, element)
	}
	return out
}
