package server_test

import (
	"context"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// noticeOne puts a notification of an event into the owner's inbox.
func noticeOne(t *testing.T, i *servertest.Instance, event string) string {
	t.Helper()
	id := store.NewID("ntf", i.Service.Clock())
	err := i.Service.DB.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(context.Background(), `INSERT INTO notification (workspace_id, id, member_id, event_id, event, item, muted, occurred_at, read_at, digest)
			SELECT workspace_id, $2, id, $3, 'verdict', '', 0, 1, 0, 0 FROM member WHERE workspace_id = $1 AND key = 'owner@example.com'`, i.WorkspaceID, id, event)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAnInboxIsReadByItsPersonAlone(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		events := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?limit=1", token: i.OwnerToken}).object(t)
		id := noticeOne(t, i, events["items"].([]any)[0].(doc)["id"].(string))
		as := func(token string) *client.Workspace {
			c, err := client.New(client.Config{Endpoint: i.URL, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			return c.Workspace(i.Workspace)
		}
		owner := as(i.OwnerToken)
		page, err := owner.Notifications(t.Context(), true, "")
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != id || page.Unread != 1 {
			t.Fatalf("the inbox: %+v, %v", page, err)
		}
		for name, token := range map[string]string{"an admin": i.AdminToken, "a guest": addGuest(t, i, "guest@example.com"), "a service account": serviceToken(t, i, "robot", "admin", "*")} {
			other := as(token)
			if page, err := other.Notifications(t.Context(), false, ""); err != nil || len(page.Items) != 0 || page.Unread != 0 {
				t.Errorf("%s sees %+v, %v", name, page, err)
			}
			if _, err := other.ReadNotification(t.Context(), id); err == nil {
				t.Errorf("%s marks somebody else's notification as read", name)
			}
			if n, err := other.ReadNotification(t.Context(), ""); err != nil || n != 0 {
				t.Errorf("%s marks %d of others as read, %v", name, n, err)
			}
		}
		if n, err := owner.ReadNotification(t.Context(), id); n != 1 || err != nil {
			t.Errorf("marked %d, %v", n, err)
		}
		if page, err := owner.Notifications(t.Context(), true, ""); err != nil || len(page.Items) != 0 || page.Unread != 0 {
			t.Errorf("unread after reading: %+v, %v", page, err)
		}
		for _, path := range []string{"?unread=perhaps", "?cursor=x", "?limit=0"} {
			wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "notifications") + path, token: i.OwnerToken})
		}
	})
}

func TestPreferencesBelongToPeople(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		c, err := client.New(client.Config{Endpoint: i.URL, Token: i.MemberToken})
		if err != nil {
			t.Fatal(err)
		}
		w := c.Workspace(i.Workspace)
		if _, err := w.SetNotificationPreferences(t.Context(), api.NotificationPreferences{Email: map[string]bool{"mention": false, "comment": true}, Digest: "daily", Mutes: []string{"/Campaign", "/campaign"}}); err != nil {
			t.Fatal(err)
		}
		got, err := w.NotificationPreferences(t.Context())
		if err != nil || len(got.Mutes) != 1 || got.Mutes[0] != "/campaign" || got.Effective == nil || got.Effective.Digest != "daily" {
			t.Fatalf("read back: %+v, %v", got, err)
		}
		for _, event := range got.Effective.EmailEvents {
			if event == "mention" {
				t.Error("mentions are still mailed")
			}
		}
		want(t, i, 200, call{method: "PUT", path: in(i, "notification_preferences") + "?dry_run=true", token: i.MemberToken, body: doc{"digest": "off"}})
		if got, err = w.NotificationPreferences(t.Context()); err != nil || got.Digest != "daily" {
			t.Errorf("a dry run was kept: %+v, %v", got, err)
		}
		if _, err := w.SetNotificationPreferences(t.Context(), *got); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
		for _, body := range []doc{{"email": doc{"everything": true}}, {"digest": "hourly"}, {"mutes": []string{"campaign"}}} {
			wantProblem(t, i, api.CodeInvalid, call{method: "PUT", path: in(i, "notification_preferences"), token: i.MemberToken, body: body})
		}
		wantProblem(t, i, api.CodeInvalid, call{method: "PUT", path: in(i, "notification_preferences"), token: serviceToken(t, i, "robot", "admin", "*"), body: doc{"digest": "daily"}})
	})
}
