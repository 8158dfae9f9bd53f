package sharing_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func TestLinkThatLeadsOutsideWaitsForApproval(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(doc{"public_links": "allowed", "require_link_password": false})
		nils := w.manager(nobody, "/finance")
		link := func(name string, more doc) *api.ShareLink {
			d := doc{"resource": "/finance", "name": name, "kind": "anyone"}
			for k, v := range more {
				d[k] = v
			}
			return w.Create(t, nils, api.ShareLinkKind, d).(*api.ShareLink)
		}
		if l := link("For colleagues", doc{"kind": "recipient", "recipients": []string{designer}}); l.State != api.LinkActive {
			t.Errorf("a link for members is %s", l.State)
		}
		const password = "not to be kept anywhere"
		l := link("Spring cut", doc{"password_wo": password, "password_wo_version": 1})
		if l.State != api.LinkPending {
			t.Fatalf("state = %q", l.State)
		}
		q := w.pending()
		if q.Outside[0] != "anyone" || q.Object.Kind != "share_link" {
			t.Errorf("request = %+v", q)
		}
		if strings.Contains(string(q.Proposed), password) {
			t.Error("the request holds the password of the link")
		}
		w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
		l = w.Get(t, nils, api.ShareLinkKind, l.ID).(*api.ShareLink)
		if l.State != api.LinkActive || l.CreatedBy != "member:"+nobody {
			t.Errorf("link = %+v", l)
		}
		_, err := w.TryPut(t, nils, api.ShareLinkKind, l.ID, doc{"resource": "/finance", "name": "Spring cut", "kind": "anyone", "level": "comment", "password_wo_version": 1})
		wantWords(t, objecttest.WantViolation(t, err, "/resource").Message, "needs approval")

		l = link("For a partner", doc{"kind": "recipient", "recipients": []string{outsider}})
		w.mustSay(w.Admin, sharing.DenyRequest, w.pending().ID)
		_, err = w.Service.Get(context.Background(), w.Owner, api.ShareLinkKind, l.ID)
		objecttest.WantProblem(t, err, api.CodeNotFound)

		l = link("Summer cut", nil)
		w.open(doc{"public_links": "disabled"})
		_, err = w.say(w.Admin, sharing.ApproveRequest, w.pending().ID)
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Error(), "public_links")
		w.Delete(t, nils, api.ShareLinkKind, l.ID)
		if open := w.requests(w.Owner, sharing.ApprovalFilter{State: api.ApprovalPending}); len(open) != 0 {
			t.Errorf("%d requests are open about a link that is gone", len(open))
		}
	})
}
