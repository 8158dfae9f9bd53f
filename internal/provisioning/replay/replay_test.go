package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `title: A person joins
source: https://example.com/docs
date: 2026-11-21
# for readers

-- Ann joins --
POST /Users
{"userName": "ann"}
-> 201
/id => ann
/tags = ["a", 1]
/gone = absent

-- and is found --
GET /Users/${ann}?filter=id eq "${ann}"&count=1
-> 200
/id = "${ann}"
`

func TestParseReadsWhatPeopleWrite(t *testing.T) {
	got, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := &Stream{Title: "A person joins", Source: "https://example.com/docs", Date: "2026-11-21", Entries: []Entry{
		{Name: "Ann joins", Line: 6, Method: "POST", Path: "/Users", Body: `{"userName": "ann"}`, Status: 201, Expects: []Expectation{
			{Line: 10, Pointer: "/id", Capture: "ann"}, {Line: 11, Pointer: "/tags", Value: `["a", 1]`}, {Line: 12, Pointer: "/gone", Absent: true}}},
		{Name: "and is found", Line: 14, Method: "GET", Path: `/Users/${ann}?filter=id eq "${ann}"&count=1`, Status: 200, Expects: []Expectation{
			{Line: 17, Pointer: "/id", Value: `"${ann}"`}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "no entries"},
		{"title: x\n", "no entries"},
		{"colour: blue\n", "line 1: "},
		{"-- a --\n", "no status"},
		{"-- a --\nGET /x\n", "no status"},
		{"-- a --\nFETCH /x\n-> 200\n", "line 2: "},
		{"-- a --\nGET x\n-> 200\n", "line 2: "},
		{"-- a --\nPOST /x\n{\"a\":\n-> 200\n", "not JSON"},
		{"-- a --\nGET /x\n-- b --\n", "line 3: the entry before"},
		{"-- a --\nGET /x\n-> 200\nid = 1\n", "line 4: "},
		{"-- a --\nGET /x\n-> 200\n/id = blue\n", "line 4: blue is not JSON"},
		{"-- a --\nGET /x\n-> 200\n/id => Nina!\n", "is not a name"},
		{"-- a --\nGET /x/${nina}\n-> 200\n", "used before it is kept"},
	} {
		if _, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte("#\n"), maxStream)); err == nil {
		t.Error("a file without bounds was read")
	}
}

// echo answers a POST with an id, and anything else with what it was asked.
func echo(t *testing.T, change func(map[string]any)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{"id": `a"b`, "tags": []any{"a", 1}, "path": r.URL.Path, "filter": r.URL.Query().Get("filter"), "auth": r.Header.Get("Authorization")}
		if change != nil {
			change(body)
		}
		w.Header().Set("Content-Type", "application/scim+json")
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestPlayVerifiesAnswersAndKeepsIDs(t *testing.T) {
	s, err := Parse([]byte(small + `/path = "/scim/v2/Users/${ann}"
/filter = "id eq \"${ann}\""
/auth = "Bearer secret-token"
`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := s.Play(context.Background(), echo(t, nil).URL+"/scim/v2/", "secret-token", &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "Ann joins") || strings.Contains(out.String(), "secret-token") {
		t.Errorf("output:\n%s", out.String())
	}
}

func TestPlayStopsAtTheFirstDifference(t *testing.T) {
	s, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(map[string]any){
		"/tags is [\"a\",2], expected": func(b map[string]any) { b["tags"] = []any{"a", 2} },
		"/gone is true":                func(b map[string]any) { b["gone"] = true },
		"/id is missing":               func(b map[string]any) { delete(b, "id") },
		"only strings can be kept":     func(b map[string]any) { b["id"] = 5 },
	} {
		err := s.Play(context.Background(), echo(t, change).URL, "t", io.Discard)
		var m *Mismatch
		if !errors.As(err, &m) || m.Entry != "Ann joins" || !strings.Contains(m.What, what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"detail":"taken"}`)
	}))
	defer refuse.Close()
	if err := s.Play(context.Background(), refuse.URL, "t", io.Discard); err == nil || !strings.Contains(err.Error(), "answered 409, expected 201 (taken)") {
		t.Error(err)
	}
	for _, bad := range []string{"", "example.com", "ftp://example.com"} {
		if err := s.Play(context.Background(), bad, "t", io.Discard); err == nil {
			t.Errorf("%q is no URL of a SCIM server", bad)
		}
	}
}

func TestRecordedStreamsParseAndNameTheirSource(t *testing.T) {
	files, err := filepath.Glob("../../../examples/scim/*/*.scim")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if s.Title == "" || !strings.HasPrefix(s.Source, "https://") || len(s.Date) != len("2026-11-21") {
			t.Errorf("%s: title %q, source %q, date %q", f, s.Title, s.Source, s.Date)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = Parse(raw) // must not panic
	})
}
