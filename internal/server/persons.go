package server

import (
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// routePersons serves what people may ask of whoever holds their data (C088, X12). The
// address is in the body, never in a URL.
func (s *Server) routePersons() {
	const base = "/v1/workspaces/{workspace}/persons"
	s.route(operation{method: http.MethodPost, path: base + "/erase", id: "erase_person", summary: "Erase what is held about a person who has no active account; dry_run says what that would be", permission: vocabulary.PersonErase, params: tried, in: s.schemaOf(api.PersonRequest{}), out: s.schemaOf(api.Erasure{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.PersonRequest) (*api.Erasure, error) {
			return people.Erase(r.ctx(), scope, in)
		}))
	s.route(operation{method: http.MethodPost, path: base + "/export", id: "export_person", summary: "Read everything that is held about a person", permission: vocabulary.PersonExport, in: s.schemaOf(api.PersonRequest{}), out: s.schemaOf(api.PersonExport{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.PersonRequest) (*api.PersonExport, error) {
			return people.Export(r.ctx(), scope, in)
		}))
}
