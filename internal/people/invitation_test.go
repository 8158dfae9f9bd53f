package people_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const newcomer = "nora@example.com" // of the Owner's domain

var invitationLink = regexp.MustCompile(`/invitations/(ghi_\S+)`)

// lastLink is the link that was mailed to an address last, "" for none.
func lastLink(t *testing.T, f *objecttest.Fixture, to string) string {
	t.Helper()
	link := ""
	for _, m := range mailtest.Outbox(t, f.Service) {
		if found := invitationLink.FindStringSubmatch(m.Text); m.To == to && found != nil {
			link = found[1]
		}
	}
	return link
}

func accept(f *objecttest.Fixture, token string) error {
	_, err := people.AcceptInvitation(context.Background(), f.Service, token, sharing.Visitor{IP: "192.0.2.9"})
	return err
}

func wantInvitationClosed(t *testing.T, err error, reason string) {
	t.Helper()
	var closed *people.InvitationClosed
	if !errors.As(err, &closed) || closed.Reason != reason {
		t.Errorf("error = %v, want that the invitation is closed: %s", err, reason)
	}
}

func resend(f *objecttest.Fixture, by *object.Caller, ref string) error {
	return f.Service.Do(context.Background(), by, func(s *object.Scope) error {
		_, err := people.ResendInvitation(context.Background(), s, ref)
		return err
	})
}

func decideRequest(f *objecttest.Fixture, by *object.Caller, verdict func(context.Context, *object.Scope, string, string) (*api.ApprovalRequest, error), id string) error {
	return f.Service.Do(context.Background(), by, func(s *object.Scope) error {
		_, err := verdict(context.Background(), s, id, "")
		return err
	})
}

// openRequest is the one open request that the owner sees.
func openRequest(t *testing.T, f *objecttest.Fixture) *api.ApprovalRequest {
	t.Helper()
	var out []*api.ApprovalRequest
	err := f.Service.View(context.Background(), f.Owner, func(s *object.Scope) error {
		page, err := sharing.Requests(context.Background(), s, sharing.ApprovalFilter{State: api.ApprovalPending}, "", 0)
		out = page.Items
		return err
	})
	if err != nil || len(out) != 1 {
		t.Fatalf("%d open requests (%v), want one", len(out), err)
	}
	return out[0]
}

func TestWhoAcceptsIsAMemberWithTheirTeamsAtOnce(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		i := f.Create(t, objecttest.Stack(f.Admin, "people"), api.InvitationKind, doc{"email": "Nora@example.com", "teams": []string{"film"}, "team_role": "editor", "message": "Welcome!\nAdam"}).(*api.Invitation)
		if i.State != api.InvitationPending || i.Inviter != "member:"+objecttest.AdminEmail || i.ExpiresAt == nil {
			t.Fatalf("invitation = %+v", i)
		}
		token := lastLink(t, f, newcomer)
		letter, err := people.OpenInvitation(ctx, f.Service, token)
		if err != nil || letter.Workspace != "Workspace acme" || letter.Role != "member" || letter.Inviter != objecttest.AdminEmail {
			t.Fatalf("letter = %+v, %v", letter, err)
		}
		if err := accept(f, token); err != nil {
			t.Fatal(err)
		}
		m := f.Get(t, f.Owner, api.MemberKind, newcomer).(*api.Member)
		if !m.Active || m.WorkspaceRole != "member" || m.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("member = %+v", m)
		}
		if tm := f.Get(t, f.Owner, api.TeamMembershipKind, "film/"+newcomer).(*api.TeamMembership); tm.Role != "editor" {
			t.Errorf("membership = %+v", tm)
		}
		if d, _ := decide(t, f, "member:"+newcomer, "/films", "asset.update"); !d.Allowed {
			t.Errorf("on their team's project: %s", d)
		}
		i = f.Get(t, f.Owner, api.InvitationKind, newcomer).(*api.Invitation)
		if i.State != api.InvitationAccepted || i.ManagedBy.Stack != "people" {
			t.Errorf("invitation = %+v", i)
		}
		wantInvitationClosed(t, accept(f, token), people.InvitationUsed)
		// Destroying what was accepted takes nothing from who has joined.
		f.Delete(t, f.Admin, api.InvitationKind, newcomer)
		if m := f.Get(t, f.Owner, api.MemberKind, newcomer).(*api.Member); !m.Active {
			t.Error("the member is suspended")
		}
		for action, want := range map[string]int{"invitation.created": 1, "invitation.accepted": 1, "member.joined": 1} {
			if got := f.Events(t, audit.Filter{Action: action}); len(got) != want {
				t.Errorf("%d events %s, want %d", len(got), action, want)
			}
		}
		for _, e := range f.Events(t, audit.Filter{Action: "invitation.accepted"}) {
			if e.Actor.Key != newcomer || e.IP != "192.0.2.9" {
				t.Errorf("event = %+v", e)
			}
		}
		_, err = f.TryCreate(t, f.Admin, api.InvitationKind, doc{"email": newcomer})
		objecttest.WantViolation(t, err, "/email")
	})
}

func TestALinkOpensNothingWhenItHasEnded(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		invite := func() string {
			f.Create(t, f.Admin, api.InvitationKind, doc{"email": newcomer, "expires_in": "2d"})
			return lastLink(t, f, newcomer)
		}
		wantInvitationClosed(t, accept(f, "ghi_nothing-like-a-token-that-was-ever-made"), people.InvitationUnknown)
		first := invite()
		f.Delete(t, f.Admin, api.InvitationKind, newcomer)
		wantInvitationClosed(t, accept(f, first), people.InvitationUnknown)

		second := invite()
		if err := resend(f, f.Admin, newcomer); err != nil {
			t.Fatal(err)
		}
		wantInvitationClosed(t, accept(f, second), people.InvitationReplaced)
		third := lastLink(t, f, newcomer)
		f.Advance(49 * time.Hour)
		if i := f.Get(t, f.Admin, api.InvitationKind, newcomer).(*api.Invitation); i.State != api.InvitationExpired {
			t.Errorf("state = %q", i.State)
		}
		wantInvitationClosed(t, accept(f, third), people.InvitationEnded)
		if err := resend(f, f.Admin, newcomer); err != nil {
			t.Fatal(err)
		}
		fourth := lastLink(t, f, newcomer)
		if err := people.DeclineInvitation(ctx, f.Service, fourth, sharing.Visitor{}); err != nil {
			t.Fatal(err)
		}
		wantInvitationClosed(t, accept(f, fourth), people.InvitationRefused)
		objecttest.WantProblem(t, resend(f, f.Admin, newcomer), api.CodeConflict)
		f.Advance(100 * 24 * time.Hour)
		if err := people.PurgeInvitationLinks(ctx, f.Service); err != nil {
			t.Fatal(err)
		}
		wantInvitationClosed(t, accept(f, fourth), people.InvitationUnknown)
		// Who declined may be asked again, with a new invitation.
		if err := accept(f, invite()); err != nil {
			t.Error(err)
		}
	})
}

func TestResendingIsThrottled(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.InvitationKind, doc{"email": newcomer})
		var err error
		sent := 1
		for ; sent < 10; sent++ {
			if err = resend(f, f.Admin, newcomer); err != nil {
				break
			}
		}
		objecttest.WantProblem(t, err, api.CodeRateLimited)
		if sent != 5 {
			t.Errorf("%d mails in a day, want 5", sent)
		}
		f.Advance(25 * time.Hour)
		if err := resend(f, f.Admin, newcomer); err != nil {
			t.Error(err)
		}
	})
}

// X14: members ask, and owner or admins agree; C053 and C055 hold for people outside.
func TestWhoMayInviteWhom(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		i := f.Create(t, f.Member, api.InvitationKind, doc{"email": newcomer}).(*api.Invitation)
		if i.State != api.StatePendingApproval || lastLink(t, f, newcomer) != "" {
			t.Fatalf("what a member asks for is %s", i.State)
		}
		q := openRequest(t, f)
		if q.Purpose != sharing.PurposeInvitation || len(q.Outside) != 0 {
			t.Errorf("request = %+v", q)
		}
		objecttest.WantProblem(t, resend(f, f.Admin, newcomer), api.CodeConflict)
		if err := decideRequest(f, f.Admin, sharing.ApproveRequest, q.ID); err != nil {
			t.Fatal(err)
		}
		if err := accept(f, lastLink(t, f, newcomer)); err != nil {
			t.Fatal(err)
		}

		for name, c := range map[string]struct {
			by  *object.Caller
			doc doc
			at  string
		}{
			"an admin by a member":            {f.Member, doc{"email": "x@example.com", "workspace_role": "admin"}, "/workspace_role"},
			"somebody outside by a member":    {f.Member, doc{"email": gus}, "/email"},
			"somebody of a domain not listed": {f.Admin, doc{"email": "x@other.example"}, "/email"},
			"a guest without a project":       {f.Admin, doc{"email": gus, "workspace_role": "guest", "sponsor": objecttest.AdminEmail}, "/projects"},
			"a guest of nobody":               {f.Admin, doc{"email": gus, "workspace_role": "guest", "projects": []string{"/films"}}, "/sponsor"},
			"into a team that is not there":   {f.Admin, doc{"email": "x@example.com", "teams": []string{"law"}}, "/teams/0"},
			"a member already":                {f.Admin, doc{"email": objecttest.MemberEmail}, "/email"},
			"for longer than allowed":         {f.Admin, doc{"email": "x@example.com", "expires_in": "60d"}, "/expires_in"},
		} {
			_, err := f.TryCreate(t, c.by, api.InvitationKind, c.doc)
			if err == nil {
				t.Errorf("%s: accepted", name)
				continue
			}
			objecttest.WantViolation(t, err, c.at)
		}
		_, err := f.TryCreate(t, f.Member, api.InvitationKind, doc{"email": "x@example.com", "teams": []string{"film"}})
		objecttest.WantProblem(t, err, api.CodeForbidden)

		if i := f.Create(t, f.Admin, api.InvitationKind, doc{"email": gus}).(*api.Invitation); i.State != api.InvitationPending {
			t.Errorf("what an admin sends outside is %s", i.State)
		}
		// The policy shut the domain out after it was sent.
		policy(t, f, doc{"allowed_domains": []string{"other.example"}})
		wantInvitationClosed(t, accept(f, lastLink(t, f, gus)), people.InvitationHeld)
	})
}

func TestInvitedGuestIsAGuest(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.InvitationKind, doc{"email": gus, "workspace_role": "guest", "sponsor": objecttest.AdminEmail, "projects": []string{"/films"}, "max_level": "comment"})
		wantAccess(t, f, "/films", "none")
		if err := accept(f, lastLink(t, f, gus)); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, f, "/films", "comment")
		if g := f.Get(t, f.Admin, api.GuestKind, gus).(*api.Guest); g.Sponsor != objecttest.AdminEmail || g.ExpiresAt == nil || !g.Active {
			t.Errorf("guest = %+v", g)
		}
	})
}

// Two who follow the link at the same moment make one member.
func TestTwoAnswersAtOnceAreOne(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.InvitationKind, doc{"email": newcomer})
		token := lastLink(t, f, newcomer)
		answers := make(chan error, 2)
		for range 2 {
			go func() { answers <- accept(f, token) }()
		}
		refused := 0
		for range 2 {
			if err := <-answers; err != nil {
				wantInvitationClosed(t, err, people.InvitationUsed)
				refused++
			}
		}
		if joined := f.Events(t, audit.Filter{Action: "member.joined"}); refused != 1 || len(joined) != 1 {
			t.Errorf("%d were refused and %d joined, want one each", refused, len(joined))
		}
	})
}

// C016, C055: a guest who waits is nobody yet.
func TestGuestWaitsForApproval(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		policy(t, f, doc{"guest_invitations": "anyone"})
		f.Create(t, f.Owner, api.AccessGrantKind, doc{"resource": "/films", "principal": "member:" + objecttest.MemberEmail, "level": "manage"})
		mine := guestDoc(doc{"sponsor": objecttest.MemberEmail})
		g := f.Create(t, f.Member, api.GuestKind, mine).(*api.Guest)
		if g.State != api.StatePendingApproval || !g.Active || len(g.Projects) != 1 {
			t.Fatalf("guest = %+v", g)
		}
		wantAccess(t, f, "/films", "none")
		_, err := f.Service.Get(ctx, f.Owner, api.MemberKind, gus)
		objecttest.WantProblem(t, err, api.CodeNotFound)
		if err := decideRequest(f, f.Admin, sharing.ApproveRequest, openRequest(t, f).ID); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, f, "/films", "comment")
		_, err = f.TryPut(t, f.Member, api.GuestKind, gus, guestDoc(doc{"sponsor": objecttest.MemberEmail, "max_level": "edit"}))
		if v := objecttest.WantViolation(t, err, "/projects"); !strings.Contains(v.Message, "needs approval") {
			t.Errorf("message = %q", v.Message)
		}
		f.Delete(t, f.Member, api.GuestKind, gus)

		// Who comes back is asked about again; denied, nothing has changed.
		f.Create(t, f.Member, api.GuestKind, mine)
		wantAccess(t, f, "/films", "none")
		if err := decideRequest(f, f.Owner, sharing.DenyRequest, openRequest(t, f).ID); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, f, "/films", "none")
		if m := f.Get(t, f.Owner, api.MemberKind, gus).(*api.Member); m.Active {
			t.Error("the guest is active")
		}
	})
}

// What somebody sent who has left brings nobody in, until somebody else sends it.
func TestInvitationOfALeaverHolds(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.AddMember(t, f.Owner, "second@example.com", "admin")
		f.Create(t, f.Admin, api.InvitationKind, doc{"email": newcomer, "workspace_role": "admin"})
		f.Put(t, f.Owner, api.MemberKind, objecttest.AdminEmail, doc{"email": objecttest.AdminEmail, "workspace_role": "member"})
		wantInvitationClosed(t, accept(f, lastLink(t, f, newcomer)), people.InvitationHeld)
		f.Delete(t, f.Owner, api.MemberKind, objecttest.AdminEmail)
		wantInvitationClosed(t, accept(f, lastLink(t, f, newcomer)), people.InvitationHeld)
		if err := resend(f, f.Owner, newcomer); err != nil {
			t.Fatal(err)
		}
		if err := accept(f, lastLink(t, f, newcomer)); err != nil {
			t.Error(err)
		}
	})
}
