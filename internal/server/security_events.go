package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
)

// routeSecurityEvents serves what concerns receivers beside their declaration, and the
// documents that receivers read without a token (SSF 1.0 §7, RFC 7517).
func (s *Server) routeSecurityEvents() {
	const receiver, keys = "/v1/workspaces/{workspace}/event_receivers/{ref}/", "/v1/workspaces/{workspace}/security_event_keys"
	read, write := api.EventReceiverKind.ReadPermission(), api.EventReceiverKind.WritePermission()
	s.route(operation{method: http.MethodGet, path: receiver + "deliveries", id: "list_event_deliveries", summary: "Tokens for a receiver of security events, the newest first, and how deliveries to it go", permission: read,
		params: []*huma.Param{query("state", "Only deliveries of this state: queued, sent or failed."), query("cursor", "next_cursor of the page before."), query("limit", "Deliveries per page.")}, out: s.schemaOf(api.EventDeliveryPage{})}, s.listEventDeliveries)
	s.route(operation{method: http.MethodPost, path: receiver + "verify", id: "verify_event_receiver", summary: "Send a receiver of security events the verification event and answer what it says", permission: write, out: s.schemaOf(api.EventReceiverVerification{})},
		func(r *request) (*answer, error) {
			out, err := secevent.Verify(r.ctx(), s.Service, s.Push, r.caller, r.Param("ref"))
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodGet, path: keys, id: "list_security_event_keys", summary: "Keys that security events are signed with", permission: read, out: s.schemaOf(api.SecurityEventKeys{})},
		func(r *request) (*answer, error) {
			var out *api.SecurityEventKeys
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = secevent.Keys(r.ctx(), scope)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPost, path: keys + "/rotate", id: "rotate_security_event_keys", summary: "Make new keys for security events; the old ones stay published for a week", permission: write,
		params: []*huma.Param{query("dry_run", "true runs everything and keeps nothing.")}, in: s.schemaOf(api.RotateSecurityEventKeys{}), out: s.schemaOf(api.SecurityEventKeys{})},
		func(r *request) (*answer, error) {
			var in api.RotateSecurityEventKeys
			if err := r.decode(&in); err != nil {
				return nil, err
			}
			out, err := secevent.Rotate(r.ctx(), s.Service, r.caller, in.AtOnce, r.dryRun())
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.public("GET /ssf/{workspace}/jwks.json", secevent.JWKS)
	s.public("GET /.well-known/ssf-configuration/ssf/{workspace}", secevent.Metadata)
}

// public serves a document of a workspace to anybody: what it tells is public by its
// nature. Workspaces are named by id, which cannot be guessed.
func (s *Server) public(pattern string, f func(context.Context, *object.Service, string) (json.RawMessage, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if wait := s.callers.Take("public " + addressOf(r.RemoteAddr)); wait > 0 {
			s.problem(w, r, comeAgain(wait, "This address sends more requests than are allowed."))
			return
		}
		workspace := r.PathValue("workspace")
		if !api.WorkspaceKind.IsID(workspace) {
			s.problem(w, r, object.NotFound("workspace", clip(workspace, 100)))
			return
		}
		doc, err := f(r.Context(), s.Service, workspace)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(secevent.JWKSMaxAge.Seconds())))
		_, _ = w.Write(doc)
	})
}

func (s *Server) listEventDeliveries(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	state := r.Query("state")
	if state != "" && !slices.Contains([]string{"queued", "sent", "failed"}, state) {
		return nil, api.NewProblem(api.CodeMalformed, "state is %q; write queued, sent or failed.", clip(state, 100))
	}
	var out *api.EventDeliveryPage
	err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
		out, err = secevent.Deliveries(r.ctx(), scope, r.Param("ref"), state, r.Query("cursor"), limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}
