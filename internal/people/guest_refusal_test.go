package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func at(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }

func TestGuestsThatCannotBeAreRefusedAtTheirAttribute(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		addGuest(t, f, "other@partner.example")
		f.AddMember(t, f.Owner, "gone@example.com", "member")
		f.Delete(t, f.Owner, api.MemberKind, "gone@example.com")
		provision(t, f, "pushed@partner.example")
		for name, c := range map[string]struct {
			more doc
			at   string
			says []string
		}{
			"no project":                  {doc{"projects": []string{}}, "/projects", []string{"must not be empty"}},
			"the whole workspace":         {doc{"projects": []string{"/"}}, "/projects/0", []string{"the workspace itself"}},
			"a project that is not there": {doc{"projects": []string{"/films", "/missing"}}, "/projects/1", []string{`"/missing"`, "create it first"}},
			"above edit":                  {doc{"max_level": "manage"}, "/max_level", []string{"edit"}},
			"no sponsor":                  {doc{"sponsor": ""}, "/sponsor", nil},
			"unknown sponsor":             {doc{"sponsor": "who@example.com"}, "/sponsor", []string{"create it first"}},
			"their own sponsor":           {doc{"sponsor": gus}, "/sponsor", []string{"nobody vouches for themselves"}},
			"sponsor who has left":        {doc{"sponsor": "gone@example.com"}, "/sponsor", []string{"is suspended", "active member"}},
			"sponsor who is a guest":      {doc{"sponsor": "other@partner.example"}, "/sponsor", []string{"is a guest"}},
			"an end in the past":          {doc{"expires_at": at(-time.Hour)}, "/expires_at", []string{"in the past", "90 days"}},
			"an end too far":              {doc{"expires_at": at(91 * 24 * time.Hour)}, "/expires_at", []string{"guest_max_days = 90", "or earlier"}},
			"a member":                    {doc{"email": objecttest.MemberEmail}, "/email", []string{"is a member", "gatehouse_access_grant"}},
			"the Owner":                   {doc{"email": objecttest.OwnerEmail}, "/email", []string{"is the Owner"}},
			"a suspended member":          {doc{"email": "gone@example.com"}, "/email", []string{"is a suspended member", "reactivate"}},
			"somebody whom SCIM owns":     {doc{"email": "pushed@partner.example"}, "/email", []string{"is a member"}},
			"a domain that is not listed": {doc{"email": "gus@elsewhere.example"}, "/email", []string{"allowed_domains"}},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := f.TryCreate(t, f.Owner, api.GuestKind, guestDoc(c.more))
				v := objecttest.WantViolation(t, err, c.at)
				for _, word := range c.says {
					if !strings.Contains(v.Message, word) {
						t.Errorf("message = %q, want it to say %q", v.Message, word)
					}
				}
			})
		}
	})
}

func TestWhoMayInviteGuestsIsForTheSharingPolicy(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.RoleKind, doc{"name": "producer", "base_level": "view"})
		f.Create(t, f.Owner, api.AccessGrantKind, doc{"resource": "/films", "principal": "member:" + objecttest.MemberEmail, "level": "manage"})
		mine := guestDoc(doc{"sponsor": objecttest.MemberEmail})
		refusedFor := func(c *object.Caller, more doc, words ...string) {
			t.Helper()
			policy(t, f, more)
			_, err := f.TryCreate(t, c, api.GuestKind, mine)
			v := objecttest.WantViolation(t, err, "/email")
			for _, word := range words {
				if !strings.Contains(v.Message, word) {
					t.Errorf("message = %q, want it to say %q", v.Message, word)
				}
			}
		}
		refusedFor(f.Member, doc{}, `guest_invitations = "admins"`)
		refusedFor(f.Admin, doc{"guest_invitations": "owners"}, "only the Owner")
		refusedFor(f.Member, doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"producer"}}, "producer", "guest_inviter_roles")
		refusedFor(f.Owner, doc{"external_sharing": "disabled"}, `external_sharing = "disabled"`)
		refusedFor(f.Owner, doc{"external_sharing": "anyone", "allowed_domains": []string{}, "blocked_domains": []string{"partner.example"}}, "blocked_domains")
		refusedFor(f.Admin, doc{"guest_access": false}, "guest_access = false", "ask the Owner")

		policy(t, f, doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"producer"}, "require_external_approval": false})
		f.Create(t, f.Owner, api.RoleAssignmentKind, doc{"role": "producer", "principal": "member:" + objecttest.MemberEmail, "scope": "/"})
		f.Create(t, f.Member, api.GuestKind, mine)
		wantAccess(t, f, "/films", "comment")
	})
}

func TestASponsorLooksAfterTheirOwnGuestsWithinTheirOwnAccess(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		policy(t, f, doc{"guest_invitations": "anyone", "require_external_approval": false})
		other := f.AddMember(t, f.Owner, "nils@example.com", "member")
		mine := func(more doc) doc {
			d := guestDoc(doc{"sponsor": objecttest.MemberEmail})
			for k, v := range more {
				d[k] = v
			}
			return d
		}
		_, err := f.TryCreate(t, f.Member, api.GuestKind, mine(nil))
		objecttest.WantProblem(t, err, api.CodeForbidden) // manages nothing on /films
		f.Create(t, f.Owner, api.AccessGrantKind, doc{"resource": "/films", "principal": "member:" + objecttest.MemberEmail, "level": "manage"})
		_, err = f.TryCreate(t, f.Member, api.GuestKind, guestDoc(nil))
		objecttest.WantViolation(t, err, "/sponsor") // another's name
		f.Create(t, f.Member, api.GuestKind, mine(nil))

		_, err = f.TryPut(t, f.Member, api.GuestKind, gus, mine(doc{"projects": []string{"/films", "/sites"}}))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = f.TryPut(t, other, api.GuestKind, gus, mine(doc{"max_level": "view"}))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if err := f.Service.Delete(ctx, other, api.GuestKind, gus, object.WriteOptions{}); err == nil {
			t.Error("a member who did not invite the guest threw them out")
		}
		_, err = f.TryPut(t, connection(f), api.GuestKind, gus, mine(doc{"max_level": "view"}))
		objecttest.WantProblem(t, err, api.CodeForbidden) // never SCIM's
		f.Put(t, f.Member, api.GuestKind, gus, mine(doc{"max_level": "view"}))
		f.Delete(t, f.Member, api.GuestKind, gus)
		wantAccess(t, f, "/films", "none")
	})
}

func TestATighterPolicyLeavesGuestsWhoAreHereAsTheyAre(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		policy(t, f, doc{"external_sharing": "disabled", "guest_max_days": 1})
		f.Put(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"company": "Partner Group", "max_level": "view"}))
		wantAccess(t, f, "/films", "view")
		_, err := f.TryPut(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"max_level": "edit"}))
		objecttest.WantViolation(t, err, "/email")
		_, err = f.TryPut(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"max_level": "view", "expires_at": at(48 * time.Hour)}))
		objecttest.WantViolation(t, err, "/expires_at")
	})
}

func TestAGuestBecomesAMemberOnlyAfterTheirGuestAccessHasEnded(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		id := f.Get(t, f.Admin, api.MemberKind, gus).GetMeta().ID
		_, err := f.TryPut(t, f.Owner, api.MemberKind, gus, doc{"email": gus, "workspace_role": "admin"})
		if v := objecttest.WantViolation(t, err, "/email"); !strings.Contains(v.Message, "destroy their gatehouse_guest first") {
			t.Errorf("message = %q", v.Message)
		}
		err = f.Service.Delete(ctx, f.Owner, api.MemberKind, gus, object.WriteOptions{})
		if p := objecttest.WantProblem(t, err, api.CodeConflict); !strings.Contains(p.Detail, "gatehouse_guest") {
			t.Errorf("detail = %q", p.Detail)
		}
		f.Delete(t, f.Owner, api.GuestKind, gus)
		m := f.Create(t, f.Owner, api.MemberKind, doc{"email": gus, "workspace_role": "member"}).(*api.Member)
		if m.ID != id || m.WorkspaceRole != "member" || !m.Active {
			t.Errorf("member = %+v, want the same person %s as a member", m, id)
		}
		wantAccess(t, f, "/films", "none")
		_, err = f.TryCreate(t, f.Owner, api.GuestKind, guestDoc(nil))
		objecttest.WantViolation(t, err, "/email")
	})
}

func TestAProjectWithAnotherGrantIsNotTakenOver(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil))
		f.Create(t, f.Admin, api.AccessGrantKind, doc{"resource": "/sites", "principal": "member:" + gus, "level": "view"})
		_, err := f.TryPut(t, f.Admin, api.GuestKind, gus, guestDoc(doc{"projects": []string{"/films", "/sites"}}))
		if v := objecttest.WantViolation(t, err, "/projects/1"); !strings.Contains(v.Message, "access grant on /sites already") {
			t.Errorf("message = %q", v.Message)
		}
	})
}
