package api

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func ptr[T any](v T) *T { return &v }

func TestOfEachAttributeTheStrictestHolds(t *testing.T) {
	early, late := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	type part = SharingPolicyOverride
	cases := map[string]struct{ a, b, want part }{
		"external_sharing":             {part{ExternalSharing: "anyone"}, part{ExternalSharing: "allowlist"}, part{ExternalSharing: "allowlist"}},
		"external_sharing off":         {part{ExternalSharing: "allowlist"}, part{ExternalSharing: "disabled"}, part{ExternalSharing: "disabled"}},
		"public_links":                 {part{PublicLinks: "allowed"}, part{PublicLinks: "disabled"}, part{PublicLinks: "disabled"}},
		"allowed_domains":              {part{AllowedDomains: []string{"a.example", "b.example"}}, part{AllowedDomains: []string{"b.example", "c.example"}}, part{AllowedDomains: []string{"b.example"}}},
		"allowed_domains, one side":    {part{AllowedDomains: []string{"a.example"}}, part{}, part{AllowedDomains: []string{"a.example"}}},
		"allowed_domains, none left":   {part{AllowedDomains: []string{"a.example"}}, part{AllowedDomains: []string{"b.example"}}, part{AllowedDomains: []string{}}},
		"blocked_domains":              {part{BlockedDomains: []string{"a.example"}}, part{BlockedDomains: []string{"b.example"}}, part{BlockedDomains: []string{"a.example", "b.example"}}},
		"require_link_password":        {part{RequireLinkPassword: ptr(false)}, part{RequireLinkPassword: ptr(true)}, part{RequireLinkPassword: ptr(true)}},
		"default_link_expiration_days": {part{DefaultLinkExpirationDays: ptr(int64(9))}, part{DefaultLinkExpirationDays: ptr(int64(3))}, part{DefaultLinkExpirationDays: ptr(int64(3))}},
		"max_link_expiration_days":     {part{MaxLinkExpirationDays: ptr(int64(9))}, part{MaxLinkExpirationDays: ptr(int64(30))}, part{MaxLinkExpirationDays: ptr(int64(9))}},
		"default_allow_download":       {part{DefaultAllowDownload: ptr(true)}, part{DefaultAllowDownload: ptr(false)}, part{DefaultAllowDownload: ptr(false)}},
		"guest_access":                 {part{GuestAccess: ptr(true)}, part{GuestAccess: ptr(false)}, part{GuestAccess: ptr(false)}},
		"guest_invitations":            {part{GuestInvitations: "anyone"}, part{GuestInvitations: "roles", GuestInviterRoles: []string{"a"}}, part{GuestInvitations: "roles", GuestInviterRoles: []string{"a"}}},
		"roles give way to admins":     {part{GuestInvitations: "admins"}, part{GuestInvitations: "roles", GuestInviterRoles: []string{"a"}}, part{GuestInvitations: "admins"}},
		"roles of both":                {part{GuestInvitations: "roles", GuestInviterRoles: []string{"a", "b"}}, part{GuestInvitations: "roles", GuestInviterRoles: []string{"b"}}, part{GuestInvitations: "roles", GuestInviterRoles: []string{"b"}}},
		"guest_max_days":               {part{GuestMaxDays: ptr(int64(180))}, part{GuestMaxDays: ptr(int64(30))}, part{GuestMaxDays: ptr(int64(30))}},
		"allow_guest_uploads":          {part{AllowGuestUploads: ptr(true)}, part{AllowGuestUploads: ptr(false)}, part{AllowGuestUploads: ptr(false)}},
		"require_external_approval":    {part{RequireExternalApproval: ptr(false)}, part{RequireExternalApproval: ptr(true)}, part{RequireExternalApproval: ptr(true)}},
		"track_external_views":         {part{TrackExternalViews: ptr(false)}, part{TrackExternalViews: ptr(true)}, part{TrackExternalViews: ptr(true)}},
		"existing_shares":              {part{ExistingShares: "unaffected"}, part{ExistingShares: "grandfather", GrandfatherUntil: &late}, part{ExistingShares: "grandfather", GrandfatherUntil: &late}},
		"the earlier deadline":         {part{ExistingShares: "grandfather", GrandfatherUntil: &late}, part{ExistingShares: "grandfather", GrandfatherUntil: &early}, part{ExistingShares: "grandfather", GrandfatherUntil: &early}},
		"enforcing needs no deadline":  {part{ExistingShares: "grandfather", GrandfatherUntil: &late}, part{ExistingShares: "enforce"}, part{ExistingShares: "enforce"}},
		"approval_policy stays":        {part{ApprovalPolicy: "legal"}, part{}, part{ApprovalPolicy: "legal"}},
		"nothing said stays unsaid":    {part{}, part{}, part{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, got := range []*SharingPolicyOverride{StrictestSharing(&c.a, &c.b), StrictestSharing(&c.b, &c.a)} {
				if diff := cmp.Diff(&c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// The order in which policies are merged, and how often, must not matter.
func TestMergingIsTheSameInEveryOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() *SharingPolicyOverride {
		o := &SharingPolicyOverride{}
		word := func(words []string) string { return append(words, "")[rnd.IntN(len(words)+1)] }
		flag := func() *bool { return []*bool{nil, ptr(true), ptr(false)}[rnd.IntN(3)] }
		number := func() *int64 { return []*int64{nil, ptr(int64(1 + rnd.IntN(5)))}[rnd.IntN(2)] }
		names := func() []string {
			return [][]string{nil, {"a.example"}, {"a.example", "b.example"}, {"c.example"}}[rnd.IntN(4)]
		}
		o.ExternalSharing, o.PublicLinks = word(SharingOrder), word(LinksOrder)
		o.AllowedDomains, o.BlockedDomains = names(), names()
		o.RequireLinkPassword, o.DefaultAllowDownload, o.GuestAccess = flag(), flag(), flag()
		o.DefaultLinkExpirationDays, o.MaxLinkExpirationDays, o.GuestMaxDays = number(), number(), number()
		if o.GuestInvitations = word(InvitationOrder); o.GuestInvitations == "roles" {
			o.GuestInviterRoles = []string{"a", "b"}[:1+rnd.IntN(2)]
		}
		if o.ExistingShares = word(ExistingOrder); o.ExistingShares == ExistingGrandfather {
			o.GrandfatherUntil = ptr(time.Unix(int64(rnd.IntN(3)), 0))
		}
		return o
	}
	for range 2000 {
		a, b, c := random(), random(), random()
		want := StrictestSharing(a, b, c)
		for name, got := range map[string]*SharingPolicyOverride{"reversed": StrictestSharing(c, b, a), "in two steps": StrictestSharing(a, StrictestSharing(b, c)), "twice": StrictestSharing(a, b, c, a, want)} {
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
	}
}

func TestAWholePolicyWithAnOverrideMeansSomething(t *testing.T) {
	base := func(change func(*SharingPolicy)) *SharingPolicy {
		p := DefaultSharingPolicy()
		p.ExternalSharing, p.AllowedDomains, p.PublicLinks = "allowlist", []string{"a.example", "b.example"}, "allowed"
		if change != nil {
			change(p)
		}
		return p
	}
	cases := map[string]struct {
		above *SharingPolicy
		o     SharingPolicyOverride
		check func(*SharingPolicy) bool
	}{
		"sharing off takes links along":    {base(nil), SharingPolicyOverride{ExternalSharing: "disabled"}, func(p *SharingPolicy) bool { return p.PublicLinks == "disabled" && p.AllowedDomains == nil }},
		"the default stays below the most": {base(nil), SharingPolicyOverride{MaxLinkExpirationDays: ptr(int64(7))}, func(p *SharingPolicy) bool { return p.DefaultLinkExpirationDays == 7 && p.MaxLinkExpirationDays == 7 }},
		"looser words change nothing":      {base(nil), SharingPolicyOverride{ExternalSharing: "anyone", GuestMaxDays: ptr(int64(900))}, func(p *SharingPolicy) bool { return p.ExternalSharing == "allowlist" && p.GuestMaxDays == 180 }},
		"unless the Owner lets them": {base(nil), SharingPolicyOverride{AllowLoosen: true, ExternalSharing: "anyone", GuestMaxDays: ptr(int64(900))}, func(p *SharingPolicy) bool {
			return p.ExternalSharing == "anyone" && p.GuestMaxDays == 900 && p.PublicLinks == "allowed"
		}},
		"an empty list admits nobody":         {base(func(p *SharingPolicy) { p.AllowedDomains = nil }), SharingPolicyOverride{AllowedDomains: []string{"a.example"}}, func(p *SharingPolicy) bool { return len(p.AllowedDomains) == 0 }},
		"a list that is not asked for is not": {base(func(p *SharingPolicy) { p.ExternalSharing, p.AllowedDomains = "anyone", nil }), SharingPolicyOverride{ExternalSharing: "allowlist", AllowedDomains: []string{"a.example"}}, func(p *SharingPolicy) bool { return len(p.AllowedDomains) == 1 }},
		"no role of both is the Owner":        {base(func(p *SharingPolicy) { p.GuestInvitations, p.GuestInviterRoles = "roles", []string{"a"} }), SharingPolicyOverride{GuestInvitations: "roles", GuestInviterRoles: []string{"b"}}, func(p *SharingPolicy) bool { return p.GuestInvitations == "owners" && p.GuestInviterRoles == nil }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.above.With(&c.o); !c.check(got) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestALooserOverrideIsToldItsBound(t *testing.T) {
	above := DefaultSharingPolicy()
	above.AllowedDomains = []string{"a.example"}
	above.ApprovalPolicy = "legal"
	cases := map[string]struct {
		o    SharingPolicyOverride
		says []string // nil: it is strict enough
	}{
		"external_sharing":         {SharingPolicyOverride{ExternalSharing: "anyone"}, []string{`"anyone" is looser`, `"allowlist"`}},
		"allowed_domains":          {SharingPolicyOverride{AllowedDomains: []string{"a.example", "b.example"}}, []string{`no others than ["a.example"]`}},
		"guest_max_days":           {SharingPolicyOverride{GuestMaxDays: ptr(int64(365))}, []string{"365 is looser", "180"}},
		"require_link_password":    {SharingPolicyOverride{RequireLinkPassword: ptr(false)}, []string{"false is looser", "which is true"}},
		"approval_policy":          {SharingPolicyOverride{ApprovalPolicy: "other"}, []string{`"legal" already holds`}},
		"blocked_domains":          {SharingPolicyOverride{BlockedDomains: []string{"c.example"}}, nil},
		"max_link_expiration_days": {SharingPolicyOverride{MaxLinkExpirationDays: ptr(int64(90))}, nil},
		"existing_shares":          {SharingPolicyOverride{ExistingShares: "enforce"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.o.Path = "/finance"
			got := c.o.LooserThan(above)
			if (len(got) == 1) != (c.says != nil) {
				t.Fatalf("violations = %v", got)
			}
			for _, word := range c.says {
				if got[0].Path != "/"+name || !strings.Contains(got[0].Message, word) || !strings.Contains(got[0].Message, "/finance") {
					t.Errorf("%+v does not say %q", got[0], word)
				}
			}
		})
	}
}
