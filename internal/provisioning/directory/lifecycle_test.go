package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

func each(t *testing.T, test func(t *testing.T, b *bridge)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) { test(t, newBridge(t, f)) })
}

func (b *bridge) member(t testing.TB, ref string) *api.Member {
	t.Helper()
	return b.Get(t, b.Admin, api.MemberKind, ref).(*api.Member)
}

// join pushes a person and answers the id.
func (b *bridge) join(t testing.TB, email string) string {
	t.Helper()
	return b.post(t, "/Users", fmt.Sprintf(`{"userName":%q,"externalId":%q,"name":{"givenName":"Ann","familyName":"Ott"}}`, email, "ext-"+email))["id"].(string)
}

func (b *bridge) patch(t testing.TB, path string, ops ...string) {
	t.Helper()
	want := http.StatusNoContent
	if strings.HasPrefix(path, "/Users") {
		want = http.StatusOK
	}
	b.call(t, want, "PATCH", path, `{"Operations":[`+strings.Join(ops, ",")+`]}`)
}

const deactivate = `{"op":"Replace","path":"active","value":"False"}`

func refs(ids ...string) string {
	var out []string
	for _, id := range ids {
		out = append(out, `{"value":"`+id+`"}`)
	}
	return "[" + strings.Join(out, ",") + "]"
}

func (b *bridge) teamsOf(t testing.TB, email string) map[string]string {
	t.Helper()
	page, err := b.Service.List(context.Background(), b.Admin, api.TeamMembershipKind, map[string]string{"principal": email}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, o := range page.Items {
		m := o.(*api.TeamMembership)
		out[m.Team] = m.Role + " by " + m.Source
	}
	return out
}

func (b *bridge) events(t testing.TB, f provisioning.EventFilter) []provisioning.Event {
	t.Helper()
	var page api.Page[provisioning.Event]
	err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) (err error) {
		page, err = provisioning.Events(context.Background(), s, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func (b *bridge) claimDomain(t testing.TB, domain string) {
	t.Helper()
	b.Create(t, b.Owner, api.SSOConnectionKind, map[string]any{"name": "okta", "protocol": "oidc", "domains": []string{domain},
		"oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "gatehouse"}})
}

func TestJoinerBecomesAMemberOwnedBySCIM(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "Ann@Example.com")
		m := b.member(t, "ann@example.com")
		if m.ID != id || m.Source != "scim" || m.ManagedBy.Kind != "scim" || m.ManagedBy.Stack != "okta" || m.DisplayName != "Ann Ott" || m.ExternalID != "ext-Ann@Example.com" || m.WorkspaceRole != "member" || !m.Active {
			t.Errorf("member = %+v", m)
		}
		events := b.Events(t, audit.Filter{TargetID: id})
		var actions []string
		for _, e := range events {
			actions = append(actions, e.Action)
			if e.Door != audit.DoorSCIM || e.Actor.Kind != "connection" || e.Actor.Key != "okta" || e.RequestID == "" {
				t.Errorf("event = %+v", e)
			}
		}
		if diff := cmp.Diff([]string{"member.created"}, actions); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPersonWithoutAnAddressWaitsForOne(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.post(t, "/Users", `{"userName":"ann"}`)["id"].(string)
		if m := b.member(t, id); !strings.HasSuffix(m.Email, "@okta.invalid") {
			t.Errorf("e-mail %q", m.Email)
		}
		b.patch(t, "/Users/"+id, `{"op":"add","path":"emails[type eq \"work\"].value","value":"ann@example.com"}`)
		if m := b.member(t, "ann@example.com"); m.ID != id {
			t.Errorf("the address belongs to %s, want %s", m.ID, id)
		}
	})
}

func TestEmailLinksOnlyInAClaimedDomain(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		was := b.member(t, objecttest.MemberEmail)
		body := `{"userName":"` + objecttest.MemberEmail + `","displayName":"Mia"}`
		b.call(t, http.StatusConflict, "POST", "/Users", body)
		b.claimDomain(t, "other.example")
		b.call(t, http.StatusConflict, "POST", "/Users", body)
		b.Put(t, b.Owner, api.SSOConnectionKind, "okta", map[string]any{"name": "okta", "protocol": "oidc", "domains": []string{"example.com"},
			"oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "gatehouse"}})
		if id := b.post(t, "/Users", body)["id"]; id != was.ID {
			t.Errorf("linked to %v, want %s", id, was.ID)
		}
		if m := b.member(t, was.ID); m.DisplayName != "Mia" || m.Connection != "okta" {
			t.Errorf("member = %+v", m)
		}
		// A second connection cannot take over whom another provisions.
		b.Token = b.newToken(t, "entra")
		b.call(t, http.StatusConflict, "POST", "/Users", body)
	})
}

func TestChangedEmailCannotTakeSomebodyOver(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.claimDomain(t, "example.com")
		id := b.join(t, "ann@example.com")
		b.call(t, http.StatusConflict, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"`+objecttest.OwnerEmail+`"}]}`)
		if m := b.member(t, "ann@example.com"); m.ID != id {
			t.Error("the refused rename left something behind")
		}
	})
}

func TestLeaverIsDeniedOnTheNextRequest(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *bridge, string){
		"deactivated": func(t *testing.T, b *bridge, id string) { b.patch(t, "/Users/"+id, deactivate) },
		"put inactive": func(t *testing.T, b *bridge, id string) {
			b.call(t, http.StatusOK, "PUT", "/Users/"+id, `{"userName":"ann@example.com","active":false}`)
		},
		"deleted": func(t *testing.T, b *bridge, id string) { b.call(t, http.StatusNoContent, "DELETE", "/Users/"+id, "") },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bridge) {
				ctx := context.Background()
				id := b.join(t, "ann@example.com")
				b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
				b.Create(t, b.Owner, api.SCIMGroupMappingKind, map[string]any{"connection_name": "okta", "group": "Designers", "team": "design", "team_role": "editor"})
				b.post(t, "/Groups", `{"displayName":"Designers","members":`+refs(id)+`}`)
				b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
				b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "member:ann@example.com", "level": "edit"})
				var token string
				err := b.Service.Do(ctx, b.Owner, func(s *object.Scope) (err error) {
					token, err = signin.IssuePersonalToken(ctx, s, "ann@example.com", time.Hour)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := signin.Authenticate(ctx, b.Service, token, "192.0.2.1"); err != nil {
					t.Fatalf("before: %v", err)
				}
				leave(t, b, id)
				if _, err := signin.Authenticate(ctx, b.Service, token, "192.0.2.1"); err == nil {
					t.Error("the leaver's token still counts")
				}
				if m := b.member(t, id); m.Active || m.SuspendedAt == nil {
					t.Errorf("member = %+v", m)
				}
				if got := b.teamsOf(t, "ann@example.com"); len(got) != 0 {
					t.Errorf("teams = %v", got)
				}
				grants, err := b.Service.List(ctx, b.Admin, api.AccessGrantKind, map[string]string{"principal": "member:ann@example.com"}, "", 10)
				if err != nil || len(grants.Items) != 0 {
					t.Errorf("grants = %v, %v", grants.Items, err)
				}
				err = b.Service.View(ctx, b.Admin, func(s *object.Scope) error {
					subject, err := s.Subject(ctx, "member:ann@example.com")
					if err == nil && subject.Active {
						t.Error("the leaver is an active subject")
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if e := b.events(t, provisioning.EventFilter{Operation: provisioning.OperationLeave}); len(e) != 1 || e[0].Target != id || e[0].Outcome != "applied" {
					t.Errorf("events = %+v", e)
				}
			})
		})
	}
}

func TestOwnerBreakGlassAndLastAdminSurviveAnyPush(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.claimDomain(t, "example.com")
		ids := map[string]string{}
		for _, email := range []string{objecttest.OwnerEmail, objecttest.AdminEmail, objecttest.MemberEmail} {
			ids[email] = b.join(t, email)
		}
		b.Put(t, b.Owner, api.LoginPolicyKind, "", map[string]any{"exempt_principals": []string{objecttest.MemberEmail}})
		b.Put(t, b.Owner, api.WorkspaceKind, "acme", map[string]any{"slug": "acme", "name": "Acme", "min_admins": 2})
		for email, id := range ids {
			t.Run(email, func(t *testing.T) {
				b.call(t, http.StatusForbidden, "PATCH", "/Users/"+id, `{"Operations":[`+deactivate+`]}`)
				b.call(t, http.StatusForbidden, "DELETE", "/Users/"+id, "")
				if email != objecttest.AdminEmail {
					b.call(t, http.StatusForbidden, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"renamed@example.com"}]}`)
				}
				if m := b.member(t, email); !m.Active {
					t.Error("locked out")
				}
				if u := b.get(t, "/Users/"+id); u["active"] != true {
					t.Error("the directory says inactive although the push was refused")
				}
				events := b.events(t, provisioning.EventFilter{Target: id, Outcome: provisioning.OutcomeQuarantined})
				if len(events) < 2 || events[0].Detail == "" || len(events[0].Request) == 0 {
					t.Errorf("events = %+v", events)
				}
				var held int
				for _, e := range b.Events(t, audit.Filter{TargetID: id}) {
					if e.Action == "provisioning.quarantined" {
						held++
					}
				}
				if held != len(events) {
					t.Errorf("%d audit events, want %d", held, len(events))
				}
			})
		}
	})
}

func TestRehireIsTheSameIdentity(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "ann@example.com")
		b.patch(t, "/Users/"+id, deactivate)
		again := b.post(t, "/Users", `{"userName":"ANN@example.com","externalId":"ext-ann@example.com"}`)
		if again["id"] != id || again["active"] != true {
			t.Errorf("after deactivation: %v", again)
		}
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+id, "")
		b.call(t, http.StatusNotFound, "GET", "/Users/"+id, "")
		if again := b.join(t, "ann@example.com"); again != id {
			t.Errorf("after deletion: %s, want %s", again, id)
		}
		if !b.member(t, id).Active {
			t.Error("the rehired member is suspended")
		}
		// Under another name, by externalId.
		b.patch(t, "/Users/"+id, deactivate)
		b.post(t, "/Users", `{"userName":"ann.ott@example.com","externalId":"ext-ann@example.com"}`)
		if m := b.member(t, "ann.ott@example.com"); m.ID != id {
			t.Errorf("by externalId: %s, want %s", m.ID, id)
		}
	})
}

func TestReusedNameIsNotTheOldPersonUnlessTheDomainIsClaimed(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "j.smith@example.com")
		b.patch(t, "/Users/"+id, deactivate)
		other := `{"userName":"j.smith@example.com","externalId":"somebody else"}`
		b.call(t, http.StatusConflict, "POST", "/Users", other)
		b.claimDomain(t, "example.com")
		if got := b.post(t, "/Users", other)["id"]; got != id {
			t.Errorf("id %v, want %s", got, id)
		}
	})
}

func TestRenameKeepsTheIdentityAndItsAccess(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "ann@example.com")
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
		b.Create(t, b.Owner, api.TeamMembershipKind, map[string]any{"team": "design", "principal": "ann@example.com", "role": "reviewer"})
		b.patch(t, "/Users/"+id, `{"op":"replace","value":{"userName":"ann.ott@example.com","displayName":"Ann O."}}`)
		m := b.member(t, id)
		if m.Email != "ann.ott@example.com" || m.DisplayName != "Ann O." {
			t.Errorf("member = %+v", m)
		}
		if diff := cmp.Diff(map[string]string{"design": "reviewer by manual"}, b.teamsOf(t, "ann.ott@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBulkRemovalIsHeldForAHuman(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		for _, id := range ids[:3] { // a quarter of twelve
			b.patch(t, "/Users/"+id, deactivate)
		}
		fourth := ids[3]
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+fourth, `{"Operations":[`+deactivate+`]}`)
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+ids[4], "")
		if !b.member(t, fourth).Active {
			t.Fatal("the held removal was applied")
		}
		held := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined, Target: fourth})
		if len(held) != 1 {
			t.Fatalf("events = %+v", held)
		}
		err := b.Service.Do(context.Background(), b.Member, func(s *object.Scope) error {
			_, err := provisioning.Release(context.Background(), s, held[0].ID)
			return err
		})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		err = b.Service.Do(context.Background(), b.Admin, func(s *object.Scope) error {
			e, err := provisioning.Release(context.Background(), s, held[0].ID)
			if err == nil && (e.ReleasedAt == nil || e.ReleasedBy != "member:"+objecttest.AdminEmail) {
				t.Errorf("released = %+v", e)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Users/"+fourth, deactivate)
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+ids[4], "")
		// A single leaver later is not delayed.
		b.Advance(2 * time.Hour)
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ids[4], "")
	})
}

func TestEventsTellWhatHappenedWithoutSecrets(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.post(t, "/Users", `{"userName":"ann@example.com","password":"t0p-secret-value","favouriteColour":"blue"}`)["id"].(string)
		b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"ann@example.com","password":"t0p-secret-value"}`)
		b.patch(t, "/Users/"+id, `{"op":"replace","path":"userName","value":"ann@example.com"}`)
		b.get(t, "/Users/"+id)
		b.call(t, http.StatusBadRequest, "GET", "/Users?filter=nonsense", "")
		var got []string
		for _, e := range b.events(t, provisioning.EventFilter{}) {
			got = append(got, fmt.Sprintf("%s %s %d", e.Operation, e.Outcome, e.Status))
			if strings.Contains(string(e.Request)+e.Detail, "t0p-secret") {
				t.Errorf("a password in the event log: %+v", e)
			}
			if e.Connection != "okta" || e.RequestID == "" {
				t.Errorf("event = %+v", e)
			}
		}
		slices.Reverse(got)
		want := []string{"join applied 201", "join failed 409", "update ignored 200", "request failed 400"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if e := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeApplied}); len(e) != 1 || !strings.Contains(e[0].Detail, "favouriteColour") {
			t.Errorf("what was ignored is not told: %+v", e)
		}
		err := b.Service.View(context.Background(), b.Member, func(s *object.Scope) error {
			_, err := provisioning.Events(context.Background(), s, provisioning.EventFilter{})
			return err
		})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestEventsPageWithoutLosingAny(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.populate(t, 7)
		seen, cursor := map[string]bool{}, ""
		for range 10 {
			var page api.Page[provisioning.Event]
			err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) (err error) {
				page, err = provisioning.Events(context.Background(), s, provisioning.EventFilter{Connection: "okta", Cursor: cursor, Limit: 3})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Items {
				seen[e.ID] = true
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if len(seen) != 7 {
			t.Errorf("%d events, want 7", len(seen))
		}
	})
}

func TestConnectionSeesOnlyItsOwn(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "ann@example.com")
		group := b.post(t, "/Groups", `{"displayName":"Designers","members":`+refs(id)+`}`)["id"].(string)
		b.Token = b.newToken(t, "entra")
		for _, path := range []string{"/Users/" + id, "/Groups/" + group} {
			for _, method := range []string{"GET", "DELETE"} {
				b.call(t, http.StatusNotFound, method, path, "")
			}
			b.call(t, http.StatusNotFound, "PATCH", path, `{"Operations":[{"op":"replace","path":"externalId","value":"x"}]}`)
		}
		if got := b.list(t, "/Users"); len(got) != 0 {
			t.Errorf("users = %v", got)
		}
		if got := b.list(t, "/Groups"); len(got) != 0 {
			t.Errorf("groups = %v", got)
		}
		b.call(t, http.StatusBadRequest, "POST", "/Groups", `{"displayName":"Designers","members":`+refs(id)+`}`)
	})
}

func TestOnlyConnectionsMayKnock(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ctx := context.Background()
		err := b.Service.Do(ctx, b.Owner, func(s *object.Scope) (err error) {
			b.Token, err = signin.IssuePersonalToken(ctx, s, objecttest.OwnerEmail, time.Hour)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.call(t, http.StatusUnauthorized, "GET", "/Users", "")
		// Nor may a person call the use-cases past the door.
		err = b.Service.Do(ctx, b.Owner, func(s *object.Scope) error {
			_, err := provisioning.Join(ctx, s, provisioning.Person{UserName: "x@example.com", Doc: "{}", Folded: "{}"}, &provisioning.Event{})
			return err
		})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// rowCount counts rows of a table of the fixture's workspace.
func (b *bridge) rowCount(t testing.TB, table, where string, args ...any) (n int64) {
	t.Helper()
	err := b.DB.Read(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRowContext(context.Background(), `SELECT COUNT(*) FROM `+table+` WHERE `+where, args...).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
