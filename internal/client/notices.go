package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Notifications reads one page of the caller's own inbox, the newest first.
func (w *Workspace) Notifications(ctx context.Context, unread bool, cursor string) (*api.NotificationPage, error) {
	query := url.Values{"unread": {strconv.FormatBool(unread)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var out api.NotificationPage
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.root() + "/notifications", query: query}, &out); err != nil {
		return nil, fmt.Errorf("reading notifications: %w", err)
	}
	return &out, nil
}

// ReadNotification marks one of the caller's own notifications as read; all of them
// when the id is empty. It answers how many were unread before.
func (w *Workspace) ReadNotification(ctx context.Context, id string) (int64, error) {
	path := w.root() + "/notifications/read_all"
	if id != "" {
		path = w.root() + "/notifications/" + url.PathEscape(id) + "/read"
	}
	var out api.ReadNotifications
	if _, err := w.c.send(ctx, call{method: http.MethodPost, path: path, safe: true}, &out); err != nil {
		return 0, fmt.Errorf("marking notifications as read: %w", err)
	}
	return out.Read, nil
}

// NotificationPreferences reads what the caller wants beside the inbox.
func (w *Workspace) NotificationPreferences(ctx context.Context) (*api.NotificationPreferences, error) {
	var out api.NotificationPreferences
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.root() + "/notification_preferences"}, &out); err != nil {
		return nil, fmt.Errorf("reading notification preferences: %w", err)
	}
	return &out, nil
}

// SetNotificationPreferences replaces what the caller wants beside the inbox.
func (w *Workspace) SetNotificationPreferences(ctx context.Context, p api.NotificationPreferences) (*api.NotificationPreferences, error) {
	p.Effective = nil
	var out api.NotificationPreferences
	if _, err := w.c.send(ctx, call{method: http.MethodPut, path: w.root() + "/notification_preferences", safe: true, body: p}, &out); err != nil {
		return nil, fmt.Errorf("setting notification preferences: %w", err)
	}
	return &out, nil
}
