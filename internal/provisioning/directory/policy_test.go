package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// policy declares what connection okta may do.
func (b *bridge) policy(t testing.TB, attributes map[string]any) *api.ProvisioningPolicy {
	t.Helper()
	doc := map[string]any{"connection_name": "okta"}
	for k, v := range attributes {
		doc[k] = v
	}
	return b.Put(t, b.Owner, api.ProvisioningPolicyKind, "okta", doc).(*api.ProvisioningPolicy)
}

// decide releases or rejects an event as an admin.
func (b *bridge) decide(t testing.TB, how func(context.Context, *object.Scope, string) (*provisioning.Event, error), id string) error {
	t.Helper()
	return b.Service.Do(context.Background(), b.Admin, func(s *object.Scope) error {
		_, err := how(context.Background(), s, id)
		return err
	})
}

// held is the one change that waits.
func (b *bridge) held(t testing.TB) provisioning.Event {
	t.Helper()
	waiting := b.events(t, provisioning.EventFilter{Waiting: true})
	if len(waiting) != 1 {
		t.Fatalf("%d changes wait: %+v", len(waiting), waiting)
	}
	return waiting[0]
}

func TestRatioOfThePolicyHoldsBulkRemovals(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"max_removal_ratio": "0"})
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		b.patch(t, "/Users/"+ids[0], deactivate) // a single leaver never waits
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ids[1], `{"Operations":[`+deactivate+`]}`)
		b.policy(t, map[string]any{"max_removal_ratio": "1"})
		for _, id := range ids[1:] {
			b.patch(t, "/Users/"+id, deactivate)
		}
	})
}

func TestARejectedChangeIsNotAskedAboutAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"max_removal_ratio": "0"})
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		b.patch(t, "/Users/"+ids[0], deactivate)
		again := func() {
			b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ids[1], `{"Operations":[`+deactivate+`]}`)
		}
		again()
		e := b.held(t)
		objecttest.WantProblem(t, b.Service.Do(context.Background(), b.Member, func(s *object.Scope) error {
			_, err := provisioning.Reject(context.Background(), s, e.ID)
			return err
		}), api.CodeForbidden)
		if err := b.decide(t, provisioning.Reject, e.ID); err != nil {
			t.Fatal(err)
		}
		b.Advance(time.Minute)
		again()
		if waiting := b.events(t, provisioning.EventFilter{Waiting: true}); len(waiting) != 0 {
			t.Errorf("asked again: %+v", waiting)
		}
		if !b.member(t, ids[1]).Active {
			t.Error("a rejected removal was made")
		}
		// Whoever changes their mind releases the attempt after all.
		latest := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined})[0]
		if err := b.decide(t, provisioning.Release, latest.ID); err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Users/"+ids[1], deactivate)
	})
}

func TestAHeldChangeLapsesWithTheQuarantine(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"email_change": "hold", "quarantine_hours": 2})
		id := b.join(t, "ann@example.com")
		rename := `{"Operations":[{"op":"replace","path":"userName","value":"ann.ott@example.com"}]}`
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+id, rename)
		e := b.held(t)
		b.Advance(3 * time.Hour)
		if waiting := b.events(t, provisioning.EventFilter{Waiting: true}); len(waiting) != 0 {
			t.Errorf("still waiting: %+v", waiting)
		}
		objecttest.WantProblem(t, b.decide(t, provisioning.Release, e.ID), api.CodeConflict)
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+id, rename)
		if b.held(t).ID == e.ID {
			t.Error("the new attempt does not wait")
		}
	})
}

func TestAHeldChangeOfEmailPassesWhenReleased(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"email_change": "hold"})
		id := b.join(t, "ann@example.com")
		rename := `{"Operations":[{"op":"replace","path":"userName","value":"ann.ott@example.com"},{"op":"replace","path":"title","value":"T"}]}`
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+id, rename)
		if u := b.get(t, "/Users/"+id); u["userName"] != "ann@example.com" || u["title"] != nil {
			t.Errorf("a held change was made in part: %v", u)
		}
		b.patch(t, "/Users/"+id, `{"op":"replace","path":"title","value":"Engineer"}`) // nothing else waits
		if err := b.decide(t, provisioning.Release, b.held(t).ID); err != nil {
			t.Fatal(err)
		}
		b.call(t, http.StatusOK, "PATCH", "/Users/"+id, rename)
		if m := b.member(t, "ann.ott@example.com"); m.ID != id {
			t.Errorf("member = %+v", m)
		}
		// A first address takes nothing from anybody.
		nameless := b.post(t, "/Users", `{"userName":"bob"}`)["id"].(string)
		b.patch(t, "/Users/"+nameless, `{"op":"replace","path":"userName","value":"bob@example.com"}`)
	})
}

func TestProtectedPrincipalsSurviveTheirConnection(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ann := b.join(t, "ann@example.com")
		b.policy(t, map[string]any{"protected_principals": []string{"Ann@example.com"}})
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ann, `{"Operations":[`+deactivate+`]}`)
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+ann, "")
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ann, `{"Operations":[{"op":"replace","path":"userName","value":"other@example.com"}]}`)
		if m := b.member(t, "ann@example.com"); !m.Active || m.ID != ann {
			t.Errorf("member = %+v", m)
		}
		for _, e := range b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined}) {
			p := objecttest.WantProblem(t, b.decide(t, provisioning.Release, e.ID), api.CodeLockout)
			if !strings.Contains(p.Detail, "protected_principals") {
				t.Errorf("the refusal does not say what to do: %s", p.Detail)
			}
		}
		b.policy(t, nil)
		b.patch(t, "/Users/"+ann, deactivate)
		_, err := b.TryPut(t, b.Owner, api.ProvisioningPolicyKind, "okta", map[string]any{"connection_name": "okta", "protected_principals": []string{"nobody@example.com"}})
		objecttest.WantViolation(t, err, "/protected_principals/0")
	})
}

func TestUnknownGroupBecomesATeamWhereThePolicySaysSo(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ann, bob := b.join(t, "ann@example.com"), b.join(t, "bob@example.com")
		b.group(t, "Before", ann)
		b.policy(t, map[string]any{"unknown_group": "create_team"})
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "legal", "name": "Legal"})
		group := b.group(t, "Motion & Design (EU)", ann)
		b.wantTeams(t, "ann@example.com", map[string]string{"motion-design-eu": "viewer by scim"})
		if team := b.Get(t, b.Owner, api.TeamKind, "motion-design-eu").(*api.Team); team.Name != "Motion & Design (EU)" || team.ManagedBy.Kind != api.ManagedBySCIM {
			t.Errorf("team = %+v", team)
		}
		b.patch(t, "/Groups/"+group, `{"op":"add","path":"members","value":`+refs(bob)+`}`)
		b.wantTeams(t, "bob@example.com", map[string]string{"motion-design-eu": "viewer by scim"})
		// A team that exists is somebody's, and names without letters make none.
		b.group(t, "Legal", bob)
		b.group(t, "設計", bob)
		b.wantTeams(t, "bob@example.com", map[string]string{"motion-design-eu": "viewer by scim"})
		b.call(t, http.StatusNoContent, "DELETE", "/Groups/"+group, "")
		b.wantTeams(t, "bob@example.com", map[string]string{})
	})
}

func TestDeletedPeopleAreForgottenWhereThePolicySaysSo(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"deprovision": "delete"})
		ann := b.join(t, "ann@example.com")
		b.patch(t, "/Users/"+ann, deactivate)
		if m := b.member(t, "ann@example.com"); m.Active || m.ID != ann {
			t.Errorf("deactivated: %+v", m)
		}
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ann, "")
		_, err := b.Service.Get(context.Background(), b.Admin, api.MemberKind, "ann@example.com")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		if n := b.rowCount(t, "scim_user", "member_id = $1", ann); n != 0 {
			t.Errorf("%d rows are left of the person", n)
		}
		if again := b.join(t, "ann@example.com"); again == ann {
			t.Error("a forgotten identity came back")
		}
		// Whoever is protected is not forgotten, suspended or not.
		bob := b.join(t, "bob@example.com")
		b.patch(t, "/Users/"+bob, deactivate)
		b.policy(t, map[string]any{"deprovision": "delete", "protected_principals": []string{"bob@example.com"}})
		b.call(t, http.StatusForbidden, "DELETE", "/Users/"+bob, "")
	})
}

func TestRehireIsRefusedWhereThePolicySaysSo(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"rehire": "refuse"})
		ann := b.join(t, "ann@example.com")
		b.patch(t, "/Users/"+ann, deactivate)
		if out := b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"ann@example.com"}`); out["scimType"] != "uniqueness" {
			t.Errorf("answer = %v", out)
		}
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":true}`)
		if !b.member(t, "ann@example.com").Active {
			t.Error("the account that exists could not be activated")
		}
	})
}

func TestLinksOfALeaverFollowThePolicy(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		boss := b.join(t, "boss@example.com")
		b.Put(t, b.Owner, api.SharingPolicyKind, "", map[string]any{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}})
		link := func(email string) (person, id string) {
			person = b.post(t, "/Users", fmt.Sprintf(`{"userName":%q,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":%q}}}`, email, boss))["id"].(string)
			slug := strings.TrimSuffix(email, "@example.com")
			team := b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": slug, "name": slug}).(*api.Team)
			b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/" + slug, "name": slug, "team": team.Slug})
			b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/" + slug, "principal": "member:" + email, "level": "full_access"})
			caller := &object.Caller{WorkspaceID: b.Workspace.ID, WorkspaceSlug: b.Workspace.Slug, Kind: object.PrincipalMember, ID: person, Key: email, Door: "rest"}
			made := b.Create(t, caller, api.ShareLinkKind, map[string]any{"resource": "/" + slug, "name": "Cut of " + slug, "kind": "recipient", "recipients": []string{"zoe@partner.example"}})
			return person, made.GetMeta().ID
		}
		state := func(id string) string {
			l := b.Get(t, b.Owner, api.ShareLinkKind, id).(*api.ShareLink)
			if l.State != api.LinkRevoked {
				l.State = "open" // it may wait for an approval
			}
			return l.State + " by " + l.CreatedBy
		}
		ann, revoked := link("ann@example.com")
		b.patch(t, "/Users/"+ann, deactivate)
		if got := state(revoked); got != "revoked by member:ann@example.com" {
			t.Errorf("without a policy: %s", got)
		}
		b.policy(t, map[string]any{"link_handling": "transfer_to_manager"})
		bob, handed := link("bob@example.com")
		b.patch(t, "/Users/"+bob, deactivate)
		if got := state(handed); got != "open by member:boss@example.com" {
			t.Errorf("with a manager: %s", got)
		}
		// A manager who left takes nothing over.
		cem, lost := link("cem@example.com")
		b.patch(t, "/Users/"+boss, deactivate)
		b.patch(t, "/Users/"+cem, deactivate)
		if got := state(lost); got != "revoked by member:cem@example.com" {
			t.Errorf("with a manager who left: %s", got)
		}
	})
}

func TestDestroyedPolicyIsKeptOrReset(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		code := objecttest.Stack(b.Owner, "infra")
		doc := map[string]any{"connection_name": "okta", "max_removal_ratio": "0.1", "rehire": "refuse"}
		b.Create(t, code, api.ProvisioningPolicyKind, doc)
		b.Delete(t, code, api.ProvisioningPolicyKind, "okta")
		kept := b.Get(t, b.Owner, api.ProvisioningPolicyKind, "okta").(*api.ProvisioningPolicy)
		if kept.MaxRemovalRatio != "0.1" || kept.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("kept: %+v", kept)
		}
		if _, err := b.TryCreate(t, code, api.ProvisioningPolicyKind, doc); err == nil {
			t.Error("a policy that somebody else holds was taken over in silence")
		}
		b.policy(t, map[string]any{"max_removal_ratio": "0.1", "on_destroy": "reset"})
		b.Delete(t, b.Owner, api.ProvisioningPolicyKind, "okta")
		reset := b.Get(t, b.Owner, api.ProvisioningPolicyKind, "okta").(*api.ProvisioningPolicy)
		if reset.MaxRemovalRatio != "0.25" || reset.Rehire != "reactivate" || reset.ID != kept.ID {
			t.Errorf("reset: %+v", reset)
		}
		b.Create(t, code, api.ProvisioningPolicyKind, doc) // at the default it is nobody's
	})
}
