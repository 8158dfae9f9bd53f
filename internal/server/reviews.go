package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
)

// routeReviews serves what people say about items (C078 to C082, C123).
func (s *Server) routeReviews() {
	const base = "/v1/workspaces/{workspace}/reviews"
	const one = base + "/{ref}"
	s.route(operation{method: http.MethodPost, path: base, id: "request_review", summary: "Ask people to review an item", permission: "review.request", params: tried, in: s.schemaOf(api.ReviewRequest{}), out: s.schemaOf(api.Review{}), status: http.StatusCreated},
		writes(s, http.StatusCreated, func(r *request, scope *object.Scope, in api.ReviewRequest) (*api.Review, error) {
			return review.Request(r.ctx(), scope, in)
		}))
	s.route(operation{method: http.MethodGet, path: base, id: "list_reviews", summary: "Reviews that the caller may read", permission: "review.read",
		params: append([]*huma.Param{query("item", "Only those of the item at this path."), query("state", "open, closed or cancelled."), query("reviewer", "Only those in which this person is named.")}, pageParams()...), out: pageOf(s.schemaOf(api.Review{}))},
		pages(s, func(r *request, scope *object.Scope, cursor string, limit int) (api.Page[api.Review], error) {
			return review.List(r.ctx(), scope, review.Filter{Item: r.Query("item"), State: r.Query("state"), Reviewer: r.Query("reviewer")}, cursor, limit)
		}))
	s.route(operation{method: http.MethodGet, path: one, id: "get_review", summary: "One review", permission: "review.read", out: s.schemaOf(api.Review{})},
		readsOne(s, func(r *request, scope *object.Scope) (*api.Review, error) {
			return review.Get(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodGet, path: one + "/status", id: "review_status", summary: "How far a review is, and each of its reviewers", permission: "review.read", out: s.schemaOf(api.ReviewStatus{})},
		readsOne(s, func(r *request, scope *object.Scope) (*api.ReviewStatus, error) {
			return review.Status(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPut, path: one + "/state", id: "set_review_state", summary: "Close or cancel a review, or open it again", permission: "review.request", params: tried, in: s.schemaOf(api.ReviewState{}), out: s.schemaOf(api.Review{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.ReviewState) (*api.Review, error) {
			return review.SetState(r.ctx(), scope, r.Param("ref"), in)
		}))
	s.route(operation{method: http.MethodPut, path: one + "/viewed", id: "view_review", summary: "Note that the caller, a reviewer, looked at it", permission: "review.read", params: tried, out: s.schemaOf(api.Review{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, _ none) (*api.Review, error) {
			if err := review.Viewed(r.ctx(), scope, r.Param("ref")); err != nil {
				return nil, err
			}
			return review.Get(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPut, path: one + "/verdict", id: "give_verdict", summary: "The caller's verdict, as a reviewer who is named in the review", permission: vocabulary.ReviewVerdict, params: tried, in: s.schemaOf(api.VerdictRequest{}), out: s.schemaOf(api.Verdict{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.VerdictRequest) (*api.Verdict, error) {
			return review.GiveVerdict(r.ctx(), scope, r.Param("ref"), in)
		}))
	s.route(operation{method: http.MethodGet, path: one + "/verdicts", id: "list_verdicts", summary: "All verdicts of a review, in the order in which they were given", permission: "review.read", params: pageParams(), out: pageOf(s.schemaOf(api.Verdict{}))},
		pages(s, func(r *request, scope *object.Scope, cursor string, limit int) (api.Page[api.Verdict], error) {
			return review.Verdicts(r.ctx(), scope, r.Param("ref"), cursor, limit)
		}))
	s.routeComments()
}

func (s *Server) routeComments() {
	const base = "/v1/workspaces/{workspace}/comments"
	const one = base + "/{ref}"
	about := []*huma.Param{query("item", "Path of the item."), query("review", "Id of the review."), query("thread", "Id of the first comment of a thread: its answers.")}
	saidOf := func(r *request) review.Said {
		return review.Said{Item: r.Query("item"), Review: r.Query("review"), Thread: r.Query("thread"), Unresolved: r.Query("unresolved") == "true"}
	}
	s.route(operation{method: http.MethodPost, path: base, id: "create_comment", summary: "Comment on an item", permission: "comment.create", params: tried, in: s.schemaOf(api.CommentRequest{}), out: s.schemaOf(api.Comment{}), status: http.StatusCreated},
		writes(s, http.StatusCreated, func(r *request, scope *object.Scope, in api.CommentRequest) (*api.Comment, error) {
			return review.Comment(r.ctx(), scope, in)
		}))
	s.route(operation{method: http.MethodGet, path: base, id: "list_comments", summary: "Comments on an item, in a review or in a thread", permission: "review.read",
		params: append(append([]*huma.Param{query("unresolved", "true for the first comments of open threads alone.")}, about...), pageParams()...), out: pageOf(s.schemaOf(api.Comment{}))},
		pages(s, func(r *request, scope *object.Scope, cursor string, limit int) (api.Page[api.Comment], error) {
			return review.Comments(r.ctx(), scope, saidOf(r), cursor, limit)
		}))
	s.route(operation{method: http.MethodGet, path: base + "/next_unresolved", id: "next_unresolved_comment", summary: "The next open thread after a comment", permission: "review.read",
		params: append([]*huma.Param{query("after", "Id of the comment to go on from; absent for the first.")}, about...), out: s.schemaOf(api.NextComment{})},
		readsOne(s, func(r *request, scope *object.Scope) (*api.NextComment, error) {
			next, err := review.NextUnresolved(r.ctx(), scope, saidOf(r), r.Query("after"))
			return &api.NextComment{Comment: next}, err
		}))
	s.route(operation{method: http.MethodGet, path: one, id: "get_comment", summary: "One comment", permission: "review.read", out: s.schemaOf(api.Comment{})},
		readsOne(s, func(r *request, scope *object.Scope) (*api.Comment, error) {
			return review.GetComment(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPut, path: one, id: "edit_comment", summary: "Change what the caller said", permission: "comment.create", params: tried, in: s.schemaOf(api.CommentRequest{}), out: s.schemaOf(api.Comment{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.CommentRequest) (*api.Comment, error) {
			return review.Edit(r.ctx(), scope, r.Param("ref"), in)
		}))
	s.route(operation{method: http.MethodDelete, path: one, id: "delete_comment", summary: "Take back what the caller said", permission: "comment.create", params: tried, status: http.StatusNoContent},
		writes(s, http.StatusNoContent, func(r *request, scope *object.Scope, _ none) (*none, error) {
			return nil, review.Delete(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPut, path: one + "/thread", id: "set_thread_state", summary: "Resolve or archive a thread, or open it again", permission: "thread.resolve", params: tried, in: s.schemaOf(api.ThreadState{}), out: s.schemaOf(api.Comment{})},
		writes(s, http.StatusOK, func(r *request, scope *object.Scope, in api.ThreadState) (*api.Comment, error) {
			return review.SetThread(r.ctx(), scope, r.Param("ref"), in)
		}))
}

// tried are the parameters of writes: what would happen can be asked.
var tried = []*huma.Param{query("dry_run", "true to be answered as always, with nothing kept.")}

// none is the body of what has none.
type none struct{}

// writes is a handler that reads a body, if there is one, and runs one use-case that
// changes something.
func writes[In, Out any](s *Server, status int, f func(*request, *object.Scope, In) (*Out, error)) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		var in In
		if _, empty := any(in).(none); !empty {
			if err := r.decode(&in); err != nil {
				return nil, err
			}
		}
		run := s.Service.Do
		if r.dryRun() {
			run = s.Service.Try
		}
		var out *Out
		err := run(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
			out, err = f(r, scope, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		if out == nil {
			return &answer{status: status}, nil
		}
		return &answer{status: status, body: out}, nil
	}
}

// readsOne is a handler that runs one use-case that only reads.
func readsOne[Out any](s *Server, f func(*request, *object.Scope) (*Out, error)) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		var out *Out
		err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
			out, err = f(r, scope)
			return err
		})
		if err != nil {
			return nil, err
		}
		return ok(out), nil
	}
}

// pages is a handler that answers a page.
func pages[T any](s *Server, f func(r *request, scope *object.Scope, cursor string, limit int) (api.Page[T], error)) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		limit, err := limitOf(r.Query("limit"))
		if err != nil {
			return nil, err
		}
		var page api.Page[T]
		err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
			page, err = f(r, scope, r.Query("cursor"), limit)
			return err
		})
		if err != nil {
			return nil, err
		}
		return ok(page), nil
	}
}
