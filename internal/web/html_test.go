package web_test

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// void elements have no end tag (HTML section 13.1.2).
var void = []atom.Atom{atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Source, atom.Track, atom.Wbr}

// element is a start tag and what is inside, as written.
type element struct {
	tag  string
	attr map[string]string
	text string // of everything inside
	in   []string
}

// checkHTML fails on anything in a page that a browser would have to guess at, or that
// leaves somebody out, and returns its elements.
func checkHTML(t *testing.T, where, page string) []*element {
	t.Helper()
	all := parseHTML(t, where, page)
	checkFrame(t, where, page, all)
	checkReferences(t, where, all)
	checkControls(t, where, all)
	return all
}

// parseHTML reads tags as they are written: each closed, in order, no attribute twice.
func parseHTML(t *testing.T, where, page string) []*element {
	t.Helper()
	var all, open []*element
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch tt := z.Next(); tt {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Errorf("%s: %v", where, z.Err())
			}
			for _, e := range open {
				t.Errorf("%s: <%s> is not closed", where, e.tag)
			}
			return all
		case html.TextToken:
			text := string(z.Text())
			for _, e := range open {
				e.text += text
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			e := &element{tag: token.Data, attr: map[string]string{}}
			for _, a := range token.Attr {
				if _, twice := e.attr[a.Key]; twice {
					t.Errorf("%s: <%s> has %s twice", where, e.tag, a.Key)
				}
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s: <%s> has %s, which the policy forbids", where, e.tag, a.Key)
				}
				e.attr[a.Key] = html.UnescapeString(a.Val)
			}
			for _, o := range open {
				e.in = append(e.in, o.tag)
			}
			all = append(all, e)
			if tt == html.StartTagToken && !slices.Contains(void, token.DataAtom) {
				open = append(open, e)
			}
		case html.EndTagToken:
			token := z.Token()
			if len(open) == 0 || open[len(open)-1].tag != token.Data {
				t.Errorf("%s: </%s> closes nothing that is open", where, token.Data)
				continue
			}
			open = open[:len(open)-1]
			for _, e := range open {
				e.text += " " // elements do not run into each other
			}
		}
	}
}

var spaces = regexp.MustCompile(`\s+`)

func words(s string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(s), " "))
}

func named(all []*element, tag string) []*element {
	var out []*element
	for _, e := range all {
		if e.tag == tag {
			out = append(out, e)
		}
	}
	return out
}

// checkFrame looks at what every page has once: language, title, heading, landmarks.
func checkFrame(t *testing.T, where, page string, all []*element) {
	t.Helper()
	if !strings.HasPrefix(page, "<!doctype html>\n<html lang=\"en\">") {
		t.Errorf("%s: begins with %.40q", where, page)
	}
	for _, tag := range []string{"title", "h1", "main", "header", "footer"} {
		if n := len(named(all, tag)); n != 1 {
			t.Errorf("%s: has %d <%s>", where, n, tag)
		}
	}
	for _, tag := range []string{"script", "style", "iframe", "object", "img"} {
		if len(named(all, tag)) > 0 {
			t.Errorf("%s: has <%s>, which the policy forbids", where, tag)
		}
	}
	for _, tag := range []string{"title", "h1"} {
		for _, e := range named(all, tag) {
			if words(e.text) == "" {
				t.Errorf("%s: <%s> is empty", where, tag)
			}
		}
	}
	level := 0
	for _, e := range all {
		if len(e.tag) != 2 || e.tag[0] != 'h' || e.tag[1] < '1' || e.tag[1] > '6' {
			continue
		}
		// The summary of mistakes stands before the heading of the page.
		if n := int(e.tag[1] - '0'); n > level+1 && e.attr["id"] != "faults-title" {
			t.Errorf("%s: <%s> %q follows a heading of level %d", where, e.tag, words(e.text), level)
		} else {
			level = n
		}
	}
}

// checkReferences follows every id that the page speaks of.
func checkReferences(t *testing.T, where string, all []*element) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range all {
		if id := e.attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("%s: two elements have the id %q", where, id)
			}
			ids[id] = true
		}
	}
	for _, e := range all {
		for _, name := range []string{"for", "aria-describedby", "aria-labelledby"} {
			for _, id := range strings.Fields(e.attr[name]) {
				if !ids[id] {
					t.Errorf("%s: <%s %s=%q> names nothing", where, e.tag, name, id)
				}
			}
		}
		if id, found := strings.CutPrefix(e.attr["href"], "#"); found && !ids[id] {
			t.Errorf("%s: a link to #%s leads nowhere", where, id)
		}
		for _, name := range []string{"href", "action"} {
			if v, given := e.attr[name]; given && !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "#") && !strings.HasPrefix(v, "?") {
				t.Errorf("%s: <%s %s=%q> leads away from here", where, e.tag, name, v)
			}
		}
	}
}

// checkControls asks for a label of every control and for text in every button.
func checkControls(t *testing.T, where string, all []*element) {
	t.Helper()
	labels := map[string]bool{}
	for _, e := range named(all, "label") {
		if words(e.text) == "" {
			t.Errorf("%s: a label is empty", where)
		}
		labels[e.attr["for"]] = true
	}
	for _, e := range all {
		switch e.tag {
		case "input", "textarea", "select":
			if e.attr["type"] == "hidden" {
				continue
			}
			if !labels[e.attr["id"]] {
				t.Errorf("%s: <%s name=%q> has no label", where, e.tag, e.attr["name"])
			}
			if e.attr["type"] == "text" || e.attr["type"] == "password" || e.attr["type"] == "email" || e.tag == "textarea" {
				if e.attr["maxlength"] == "" || e.attr["maxlength"] == "0" {
					t.Errorf("%s: <%s name=%q> has no maxlength", where, e.tag, e.attr["name"])
				}
			}
		case "button", "a", "legend", "h2", "h3", "dt", "dd":
			if words(e.text) == "" {
				t.Errorf("%s: a <%s> is empty", where, e.tag)
			}
		case "form":
			if e.attr["method"] != "post" || !strings.HasPrefix(e.attr["action"], "/") {
				t.Errorf("%s: a form goes by %q to %q", where, e.attr["method"], e.attr["action"])
			}
		}
	}
}
