package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/throttle"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
)

// Directory is what the SCIM server speaks to: people and groups of the connection
// that the bearer token stands for, kept in SQL.
type Directory struct {
	svc     *object.Service
	run     provisioning.Runner // the service, or a simulation
	gate    *signin.Gate
	guesses *throttle.Guesses
}

var (
	_ scim.Directory     = (*Directory)(nil)
	_ scim.Authenticator = (*Directory)(nil)
	_ scim.Observer      = (*Directory)(nil)
)

// New makes a directory over a service.
func New(svc *object.Service) *Directory {
	return &Directory{svc: svc, run: svc, gate: signin.NewGate(svc), guesses: throttle.NewGuesses()}
}

// session is one HTTP request: who makes it, and which of its operations have their
// event already.
type session struct {
	caller *object.Caller

	mu       sync.Mutex
	recorded map[string]bool // false: without what was ignored
}

func (s *session) mark(requestID string, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorded == nil {
		s.recorded = map[string]bool{}
	}
	s.recorded[requestID] = whole
}

func (s *session) has(requestID string) (has, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	whole, has = s.recorded[requestID]
	return has, whole
}

type sessionKey struct{}

// Authenticate turns the bearer token of a provisioning connection into a context
// that carries it. Tokens of people and machines are not for this door.
func (d *Directory) Authenticate(ctx context.Context, token string, r *http.Request) (context.Context, error) {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	digest := signin.HashSecret(token)
	if wait := d.guesses.Wait(ip, digest); wait > 0 {
		return nil, scim.TooManyRequests(wait)
	}
	caller, err := d.gate.Authenticate(ctx, token, ip)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeUnauthenticated || err == nil && caller.Kind != object.PrincipalConnection {
		d.guesses.Note(ip, digest, false)
		return nil, scim.ErrUnauthorized
	}
	if err != nil {
		return nil, fmt.Errorf("authenticating a connection: %w", err)
	}
	d.guesses.Note(ip, digest, true)
	caller.Door = audit.DoorSCIM
	return context.WithValue(ctx, sessionKey{}, &session{caller: caller}), nil
}

// callerOf is the caller of the operation under way, with its request id.
func callerOf(ctx context.Context) (*session, *object.Caller, error) {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return nil, nil, scim.ErrUnauthorized
	}
	c := *s.caller
	if r, ok := scim.RequestFrom(ctx); ok {
		c.RequestID = r.ID
	}
	return s, &c, nil
}

// view reads in the scope of the connection.
func (d *Directory) view(ctx context.Context, f func(*object.Scope) error) error {
	_, c, err := callerOf(ctx)
	if err != nil {
		return err
	}
	return explain(d.run.View(ctx, c, func(s *object.Scope) error {
		if err := s.Require(ctx, vocabulary.DirectoryRead); err != nil {
			return err
		}
		return f(s)
	}))
}

// apply changes something, with its event.
func (d *Directory) apply(ctx context.Context, f func(*object.Scope, *provisioning.Event) error) error {
	s, c, err := callerOf(ctx)
	if err != nil {
		return err
	}
	e := provisioning.Event{Status: http.StatusOK}
	if r, ok := scim.RequestFrom(ctx); ok {
		e = eventOf(r)
	}
	changed := false
	err = provisioning.Apply(ctx, d.run, c, e, func(scope *object.Scope, e *provisioning.Event) error {
		err := f(scope, e)
		if changed = err == nil; changed {
			if what := scim.IgnoredFrom(ctx); len(what) > 0 {
				e.Detail = strings.TrimPrefix(e.Detail+"; "+ignored(what), "; ")
			}
		}
		return err
	})
	var held *provisioning.Held
	if changed && err == nil || errors.As(err, &held) {
		s.mark(c.RequestID, held == nil)
	}
	return explain(err)
}

// eventOf starts an event with what is known of its request.
func eventOf(r scim.Request) provisioning.Event {
	request, err := json.Marshal(struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Query  string          `json:"query,omitempty"`
		Body   json.RawMessage `json:"body,omitempty"`
	}{r.Method, r.Path, r.Query, bodyOf(r.Body)})
	if err != nil {
		request = nil // a body that is no JSON was refused, and is not kept
	}
	return provisioning.Event{Request: request, RequestID: r.ID, Status: http.StatusOK}
}

func bodyOf(raw []byte) json.RawMessage {
	if !json.Valid(raw) {
		return nil
	}
	return raw
}

// explain turns the refusals of the use-cases into answers of the protocol.
func explain(err error) error {
	var f *scim.Error
	var p *api.Problem
	if err == nil || errors.As(err, &f) || !errors.As(err, &p) {
		return err
	}
	detail := strings.TrimSuffix(p.Detail, ".")
	switch p.Code() {
	case api.CodeConflict:
		return scim.Conflict("%s", detail)
	case api.CodeInvalid, api.CodeMalformed:
		return scim.Invalid("%s", detail)
	case api.CodeNotFound:
		return fmt.Errorf("%w: %w", scim.ErrNotFound, err)
	case api.CodePreconditionFailed:
		return scim.ErrPrecondition
	case api.CodeForbidden, api.CodeLockout:
		return scim.Refuse(http.StatusForbidden, "%s", detail)
	}
	return err
}

// Observe keeps the events of what changed nothing: refused requests, and writes that
// asked for what was there. What changed something has its event already, in the
// transaction of the change. Reads leave no event unless they were refused.
func (d *Directory) Observe(ctx context.Context, e scim.Event) {
	s, c, err := callerOf(ctx)
	if err != nil {
		return // nobody whose event it could be
	}
	ctx = context.WithoutCancel(ctx)
	c.RequestID = e.Request.ID
	if e.Status >= http.StatusInternalServerError && !errors.Is(e.Err, context.Canceled) { // who hung up failed nothing here
		d.svc.Log.ErrorContext(ctx, "SCIM request failed", "request", e.Request.ID, "error", e.Err)
	}
	has, whole := s.has(e.Request.ID)
	switch {
	case has:
		if len(e.Ignored) > 0 && !whole {
			err = provisioning.NoteIgnored(ctx, d.run, c, e.Request.ID, ignored(e.Ignored))
		}
	case worthNoting(e):
		err = provisioning.Note(ctx, d.run, c, noteOf(e))
	}
	if err != nil {
		d.svc.Log.ErrorContext(ctx, "keeping a provisioning event", "request", e.Request.ID, "error", err)
	}
}

func worthNoting(e scim.Event) bool {
	reads := e.Request.Method == http.MethodGet || strings.HasSuffix(e.Request.Path, "/.search")
	if reads || e.Request.Path == "/Bulk" {
		return e.Status >= http.StatusBadRequest && e.Status != http.StatusNotFound
	}
	return true
}

func noteOf(e scim.Event) provisioning.Event {
	out := eventOf(e.Request)
	out.Resource, out.Target, out.Status, out.Detail = e.ResourceType, e.ResourceID, int64(e.Status), e.Detail
	out.Outcome = provisioning.OutcomeIgnored
	if e.Status >= http.StatusBadRequest {
		out.Outcome = provisioning.OutcomeFailed
	}
	if len(e.Ignored) > 0 {
		out.Detail = strings.TrimPrefix(out.Detail+"; "+ignored(e.Ignored), "; ")
	}
	out.Operation = operations[e.ResourceType+" "+e.Request.Method]
	return out
}

func ignored(what []string) string { return "ignored: " + strings.Join(what, ", ") }

var operations = map[string]string{
	"User POST": provisioning.OperationJoin, "User PUT": provisioning.OperationUpdate,
	"User PATCH": provisioning.OperationUpdate, "User DELETE": provisioning.OperationLeave,
	"Group POST": provisioning.OperationGroupCreate, "Group PUT": provisioning.OperationGroupUpdate,
	"Group PATCH": provisioning.OperationGroupUpdate, "Group DELETE": provisioning.OperationGroupDelete,
}
