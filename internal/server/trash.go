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
	const one = base + "/{ref}"
	s.route(operation{method: http.MethodGet, path: base, id: "list_trash", summary: "Items in the trash that the caller could restore, those that are purged first at first", permission: "item.read",
		params: append([]*huma.Param{query("path", "Only those that were at this path.")}, pageParams()...), out: pageOf(s.schemaOf(api.Trashed{}))},
		pages(s, func(r *request, scope *object.Scope, cursor string, limit int) (api.Page[api.Trashed], error) {
			return sharing.Trash(r.ctx(), scope, r.Query("path"), cursor, limit)
		}))
	s.route(operation{method: http.MethodPost, path: one + "/restore", id: "restore_trash", summary: "Take an item back from the trash, with what was given on it", permission: "item.restore", params: tried, out: s.schemaOf(api.Restored{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, _ none) (*api.Restored, error) {
			return sharing.Restore(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPut, path: one + "/legal_hold", id: "hold_trash", summary: "Put an item in the trash under legal hold, or release it", permission: "item.restore", params: tried, in: s.schemaOf(api.TrashHold{}), out: s.schemaOf(api.Trashed{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.TrashHold) (*api.Trashed, error) {
			return sharing.HoldTrashed(r.ctx(), scope, r.Param("ref"), in.LegalHold)
		}))
	s.route(operation{method: http.MethodDelete, path: one, id: "purge_trash", summary: "Delete an item in the trash for good", permission: "item.delete", params: tried, status: http.StatusNoContent},
		writes(s, http.StatusNoContent, func(r *request, scope *object.Scope, _ none) (*none, error) {
			return nil, sharing.Purge(r.ctx(), scope, r.Param("ref"))
		}))
}
