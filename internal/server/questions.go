package server

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// simulateRequest is a change set whose effect on access is asked for.
type simulateRequest struct {
	Changes []simulatedChange `json:"changes" minItems:"1" maxItems:"100" doc:"Changes, in the order in which they would be made."`
	Pairs   []inquiry.Asked   `json:"pairs,omitempty" maxItems:"1000" doc:"Questions to answer before and after; without them everything that the changes can touch is compared."`
}

type simulatedChange struct {
	Kind     string         `json:"kind" doc:"Kind of the object, e.g. access_grant."`
	Ref      string         `json:"ref,omitempty" doc:"Id or key of the object; may be left out when the document names it."`
	Document map[string]any `json:"document,omitempty" doc:"The object as it would be, as in a PUT."`
	Delete   bool           `json:"delete,omitempty" doc:"The object would be deleted."`
}

func (s *Server) routeQuestions(base string) {
	s.route(operation{method: http.MethodGet, path: base + "/who_can", id: "who_can", summary: "Who can use a permission", permission: vocabulary.AccessExplain,
		params: append([]*huma.Param{query("resource", "Item path; absent for workspace permissions."), query("permission", "Permission, e.g. asset.read.")}, pageParams()...), out: pageOf(s.schemaOf(inquiry.Holder{}))}, s.whoCan)
	s.route(operation{method: http.MethodGet, path: base + "/items", id: "usable_items", summary: "The items on which a principal can use a permission", permission: vocabulary.AccessExplain,
		params: append([]*huma.Param{query("principal", "Who."), query("permission", "Item permission, e.g. asset.read.")}, pageParams()...), out: pageOf(s.schemaOf(inquiry.Usable{}))}, s.usableItems)
	s.route(operation{method: http.MethodPost, path: base + "/simulate", id: "simulate_access", summary: "Who would gain and who would lose by a set of changes", permission: vocabulary.AccessExplain,
		in: s.schemaOf(simulateRequest{}), out: s.schemaOf(inquiry.Simulation{})}, s.simulateAccess)
}

func (s *Server) whoCan(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	var page api.Page[inquiry.Holder]
	err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := scope.Require(r.ctx(), vocabulary.AccessExplain); err != nil {
			return err
		}
		page, err = inquiry.WhoCan(r.ctx(), scope, inquiry.Who{Resource: r.Query("resource"), Permission: r.Query("permission"), Request: assumed(scope)}, r.Query("cursor"), limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(page), nil
}

func (s *Server) usableItems(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	var page api.Page[inquiry.Usable]
	err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := requireExplain(r, scope, r.Query("principal")); err != nil {
			return err
		}
		page, err = inquiry.Items(r.ctx(), scope, inquiry.What{Principal: r.Query("principal"), Permission: r.Query("permission"), Request: assumed(scope)}, r.Query("cursor"), limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(page), nil
}

// assumed is the request of a principal of which nothing is known but the time.
func assumed(scope *object.Scope) access.RequestContext {
	return access.RequestContext{Time: scope.Now, MFAAge: -1}
}

func (s *Server) simulateAccess(r *request) (*answer, error) {
	// Before anything is said about the changes.
	if err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		return scope.Require(r.ctx(), vocabulary.AccessExplain)
	}); err != nil {
		return nil, err
	}
	var q simulateRequest
	if err := r.decode(&q); err != nil {
		return nil, err
	}
	plan := inquiry.Plan{Asked: q.Pairs, Changes: make([]inquiry.Change, len(q.Changes))}
	for i, c := range q.Changes {
		plan.Changes[i] = inquiry.Change{Kind: c.Kind, Ref: c.Ref, Delete: c.Delete}
		if c.Document == nil {
			continue
		}
		raw, err := json.Marshal(c.Document)
		if err != nil {
			return nil, err
		}
		plan.Changes[i].Document = raw
	}
	out, err := inquiry.Simulate(r.ctx(), s.Service, r.caller, plan)
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}
