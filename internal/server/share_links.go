package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

type visitRequest struct {
	Session  string `json:"session" doc:"Session of a visitor, as the application received it."`
	Resource string `json:"resource,omitempty" doc:"Item to ask about; that of the link when absent."`
}

// routeShareLinks serves what share links have beyond other kinds: their tokens, who
// used them, all shares at once, and visitors for applications.
func (s *Server) routeShareLinks() {
	const base = "/v1/workspaces/{workspace}/"
	page := []*huma.Param{query("cursor", "next_cursor of the page before."), query("limit", "Entries per page, at most 500.")}
	s.route(operation{method: http.MethodPost, path: base + "share_links/{ref}/secrets", id: "issue_share_link_secret", summary: "Make the URL of a share link and end the earlier ones", permission: api.ShareLinkKind.WritePermission(), in: s.schemaOf(secretRequest{}), out: s.schemaOf(api.ShareSecret{})},
		func(r *request) (*answer, error) {
			var q secretRequest
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			var out *api.ShareSecret
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = sharing.IssueLinkSecret(r.ctx(), scope, refOf(api.ShareLinkKind, r), q.Rotation)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodGet, path: base + "share_links/{ref}/activity", id: "share_link_activity", summary: "Who used a share link, and when", permission: api.ShareLinkKind.ReadPermission(), params: page, out: s.schemaOf(api.ShareActivity{})},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			var out *api.ShareActivity
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
				out, err = sharing.Activity(r.ctx(), scope, refOf(api.ShareLinkKind, r), r.Query("cursor"), limit)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	filters := append(page[:2:2], query("resource", "Path of the item that is shared."), query("principal", "Whom it is shared with, e.g. email:ann@example.org."))
	s.route(operation{method: http.MethodGet, path: base + "shares", id: "list_shares", summary: "Who outside has access, and every open share link", permission: api.ShareLinkKind.ReadPermission(), params: filters, out: pageOf(s.schemaOf(api.Share{}))},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			var out api.Page[api.Share]
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
				out, err = sharing.Shares(r.ctx(), scope, sharing.ShareFilter{Resource: r.Query("resource"), Principal: r.Query("principal"), Cursor: r.Query("cursor"), Limit: limit})
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPost, path: base + "share_visits/introspect", id: "introspect_share_visit", summary: "Who stands behind a visitor's session, and what the link gives them", permission: vocabulary.ShareVisitRead, in: s.schemaOf(visitRequest{}), out: s.schemaOf(api.ShareVisit{})},
		func(r *request) (*answer, error) {
			var q visitRequest
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			var out *api.ShareVisit
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = sharing.IntrospectVisit(r.ctx(), scope, q.Session, q.Resource)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
}
