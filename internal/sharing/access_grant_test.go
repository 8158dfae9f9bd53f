package sharing_test

import (
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func grantDoc(path, principal, level string, more ...any) doc {
	d := doc{"resource": path, "principal": principal, "level": level}
	for i := 0; i+1 < len(more); i += 2 {
		d[more[i].(string)] = more[i+1]
	}
	return d
}

func TestGrantsThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "machines", "base_level": "manage", "assignable_to": []string{"service_account", "guest"}})
		k := api.AccessGrantKind
		w.wantRefused([]refusal{
			{name: "unknown item", kind: k, at: "/resource", code: api.ViolationReference, says: []string{"/nowhere", "gatehouse_project"}, doc: grantDoc("/nowhere", "team:design", "view")},
			{name: "the whole workspace", kind: k, at: "/resource", says: []string{"role_assignment", `scope = "/"`}, doc: grantDoc("/", "team:design", "view")},
			{name: "unknown member", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"gatehouse_member"}, doc: grantDoc("/finance", "member:ann@example.com", "view")},
			{name: "unknown team", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"gatehouse_team"}, doc: grantDoc("/finance", "team:sales", "view")},
			{name: "unknown service account", kind: k, at: "/principal", code: api.ViolationReference, says: []string{"gatehouse_service_account"}, doc: grantDoc("/finance", "service_account:ci", "view")},
			{name: "not a principal", kind: k, at: "/principal", says: []string{"member:ann@example.com"}, doc: grantDoc("/finance", "ann@example.com", "view")},
			{name: "unknown role", kind: k, at: "/role", code: api.ViolationReference, says: []string{"auditor", "built-in roles"}, doc: doc{"resource": "/finance", "principal": "team:design", "role": "auditor"}},
			{name: "role for others", kind: k, at: "/principal", says: []string{"guest, service_account", "assignable_to"}, doc: doc{"resource": "/finance", "principal": "team:design", "role": "machines"}},
			{name: "neither level nor role", kind: k, at: "/level", code: api.ViolationRequired, says: []string{"view, comment, edit"}, doc: doc{"resource": "/finance", "principal": "team:design"}},
			{name: "both", kind: k, at: "/role", says: []string{"not both"}, doc: grantDoc("/finance", "team:design", "view", "role", "machines")},
			{name: "guest who manages", kind: k, at: "/level", says: []string{"never pass edit", "write edit, comment or view"}, doc: grantDoc("/finance", "member:"+guest, "manage")},
			{name: "guest who manages by role", kind: k, at: "/role", says: []string{"never pass edit"}, doc: doc{"resource": "/finance", "principal": "member:" + guest, "role": "machines"}},
			{name: "end in the past", kind: k, at: "/expires_at", says: []string{"in the past", "leave it out"}, doc: grantDoc("/finance", "team:design", "view", "expires_at", in(-1))},
			{name: "broken condition", kind: k, at: "/condition", says: []string{"line 2, column 6"}, doc: grantDoc("/finance", "team:design", "view", "condition", "true &&\n  && true")},
			{name: "condition that ends early", kind: k, at: "/condition", says: []string{"line 1, column 8"}, doc: grantDoc("/finance", "team:design", "view", "condition", "true &&")},
			{name: "condition with a policy in it", kind: k, at: "/condition", says: []string{"one expression, not further policies"}, doc: grantDoc("/finance", "team:design", "view", "condition", "true }; permit (principal, action, resource) when { true")},
		})
	})
}

// C020 to C025: what each level brings, and what only the next one does.
func TestEachLevelBringsWhatItSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		steps := []struct {
			level    string
			adds     []string
			notUntil []string
		}{
			{"view", []string{"asset.read", "reaction.create"}, []string{"comment.create", "asset.download", "member.invite"}},
			{"comment", []string{"comment.create", "mention.create", "comment.voice", "annotation.create"}, []string{"asset.create", "asset.download"}},
			{"edit", []string{"asset.create", "asset.update", "asset.metadata.update", "workflow.run", "asset.download"}, []string{"grant.create", "collection.create", "thread.resolve"}},
			{"manage", []string{"grant.create", "grant.delete", "member.invite", "member.remove", "collection.create", "thread.resolve", "thread.archive", "item.settings"}, []string{"item.delete", "item.owner.transfer"}},
			{"full_access", []string{"item.delete", "item.owner.transfer"}, nil},
		}
		for i, s := range steps {
			w.grant(who, "/finance", s.level)
			for _, earlier := range steps[:i+1] {
				w.wantAllowed(who, "/finance/quarterly", true, earlier.adds...)
			}
			w.wantAllowed(who, "/finance/quarterly", false, s.notUntil...)
			w.wantLevel(who, "/finance/quarterly", s.level)
		}
		// C021: a viewer downloads only where the grant says so.
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", who, "view", "allow_download", true))
		w.wantAllowed(who, "/finance", true, "asset.download")
		// C026: the built-in roles mean the same as the levels.
		w.Delete(t, w.Admin, api.AccessGrantKind, who+"@/finance")
		w.Create(t, w.Admin, api.AccessGrantKind, doc{"resource": "/finance", "principal": who, "role": "Commenter"})
		w.wantLevel(who, "/finance", "comment")
	})
}

func TestAccessComesThroughTeamsAndIsTheHighest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wantLevel("member:"+designer, "/campaigns/spring", "edit") // C018: team editor
		w.grant("team:design", "/finance", "comment")
		w.wantLevel("member:"+designer, "/finance/quarterly", "comment")
		w.grant("member:"+designer, "/finance/quarterly", "view")
		w.wantLevel("member:"+designer, "/finance/quarterly", "comment") // X05: the highest counts
		w.Put(t, w.Owner, api.TeamMembershipKind, "", doc{"team": "design", "principal": designer, "role": "reviewer"})
		w.wantAllowed("member:"+designer, "/campaigns", true, "comment.create", "review.verdict")
		w.wantAllowed("member:"+designer, "/campaigns", false, "asset.create")
		w.Delete(t, w.Owner, api.TeamMembershipKind, "design/"+designer)
		w.wantLevel("member:"+designer, "/campaigns/spring", "none")
		w.wantLevel("member:"+designer, "/finance/quarterly", "view")
	})
}

// C029, C074: a revoked or ended grant is gone on the next request.
func TestRevokedOrExpiredAccessIsDeniedOnTheNextRequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.grant(who, "/finance", "edit")
		w.wantLevel(who, "/finance", "edit")
		w.Delete(t, w.Admin, api.AccessGrantKind, who+"@/finance")
		w.wantLevel(who, "/finance", "none")
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", who, "edit", "expires_at", in(2)))
		w.wantLevel(who, "/finance", "edit")
		w.Advance(49 * time.Hour)
		w.wantLevel(who, "/finance", "none")
		// What has ended may still be written as it is.
		ended := w.Get(t, w.Admin, api.AccessGrantKind, who+"@/finance").(*api.AccessGrant)
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", who, "view", "expires_at", ended.ExpiresAt.Format(time.RFC3339Nano)))
	})
}

// C024: managing an item is giving others what one has there, not more.
func TestAManagerGivesUpToTheirOwnLevel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.grant("member:"+designer, "/finance", "manage")
		boss := w.as(designer)
		w.Create(t, boss, api.AccessGrantKind, grantDoc("/finance/quarterly", "member:"+nobody, "manage"))
		w.wantRefused([]refusal{
			{name: "above the own level", by: designer, kind: api.AccessGrantKind, at: "/level", says: []string{"full_access", "yours on /finance is manage", "give manage or less"}, doc: grantDoc("/finance", "member:"+nobody, "full_access")},
			{name: "above by a built-in role", by: designer, kind: api.AccessGrantKind, at: "/role", says: []string{"full_access"}, doc: doc{"resource": "/finance", "principal": "member:" + nobody, "role": "admin"}},
		})
		_, err := w.TryPut(t, boss, api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": doc{"member:" + nobody: "full_access"}})
		objecttest.WantViolation(t, err, "/grants/member:"+nobody)
		for _, path := range []string{"/campaigns", "/nowhere"} {
			_, err = w.TryCreate(t, boss, api.AccessGrantKind, grantDoc(path, "member:"+nobody, "view"))
			objecttest.WantProblem(t, err, api.CodeForbidden)
		}
		// Edit is not enough to give anything.
		w.grant("member:"+designer, "/finance", "edit")
		_, err = w.TryCreate(t, boss, api.AccessGrantKind, grantDoc("/finance", "team:film", "view"))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// Nor is it enough to see who else has access, so there is nothing to revoke.
		objecttest.WantProblem(t, w.remove(boss, api.AccessGrantKind, "member:"+nobody+"@/finance/quarterly"), api.CodeNotFound)
	})
}

// C052 to C056: people outside, as the sharing policy has it.
func TestPeopleOutsideGetAccessOnlyAsThePolicyAllows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.grant("member:"+designer, "/finance", "manage")
		outside := grantDoc("/finance", "email:vera@partner.example", "view")
		try := func(by *object.Caller, policy doc) error {
			t.Helper()
			w.Put(t, w.Owner, api.SharingPolicyKind, "", policy)
			_, err := w.Service.Create(t.Context(), by, api.AccessGrantKind, objecttest.JSON(t, outside), object.WriteOptions{DryRun: true})
			return err
		}
		cases := []struct {
			name   string
			by     *object.Caller
			policy doc
			says   []string // nil: allowed
		}{
			{"the default allows only listed domains", w.Admin, doc{}, []string{"partner.example", "allowed_domains", "add the domain"}},
			{"switched off", w.Admin, doc{"external_sharing": "disabled"}, []string{`external_sharing = "disabled"`, "choose a member"}},
			{"blocked domain", w.Admin, doc{"external_sharing": "anyone", "blocked_domains": []string{"partner.example"}}, []string{"blocked_domains"}},
			{"no guests", w.Owner, doc{"external_sharing": "anyone", "guest_access": false}, []string{"guest_access = false", "Owner"}},
			{"listed domain", w.Admin, doc{"allowed_domains": []string{"partner.example"}}, nil},
			{"anyone", w.Admin, doc{"external_sharing": "anyone"}, nil},
			{"only owners invite", w.Admin, doc{"external_sharing": "anyone", "guest_invitations": "owners"}, []string{"only the Owner may invite"}},
			{"only admins invite", w.as(designer), doc{"external_sharing": "anyone", "require_external_approval": false}, []string{"only owner and admins may invite", "ask an admin"}},
			{"approval is needed, and is asked for", w.as(designer), doc{"external_sharing": "anyone", "guest_invitations": "anyone"}, nil},
			{"anyone invites without approval", w.as(designer), doc{"external_sharing": "anyone", "guest_invitations": "anyone", "require_external_approval": false}, nil},
			{"roles that invite, not held", w.as(designer), doc{"external_sharing": "anyone", "guest_invitations": "roles", "guest_inviter_roles": []string{"admin"}, "require_external_approval": false}, []string{"holders of admin"}},
			{"roles that invite, held", w.as(designer), doc{"external_sharing": "anyone", "guest_invitations": "roles", "guest_inviter_roles": []string{"member"}, "require_external_approval": false}, nil},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				err := try(c.by, c.policy)
				if c.says == nil {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				v := objecttest.WantViolation(t, err, "/principal")
				if v.Code != "sharing_policy" {
					t.Errorf("code = %q", v.Code)
				}
				wantWords(t, v.Message, c.says...)
			})
		}
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"guest_access": false})
		_, err := w.TryCreate(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "member:"+guest, "view"))
		wantWords(t, objecttest.WantViolation(t, err, "/principal").Message, "is a guest", "guest_access = false")
		_, err = w.TryCreate(t, w.Admin, api.RoleAssignmentKind, doc{"role": "viewer", "principal": "email:vera@partner.example", "scope": "/finance"})
		objecttest.WantViolation(t, err, "/principal")
		_, err = w.TryCreate(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "email:"+nobody, "view"))
		wantWords(t, objecttest.WantViolation(t, err, "/principal").Message, "write member:"+nobody)
	})
}

// C062, X07: a policy applies to future shares; what exists may shrink but not grow.
func TestExistingSharesOutliveATighterPolicy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Admin, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
		who := "email:vera@partner.example"
		w.grant(who, "/finance", "comment")
		w.Put(t, w.Admin, api.SharingPolicyKind, "", doc{"external_sharing": "disabled"})
		w.wantLevel(who, "/finance", "comment")
		_, err := w.TryPut(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", who, "edit"))
		objecttest.WantViolation(t, err, "/principal")
		w.grant(who, "/finance", "view")
		w.wantLevel(who, "/finance", "view")
	})
}

func TestAGrantRemembersWhereItCameFrom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := "team:film@/finance"
		w.Create(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "team:film", "view"))
		if g := w.Get(t, w.Admin, api.AccessGrantKind, key).(*api.AccessGrant); g.Source != api.ManagedByManual {
			t.Errorf("source = %q, want manual", g.Source)
		}
		w.Put(t, objecttest.Stack(w.Admin, "prod"), api.AccessGrantKind, "", grantDoc("/finance", "team:film", "view"))
		if g := w.Get(t, w.Admin, api.AccessGrantKind, key).(*api.AccessGrant); g.Source != api.ManagedByTerraform || g.ManagedBy.Stack != "prod" {
			t.Errorf("after Terraform took it over: source %q, managed by %+v", g.Source, g.ManagedBy)
		}
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", "team:film", "edit", "expires_at", in(9)))
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", "team:film", "edit", "expires_at", in(3)))
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", "team:film", "edit", "expires_at", in(3), "condition", "context.device_known"))
		w.Delete(t, w.Admin, api.AccessGrantKind, key)
		w.wantEffects(api.AccessGrantKind, audit.EffectWidened, audit.EffectNeutral, audit.EffectWidened, audit.EffectNarrowed, audit.EffectNarrowed, audit.EffectNarrowed)
	})
}

func TestAConditionHoldsPerRequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Admin, api.AccessGrantKind, "", grantDoc("/finance", "member:"+nobody, "edit", "condition", `resource.path == "/finance/quarterly"`))
		w.wantLevel("member:"+nobody, "/finance/quarterly", "edit")
		w.wantLevel("member:"+nobody, "/finance", "none")
	})
}
