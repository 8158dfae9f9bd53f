package people_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

const gus = "gus@partner.example"

// guestWorld has two projects of a team, and a policy that lets partners in.
func guestWorld(t *testing.T, test func(t *testing.T, f *objecttest.Fixture)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.TeamKind, doc{"slug": "film", "name": "Film"})
		for _, path := range []string{"/films", "/sites"} {
			f.Create(t, f.Owner, api.ProjectKind, doc{"path": path, "name": path[1:], "team": "film"})
		}
		f.Create(t, f.Owner, api.FolderKind, doc{"path": "/films/dailies"})
		policy(t, f, doc{})
		test(t, f)
	})
}

func policy(t *testing.T, f *objecttest.Fixture, more doc) {
	t.Helper()
	d := doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}, "guest_max_days": 90}
	for k, v := range more {
		d[k] = v
	}
	f.Put(t, f.Owner, api.SharingPolicyKind, "", d)
}

func guestDoc(more doc) doc {
	d := doc{"email": gus, "sponsor": objecttest.AdminEmail, "projects": []string{"/films"}, "max_level": "comment", "company": "Partner Ltd"}
	for k, v := range more {
		d[k] = v
	}
	return d
}

// decide asks as the guest's next request would.
func decide(t *testing.T, f *objecttest.Fixture, principal, path, permission string) (access.Decision, string) {
	t.Helper()
	var d access.Decision
	var level string
	err := f.Service.View(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
		subject, err := s.Subject(ctx, principal)
		if err != nil {
			return err
		}
		item, err := s.Item(ctx, path)
		if err != nil {
			return err
		}
		rc := &access.RequestContext{Time: s.Now}
		d, level = s.Engine().Check(subject, item, permission, rc), s.Engine().EffectiveLevel(subject, item, rc).String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, level
}

func wantAccess(t *testing.T, f *objecttest.Fixture, path, want string) {
	t.Helper()
	d, level := decide(t, f, "member:"+gus, path, "item.read")
	if level != want || d.Allowed != (want != "none") {
		t.Errorf("the guest's level on %s = %s (item.read: %s), want %s", path, level, d, want)
	}
}

func TestAGuestSeesTheirProjectsAndNothingElse(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		before := time.Now()
		g := f.Create(t, objecttest.Stack(f.Admin, "access"), api.GuestKind, guestDoc(nil)).(*api.Guest)
		if g.Key != gus || !g.Active || !g.SponsorActive || !slices.Equal(g.Projects, []string{"/films"}) {
			t.Errorf("guest = %+v", g)
		}
		if days := g.ExpiresAt.Sub(before).Hours() / 24; days < 89 || days > 91 {
			t.Errorf("a guest who names no end stays %.1f days, want the 90 of the policy", days)
		}
		m := f.Get(t, f.Member, api.MemberKind, gus).(*api.Member)
		if m.WorkspaceRole != "guest" || !m.Active || m.Source != "terraform" {
			t.Errorf("member row = %+v", m)
		}
		wantAccess(t, f, "/films", "comment")
		wantAccess(t, f, "/films/dailies", "comment")
		wantAccess(t, f, "/sites", "none")

		f.Put(t, objecttest.Stack(f.Admin, "access"), api.GuestKind, gus, guestDoc(doc{"projects": []string{"/sites"}, "max_level": "edit"}))
		wantAccess(t, f, "/films", "none")
		wantAccess(t, f, "/sites", "edit")
		for _, action := range []string{"guest.created", "guest.updated", "member.created", "access_grant.created", "access_grant.revoked"} {
			if len(f.Events(t, audit.Filter{Action: action})) == 0 {
				t.Errorf("%s is not in the audit log", action)
			}
		}
	})
}

func TestAGuestNeverPassesMaxLevelWhateverIsGranted(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(doc{"max_level": "view"}))
		f.Create(t, f.Admin, api.AccessGrantKind, doc{"resource": "/sites", "principal": "member:" + gus, "level": "edit"})
		wantAccess(t, f, "/sites", "view")
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"max_level": "edit"}))
		wantAccess(t, f, "/sites", "edit")
		for _, permission := range []string{"grant.create", "item.settings", "item.delete"} {
			if d, _ := decide(t, f, "member:"+gus, "/films", permission); d.Allowed {
				t.Errorf("a guest may %s (C016): %s", permission, d)
			}
		}
		as := *f.Member
		as.Key, as.ID = gus, f.Get(t, f.Admin, api.MemberKind, gus).GetMeta().ID
		_, err := f.TryCreate(t, &as, api.GuestKind, guestDoc(doc{"email": "friend@partner.example", "sponsor": gus}))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// The grants that follow from the guest are changed through the guest.
		_, err = f.TryPut(t, f.Admin, api.AccessGrantKind, "", doc{"resource": "/films", "principal": "member:" + gus, "level": "view"})
		objecttest.WantProblem(t, err, api.CodeConflict)
	})
}

func TestAGuestIsDeniedOnceTheEndHasCome(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(doc{"expires_at": time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)}))
		f.Create(t, f.Admin, api.AccessGrantKind, doc{"resource": "/sites", "principal": "member:" + gus, "level": "view"})
		wantAccess(t, f, "/films", "comment")
		f.Advance(72 * time.Hour)
		for _, path := range []string{"/films", "/sites"} {
			if d, _ := decide(t, f, "member:"+gus, path, "item.read"); d.Allowed {
				t.Errorf("%s is still read after the end: %s", path, d)
			}
		}
		// Unchanged, it may be applied again; only a new end lets the guest back in.
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"company": "Partner Group"}))
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"expires_at": time.Now().Add(240 * time.Hour).UTC().Format(time.RFC3339)}))
		wantAccess(t, f, "/films", "comment")
	})
}

func TestGuestsAreShutOutOnTheirNextRequest(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		addGuest(t, f, "undeclared@partner.example")
		wantAccess(t, f, "/films", "comment")
		policy(t, f, doc{"guest_access": false})
		if d, _ := decide(t, f, "member:"+gus, "/films", "item.read"); d.Allowed {
			t.Errorf("a guest reads although guests are switched off: %s", d)
		}
		for _, email := range []string{gus, "undeclared@partner.example"} {
			as := *f.Member
			as.Key = email
			_, err := f.Service.Get(ctx, &as, api.WorkspaceKind, "")
			objecttest.WantProblem(t, err, api.CodeForbidden)
		}
		policy(t, f, doc{"guest_access": true})
		wantAccess(t, f, "/films", "comment")
	})
}

func TestADestroyedGuestLosesEverythingAndComesBackAsTheSamePerson(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.TeamKind, "film", doc{"slug": "film", "name": "Film", "external_allowed": true})
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		id := f.Get(t, f.Admin, api.MemberKind, gus).GetMeta().ID
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "film", "principal": gus, "role": "viewer"})
		addCredentials(t, f, "member:"+gus)

		f.Delete(t, f.Admin, api.GuestKind, gus)
		g := f.Get(t, f.Admin, api.GuestKind, gus).(*api.Guest)
		if g.Active || len(g.Projects) != 0 {
			t.Errorf("after the end the guest is %+v", g)
		}
		wantAccess(t, f, "/films", "none")
		if n := liveCredentials(t, f, "member:"+gus); n != 0 {
			t.Errorf("%d sessions and tokens still work", n)
		}
		if _, err := f.Service.Get(ctx, f.Admin, api.TeamMembershipKind, "film/"+gus); err == nil {
			t.Error("the team membership outlived the guest")
		}

		f.Advance(200 * 24 * time.Hour) // past the end that was agreed
		back := f.Create(t, f.Owner, api.GuestKind, guestDoc(doc{"sponsor": objecttest.OwnerEmail})).(*api.Guest)
		if m := f.Get(t, f.Admin, api.MemberKind, gus).(*api.Member); m.ID != id || !m.Active || m.SuspendedAt != nil {
			t.Errorf("member = %+v, want the same person %s, active", m, id)
		}
		if !back.Active || !back.ExpiresAt.After(time.Now().Add(200*24*time.Hour)) {
			t.Errorf("the guest is back as %+v", back)
		}
		wantAccess(t, f, "/films", "comment")
	})
}

func TestASuspendedGuestKeepsTheProjectsForLater(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		addCredentials(t, f, "member:"+gus)
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"active": false}))
		if d, _ := decide(t, f, "member:"+gus, "/films", "item.read"); d.Allowed || liveCredentials(t, f, "member:"+gus) != 0 {
			t.Errorf("a suspended guest may read: %s", d)
		}
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(nil))
		wantAccess(t, f, "/films", "comment")
	})
}

func TestAGrantRevokedByHandShowsAndIsGivenAgain(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(doc{"projects": []string{"/films", "/sites"}}))
		f.Delete(t, f.Admin, api.AccessGrantKind, "member:"+gus+"@/films")
		g := f.Get(t, f.Admin, api.GuestKind, gus).(*api.Guest)
		if !slices.Equal(g.Projects, []string{"/sites"}) {
			t.Errorf("projects = %v, want what the guest has in fact", g.Projects)
		}
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"projects": []string{"/films", "/sites"}}))
		wantAccess(t, f, "/films", "comment")
	})
}

func TestAnAuthoritativeListOfGrantsLeavesGuestsAlone(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		f.Put(t, f.Admin, api.AccessGrantsKind, "/films", doc{"resource": "/films", "grants": doc{"member:" + objecttest.MemberEmail: "view"}})
		wantAccess(t, f, "/films", "comment")
		_, err := f.TryPut(t, f.Admin, api.AccessGrantsKind, "/films", doc{"resource": "/films", "grants": doc{"member:" + gus: "view"}})
		v := objecttest.WantViolation(t, err, "/grants/member:"+gus)
		if !strings.Contains(v.Message, "gatehouse_guest") {
			t.Errorf("message = %q", v.Message)
		}
	})
}

func TestASponsorWhoLeavesIsShown(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		policy(t, f, doc{"guest_invitations": "anyone"})
		f.Create(t, f.Admin, api.GuestKind, guestDoc(doc{"sponsor": objecttest.MemberEmail}))
		f.Delete(t, f.Admin, api.MemberKind, objecttest.MemberEmail)
		if g := f.Get(t, f.Admin, api.GuestKind, gus).(*api.Guest); g.SponsorActive {
			t.Error("the sponsor has left, and the guest does not say so")
		}
		page, err := f.Service.List(ctx, f.Admin, api.GuestKind, map[string]string{"sponsor": objecttest.MemberEmail}, "", 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].(*api.Guest).SponsorActive {
			t.Errorf("guests of the sponsor = %v, %v", page.Items, err)
		}
		// Nobody vouches for more; less is always possible.
		_, err = f.TryPut(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"sponsor": objecttest.MemberEmail, "max_level": "edit"}))
		objecttest.WantViolation(t, err, "/sponsor")
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"sponsor": objecttest.MemberEmail, "max_level": "view"}))
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"sponsor": objecttest.OwnerEmail, "max_level": "edit"}))
	})
}

func TestARenamedSponsorStillAnswersForTheirGuests(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(doc{"sponsor": objecttest.MemberEmail}))
		err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
			return people.Rename(ctx, s, objecttest.MemberEmail, "mia.married@example.com")
		})
		if err != nil {
			t.Fatal(err)
		}
		if g := f.Get(t, f.Admin, api.GuestKind, gus).(*api.Guest); g.Sponsor != "mia.married@example.com" || !g.SponsorActive {
			t.Errorf("guest = %+v", g)
		}
	})
}
