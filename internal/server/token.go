package server

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

type secretRequest struct {
	Rotation int64 `json:"rotation,omitempty" doc:"Number of the rotation; a higher one than before makes a new secret."`
}

type secretAnswer struct {
	Secret    string     `json:"secret" doc:"The bearer secret. It is not stored and cannot be shown again."`
	Rotation  int64      `json:"rotation,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (s *Server) routeTokens() {
	const base = "/v1/workspaces/{workspace}/"
	s.route(operation{method: http.MethodPost, path: base + "scim_tokens/{ref}/secrets", id: "issue_scim_secret", summary: "Give out the secret of a SCIM token", permission: api.SCIMTokenKind.WritePermission(), in: s.schemaOf(secretRequest{}), out: s.schemaOf(secretAnswer{})},
		s.issue(func(r *request, scope *object.Scope, q secretRequest, out *secretAnswer) (err error) {
			if err := scope.Require(r.ctx(), api.SCIMTokenKind.WritePermission()); err != nil {
				return err
			}
			out.Rotation = max(q.Rotation, 1)
			out.Secret, out.ExpiresAt, err = provisioning.RotateSCIMToken(r.ctx(), scope, refOf(api.SCIMTokenKind, r), out.Rotation)
			return err
		}))
	s.route(operation{method: http.MethodPost, path: base + "api_tokens/{ref}/secrets", id: "issue_api_secret", summary: "Make a new secret of an API token and end the earlier ones", permission: api.APITokenKind.WritePermission(), in: s.schemaOf(secretRequest{}), out: s.schemaOf(secretAnswer{})},
		s.issue(func(r *request, scope *object.Scope, _ secretRequest, out *secretAnswer) (err error) {
			out.Secret, out.ExpiresAt, err = signin.IssueAPISecret(r.ctx(), scope, refOf(api.APITokenKind, r))
			return err
		}))
}

func (s *Server) issue(f func(*request, *object.Scope, secretRequest, *secretAnswer) error) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		var q secretRequest
		if err := r.decode(&q); err != nil {
			return nil, err
		}
		var out secretAnswer
		err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) error {
			out = secretAnswer{}
			return f(r, scope, q, &out)
		})
		if err != nil {
			return nil, err
		}
		return ok(out), nil
	}
}

func (s *Server) routeProvisioning() {
	const base = "/v1/workspaces/{workspace}/"
	page := []*huma.Param{query("cursor", "next_cursor of the page before."), query("limit", "Entries per page, at most 500."), query("outcome", "applied, quarantined, failed or ignored."), query("connection", "Name of the provisioning connection."), query("waiting", "true: only what waits for a human decision, each held change once.")}
	s.route(operation{method: http.MethodGet, path: base + "provisioning_events", id: "list_provisioning_events", summary: "What identity providers pushed, and what became of it", permission: "provisioning_event.read", params: page, out: pageOf(s.schemaOf(provisioning.Event{}))},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			waiting := r.Query("waiting")
			if waiting != "" && waiting != "true" && waiting != "false" {
				return nil, api.NewProblem(api.CodeMalformed, "waiting is %q; write true or false.", clip(waiting, 100))
			}
			var out api.Page[provisioning.Event]
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
				if err := scope.Require(r.ctx(), "provisioning_event.read"); err != nil {
					return err
				}
				out, err = provisioning.Events(r.ctx(), scope, provisioning.EventFilter{Outcome: r.Query("outcome"), Connection: r.Query("connection"), Waiting: waiting == "true", Cursor: r.Query("cursor"), Limit: limit})
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodPost, path: base + "provisioning_events/{event}/release", id: "release_provisioning_event", summary: "Let a change pass that the circuit breaker held, when the identity provider sends it again", permission: "provisioning_event.replay", out: s.schemaOf(provisioning.Event{})},
		func(r *request) (*answer, error) {
			var out *provisioning.Event
			err := s.Service.Do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = provisioning.Release(r.ctx(), scope, r.Param("event"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	s.route(operation{method: http.MethodGet, path: base + "directory_groups", id: "list_directory_groups", summary: "Groups as pushed by identity providers", permission: vocabulary.DirectoryRead, params: page[:2], out: pageOf(s.schemaOf(provisioning.DirectoryGroup{}))},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			var out api.Page[provisioning.DirectoryGroup]
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
				if err := scope.Require(r.ctx(), vocabulary.DirectoryRead); err != nil {
					return err
				}
				out, err = provisioning.Groups(r.ctx(), scope, r.Query("cursor"), limit)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
}
