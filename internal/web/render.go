package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css
var stylesheet []byte

// stylesheetPath holds the digest of the style sheet, so that browsers may keep it for
// ever and get the new one with a new release.
var stylesheetPath = func() string {
	sum := sha256.Sum256(stylesheet)
	return stylesheetPrefix + "style-" + hex.EncodeToString(sum[:8]) + ".css"
}()

const stylesheetPrefix = "/assets/"

func serveStylesheet(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path != stylesheetPath || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Length", strconv.Itoa(len(stylesheet)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(stylesheet)
	}
}

// templates by name of their page.
var templates = func() map[string]*template.Template {
	base := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"humanTime":   humanTime,
		"machineTime": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	out := map[string]*template.Template{}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err) // embedded: cannot be
	}
	for _, e := range entries {
		if name := e.Name(); name != "layout.html" && name != "parts.html" {
			t := template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+name))
			out[strings.TrimSuffix(name, ".html")] = t
		}
	}
	return out
}()

// answer is a page, or a redirect to one.
type answer struct {
	status   int
	page     string // name of the template
	title    string
	notice   string // what has just been done
	faults   []fault
	data     any
	location string        // of a redirect (303), instead of a page
	wait     time.Duration // Retry-After
}

// see sends the browser to a page of ours, by GET.
func see(location string) *answer { return &answer{status: http.StatusSeeOther, location: location} }

// step is a page with one form, or two.
type step struct {
	Eyebrow, Heading string
	Lead             []string
	Form, Other      *form
	Back             *offer
}

// plain is a page of words alone.
type plain struct {
	Heading   string
	Lead      []string
	Again     string // address of the link
	Reference string // of a failure
}

func refusal(status int, heading string, lead ...string) *answer {
	return &answer{status: status, page: "refusal", title: heading, data: plain{Heading: heading, Lead: lead}}
}

// render writes an answer and returns its status.
func (p *Pages) render(w http.ResponseWriter, r *request, a *answer) int {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	for _, c := range r.set {
		http.SetCookie(w, c)
	}
	if a.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((a.wait+time.Second-1)/time.Second)))
	}
	if a.location != "" {
		w.Header().Set("Location", a.location)
		w.WriteHeader(a.status)
		return a.status
	}
	body, err := p.draw(a)
	if err != nil {
		p.Log.ErrorContext(r.ctx(), "drawing a page", "id", r.id, "error", err)
		http.Error(w, "This page cannot be shown at the moment.", http.StatusInternalServerError)
		return http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", "en")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
	return a.status
}

// draw makes the page whole before the first byte is sent.
func (p *Pages) draw(a *answer) ([]byte, error) {
	t := templates[a.page]
	if t == nil {
		return nil, fmt.Errorf("there is no page %q", a.page)
	}
	var b bytes.Buffer
	err := t.Execute(&b, struct {
		Title, Stylesheet, Notice string
		Faults                    []fault
		Data                      any
	}{a.title, stylesheetPath, a.notice, a.faults, a.data})
	if err != nil {
		return nil, fmt.Errorf("drawing %s: %w", a.page, err)
	}
	return b.Bytes(), nil
}

// humanTime writes a moment for people everywhere.
func humanTime(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
