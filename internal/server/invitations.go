package server

import (
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// routeInvitations serves what can be done with an invitation beside declaring it.
func (s *Server) routeInvitations() {
	s.route(operation{method: http.MethodPost, path: "/v1/workspaces/{workspace}/invitations/{ref}/resend", id: "resend_invitation", summary: "Send an invitation again, with a new link; those before open nothing any more", permission: api.InvitationKind.WritePermission(), out: s.kindSchema(api.InvitationKind)},
		func(r *request) (*answer, error) {
			var out *api.Invitation
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = people.ResendInvitation(r.ctx(), scope, r.Param("ref"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusOK, body: out, etag: out.ETag}, nil
		})
}
