package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// routeApprovals serves requests for approval (C055, C017). They are made by what they
// are about, so there is no route that creates one.
func (s *Server) routeApprovals() {
	const base = "/v1/workspaces/{workspace}/approval_requests"
	schema := s.schemaOf(api.ApprovalRequest{})
	s.route(operation{method: http.MethodGet, path: base, id: "list_approval_requests", summary: "List requests for approval, the newest first: one's own and those one may decide; owner and admins see all", permission: vocabulary.ApprovalRequestRead,
		params: append(pageParams(), query("state", "Only requests in this state: pending, approved, denied, expired or withdrawn."), query("mine", "true leaves only open requests that the caller may decide.")), out: pageOf(schema)},
		func(r *request) (*answer, error) {
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			filter := sharing.ApprovalFilter{State: r.Query("state")}
			switch mine := r.Query("mine"); mine {
			case "", "false":
			case "true":
				filter.Mine = true
			default:
				return nil, api.NewProblem(api.CodeMalformed, "mine is %q; write true or false.", clip(mine, 100))
			}
			var page api.Page[*api.ApprovalRequest]
			err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				page, err = sharing.Requests(r.ctx(), scope, filter, r.Query("cursor"), limit)
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(page), nil
		})
	s.route(operation{method: http.MethodGet, path: base + "/{ref}", id: "get_approval_request", summary: "A request for approval", permission: vocabulary.ApprovalRequestRead, out: schema},
		func(r *request) (*answer, error) {
			var out *api.ApprovalRequest
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = sharing.RequestByID(r.ctx(), scope, r.Param("ref"))
				return err
			})
			if err != nil {
				return nil, err
			}
			return ok(out), nil
		})
	for _, v := range []struct {
		verb, summary string
		decide        func(context.Context, *object.Scope, string, string) (*api.ApprovalRequest, error)
	}{
		{"approve", "Approve what a request is about; it becomes effective when nothing is missing any more", sharing.ApproveRequest},
		{"deny", "Deny what a request is about, and remove it", sharing.DenyRequest},
		{"withdraw", "Withdraw one's own request, and remove what it is about", sharing.WithdrawRequest},
	} {
		s.route(operation{method: http.MethodPost, path: base + "/{ref}/" + v.verb, id: v.verb + "_approval_request", summary: v.summary, permission: vocabulary.ApprovalRequestWrite,
			params: []*huma.Param{query("dry_run", "true runs everything and keeps nothing.")}, in: s.schemaOf(api.ApprovalVerdict{}), out: schema},
			func(r *request) (*answer, error) {
				var verdict api.ApprovalVerdict
				if err := r.decode(&verdict); err != nil {
					return nil, err
				}
				if len(verdict.Comment) > maxComment {
					return nil, api.NewProblem(api.CodeTooLarge, "The comment is longer than %d bytes.", maxComment)
				}
				do := s.Service.Do
				if r.dryRun() {
					do = s.Service.Try
				}
				var out *api.ApprovalRequest
				err := do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
					out, err = v.decide(r.ctx(), scope, r.Param("ref"), verdict.Comment)
					return err
				})
				if err != nil {
					return nil, err
				}
				return ok(out), nil
			})
	}
}

// maxComment bounds what is said with a decision.
const maxComment = 2000
