package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Mismatch is the error of an answer that is not as recorded.
type Mismatch struct {
	Entry string
	Line  int
	What  string
}

func (m *Mismatch) Error() string { return fmt.Sprintf("line %d, %s: %s", m.Line, m.Entry, m.What) }

// maxAnswer bounds what is read of one answer.
const maxAnswer = 16 << 20

// Play sends the stream to the SCIM server at baseURL (…/scim/v2) with a bearer token,
// and writes one line for each request to w. It stops with a *Mismatch at the first
// answer that is not as recorded.
func (s *Stream) Play(ctx context.Context, baseURL, token string, w io.Writer) error {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is not the URL of a SCIM server, such as https://gatehouse.example.com/scim/v2", baseURL)
	}
	p := &player{base: strings.TrimSuffix(baseURL, "/"), token: token, names: map[string]string{},
		client: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a token is not carried to another address
		}}}
	if _, err := fmt.Fprintf(w, "%s\n", s.Title); err != nil {
		return err
	}
	for _, e := range s.Entries {
		status, took, err := p.play(ctx, e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "  %-6s %d %6s  %s\n", e.Method, status, took.Round(100*time.Microsecond), e.Name); err != nil {
			return err
		}
	}
	return nil
}

type player struct {
	base, token string
	client      *http.Client
	names       map[string]string
}

func (p *player) play(ctx context.Context, e Entry) (status int, took time.Duration, err error) {
	start := time.Now()
	status, body, err := p.send(ctx, e)
	took = time.Since(start)
	if err != nil {
		return 0, took, fmt.Errorf("line %d, %s: %w", e.Line, e.Name, err)
	}
	fail := func(line int, format string, args ...any) error {
		return &Mismatch{Entry: e.Name, Line: line, What: fmt.Sprintf(format, args...)}
	}
	if status != e.Status {
		return status, took, fail(e.Line, "%s %s was answered %d, expected %d%s", e.Method, e.Path, status, e.Status, detailOf(body))
	}
	for _, x := range e.Expects {
		have, found := dig(body, x.Pointer)
		switch {
		case x.Absent:
			if found {
				return status, took, fail(x.Line, "%s is %s, expected none", x.Pointer, encode(have))
			}
		case !found:
			return status, took, fail(x.Line, "%s is missing", x.Pointer)
		case x.Capture != "":
			text, ok := have.(string)
			if !ok {
				return status, took, fail(x.Line, "%s is %s, and only strings can be kept", x.Pointer, encode(have))
			}
			p.names[x.Capture] = text
		default:
			var want any
			if err := json.Unmarshal([]byte(p.fillJSON(x.Value)), &want); err != nil {
				return status, took, fail(x.Line, "%s is not JSON", x.Value)
			}
			if !reflect.DeepEqual(have, want) {
				return status, took, fail(x.Line, "%s is %s, expected %s", x.Pointer, encode(have), encode(want))
			}
		}
	}
	return status, took, nil
}

func (p *player) send(ctx context.Context, e Entry) (int, any, error) {
	path := p.fillPath(e.Path)
	var in io.Reader
	if e.Body != "" {
		in = strings.NewReader(p.fillJSON(e.Body))
	}
	req, err := http.NewRequestWithContext(ctx, e.Method, p.base+path, in)
	if err != nil {
		return 0, nil, fmt.Errorf("building the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Accept", "application/scim+json")
	if in != nil {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return res.StatusCode, nil, nil
	}
	var body any
	if err := json.Unmarshal(raw, &body); err != nil {
		return 0, nil, fmt.Errorf("the answer %d is not JSON: %w", res.StatusCode, err)
	}
	return res.StatusCode, body, nil
}

// fillPath puts kept values into a path, and encodes a query that was written for people.
func (p *player) fillPath(text string) string {
	path, query, _ := strings.Cut(text, "?")
	path = capture.ReplaceAllStringFunc(path, func(m string) string { return url.PathEscape(p.names[m[2:len(m)-1]]) })
	if query == "" {
		return path
	}
	query = capture.ReplaceAllStringFunc(query, func(m string) string { return p.names[m[2:len(m)-1]] })
	if !strings.ContainsAny(query, ` "`) {
		return path + "?" + query
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		pairs[i] = key + "=" + url.QueryEscape(value)
	}
	return path + "?" + strings.Join(pairs, "&")
}

// fillJSON puts kept values into JSON text, escaped as the inside of a string.
func (p *player) fillJSON(text string) string {
	return capture.ReplaceAllStringFunc(text, func(m string) string {
		quoted := encode(p.names[m[2:len(m)-1]])
		return quoted[1 : len(quoted)-1]
	})
}

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

// detailOf quotes what a SCIM error says.
func detailOf(body any) string {
	detail, ok := dig(body, "/detail")
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%v)", detail)
}

// dig follows a JSON pointer.
func dig(v any, pointer string) (any, bool) {
	if pointer == "/" {
		return v, v != nil
	}
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		switch holder := v.(type) {
		case map[string]any:
			next, ok := holder[part]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(holder) {
				return nil, false
			}
			v = holder[i]
		default:
			return nil, false
		}
	}
	return v, true
}
