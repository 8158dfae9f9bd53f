package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// checkRequest asks one question about somebody (data source access_decision).
type checkRequest struct {
	Principal  string        `json:"principal" doc:"Who, e.g. member:ann@example.com."`
	Resource   string        `json:"resource,omitempty" doc:"Item path; absent for workspace permissions."`
	Permission string        `json:"permission" doc:"Permission, e.g. asset.read."`
	Context    *checkContext `json:"context,omitempty" doc:"Circumstances to assume."`
}

type checkContext struct {
	Time          *time.Time `json:"time,omitempty"`
	IP            string     `json:"ip,omitempty"`
	Country       string     `json:"country,omitempty"`
	DeviceKnown   bool       `json:"device_known,omitempty"`
	MFAAgeSeconds *int64     `json:"mfa_age_seconds,omitempty"`
	Authenticator string     `json:"authenticator,omitempty"`
	Session       string     `json:"session,omitempty" doc:"Session of a link visitor: the principal viewer:… then holds what the link gives, as long as the visit lasts."`
}

// effective is what a principal may do on an item (data source effective_access).
type effective struct {
	Principal   string          `json:"principal"`
	Resource    string          `json:"resource"`
	Level       string          `json:"level"`
	Permissions []string        `json:"permissions" nullable:"false"`
	Reasons     []access.Reason `json:"reasons" nullable:"false"`
}

func (s *Server) routeAccess() {
	const base = "/v1/workspaces/{workspace}/access"
	s.route(operation{method: http.MethodPost, path: base + "/check", id: "check_access", summary: "Decide one question and say why", permission: vocabulary.AccessExplain, in: s.schemaOf(checkRequest{}), out: s.schemaOf(access.Decision{})}, s.checkAccess)
	s.route(operation{method: http.MethodGet, path: base + "/effective", id: "effective_access", summary: "What a principal may do on an item", permission: vocabulary.AccessExplain,
		params: []*huma.Param{query("principal", "Who."), query("resource", "Item path.")}, out: s.schemaOf(effective{})}, s.effectiveAccess)
	s.routeQuestions(base)
}

func (s *Server) checkAccess(r *request) (*answer, error) {
	var q checkRequest
	if err := r.decode(&q); err != nil {
		return nil, err
	}
	if v := q.unknownPermission(); v != nil {
		return nil, api.InvalidObject("access check", clip(q.Permission, 100), []api.Violation{*v})
	}
	var d access.Decision
	err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := requireExplain(r, scope, q.Principal); err != nil {
			return err
		}
		subj, err := subjectIn(r, scope, q.Principal, q.Context)
		if err != nil {
			return err
		}
		rc, err := q.context(scope.Now)
		if err != nil {
			return err
		}
		if q.Resource == "" {
			d = scope.Engine().CheckWorkspace(subj, q.Permission, &rc)
			return nil
		}
		item, err := scope.Item(r.ctx(), q.Resource)
		if err != nil {
			return err
		}
		d = scope.Engine().Check(subj, item, q.Permission, &rc)
		scope.Decided(subj, item, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(d), nil
}

func (q *checkRequest) unknownPermission() *api.Violation {
	if vocabulary.Known(q.Permission) {
		return nil
	}
	v := api.Required("/permission", "name a permission, e.g. asset.read")
	if q.Permission != "" {
		v = api.Invalid("/permission", "there is no permission %q; the data source gatehouse_permissions lists them all", clip(q.Permission, 100))
	}
	if near := vocabulary.Suggest(q.Permission); near != "" {
		v.Message = fmt.Sprintf("there is no permission %q; did you mean %q?", clip(q.Permission, 100), near)
	}
	return &v
}

// requireExplain lets people ask about themselves; about others they need the
// permission to explain.
func requireExplain(r *request, scope *object.Scope, principal string) error {
	if principal == r.caller.Principal() {
		return nil
	}
	return scope.Require(r.ctx(), vocabulary.AccessExplain)
}

// subjectIn is what a principal holds in the circumstances given: a viewer holds what
// the link of the session gives, and nothing without one.
func subjectIn(r *request, scope *object.Scope, principal string, c *checkContext) (*access.Subject, error) {
	if c == nil || c.Session == "" {
		return scope.Subject(r.ctx(), principal)
	}
	return sharing.VisitSubject(r.ctx(), scope, principal, c.Session)
}

func (q *checkRequest) context(now time.Time) (access.RequestContext, error) {
	rc := access.RequestContext{Time: now, MFAAge: -1}
	c := q.Context
	if c == nil {
		return rc, nil
	}
	if c.Time != nil {
		rc.Time = *c.Time
	}
	if c.IP != "" {
		ip, err := netip.ParseAddr(c.IP)
		if err != nil {
			return rc, api.InvalidObject("access check", q.Permission, []api.Violation{api.Invalid("/context/ip", "%q is not an IP address", c.IP)})
		}
		rc.IP = ip
	}
	rc.Country, rc.DeviceKnown, rc.Authenticator = c.Country, c.DeviceKnown, c.Authenticator
	if c.Session != "" && rc.Authenticator == "" {
		rc.Authenticator = "link"
	}
	if c.MFAAgeSeconds != nil {
		rc.MFAAge = time.Duration(*c.MFAAgeSeconds) * time.Second
	}
	return rc, nil
}

func (s *Server) effectiveAccess(r *request) (*answer, error) {
	out := effective{Principal: r.Query("principal"), Resource: r.Query("resource"), Permissions: []string{}, Reasons: []access.Reason{}}
	if out.Resource == "" {
		out.Resource = vocabulary.RootPath
	}
	err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := requireExplain(r, scope, out.Principal); err != nil {
			return err
		}
		subj, err := scope.Subject(r.ctx(), out.Principal)
		if err != nil {
			return err
		}
		item, err := scope.Item(r.ctx(), out.Resource)
		if err != nil {
			return err
		}
		rc := access.RequestContext{Time: scope.Now, MFAAge: -1}
		d := scope.Engine().Check(subj, item, vocabulary.AssetRead, &rc)
		out.Level, out.Reasons = d.Level.String(), append(out.Reasons, d.Reasons...)
		out.Permissions = append(out.Permissions, scope.Engine().Permissions(subj, item, &rc)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}
