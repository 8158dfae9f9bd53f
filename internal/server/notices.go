package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// routeNotices serves everybody's own inbox and what they want beside it (C084, C085).
func (s *Server) routeNotices() {
	const base = "/v1/workspaces/{workspace}/notifications"
	const read, write = "notification.read", "notification.write"
	dry := []*huma.Param{query("dry_run", "true runs everything and keeps nothing.")}
	s.route(operation{method: http.MethodGet, path: base, id: "list_notifications", summary: "The caller's own notifications, the newest first", permission: read,
		params: []*huma.Param{query("unread", "true leaves out what was read."), query("cursor", "next_cursor of the page before."), query("limit", "Notifications per page, at most 100.")}, out: s.schemaOf(api.NotificationPage{})}, s.listNotifications)
	s.route(operation{method: http.MethodPost, path: base + "/{ref}/read", id: "read_notification", summary: "Mark one of the caller's notifications as read", permission: write, params: dry, out: s.schemaOf(api.ReadNotifications{})},
		s.doNotice(func(r *request, scope *object.Scope) (any, error) {
			return notice.Read(r.ctx(), scope, r.Param("ref"))
		}))
	s.route(operation{method: http.MethodPost, path: base + "/read_all", id: "read_all_notifications", summary: "Mark all of the caller's notifications as read", permission: write, params: dry, out: s.schemaOf(api.ReadNotifications{})},
		s.doNotice(func(r *request, scope *object.Scope) (any, error) {
			return notice.ReadAll(r.ctx(), scope)
		}))
	const preferences = "/v1/workspaces/{workspace}/notification_preferences"
	s.route(operation{method: http.MethodGet, path: preferences, id: "get_notification_preferences", summary: "What the caller wants beside the inbox", permission: read, out: s.schemaOf(api.NotificationPreferences{})},
		func(r *request) (*answer, error) {
			var out any
			err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
				out, err = notice.Preferences(r.ctx(), scope)
				return err
			})
			return answerWith(out, err)
		})
	s.route(operation{method: http.MethodPut, path: preferences, id: "put_notification_preferences", summary: "Replace what the caller wants beside the inbox", permission: write, params: dry, in: s.schemaOf(api.NotificationPreferences{}), out: s.schemaOf(api.NotificationPreferences{})},
		func(r *request) (*answer, error) {
			var in api.NotificationPreferences
			if err := r.decode(&in); err != nil {
				return nil, err
			}
			return s.doNotice(func(r *request, scope *object.Scope) (any, error) {
				return notice.SetPreferences(r.ctx(), scope, in)
			})(r)
		})
}

func answerWith(out any, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

// doNotice runs a change of the caller's own things.
func (s *Server) doNotice(f func(*request, *object.Scope) (any, error)) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		var out any
		run := s.Service.Do
		if r.dryRun() {
			run = s.Service.Try
		}
		err := run(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
			out, err = f(r, scope)
			return err
		})
		return answerWith(out, err)
	}
}

func (s *Server) listNotifications(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	unread := r.Query("unread")
	if unread != "" && unread != "true" && unread != "false" {
		return nil, api.NewProblem(api.CodeMalformed, "unread is %q; write true or false.", clip(unread, 100))
	}
	var out any
	err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
		out, err = notice.Inbox(r.ctx(), s.Service, scope, unread == "true", r.Query("cursor"), limit)
		return err
	})
	return answerWith(out, err)
}
