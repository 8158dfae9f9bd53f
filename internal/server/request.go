package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// maxBody bounds bodies; authoritative maps of 100,000 people are the largest.
const maxBody = 16 << 20

// request is one call as handlers see it.
type request struct {
	huma.Context
	caller *object.Caller
	query  url.Values
}

func (r *request) ctx() context.Context { return r.Context.Context() }

// Query answers a parameter that the operation declares; "" when it is absent.
func (r *request) Query(name string) string { return r.query.Get(name) }

// dryRun reports whether nothing may be kept.
func (r *request) dryRun() bool { return r.Query("dry_run") == "true" }

// body reads the bounded body.
func (r *request) body() ([]byte, error) {
	if ct := r.Header("Content-Type"); ct != "" && ct != "application/json" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" {
			return nil, api.NewProblem(api.CodeUnsupportedMedia, "The body is %q; send application/json.", clip(ct, 100))
		}
	}
	raw, err := r.readAll()
	if err != nil {
		return nil, api.NewProblem(api.CodeMalformed, "The body could not be read.")
	}
	if len(raw) > maxBody {
		return nil, api.NewProblem(api.CodeTooLarge, "The body is larger than %d MiB.", maxBody>>20)
	}
	if !plainJSON(raw) {
		return nil, api.NewProblem(api.CodeMalformed, "The body holds a NUL character (\\u0000), which no attribute can have.")
	}
	return raw, nil
}

// maxAnnounced is the longest body for which room is made because a header says so.
const maxAnnounced = 64 << 10

// readAll reads the body up to one byte more than is allowed.
func (r *request) readAll() ([]byte, error) {
	hr, _ := humago.Unwrap(r.Context)
	if n := hr.ContentLength; n >= 0 && n <= maxAnnounced {
		raw := make([]byte, n) // net/http reads no more than the header says
		_, err := io.ReadFull(hr.Body, raw)
		return raw, err
	}
	return io.ReadAll(io.LimitReader(hr.Body, maxBody+1))
}

// plainJSON reports whether no string of a JSON text holds NUL.
func plainJSON(raw []byte) bool {
	for rest := raw; ; {
		i := bytes.Index(rest, []byte(`\u0000`))
		if i < 0 {
			return true
		}
		slashes := 0
		for slashes < i && rest[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return false
		}
		rest = rest[i+1:]
	}
}

// decode reads the body into a value, refusing fields that it does not have.
func (r *request) decode(into any) error {
	raw, err := r.body()
	if err != nil {
		return err
	}
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return api.NewProblem(api.CodeMalformed, "The body is null; send a JSON object.")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return api.NewProblem(api.CodeMalformed, "The body cannot be read: %s.", readingError(err))
	}
	if rest := raw[dec.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return api.NewProblem(api.CodeMalformed, "The body goes on after its JSON document.")
	}
	return nil
}

// readingError says what is wrong with a document, without its values and without
// the names of Go types.
func readingError(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return wrong.Field + " has the wrong type"
	}
	if text, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return "there is no attribute " + clip(text, 100)
	}
	if errors.Is(err, io.EOF) {
		return "it is empty"
	}
	return "it is not the JSON object that is expected here"
}

// writeOptions reads the conditions of a write.
func (r *request) writeOptions() (object.WriteOptions, error) {
	o := object.WriteOptions{DryRun: r.dryRun(), IdempotencyKey: r.Header("Idempotency-Key")}
	if h := r.Header("If-Match"); h != "" {
		tags := etagsOf(h)
		if len(tags) != 1 || tags[0] == "*" {
			return o, api.NewProblem(api.CodeMalformed, "The header If-Match is not one ETag; send that of the object as it was read.")
		}
		o.IfMatch = tags[0]
	}
	switch r.Header("If-None-Match") {
	case "":
	case "*":
		o.CreateOnly = true
	default:
		return o, api.NewProblem(api.CodeMalformed, "The header If-None-Match can only be * on a write: the object must not exist.")
	}
	switch v := r.Header("Gatehouse-Adopt"); v {
	case "", "false":
	case "true":
		o.Adopt = true
	default:
		return o, api.NewProblem(api.CodeMalformed, "The header Gatehouse-Adopt is %q; write true or false.", clip(v, 100))
	}
	return o, nil
}

// etagsOf reads a list of entity tags (RFC 9110 section 13.1). Ours hold no commas.
func etagsOf(header string) []string {
	var out []string
	for _, part := range strings.Split(header, ",") {
		if tag := strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`); tag != "" {
			out = append(out, tag)
		}
	}
	return out
}

// answer is what a handler returns: a status and a body, nil for none.
type answer struct {
	status int
	body   any
	etag   string
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }
