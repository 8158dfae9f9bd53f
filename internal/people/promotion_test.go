package people_test

import (
	"regexp"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// visitAs enters a recipient link of an item with a code that is mailed.
func visitAs(t *testing.T, f *objecttest.Fixture, email string) (session string, from sharing.Visitor) {
	t.Helper()
	from = sharing.Visitor{IP: "192.0.2.7", Device: "browser-1"}
	l := f.Create(t, f.Admin, api.ShareLinkKind, doc{"resource": "/films", "name": "First cut for partners", "kind": "recipient", "recipients": []string{email}})
	var secret *api.ShareSecret
	if err := f.Service.Do(ctx, f.Admin, func(s *object.Scope) (err error) {
		secret, err = sharing.IssueLinkSecret(ctx, s, l.GetMeta().ID, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sharing.EnterLink(ctx, f.Service, secret.Secret, from, sharing.Answer{Email: email}); err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, m := range mailtest.Outbox(t, f.Service) {
		if m.To == email {
			code = regexp.MustCompile(`\b[0-9]{6}\b`).FindString(m.Text)
		}
	}
	session, _, err := sharing.EnterLink(ctx, f.Service, secret.Secret, from, sharing.Answer{Email: email, Code: code})
	if err != nil || session == "" {
		t.Fatalf("entering the link: %v", err)
	}
	return session, from
}

// C017: a viewer who is known by e-mail asks, somebody decides, and an invitation is
// what comes of it.
func TestViewerIsPromotedWithApproval(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		session, from := visitAs(t, f, gus)
		ask := func(role string) (string, error) {
			return people.RequestPromotion(ctx, f.Service, session, from, people.Promotion{Role: role, Message: "I work with you now"})
		}
		_, err := ask("admin")
		objecttest.WantProblem(t, err, api.CodeMalformed)
		id, err := ask("guest")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ask("guest"); err != nil || again != id {
			t.Errorf("asked twice: %q, %v; want the request there is", again, err)
		}
		q := openRequest(t, f)
		if q.ID != id || q.Requester != "viewer:"+gus || q.Purpose != sharing.PurposePromotion || q.Object != nil {
			t.Errorf("request = %+v", q)
		}
		objecttest.WantProblem(t, decideRequest(f, f.Member, sharing.ApproveRequest, id), api.CodeNotFound)
		if err := decideRequest(f, f.Owner, sharing.ApproveRequest, id); err != nil {
			t.Fatal(err)
		}
		i := f.Get(t, f.Admin, api.InvitationKind, gus).(*api.Invitation)
		if i.WorkspaceRole != "guest" || i.Sponsor != objecttest.AdminEmail || len(i.Projects) != 1 || i.Inviter != "member:"+objecttest.OwnerEmail {
			t.Errorf("invitation = %+v", i)
		}
		wantAccess(t, f, "/films", "none")
		if err := accept(f, lastLink(t, f, gus)); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, f, "/films", "view")
		_, err = ask("guest")
		objecttest.WantProblem(t, err, api.CodeConflict)
	})
}

func TestDeniedPromotionInvitesNobody(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		session, from := visitAs(t, f, gus)
		for n := range 4 {
			id, err := people.RequestPromotion(ctx, f.Service, session, from, people.Promotion{Role: "member"})
			if n == 3 {
				objecttest.WantProblem(t, err, api.CodeRateLimited)
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := decideRequest(f, f.Admin, sharing.DenyRequest, id); err != nil {
				t.Fatal(err)
			}
		}
		if link := lastLink(t, f, gus); link != "" {
			t.Error("an invitation was sent")
		}
		if _, err := f.Service.Get(ctx, f.Owner, api.InvitationKind, gus); err == nil {
			t.Error("there is an invitation")
		}
	})
}
