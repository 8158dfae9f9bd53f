package web

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a form may hold.
const (
	maxForm = 16 << 10
	maxWord = 254 // an e-mail address (RFC 5321 section 4.5.3.1)
	maxText = 2000
)

// form is a form as the templates draw it.
type form struct {
	Action   string
	Question string // before the form, where it is the second of a page
	Hidden   []hidden
	Fields   []field
	Submit   string
	Quiet    bool // not what most people want
}

type hidden struct{ Name, Value string }

// field is one input with its label. Its id is its name.
type field struct {
	Name, Label, Hint string
	Type              string // text, password, email, textarea
	Value             string
	Autocomplete      string
	InputMode         string
	Class             string
	MaxLength         int
	Optional          bool
	Choices           []choice // radio buttons instead of an input
	Fault             string
}

type choice struct{ Value, Label, Hint string }

// Describes lists the ids of what describes the field, for aria-describedby.
func (f field) Describes() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	if f.Fault != "" {
		ids = append(ids, f.Name+"-fault")
	}
	return strings.Join(ids, " ")
}

// fault is one mistake: the field that it is in, "" for the whole form.
type fault struct{ Field, Text string }

// blameOn shows faults above the page's form. Those of fields that the page does not
// have are shown without a link to them.
func (a *answer) blameOn(faults []fault) {
	if len(faults) == 0 {
		return
	}
	a.status = http.StatusUnprocessableEntity
	a.faults = slices.Clone(faults)
	for i, f := range a.faults {
		if !slices.ContainsFunc(fieldsOf(a.data), func(has field) bool { return has.Name == f.Field }) {
			a.faults[i].Field = ""
		}
	}
}

func fieldsOf(page any) []field {
	switch p := page.(type) {
	case step:
		if p.Form != nil {
			return p.Form.Fields
		}
	case *sharePage:
		if p.Remarks != nil {
			return p.Remarks.Form.Fields
		}
	}
	return nil
}

// blame puts the faults on their fields.
func blame(fields []field, faults []fault) []field {
	out := make([]field, 0, len(fields))
	for _, on := range fields {
		for _, f := range faults {
			if f.Field == on.Name {
				on.Fault = f.Text
			}
		}
		out = append(out, on)
	}
	return out
}

// readForm reads the bounded body of a POST. It answers a page when it is no form of
// ours.
func (r *request) readForm(w http.ResponseWriter) (*answer, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return refusal(http.StatusUnsupportedMediaType, "That was not a form of this page", "Open the link again that you were given, and send the form from there."), nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return refusal(http.StatusRequestEntityTooLarge, "That is too long", "What was sent is longer than this form takes. Go back and shorten it."), nil
		}
		return refusal(http.StatusBadRequest, "The form could not be read", "Open the link again that you were given, and send the form from there."), nil
	}
	r.form = r.PostForm
	return nil, nil
}

// word reads one line of a form: without spaces around it and without anything that
// cannot be seen.
func (r *request) word(name string) string { return clean(r.form.Get(name), maxWord, "") }

// text reads several lines of a form.
func (r *request) text(name string) string {
	return clean(strings.ReplaceAll(r.form.Get(name), "\r\n", "\n"), maxText, "\n\t")
}

// clean drops what is no text, and what passes the bound: the field's maxlength has
// kept a person from writing that.
func clean(s string, bound int, keep string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && !strings.ContainsRune(keep, c) {
			return -1
		}
		return c
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > bound {
		s = string([]rune(s)[:bound])
	}
	return s
}

// secret reads a password as it was written. NUL is in nobody's password and would
// trouble PostgreSQL.
func (r *request) secret(name string) string {
	s := r.form.Get(name)
	if len(s) > 4*maxWord || strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return ""
	}
	return s
}

// digits reads a one-time code, however it was grouped.
func (r *request) digits(name string) string {
	return strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' || c == '\u00a0' {
			return -1
		}
		return c
	}, clean(r.form.Get(name), maxWord, ""))
}
