package server

import (
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// routeAssetEvents serves the application that holds the media (C046).
func (s *Server) routeAssetEvents() {
	s.route(operation{method: http.MethodPost, path: "/v1/workspaces/{workspace}/asset_events", id: "report_asset_events", summary: "Hand in uploads, downloads, views and deletions of assets, all or nothing", permission: vocabulary.AssetEventWrite, in: s.schemaOf(api.AssetEvents{}), out: s.schemaOf(api.AssetEventsAnswer{})},
		func(r *request) (*answer, error) {
			var q api.AssetEvents
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			var out api.AssetEventsAnswer
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out.Recorded, err = sharing.ReportAssetEvents(r.ctx(), scope, q)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
}
