package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// Bounds of request headers, in bytes.
const (
	maxStack          = 200
	maxReason         = 1000
	maxDevice         = 500
	maxIdempotencyKey = 200
	maxChangeContext  = 4096
)

// admit authenticates a request, applies limits, and binds it to its workspace.
func (s *Server) admit(c huma.Context, o operation, id string) (*object.Caller, error) {
	caller, err := s.authenticate(c.Context(), c.Header("Authorization"), addressOf(c.RemoteAddr()))
	if err != nil {
		return nil, err
	}
	if wait := s.callers.Take("token:" + caller.TokenID); wait > 0 {
		return nil, comeAgain(wait, "This token sends more requests than are allowed.")
	}
	if caller.Kind == object.PrincipalConnection && !o.connections {
		return nil, api.NewProblem(api.CodeForbidden, "A SCIM token opens the SCIM door only (%s/scim/v2). Use an API token here.", s.BaseURL)
	}
	if ref := c.Param("workspace"); !plain(ref) || !plain(c.Param("ref")) || !plain(c.Param("event")) {
		return nil, api.NewProblem(api.CodeMalformed, "The path is not text.")
	}
	caller.RequestID = id
	if err := describe(c, caller); err != nil {
		return nil, err
	}
	return caller, s.bindWorkspace(c.Context(), c.Param("workspace"), caller)
}

// describe notes what the request's headers say about the change and its origin.
func describe(c huma.Context, caller *object.Caller) error {
	caller.Device, caller.Reason = clip(c.Header("User-Agent"), maxDevice), clip(c.Header("Gatehouse-Reason"), maxReason)
	caller.Door = audit.DoorREST
	if c.Header("Gatehouse-Door") == "cli" {
		caller.Door = audit.DoorCLI
	}
	// Neither is shortened: two stacks, or two requests, would become one.
	caller.Stack = c.Header("Gatehouse-Stack")
	if !printable(caller.Stack, maxStack) {
		return api.NewProblem(api.CodeMalformed, "The header Gatehouse-Stack is not a name of at most %d printable ASCII characters, e.g. github.com/acme/infra//access.", maxStack)
	}
	if !printable(c.Header("Idempotency-Key"), maxIdempotencyKey) {
		return api.NewProblem(api.CodeMalformed, "The header Idempotency-Key is not a name of at most %d printable ASCII characters.", maxIdempotencyKey)
	}
	cc := c.Header("Gatehouse-Change-Context")
	if cc == "" {
		return nil
	}
	if len(cc) > maxChangeContext {
		return api.NewProblem(api.CodeTooLarge, "The header Gatehouse-Change-Context is longer than %d KiB.", maxChangeContext>>10)
	}
	caller.ChangeContext = &api.ChangeContext{}
	if !plainJSON([]byte(cc)) || json.Unmarshal([]byte(cc), caller.ChangeContext) != nil {
		return api.NewProblem(api.CodeMalformed, "The header Gatehouse-Change-Context is not the JSON of a change context.")
	}
	return nil
}

// bindWorkspace answers 404 for any workspace but the caller's own: what belongs to
// others does not exist. Operators can name each; decisions give them nothing inside.
func (s *Server) bindWorkspace(ctx context.Context, ref string, caller *object.Caller) error {
	if ref == "" {
		return nil
	}
	if caller.Kind == object.PrincipalOperator {
		id, slug, err := workspace.Lookup(ctx, s.Service.DB, ref)
		caller.WorkspaceID, caller.WorkspaceSlug = id, slug
		return err
	}
	if ref != caller.WorkspaceID && !strings.EqualFold(ref, caller.WorkspaceSlug) {
		return object.NotFound(api.WorkspaceKind.Name, ref)
	}
	return nil
}

func (s *Server) authenticate(ctx context.Context, header, ip string) (*object.Caller, error) {
	scheme, secret, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		secret = ""
	}
	secret = strings.TrimSpace(secret)
	digest := signin.HashSecret(secret)
	if wait := s.guesses.Wait(ip, digest); wait > 0 {
		return nil, comeAgain(wait, "Too many requests with bad tokens came from this address.")
	}
	caller, err := s.gate.Authenticate(ctx, secret, ip)
	if p := (*api.Problem)(nil); errors.As(err, &p) && p.Code() == api.CodeUnauthenticated {
		s.guesses.Note(ip, digest, false)
	} else if err == nil {
		s.guesses.Note(ip, digest, true)
	}
	return caller, err
}

// queryOf reads the query strictly: a parameter that the operation does not have, or
// that is given twice, is refused. A misspelt dry_run must not become a change, and a
// misspelt filter must not become everything.
func queryOf(c huma.Context, known map[string]bool) (url.Values, error) {
	r, _ := humago.Unwrap(c)
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, api.NewProblem(api.CodeMalformed, "The query is not well formed.")
	}
	for name, values := range q {
		switch {
		case !known[name]:
			return nil, api.NewProblem(api.CodeMalformed, "There is no query parameter %q here.", clip(name, 100))
		case len(values) > 1:
			return nil, api.NewProblem(api.CodeMalformed, "The query parameter %s is given %d times.", name, len(values))
		case !plain(values[0]):
			return nil, api.NewProblem(api.CodeMalformed, "The query parameter %s is not text.", name)
		}
	}
	if v := q.Get("dry_run"); v != "" && v != "true" && v != "false" {
		return nil, api.NewProblem(api.CodeMalformed, "dry_run is %q; write true or false.", clip(v, 100))
	}
	return q, nil
}

// plain reports whether a text can be stored: PostgreSQL takes no other.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func printable(s string, limit int) bool {
	return len(s) <= limit && strings.Trim(s, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") == ""
}

// clip shortens what only describes a request.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
