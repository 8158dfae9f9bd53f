package server

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/throttle"
)

// RouteForTest adds a route whose handler answers a status with a body, an error, or
// does not return at all.
func (s *Server) RouteForTest(method, path string, handle func() (int, any, error)) {
	s.route(operation{method: method, path: path, id: "test" + path, summary: "For a test.", permission: anyone, out: &huma.Schema{}}, func(*request) (*answer, error) {
		status, body, err := handle()
		if err != nil {
			return nil, err
		}
		return &answer{status: status, body: body}, nil
	})
}

// LimitForTest changes how many requests each token may send.
func (s *Server) LimitForTest(perSecond float64) { s.callers = throttle.ForRequests(perSecond) }

// MaxBodyForTest is the bound of bodies.
const MaxBodyForTest = maxBody
