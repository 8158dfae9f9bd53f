package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// operation describes a route.
type operation struct {
	method, path, id, summary string
	// permission is what the use-case behind the route requires; a test walks the
	// OpenAPI document and fails on a route without one.
	permission string
	params     []*huma.Param
	in, out    *huma.Schema
	status     int
	mayCreate  bool // answers 201 as well
	// connections are let in by their SCIM token; everywhere else they are refused.
	connections bool
}

// route registers an operation with its handler.
func (s *Server) route(o operation, handle func(*request) (*answer, error)) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	op := &huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary,
		Security:   []map[string][]string{{"bearer": {}}},
		Extensions: map[string]any{"x-gatehouse-permission": o.permission},
		Parameters: append(pathParams(o.path), o.params...),
		Responses:  map[string]*huma.Response{"default": {Description: "A problem (RFC 9457).", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: s.schemaOf(api.Problem{})}}}},
	}
	res := &huma.Response{Description: o.summary}
	if o.out != nil {
		res.Content = map[string]*huma.MediaType{"application/json": {Schema: o.out}}
	}
	op.Responses[fmt.Sprint(o.status)] = res
	if o.mayCreate {
		op.Responses[fmt.Sprint(http.StatusCreated)] = &huma.Response{Description: "It did not exist and was made.", Content: res.Content}
	}
	if o.in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: o.in}}}
	}
	s.api.OpenAPI().AddOperation(op)
	known := map[string]bool{}
	for _, p := range o.params {
		known[p.Name] = p.In == "query"
	}
	s.api.Adapter().Handle(op, func(c huma.Context) { s.serve(c, o, known, handle) })
}

func pathParams(path string) []*huma.Param {
	var out []*huma.Param
	for _, seg := range strings.Split(path, "/") {
		if name, found := strings.CutPrefix(seg, "{"); found {
			name = strings.TrimSuffix(name, "}")
			doc := map[string]string{"workspace": "Slug or id of the workspace.", "ref": "Id, or URL-escaped natural key.", "event": "Id of the event."}[name]
			out = append(out, &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: "string"}})
		}
	}
	return out
}

// serve runs one request: request id, authentication, limit, workspace, handler.
func (s *Server) serve(c huma.Context, o operation, known map[string]bool, handle func(*request) (*answer, error)) {
	start := time.Now()
	id := store.NewID("req", start)
	c.SetHeader(requestIDHeader, id)
	res, err := s.run(c, o, id, known, handle)
	status := s.render(c, id, res, err)
	s.Log.LogAttrs(c.Context(), slog.LevelInfo, "request", slog.String("id", id), slog.String("method", c.Method()), slog.String("path", c.Operation().Path), slog.Int("status", status), slog.Int64("ms", time.Since(start).Milliseconds()))
}

func (s *Server) run(c huma.Context, o operation, id string, known map[string]bool, handle func(*request) (*answer, error)) (res *answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.ErrorContext(c.Context(), "a handler panicked", "id", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			res, err = nil, errors.New("a handler panicked")
		}
	}()
	caller, err := s.admit(c, o, id)
	if err != nil {
		return nil, err
	}
	q, err := queryOf(c, known)
	if err != nil {
		return nil, err
	}
	return handle(&request{Context: c, caller: caller, query: q})
}
