package sharing_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// partners makes the team agency, which takes guests, with the guest in it.
func (w *world) partners() {
	w.t.Helper()
	w.Create(w.t, w.Owner, api.TeamKind, doc{"slug": "agency", "name": "Agency", "external_allowed": true})
	w.join("agency", guest, "viewer")
	w.join("agency", designer, "viewer")
}

func (w *world) join(team, email, role string) {
	w.t.Helper()
	w.Create(w.t, w.Owner, api.TeamMembershipKind, doc{"team": team, "principal": email, "role": role})
}

// group makes a pushed group with people in it, as a directory leaves it.
func (w *world) group(name string, emails ...string) {
	w.t.Helper()
	w.Service.Groups = provisioning.GroupNames
	w.sql(`INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) VALUES ($1, $2, 'okta', $3, $2, '', 1, 0, 0)`, w.Workspace.ID, "sgrp_"+name, name)
	for _, email := range emails {
		w.sql(`INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT workspace_id, $2, id, 0 FROM member WHERE workspace_id = $1 AND key = $3`, w.Workspace.ID, "sgrp_"+name, email)
	}
}

func TestGrantToATeamOrGroupWithGuestsWaitsForApproval(t *testing.T) {
	for _, principal := range []string{"team:agency", "group:Agency"} {
		t.Run(principal, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.open(nil)
				w.partners()
				w.group("Agency", guest, designer)
				nils := w.manager(nobody, "/finance")
				g := w.Create(t, nils, api.AccessGrantKind, doc{"resource": "/finance", "principal": principal, "level": "view"}).(*api.AccessGrant)
				if g.State != api.StatePendingApproval {
					t.Errorf("state = %q", g.State)
				}
				q := w.pending()
				if len(q.Outside) != 1 || q.Outside[0] != guest {
					t.Errorf("request = %+v", q)
				}
				wantWords(t, q.Summary, "gency", guest+" is from outside")
				w.wantLevel("member:"+guest, "/finance", "none")
				w.wantLevel("member:"+designer, "/finance", "none")
				w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
				w.wantLevel("member:"+guest, "/finance", "view")
				w.wantLevel("member:"+designer, "/finance", "view")

				// What is in effect is not widened without a word.
				_, err := w.TryPut(t, nils, api.AccessGrantKind, g.ID, doc{"resource": "/finance", "principal": principal, "level": "edit"})
				objecttest.WantViolation(t, err, "/principal")
			})
		})
	}
}

func TestGrantToATeamWithoutGuestsDoesNotWait(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		nils := w.manager(nobody, "/finance")
		w.Create(t, nils, api.AccessGrantKind, doc{"resource": "/finance", "principal": "team:design", "level": "view"})
		w.wantLevel("member:"+designer, "/finance", "view")
	})
}

// Once a team has something that would need approval, guests do not join it by the way.
func TestGuestDoesNotJoinATeamThatHasWhatNeedsApproval(t *testing.T) {
	has := map[string]func(w *world){
		"a grant": func(w *world) { w.grant("team:agency", "/finance", "view") },
		"a waiting grant": func(w *world) {
			w.join("agency", "other@partner.example", "viewer")
			nils := w.manager(nobody, "/finance")
			w.Create(w.t, nils, api.AccessGrantKind, doc{"resource": "/finance", "principal": "team:agency", "level": "view"})
		},
		"a role": func(w *world) {
			w.Create(w.t, w.Admin, api.RoleAssignmentKind, doc{"role": "viewer", "principal": "team:agency", "scope": "/finance"})
		},
		"a project": func(w *world) { w.project("/films", "agency") },
		"what lies above an item with a policy of its own": func(w *world) {
			w.open(doc{"require_external_approval": false})
			w.Create(w.t, w.Owner, api.SharingPolicyOverrideKind, doc{"path": "/finance/quarterly", "require_external_approval": true})
			w.grant("team:agency", "/finance", "view")
		},
	}
	for name, give := range has {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.open(nil)
				w.Create(t, w.Owner, api.TeamKind, doc{"slug": "agency", "name": "Agency", "external_allowed": true})
				w.join("agency", nobody, "team_admin")
				w.makeGuest("other@partner.example")
				give(w)
				nils := w.as(nobody)
				_, err := w.TryCreate(t, nils, api.TeamMembershipKind, doc{"team": "agency", "principal": guest, "role": "viewer"})
				v := objecttest.WantViolation(t, err, "/principal")
				wantWords(t, v.Message, guest, "needs approval", "gatehouse_access_grant", "let an admin")
				members := doc{nobody: "team_admin", guest: "viewer"}
				if name == "a waiting grant" {
					members["other@partner.example"] = "viewer"
				}
				_, err = w.TryPut(t, nils, api.TeamMembershipsKind, "agency", doc{"team": "agency", "members": members})
				objecttest.WantViolation(t, err, "/members/"+guest)
				w.wantLevel("member:"+guest, "/finance", "none")

				// People of the organisation join as before, and an admin's word is enough.
				w.Create(t, nils, api.TeamMembershipKind, doc{"team": "agency", "principal": designer, "role": "viewer"})
				w.join("agency", guest, "viewer")
				_, err = w.TryPut(t, nils, api.TeamMembershipKind, "agency/"+guest, doc{"team": "agency", "principal": guest, "role": "editor"})
				objecttest.WantViolation(t, err, "/principal")
			})
		})
	}
}

func TestWithAnApprovalPolicyNobodyPutsAGuestIntoSuchATeam(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "agency", "name": "Agency", "external_allowed": true})
		w.grant("team:agency", "/finance", "view")
		_, err := w.TryCreate(t, w.Owner, api.TeamMembershipKind, doc{"team": "agency", "principal": guest, "role": "viewer"})
		if v := objecttest.WantViolation(t, err, "/principal"); v.Code != api.ViolationSharingPolicy {
			t.Errorf("violation = %+v", v)
		}
		// Where nothing needs approval, they may join.
		w.open(doc{"require_external_approval": false})
		w.join("agency", guest, "viewer")
		w.wantLevel("member:"+guest, "/finance", "view")
		// Who was in already stays in (C062).
		w.approvalPolicy(nil)
		w.wantLevel("member:"+guest, "/finance", "view")
	})
}

// What does not wait is refused while guests are in the team.
func TestTeamWithGuestsGetsNothingThatCannotWait(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		w.partners()
		w.group("Agency", guest)
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "old", "name": "Old", "transfer_to": "agency"})
		w.project("/reels", "old")
		w.wantRefused([]refusal{
			{name: "a role for the team", kind: api.RoleAssignmentKind, doc: doc{"role": "viewer", "principal": "team:agency", "scope": "/finance"}, at: "/principal", says: []string{guest, "legal", "gatehouse_access_grant"}},
			{name: "a role for the group", kind: api.RoleAssignmentKind, doc: doc{"role": "viewer", "principal": "group:Agency", "scope": "/"}, at: "/principal", says: []string{guest}},
			{name: "a new project", kind: api.ProjectKind, doc: doc{"path": "/films", "name": "Films", "team": "agency"}, at: "/team", says: []string{guest, "/films"}},
		})
		_, err := w.TryPut(t, w.Owner, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "campaigns", "team": "agency"})
		objecttest.WantViolation(t, err, "/team")
		err = w.remove(w.Owner, api.TeamKind, "old")
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Detail, "cannot hand its projects", guest)
		w.wantLevel("member:"+guest, "/campaigns", "none")

		w.open(doc{"require_external_approval": false})
		w.project("/films", "agency")
		w.wantLevel("member:"+guest, "/films", "view")
		w.approvalPolicy(nil)
		_, err = w.TryPut(t, w.Owner, api.TeamKind, "agency", doc{"slug": "agency", "name": "Agency", "external_allowed": true, "default_level": "edit"})
		objecttest.WantViolation(t, err, "/default_level")
	})
}

// A share above an item that has a stricter policy reaches the item, and waits too.
func TestShareAboveAnItemThatNeedsApprovalWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		w.open(doc{"require_external_approval": false})
		w.Create(t, w.Owner, api.SharingPolicyOverrideKind, doc{"path": "/finance/quarterly", "require_external_approval": true, "approval_policy": "legal"})
		if g := w.share(w.Owner, "/campaigns", "view"); g.State != api.StateActive {
			t.Errorf("elsewhere: state = %q", g.State)
		}
		if g := w.share(w.Owner, "/finance", "view"); g.State != api.StatePendingApproval {
			t.Errorf("above: state = %q", g.State)
		}
		q := w.pending()
		w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance/quarterly", "view")
	})
}

// The grant of the trash comes back only to those who may have it now.
func TestTeamGrantDoesNotComeBackFromTheTrashToGuestsWhoJoined(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "agency", "name": "Agency", "external_allowed": true})
		w.folder("/press", "inherit")
		w.grant("team:agency", "/press", "view")
		w.Delete(t, w.Owner, api.FolderKind, "/press")
		w.join("agency", guest, "viewer")
		w.mustRestore("/press", "access_grant team:agency@/press")
		w.wantLevel("member:"+guest, "/press", "none")
	})
}
