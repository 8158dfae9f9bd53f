package scim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// endpoint is a resource type in operation. users and groups implement it; HTTP,
// Bulk, /Me and /.search all go through it.
type endpoint interface {
	resource() *schema.Resource
	get(c *call, id string) (reply, error)
	create(c *call, body map[string]any) (reply, error)
	replace(c *call, id string, body map[string]any) (reply, error)
	patch(c *call, id string, body map[string]any) (reply, error)
	remove(c *call, id string) (reply, error)
	version(c *call, id string) (string, error)
	list(c *call, q Query, sel selection) (listing, error)
	projection(sel selection) Projection
}

// route is what a method and path lead to. body is the size of the body that it
// reads; 0 for none.
type route struct {
	run  func(c *call, raw []byte) (reply, error)
	body int64
	bulk bool

	discovery bool // takes no parameters
}

// methodError is a 405 that knows what goes into Allow.
type methodError struct {
	fault *Error
	allow []string
}

func (e *methodError) Error() string { return e.fault.Error() }
func (e *methodError) Unwrap() error { return e.fault }

func notAllowed(allow ...string) error {
	return &methodError{fault.New(http.StatusMethodNotAllowed, "", "the method is not one of %s", strings.Join(allow, ", ")), allow}
}

const maxID = 256

// segments splits an escaped path. An id may hold an escaped slash.
func segments(path string) ([]string, bool) {
	var out []string
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		p, err := url.PathUnescape(part)
		if err != nil || len(p) > maxID || !storable(p) {
			return nil, false
		}
		if p != "" || len(out) > 0 {
			out = append(out, p)
		}
		if len(out) > 3 {
			return nil, false
		}
	}
	return out, true
}

func (s *Server) route(c *call, method, path string) (route, error) {
	seg, ok := segments(path)
	if !ok {
		return route{}, fault.New(http.StatusNotFound, "", "no such endpoint or resource")
	}
	switch {
	case len(seg) == 0:
		return only(method, http.MethodGet, route{run: func(c *call, _ []byte) (reply, error) { return s.listAll(c) }})
	case len(seg) == 1 && seg[0] == ".search":
		return only(method, http.MethodPost, route{body: s.Limits.Body, run: s.searched(s.listAll)})
	case len(seg) == 1 && seg[0] == "Bulk":
		return only(method, http.MethodPost, route{body: s.Limits.BulkBody, run: s.bulk, bulk: true})
	case len(seg) == 1 && seg[0] == "Me":
		return s.routeMe(c, method)
	}
	for _, e := range s.endpoints {
		if seg[0] == strings.TrimPrefix(e.resource().Endpoint, "/") {
			c.event.ResourceType = e.resource().Name
			return s.routeResource(c, e, method, seg[1:])
		}
	}
	return s.discovery.route(method, seg)
}

func only(method, allowed string, r route) (route, error) {
	if method != allowed {
		return route{}, notAllowed(allowed)
	}
	return r, nil
}

func (s *Server) routeResource(c *call, e endpoint, method string, rest []string) (route, error) {
	switch {
	case len(rest) == 0:
		switch method {
		case http.MethodGet:
			return route{run: func(c *call, _ []byte) (reply, error) { return s.listOne(c, e) }}, nil
		case http.MethodPost:
			return route{body: s.Limits.Body, run: withBody(e.create)}, nil
		}
		return route{}, notAllowed(http.MethodGet, http.MethodPost)
	case len(rest) > 1:
		return route{}, fault.New(http.StatusNotFound, "", "no such endpoint")
	case rest[0] == ".search":
		return only(method, http.MethodPost, route{body: s.Limits.Body,
			run: s.searched(func(c *call) (reply, error) { return s.listOne(c, e) })})
	}
	return s.routeID(c, e, method, rest[0])
}

// routeID leads to one resource.
func (s *Server) routeID(c *call, e endpoint, method, id string) (route, error) {
	r, err := s.routeMethod(c, e, method, id)
	if err == nil {
		r.run = guarding(e, method, r.run, id)
	}
	return r, err
}

func (s *Server) routeMethod(c *call, e endpoint, method, id string) (route, error) {
	c.event.ResourceID = id
	switch method {
	case http.MethodGet:
		return route{run: func(c *call, _ []byte) (reply, error) { return e.get(c, id) }}, nil
	case http.MethodDelete:
		return route{run: func(c *call, _ []byte) (reply, error) { return e.remove(c, id) }}, nil
	case http.MethodPut:
		return route{body: s.Limits.Body, run: withBody(func(c *call, b map[string]any) (reply, error) { return e.replace(c, id, b) })}, nil
	case http.MethodPatch:
		return route{body: s.Limits.Body, run: withBody(func(c *call, b map[string]any) (reply, error) { return e.patch(c, id, b) })}, nil
	}
	return route{}, notAllowed(http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete)
}

// routeMe leads to the calling user (RFC 7644 §3.11).
func (s *Server) routeMe(c *call, method string) (route, error) {
	methods := []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if method != http.MethodPost && !slices.Contains(methods, method) {
		return route{}, notAllowed(methods...)
	}
	self, ok := s.Directory.(SelfDirectory)
	if !ok || method == http.MethodPost {
		return route{}, fault.New(http.StatusNotImplemented, "", "a provisioning connection is no user: /Me is not served")
	}
	id, err := self.Self(c.ctx)
	if err != nil {
		return route{}, err
	}
	c.event.ResourceType = schema.User.Name
	c.alias = location(c.base, schema.User, id)
	return s.routeID(c, s.endpoints[0], method, id)
}

func withBody(run func(*call, map[string]any) (reply, error)) func(*call, []byte) (reply, error) {
	return func(c *call, raw []byte) (reply, error) {
		body, err := decodeObject(raw)
		if err != nil {
			return reply{}, err
		}
		return run(c, body)
	}
}
