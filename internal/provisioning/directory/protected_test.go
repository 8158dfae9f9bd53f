package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// bulkStatus sends one operation in a Bulk request and answers its status.
func (b *bridge) bulkStatus(t testing.TB, method, path, data string) int {
	t.Helper()
	out := b.call(t, http.StatusOK, "POST", "/Bulk", bulk(method, []string{path}, data))
	var status int
	_, err := fmt.Sscan(out["Operations"].([]any)[0].(map[string]any)["status"].(string), &status)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// leavings are the forms in which an identity provider ends somebody.
var leavings = map[string]func(t testing.TB, b *bridge, id, email string) int{
	"PATCH active": func(t testing.TB, b *bridge, id, _ string) int {
		return b.status(t, "PATCH", "/Users/"+id, `{"Operations":[`+deactivate+`]}`)
	},
	"PATCH without a path": func(t testing.TB, b *bridge, id, _ string) int {
		return b.status(t, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","value":{"active":false}}]}`)
	},
	"PUT": func(t testing.TB, b *bridge, id, email string) int {
		return b.status(t, "PUT", "/Users/"+id, `{"userName":"`+email+`","active":false}`)
	},
	"DELETE": func(t testing.TB, b *bridge, id, _ string) int { return b.status(t, "DELETE", "/Users/"+id, "") },
	"Bulk PATCH": func(t testing.TB, b *bridge, id, _ string) int {
		return b.bulkStatus(t, "PATCH", "/Users/"+id, `{"Operations":[`+deactivate+`]}`)
	},
	"Bulk PUT": func(t testing.TB, b *bridge, id, email string) int {
		return b.bulkStatus(t, "PUT", "/Users/"+id, `{"userName":"`+email+`","active":"False"}`)
	},
	"Bulk DELETE": func(t testing.TB, b *bridge, id, _ string) int {
		return b.bulkStatus(t, "DELETE", "/Users/"+id, "")
	},
}

// renamings are the forms in which one renames somebody.
var renamings = map[string]func(t testing.TB, b *bridge, id, email string) int{
	"PATCH userName": func(t testing.TB, b *bridge, id, _ string) int {
		return b.status(t, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"other@example.com"}]}`)
	},
	"PUT another userName": func(t testing.TB, b *bridge, id, _ string) int {
		return b.status(t, "PUT", "/Users/"+id, `{"userName":"other@example.com","active":true}`)
	},
	"Bulk PATCH userName": func(t testing.TB, b *bridge, id, _ string) int {
		return b.bulkStatus(t, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","value":{"userName":"other@example.com"}}]}`)
	},
	"a plain userName and another address": func(t testing.TB, b *bridge, id, _ string) int {
		return b.status(t, "PUT", "/Users/"+id, `{"userName":"somebody","emails":[{"value":"other@example.com","primary":true}],"active":true}`)
	},
}

// TestProtectedPeopleSurviveEveryForm: the Owner, break-glass accounts, whom the policy
// protects and the last admins are ended and renamed by no request of any form; each
// attempt waits in quarantine, and no release lets it pass.
func TestProtectedPeopleSurviveEveryForm(t *testing.T) {
	const star = "star@example.com"
	each(t, func(t *testing.T, b *bridge) {
		b.claimDomain(t, "example.com")
		ids := map[string]string{}
		for _, email := range []string{objecttest.OwnerEmail, objecttest.AdminEmail, objecttest.MemberEmail, star} {
			ids[email] = b.join(t, email)
		}
		b.Put(t, b.Owner, api.LoginPolicyKind, "", map[string]any{"exempt_principals": []string{objecttest.MemberEmail}})
		b.Put(t, b.Owner, api.WorkspaceKind, "acme", map[string]any{"slug": "acme", "name": "Acme", "min_admins": 2})
		b.policy(t, map[string]any{"protected_principals": []string{star}, "deprovision": "delete"})
		try := func(t *testing.T, email, form string, send func(testing.TB, *bridge, string, string) int) {
			t.Helper()
			id := ids[email]
			before := len(b.events(t, provisioning.EventFilter{Target: id, Outcome: provisioning.OutcomeQuarantined, Limit: 500}))
			if status := send(t, b, id, email); status != http.StatusForbidden {
				t.Errorf("%s: %s is answered %d", email, form, status)
			}
			if m := b.member(t, id); !m.Active || m.Email != email {
				t.Fatalf("%s: %s made %+v", email, form, m)
			}
			if u := b.get(t, "/Users/"+id); u["active"] != true || u["userName"] != email {
				t.Fatalf("%s: %s left %v in the directory", email, form, u)
			}
			events := b.events(t, provisioning.EventFilter{Target: id, Outcome: provisioning.OutcomeQuarantined, Limit: 500})
			if len(events) != before+1 {
				t.Fatalf("%s: %s left %d events in quarantine, want one", email, form, len(events)-before)
			}
			objecttest.WantProblem(t, b.decide(t, provisioning.Release, events[0].ID), api.CodeLockout)
		}
		for email := range ids {
			for form, send := range leavings {
				try(t, email, form, send)
			}
			if email == objecttest.AdminEmail {
				continue // admins may be called otherwise
			}
			for form, send := range renamings {
				try(t, email, form, send)
			}
		}
	})
}

// Somebody who is linked inactive would leave in the same moment.
func TestProtectedPeopleAreNotLinkedInactive(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.claimDomain(t, "example.com")
		b.Put(t, b.Owner, api.LoginPolicyKind, "", map[string]any{"exempt_principals": []string{objecttest.MemberEmail}})
		b.Put(t, b.Owner, api.WorkspaceKind, "acme", map[string]any{"slug": "acme", "name": "Acme", "min_admins": 2})
		for _, email := range []string{objecttest.OwnerEmail, objecttest.AdminEmail, objecttest.MemberEmail} {
			b.call(t, http.StatusForbidden, "POST", "/Users", `{"userName":"`+email+`","active":false}`)
			if m := b.member(t, email); !m.Active || m.Connection != "" {
				t.Errorf("member = %+v", m)
			}
		}
	})
}

// TestNoChangeOfAGroupRemovesTheLastAdmins: in whatever way a group stops to make admins,
// min_admins of them stay.
func TestNoChangeOfAGroupRemovesTheLastAdmins(t *testing.T) {
	for name, take := range map[string]func(t testing.TB, b *bridge, group, id, mapping string) error{
		"PATCH": func(t testing.TB, b *bridge, group, id, _ string) error {
			return refused(b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[`+remove(id)+`]}`))
		},
		"PUT": func(t testing.TB, b *bridge, group, _, _ string) error {
			return refused(b.status(t, "PUT", "/Groups/"+group, `{"displayName":"Admins","members":[]}`))
		},
		"Bulk": func(t testing.TB, b *bridge, group, id, _ string) error {
			return refused(b.bulkStatus(t, "PATCH", "/Groups/"+group, `{"Operations":[`+remove(id)+`]}`))
		},
		"DELETE": func(t testing.TB, b *bridge, group, _, _ string) error {
			return refused(b.status(t, "DELETE", "/Groups/"+group, ""))
		},
		"another name": func(t testing.TB, b *bridge, group, _, _ string) error {
			return refused(b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"displayName","value":"Helpers"}]}`))
		},
		"the mapping is destroyed": func(_ testing.TB, b *bridge, _, _, mapping string) error {
			return b.Service.Delete(context.Background(), objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, mapping, object.WriteOptions{})
		},
		"the mapping means less": func(t testing.TB, b *bridge, _, _, mapping string) error {
			_, err := b.TryPut(t, objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, mapping, map[string]any{"connection_name": "okta", "group": "Admins", "workspace_role": "member"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bridge) {
				mapping := b.mapping(t, map[string]any{"group": "Admins", "workspace_role": "admin"})
				ann := b.join(t, "ann@example.com")
				group := b.group(t, "Admins", ann)
				b.Put(t, b.Owner, api.WorkspaceKind, "acme", map[string]any{"slug": "acme", "name": "Acme", "min_admins": 3})
				err := take(t, b, group, ann, mapping)
				if err == nil {
					t.Error("it was made")
				}
				if strings.HasPrefix(name, "the mapping") {
					objecttest.WantProblem(t, err, api.CodeLockout)
				}
				if role := b.member(t, ann).WorkspaceRole; role != "admin" {
					t.Errorf("the last admin is %s", role)
				}
				if members, _ := b.get(t, "/Groups/"+group)["members"].([]any); len(members) != 1 {
					t.Error("the refused change stayed")
				}
			})
		})
	}
}

func refused(status int) error {
	if status == http.StatusForbidden {
		return fmt.Errorf("refused with %d", status)
	}
	return nil
}

// TestAnUnverifiedEmailTakesNobodyOver: an address that a connection merely asserts links
// to nobody, in whatever attribute and form it comes, and the attempt stays in the log.
func TestAnUnverifiedEmailTakesNobodyOver(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		was := map[string]*api.Member{}
		for _, email := range []string{objecttest.OwnerEmail, objecttest.MemberEmail} {
			was[email] = b.member(t, email)
		}
		b.claimDomain(t, "other.example")
		mallory := b.join(t, "mallory@other.example")
		attempts := 0
		for email := range was {
			upper := strings.ToUpper(email)
			for _, body := range []string{
				`{"userName":"` + email + `"}`,
				`{"userName":"` + upper + `","externalId":"ext-mallory@other.example2"}`,
				`{"userName":"mallory2","emails":[{"value":"` + upper + `","primary":true,"type":"work"}]}`,
				`{"userName":"mallory3","emails":[{"value":"` + email + `"}],"active":false}`,
			} {
				b.call(t, http.StatusConflict, "POST", "/Users", body)
				attempts++
			}
			for _, body := range []string{
				`{"Operations":[{"op":"replace","path":"userName","value":"` + upper + `"}]}`,
				`{"Operations":[{"op":"replace","value":{"userName":"mallory","emails":[{"value":"` + email + `","primary":true}]}}]}`,
			} {
				b.call(t, http.StatusConflict, "PATCH", "/Users/"+mallory, body)
				attempts++
			}
		}
		for email, m := range was {
			if diff := cmp.Diff(m, b.member(t, email)); diff != "" {
				t.Errorf("%s changed: %s", email, diff)
			}
		}
		if n := len(b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeFailed, Limit: 100})); n != attempts {
			t.Errorf("%d failed events, want %d", n, attempts)
		}
	})
}

const sessionRow = `INSERT INTO session (id, workspace_id, principal, hash, created_at, expires_at, revoked_at) VALUES ($2, $1, $3, $2, $4, 4102444800000000, 0)`

// TestALeaverLosesEverythingAtOnce: one request ends sessions, tokens, what groups gave
// and what people gave, and who answers for machines is named for review.
func TestALeaverLosesEverythingAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		b.mapping(t, map[string]any{"group": "Auditors", "role": "viewer", "scope": "/brand"})
		ann := b.join(t, "ann@example.com")
		b.group(t, "Designers", ann)
		b.group(t, "Auditors", ann)
		b.Create(t, b.Owner, api.TeamMembershipKind, map[string]any{"team": "finance", "principal": "ann@example.com", "role": "viewer"})
		b.Create(t, b.Owner, api.RoleAssignmentKind, map[string]any{"role": "editor", "principal": "member:ann@example.com", "scope": "/brand"})
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "member:ann@example.com", "level": "edit"})
		b.Create(t, b.Owner, api.ServiceAccountKind, map[string]any{"name": "ci", "owner": "ann@example.com"})
		err := b.Service.Do(context.Background(), b.Owner, func(s *object.Scope) error {
			for _, id := range []string{"s1", "s2"} {
				if _, err := s.Tx.ExecContext(context.Background(), sessionRow, s.WorkspaceID, id, "member:ann@example.com", s.Now.UnixMicro()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Users/"+ann, deactivate)
		for table, where := range map[string]string{
			"team_membership": "principal = 'ann@example.com'", "role_assignment": "principal = 'member:ann@example.com'",
			"access_grant": "principal = 'member:ann@example.com'", "session": "principal = 'member:ann@example.com' AND revoked_at = 0",
		} {
			if n := b.rowCount(t, table, where); n != 0 {
				t.Errorf("%d rows of %s outlive the leaver", n, table)
			}
		}
		leave := b.events(t, provisioning.EventFilter{Operation: provisioning.OperationLeave})[0]
		took := map[string]int{}
		for _, e := range b.Events(t, audit.Filter{}) {
			if e.RequestID == leave.RequestID && e.Effect == audit.EffectNarrowed {
				took[e.Action]++
			}
		}
		want := map[string]int{"session.revoked": 1, "team_membership.revoked": 2, "role_assignment.revoked": 2, "access_grant.revoked": 1, "member.suspended": 1, "scim_user.updated": 1}
		if diff := cmp.Diff(want, took); diff != "" {
			t.Errorf("what the request of the leaver took (- want, + is): %s", diff)
		}
		named := b.Events(t, audit.Filter{Action: "provisioning.review_suggested"})
		if len(named) != 1 || !strings.Contains(strings.Join(named[0].Reasons, " "), "ci") {
			t.Errorf("who answers for a machine is not named: %+v", named)
		}
		// Coming back gives what groups give, and nothing else.
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":true}`)
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim"})
		if n := b.rowCount(t, "access_grant", "principal = 'member:ann@example.com'"); n != 0 {
			t.Error("a grant came back")
		}
	})
}

// TestOnlyAnEnabledConnectionClaimsExactlyItsDomains: a domain above, below or of a
// disabled connection verifies nobody.
func TestOnlyAnEnabledConnectionClaimsExactlyItsDomains(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		declare := func(enabled bool, domains ...string) {
			b.Put(t, b.Owner, api.SSOConnectionKind, "okta", map[string]any{"name": "okta", "protocol": "oidc", "domains": domains, "enabled": enabled,
				"oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "gatehouse"}})
		}
		was := b.member(t, objecttest.MemberEmail)
		body := `{"userName":"` + objecttest.MemberEmail + `"}`
		for _, domain := range []string{"eu.example.com", "ample.com", "com.example"} {
			declare(true, domain)
			b.call(t, http.StatusConflict, "POST", "/Users", body)
		}
		declare(false, "example.com")
		b.call(t, http.StatusConflict, "POST", "/Users", body)
		declare(true, "other.example", "example.com")
		if id := b.post(t, "/Users", body)["id"]; id != was.ID {
			t.Errorf("linked to %v, want %s", id, was.ID)
		}
	})
}
