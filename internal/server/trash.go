package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// routeTrash serves what was deleted and may come back (C087).
func (s *Server) routeTrash() {
	const base = "/v1/workspaces/{workspace}/trash"
	s.route(operation{method: http.MethodGet, path: base, id: "list_trash", summary: "Items in the trash that the caller could restore, those that are purged first at first", permission: "item.restore",
		params: append([]*huma.Param{query("path", "Only those that were at this path.")}, pageParams()...), out: pageOf(s.schemaOf(api.Trashed{}))},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			var page api.Page[api.Trashed]
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				page, err = sharing.Trash(r.ctx(), scope, r.Query("path"), r.Query("cursor"), limit)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(page), nil
		})
	s.route(operation{method: http.MethodPost, path: base + "/{ref}/restore", id: "restore_trash", summary: "Take an item back from the trash, with what was given on it", permission: "item.restore", out: s.schemaOf(api.Restored{})},
		func(r *request) (*answer, error) {
			var out *api.Restored
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = sharing.Restore(r.ctx(), scope, r.Param("ref"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPut, path: base + "/{ref}/legal_hold", id: "hold_trash", summary: "Put an item in the trash under legal hold, or release it", permission: "item.restore", in: s.schemaOf(api.TrashHold{}), out: s.schemaOf(api.Trashed{})},
		func(r *request) (*answer, error) {
			var q api.TrashHold
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			var out *api.Trashed
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = sharing.HoldTrashed(r.ctx(), scope, r.Param("ref"), q.LegalHold)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodDelete, path: base + "/{ref}", id: "purge_trash", summary: "Delete an item in the trash for good", permission: "item.delete", status: http.StatusNoContent},
		func(r *request) (*answer, error) {
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) error {
				return sharing.Purge(r.ctx(), scope, r.Param("ref"))
			})
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusNoContent}, nil
		})
}
