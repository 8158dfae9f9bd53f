package sharing_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func TestTheDefaultPolicyIsTheSecureOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.Get(t, w.Admin, api.SharingPolicyKind, "").(*api.SharingPolicy)
		if p.PublicLinks != "disabled" || p.ExternalSharing != "allowlist" || !p.RequireLinkPassword || p.AllowGuestUploads || !p.RequireExternalApproval || p.ExistingShares != "unaffected" {
			t.Errorf("default = %+v", p)
		}
		d, err := sharing.DefaultPolicy()
		if err != nil || d.MaxLinkExpirationDays != p.MaxLinkExpirationDays {
			t.Errorf("DefaultPolicy() = %+v, %v", d, err)
		}
	})
}

func TestPoliciesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cases := []struct {
			name string
			doc  doc
			at   string
			says []string
		}{
			{"unknown inviter role", doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"admin", "producers"}}, "/guest_inviter_roles/1", []string{"producers", "gatehouse_role", "owner, admin and member"}},
			{"guests who invite", doc{"guest_invitations": "roles", "guest_inviter_roles": []string{"guest"}}, "/guest_inviter_roles/0", []string{"guests never invite"}},
			{"deadline in the past", doc{"existing_shares": "grandfather", "grandfather_until": in(-1)}, "/grandfather_until", []string{"in the past", `"enforce"`}},
			{"approval policy that is not there", doc{"approval_policy": "legal"}, "/approval_policy", []string{"legal", "require_external_approval"}},
			{"default above the most", doc{"default_link_expiration_days": 100}, "/default_link_expiration_days", []string{"90"}},
			{"guest access by an admin", doc{"guest_access": false}, "/guest_access", []string{"only the workspace Owner"}},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				_, err := w.TryPut(t, w.Admin, api.SharingPolicyKind, "", c.doc)
				wantWords(t, objecttest.WantViolation(t, err, c.at).Message, c.says...)
			})
		}
		_, err := w.TryPut(t, w.Member, api.SharingPolicyKind, "", doc{"external_sharing": "disabled"})
		objecttest.WantProblem(t, err, api.CodeForbidden) // C061
	})
}

func TestDriftSaysWhetherThePolicyWidened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		steps := []struct {
			doc  doc
			want audit.Effect
		}{
			{doc{"external_sharing": "disabled"}, audit.EffectNarrowed},
			{doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}}, audit.EffectWidened},
			{doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}, "blocked_domains": []string{"b.example"}}, audit.EffectNarrowed},
			{doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}, "blocked_domains": []string{"c.example"}}, audit.EffectWidened},
			{doc{"external_sharing": "allowlist", "allowed_domains": []string{"a.example"}, "blocked_domains": []string{"c.example"}, "max_link_expiration_days": 30}, audit.EffectNarrowed},
			// One wider attribute among narrower ones is a widening.
			{doc{"external_sharing": "allowlist", "max_link_expiration_days": 20, "public_links": "allowed"}, audit.EffectWidened},
			{doc{"external_sharing": "allowlist", "max_link_expiration_days": 20, "public_links": "allowed", "require_link_password": false}, audit.EffectWidened},
			{doc{"external_sharing": "allowlist", "max_link_expiration_days": 20, "public_links": "allowed", "require_link_password": false, "on_destroy": "reset"}, audit.EffectNeutral},
			{doc{"external_sharing": "allowlist", "max_link_expiration_days": 20, "public_links": "allowed", "require_link_password": false, "on_destroy": "reset", "existing_shares": "enforce"}, audit.EffectNarrowed},
		}
		var want []audit.Effect
		for _, s := range steps {
			w.Put(t, w.Owner, api.SharingPolicyKind, "", s.doc)
			want = append(want, s.want)
		}
		w.wantEffects(api.SharingPolicyKind, want...)
	})
}
