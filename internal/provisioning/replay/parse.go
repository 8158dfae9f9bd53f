package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Stream is a recorded conversation of one identity provider.
//
// A file starts with a header of "key: value" lines (title, source, date) and lines
// that begin with # for readers. Each entry has a heading, a request, an optional JSON
// body, the status of the answer, and what is expected of its body:
//
//	-- Nina joins --
//	POST /Users
//	{"userName": "nina@example.com", "active": true}
//	-> 201
//	/active = true
//	/name/givenName = absent
//	/id => nina
//
// Paths into the answer are JSON pointers (RFC 6901). "=" compares with a JSON value
// or with the word absent; "=>" keeps the value under a name, and ${nina} stands for
// it in later requests and expectations.
type Stream struct {
	Title   string
	Source  string // public documentation that the shapes come from
	Date    string // when they were taken from there
	Entries []Entry
}

// Entry is one request with the answer that it must get.
type Entry struct {
	Name    string
	Line    int
	Method  string
	Path    string
	Body    string // JSON, "" for none
	Status  int
	Expects []Expectation
}

// Expectation is one thing about an answer: a value, an absence, or a value to keep.
type Expectation struct {
	Line    int
	Pointer string
	Value   string // JSON; "" when Absent or Capture is set
	Absent  bool
	Capture string // name to keep the value under
}

// maxStream bounds a file; recorded streams are read by people.
const maxStream = 4 << 20

var (
	heading = regexp.MustCompile(`^-- (.+) --$`)
	request = regexp.MustCompile(`^([A-Z]+) (/.*)$`)
	answer  = regexp.MustCompile(`^-> ([1-5][0-9][0-9])$`)
	expect  = regexp.MustCompile(`^(/\S*) (=>|=) (.+)$`)
	word    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	capture = regexp.MustCompile(`\$\{([^}]*)\}`)
)

// parser reads a stream line by line; step takes the next one.
type parser struct {
	stream Stream
	known  map[string]bool // names captured so far
	body   []string
	state  state
}

type state int

const (
	inHeader state = iota
	wantRequest
	inBody
	inExpectations
)

// Parse reads a stream.
func Parse(raw []byte) (*Stream, error) {
	if len(raw) > maxStream {
		return nil, fmt.Errorf("the stream is larger than %d bytes", maxStream)
	}
	p := &parser{known: map[string]bool{}}
	for i, line := range strings.Split(string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))), "\n") {
		if err := p.step(strings.TrimRight(line, " \t"), i+1); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if p.state == wantRequest || p.state == inBody {
		return nil, fmt.Errorf("the last entry has no status (-> 200)")
	}
	if len(p.stream.Entries) == 0 {
		return nil, fmt.Errorf("the stream has no entries (-- name --)")
	}
	return &p.stream, nil
}

func (p *parser) step(line string, n int) error {
	if m := heading.FindStringSubmatch(line); m != nil {
		if p.state == wantRequest || p.state == inBody {
			return fmt.Errorf("the entry before has no status (-> 200)")
		}
		p.stream.Entries = append(p.stream.Entries, Entry{Name: m[1], Line: n})
		p.body, p.state = nil, wantRequest
		return nil
	}
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	switch p.state {
	case inHeader:
		return p.header(line)
	case wantRequest:
		return p.request(line)
	case inBody:
		return p.bodyLine(line)
	}
	return p.expectation(line, n)
}

func (p *parser) header(line string) error {
	key, value, ok := strings.Cut(line, ": ")
	field := map[string]*string{"title": &p.stream.Title, "source": &p.stream.Source, "date": &p.stream.Date}[key]
	if !ok || field == nil {
		return fmt.Errorf("%q is not title:, source: or date:, and no entry has begun (-- name --)", line)
	}
	*field = value
	return nil
}

func (p *parser) entry() *Entry { return &p.stream.Entries[len(p.stream.Entries)-1] }

func (p *parser) request(line string) error {
	m := request.FindStringSubmatch(line)
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if m == nil || !slices.Contains(methods, m[1]) {
		return fmt.Errorf("%q is not a request such as POST /Users", line)
	}
	p.entry().Method, p.entry().Path, p.state = m[1], m[2], inBody
	return p.checkNames(line)
}

func (p *parser) bodyLine(line string) error {
	m := answer.FindStringSubmatch(line)
	if m == nil {
		p.body = append(p.body, line)
		return p.checkNames(line)
	}
	e := p.entry()
	e.Body = strings.Join(p.body, "\n")
	if e.Body != "" && !json.Valid([]byte(capture.ReplaceAllString(e.Body, "x"))) {
		return fmt.Errorf("the body of %q is not JSON", e.Name)
	}
	var err error
	e.Status, err = strconv.Atoi(m[1])
	p.state = inExpectations
	return err
}

func (p *parser) expectation(line string, n int) error {
	m := expect.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%q is not an expectation such as /active = true or /id => nina", line)
	}
	x := Expectation{Line: n, Pointer: m[1]}
	switch {
	case m[2] == "=>":
		if !word.MatchString(m[3]) {
			return fmt.Errorf("%q is not a name: write lower-case letters, digits and underscores", m[3])
		}
		x.Capture, p.known[m[3]] = m[3], true
	case m[3] == "absent":
		x.Absent = true
	case !json.Valid([]byte(capture.ReplaceAllString(m[3], "x"))):
		return fmt.Errorf("%s is not JSON; write strings in double quotes", m[3])
	default:
		x.Value = m[3]
		if err := p.checkNames(m[3]); err != nil {
			return err
		}
	}
	p.entry().Expects = append(p.entry().Expects, x)
	return nil
}

// checkNames refuses ${name} before it was captured.
func (p *parser) checkNames(text string) error {
	for _, m := range capture.FindAllStringSubmatch(text, -1) {
		if !p.known[m[1]] {
			return fmt.Errorf("${%s} is used before it is kept (/id => %s)", m[1], m[1])
		}
	}
	return nil
}
