package sharing_test

import (
	"context"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// policyAt is the policy in force at places.
func (w *world) policyAt(paths ...string) *api.SharingPolicy {
	w.t.Helper()
	var p *api.SharingPolicy
	err := w.Service.View(context.Background(), object.System(w.Workspace.ID), func(s *object.Scope) (err error) {
		p, err = sharing.PolicyAt(context.Background(), s, paths...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) policy(d doc) {
	w.t.Helper()
	w.Put(w.t, w.Owner, api.SharingPolicyKind, "", d)
}

func (w *world) override(path string, d doc) {
	w.t.Helper()
	d["path"] = path
	w.Put(w.t, w.Owner, api.SharingPolicyOverrideKind, path, d)
}

func TestTheStrictestPolicyOnThePathHolds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "public_links": "allowed", "guest_max_days": 300, "max_link_expiration_days": 60})
		w.override("/finance", doc{"public_links": "disabled", "max_link_expiration_days": 30})
		w.override("/finance/quarterly", doc{"external_sharing": "disabled", "guest_max_days": 100})
		w.override("/campaigns", doc{"max_link_expiration_days": 5})
		for path, want := range map[string]struct {
			sharing, links string
			days           int64
		}{
			"/":                      {"anyone", "allowed", 60},
			"/finance":               {"anyone", "disabled", 30},
			"/finance/other":         {"anyone", "disabled", 30},
			"/finance/quarterly":     {"disabled", "disabled", 30},
			"/finance/quarterly/a/b": {"disabled", "disabled", 30},
			"/campaigns/spring":      {"anyone", "allowed", 5},
			"/financed":              {"anyone", "allowed", 60},
		} {
			p := w.policyAt(path)
			if p.ExternalSharing != want.sharing || p.PublicLinks != want.links || p.MaxLinkExpirationDays != want.days {
				t.Errorf("at %s: %+v, want %+v", path, p, want)
			}
		}
		if p := w.policyAt("/campaigns/spring", "/finance/quarterly"); p.ExternalSharing != "disabled" || p.MaxLinkExpirationDays != 5 || p.GuestMaxDays != 100 {
			t.Errorf("for both places: %+v", p)
		}

		// The workspace becomes stricter than an override: the strictest still holds.
		w.policy(doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}, "guest_max_days": 50, "max_link_expiration_days": 20})
		if p := w.policyAt("/finance/quarterly"); p.ExternalSharing != "disabled" || p.GuestMaxDays != 50 || p.MaxLinkExpirationDays != 20 {
			t.Errorf("after the workspace became stricter: %+v", p)
		}
		// And what an override says may be written again, as long as it is strict enough now.
		if err := w.remove(w.Admin, api.SharingPolicyOverrideKind, "/finance/quarterly"); err != nil {
			t.Fatal(err)
		}
		if p := w.policyAt("/finance/quarterly"); p.ExternalSharing != "allowlist" {
			t.Errorf("after the override was deleted: %+v", p)
		}
	})
}

func TestOverridesOnlyTighten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example", "b.example"}, "guest_max_days": 90})
		w.override("/finance", doc{"allowed_domains": []string{"a.example"}, "guest_max_days": 60})
		at := func(path string, d doc) doc { d["path"] = path; return d }
		w.wantRefused([]refusal{
			{"looser than the workspace", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"external_sharing": "anyone"}), "/external_sharing", "", []string{`"anyone" is looser`, `"allowlist"`, "allow_loosen"}},
			{"looser than an override above", "", api.SharingPolicyOverrideKind, at("/finance/quarterly", doc{"guest_max_days": 61}), "/guest_max_days", "", []string{"61", "60", "/finance/quarterly"}},
			{"a domain that is taken away above", "", api.SharingPolicyOverrideKind, at("/finance/quarterly", doc{"allowed_domains": []string{"a.example", "b.example"}}), "/allowed_domains", "", []string{`["a.example"]`}},
			{"loosening by an admin", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"external_sharing": "anyone", "allow_loosen": true}), "/allow_loosen", "", []string{"only the workspace Owner"}},
			{"guest access by an admin", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"guest_access": false}), "/guest_access", "", []string{"only the workspace Owner"}},
			{"an item that is not there", "", api.SharingPolicyOverrideKind, at("/nowhere", doc{"guest_max_days": 1}), "/path", api.ViolationReference, []string{"/nowhere"}},
			{"the workspace", "", api.SharingPolicyOverrideKind, at("/", doc{"guest_max_days": 1}), "/path", "", []string{"gatehouse_sharing_policy"}},
			{"nothing", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{}), "", "", []string{"says nothing"}},
			{"a deadline that has passed", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"existing_shares": "grandfather", "grandfather_until": in(-1)}), "/grandfather_until", "", []string{"in the past"}},
			{"a role that is not there", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"producers"}}), "/guest_inviter_roles/0", "", []string{"producers"}},
			{"an approval policy that is not there", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"approval_policy": "legal"}), "/approval_policy", "", []string{"legal"}},
		})
		w.policy(doc{"external_sharing": "anyone"})
		w.wantRefused([]refusal{
			{"a list with nothing to inherit", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"external_sharing": "allowlist"}), "/allowed_domains", "", []string{"no list to inherit"}},
			{"a list that nothing asks for", "", api.SharingPolicyOverrideKind, at("/campaigns", doc{"allowed_domains": []string{"a.example"}}), "/allowed_domains", "", []string{`external_sharing = "allowlist"`}},
		})
		_, err := w.TryPut(t, w.Member, api.SharingPolicyOverrideKind, "/campaigns", doc{"path": "/campaigns", "external_sharing": "disabled"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestTheOwnerMayLoosenAndWhatIsBelowStillTightens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "disabled", "guest_max_days": 30})
		w.override("/campaigns", doc{"allow_loosen": true, "external_sharing": "anyone", "guest_max_days": 200})
		w.override("/campaigns/spring", doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}})
		if p := w.policyAt("/campaigns"); p.ExternalSharing != "anyone" || p.GuestMaxDays != 200 {
			t.Errorf("at /campaigns: %+v", p)
		}
		if p := w.policyAt("/campaigns/spring"); p.ExternalSharing != "allowlist" || p.GuestMaxDays != 200 {
			t.Errorf("at /campaigns/spring: %+v", p)
		}
		// An admin changes nothing of what the Owner loosened, and may take it away.
		_, err := w.TryPut(t, w.Admin, api.SharingPolicyOverrideKind, "/campaigns", doc{"path": "/campaigns", "allow_loosen": true, "external_sharing": "anyone", "guest_max_days": 365})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if err := w.remove(w.Admin, api.SharingPolicyOverrideKind, "/campaigns"); err != nil {
			t.Fatal(err)
		}
		if p := w.policyAt("/campaigns/spring"); p.ExternalSharing != "disabled" || p.GuestMaxDays != 30 {
			t.Errorf("without the loosening: %+v", p)
		}
	})
}

func TestNewSharesObeyThePolicyOfTheirPlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "require_external_approval": false, "guest_max_days": 90})
		w.override("/finance", doc{"external_sharing": "disabled"})
		w.override("/campaigns", doc{"guest_max_days": 10})
		w.wantRefused([]refusal{
			{"a grant", "", api.AccessGrantKind, doc{"resource": "/finance/quarterly", "principal": "email:x@a.example", "level": "view"}, "/principal", api.ViolationSharingPolicy, []string{"external_sharing"}},
			{"a role", "", api.RoleAssignmentKind, doc{"role": "viewer", "scope": "/finance", "principal": "email:x@a.example"}, "/principal", api.ViolationSharingPolicy, []string{"external_sharing"}},
		})
		w.grant("email:x@a.example", "/campaigns", "view")
		_, err := w.TryPut(t, w.Admin, api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": doc{"email:x@a.example": "view"}})
		objecttest.WantViolation(t, err, "/grants/email:x@a.example")
	})
}

func TestAnOverrideGoesWithItsItem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.override("/finance/quarterly", doc{"external_sharing": "disabled"})
		if err := w.remove(w.Admin, api.FolderKind, "/finance/quarterly"); err != nil {
			t.Fatal(err)
		}
		w.folder("/finance/quarterly", "inherit")
		if p := w.policyAt("/finance/quarterly"); p.ExternalSharing != "allowlist" {
			t.Errorf("the next item of the path inherits the override: %+v", p)
		}
		if keys := w.keys(w.Owner, api.SharingPolicyOverrideKind); len(keys) != 0 {
			t.Errorf("overrides left: %v", keys)
		}
	})
}

func TestDriftSaysWhetherAnOverrideWidened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.override("/finance", doc{"guest_max_days": 30})
		w.override("/finance", doc{"guest_max_days": 10})
		w.override("/finance", doc{"guest_max_days": 20})
		w.override("/finance", doc{"guest_max_days": 20, "description": "Shorter."})
		w.override("/finance", doc{"guest_max_days": 20, "description": "Shorter.", "external_sharing": "disabled"})
		w.override("/finance", doc{"guest_max_days": 20, "allow_loosen": true})
		w.wantEffects(api.SharingPolicyOverrideKind, audit.EffectNarrowed, audit.EffectNarrowed, audit.EffectWidened, audit.EffectNeutral, audit.EffectNarrowed, audit.EffectUnknown)
	})
}

// Decisions about guests follow the overrides on the next request: those who were let
// in before are shut out by guest_access alone, unless existing shares are held to it.
func TestGuestsAreShutOutOfAPlaceAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone"})
		w.grant("member:"+guest, "/finance", "view")
		w.wantAllowed("member:"+guest, "/finance/quarterly", true, "item.read")
		w.override("/finance/quarterly", doc{"guest_access": false})
		w.wantAllowed("member:"+guest, "/finance/quarterly", false, "item.read")
		w.wantAllowed("member:"+guest, "/finance", true, "item.read")
		w.wantLevel("member:"+guest, "/finance/quarterly", "none")
		if d := w.decide("member:"+guest, "/finance/quarterly", "item.read"); len(d.Reasons) != 1 || d.Reasons[0].Kind != "sharing_policy" {
			t.Errorf("reasons = %+v", d.Reasons)
		}
	})
}

func TestGuestUploadsStopWhereAnOverrideStopsThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "allow_guest_uploads": true})
		w.Put(t, w.Owner, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design", "allow_guest_uploads": true})
		w.grant("member:"+guest, "/campaigns", "edit")
		w.wantAllowed("member:"+guest, "/campaigns/spring", true, "asset.create")
		w.override("/campaigns/spring", doc{"allow_guest_uploads": false})
		w.wantAllowed("member:"+guest, "/campaigns/spring", false, "asset.create")
		w.wantAllowed("member:"+guest, "/campaigns", true, "asset.create")
	})
}

// A guest who is here already receives nothing more where sharing outside is off.
func TestGuestsReceiveNothingNewWhereNothingIsShared(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone"})
		w.override("/finance", doc{"external_sharing": "disabled"})
		w.override("/campaigns/spring", doc{"external_sharing": "allowlist", "allowed_domains": []string{"client.example"}})
		w.wantRefused([]refusal{
			{"where it is off", "", api.AccessGrantKind, doc{"resource": "/finance/quarterly", "principal": "member:" + guest, "level": "view"}, "/principal", api.ViolationSharingPolicy, []string{"external_sharing"}},
			{"where others may", "", api.AccessGrantKind, doc{"resource": "/campaigns/spring", "principal": "member:" + guest, "level": "view"}, "/principal", api.ViolationSharingPolicy, []string{"allowed_domains"}},
		})
		w.grant("member:"+guest, "/campaigns", "view")
	})
}
