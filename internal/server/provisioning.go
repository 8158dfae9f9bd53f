package server

import (
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
)

// healthList is one entry for each connection.
type healthList struct {
	Items []provisioning.Health `json:"items" nullable:"false" doc:"Connections, in the order of their names."`
}

// routeProvisioningDecisions serves what people decide about what was pushed, and what
// they ask before it is.
func (s *Server) routeProvisioningDecisions() {
	const base = "/v1/workspaces/{workspace}/"
	const decides = "provisioning_event.replay"
	dir := directory.New(s.Service)
	s.route(operation{method: http.MethodPost, path: base + "provisioning_events/{event}/reject", id: "reject_provisioning_event", summary: "Refuse a change that was held; it is not asked about again when the identity provider keeps sending it", permission: decides, out: s.schemaOf(provisioning.Event{})},
		func(r *request) (*answer, error) {
			var out *provisioning.Event
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = provisioning.Reject(r.ctx(), scope, r.Param("event"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPost, path: base + "provisioning_events/{event}/replay", id: "replay_provisioning_event", summary: "Do the request of a failed or held event again; twice is the same as once", permission: decides, out: s.schemaOf(directory.Replayed{})},
		func(r *request) (*answer, error) {
			out, err := dir.Replay(r.ctx(), r.caller, r.Param("event"))
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodGet, path: base + "provisioning_events/{event}", id: "get_provisioning_event", summary: "One event of what was pushed", permission: "provisioning_event.read", out: s.schemaOf(provisioning.Event{})},
		func(r *request) (*answer, error) {
			var out *provisioning.Event
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = provisioning.FindEvent(r.ctx(), scope, r.Param("event"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPost, path: base + "provisioning/simulate", id: "simulate_provisioning", summary: "Who would gain, who would lose and what would be held by requests of an identity provider; nothing is kept", permission: "provisioning_event.read", in: s.schemaOf(directory.Simulated{}), out: s.schemaOf(directory.Simulation{})},
		func(r *request) (*answer, error) {
			if err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error { return scope.Require(r.ctx(), "provisioning_event.read") }); err != nil {
				return nil, err
			}
			var in directory.Simulated
			if err := r.decode(&in); err != nil {
				return nil, err
			}
			out, err := dir.Simulate(r.ctx(), r.caller, in)
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodGet, path: base + "provisioning_health", id: "provisioning_health", summary: "How each provisioning connection does", permission: "provisioning_event.read", out: s.schemaOf(healthList{})},
		func(r *request) (*answer, error) {
			out := healthList{Items: []provisioning.Health{}}
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out.Items, err = provisioning.HealthOf(r.ctx(), scope)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
}
