package api

import (
	"time"
)

// SharingPolicy governs what leaves the workspace (C052 to C062, X07, X08).
type SharingPolicy struct {
	Meta
	ExternalSharing           string     `json:"external_sharing" enum:"disabled,allowlist,anyone" default:"allowlist" doc:"Whether content may be shared outside the workspace (C056)."`
	PublicLinks               string     `json:"public_links" enum:"allowed,disabled" default:"disabled" doc:"Whether links that anyone can open may be made (C052)."`
	AllowedDomains            []string   `json:"allowed_domains,omitempty" format:"domain" maxItems:"500" doc:"Domains that may receive shares when external_sharing is allowlist."`
	BlockedDomains            []string   `json:"blocked_domains,omitempty" format:"domain" maxItems:"500" doc:"Domains that never receive shares."`
	RequireLinkPassword       bool       `json:"require_link_password" default:"true" doc:"Every link needs a password (C057)."`
	DefaultLinkExpirationDays int64      `json:"default_link_expiration_days" minimum:"1" maximum:"3650" default:"14" doc:"Days until a new link expires when its maker says nothing (C058)."`
	MaxLinkExpirationDays     int64      `json:"max_link_expiration_days" minimum:"1" maximum:"3650" default:"90" doc:"Most days a link may live (C058)."`
	DefaultAllowDownload      bool       `json:"default_allow_download" default:"false" doc:"New links allow the download of originals (C068)."`
	GuestAccess               bool       `json:"guest_access" default:"true" ownerOnly:"true" doc:"Guests may exist at all; only the owner may change it (C054, X08)."`
	GuestInvitations          string     `json:"guest_invitations" enum:"anyone,admins,owners,roles" default:"admins" doc:"Who may invite guests (C053)."`
	GuestInviterRoles         []string   `json:"guest_inviter_roles,omitempty" maxItems:"50" doc:"Roles that may invite guests when guest_invitations is roles."`
	GuestMaxDays              int64      `json:"guest_max_days" minimum:"1" maximum:"3650" default:"180" doc:"Most days a guest may stay."`
	AllowGuestUploads         bool       `json:"allow_guest_uploads" default:"false" doc:"Guests may upload to projects that allow it (C059)."`
	RequireExternalApproval   bool       `json:"require_external_approval" default:"true" doc:"An admin approves before content is shared outside (C055)."`
	ApprovalPolicy            string     `json:"approval_policy,omitempty" format:"slug" maxLength:"100" doc:"Approval policy that external shares go through."`
	TrackExternalViews        bool       `json:"track_external_views" default:"true" doc:"Show who viewed a share; the audit log records external access always (C060, X09)."`
	ExistingShares            string     `json:"existing_shares" enum:"unaffected,grandfather,enforce" default:"unaffected" doc:"What a change of this policy does to shares that exist (C062, X07)."`
	GrandfatherUntil          *time.Time `json:"grandfather_until,omitempty" doc:"Deadline for shares that exist when existing_shares is grandfather (RFC 3339)."`
	OnDestroy                 string     `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// SharingPolicyKind declares sharing_policy.
var SharingPolicyKind = Declare(Kind{
	Name: "sharing_policy", Prefix: "shrp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "What may be shared outside the workspace, and how.",
}, func(*SharingPolicy) string { return "sharing_policy" })

// Validate checks combinations that could never take effect.
func (p *SharingPolicy) Validate() []Violation {
	var out []Violation
	if p.DefaultLinkExpirationDays > p.MaxLinkExpirationDays {
		out = append(out, Invalid("/default_link_expiration_days", "the default of %d days is above max_link_expiration_days (%d); write %d or less, or raise the maximum", p.DefaultLinkExpirationDays, p.MaxLinkExpirationDays, p.MaxLinkExpirationDays))
	}
	if p.ExistingShares == "grandfather" && p.GrandfatherUntil == nil {
		out = append(out, Required("/grandfather_until", "existing_shares = \"grandfather\" needs a deadline, e.g. 2027-06-30T00:00:00Z"))
	}
	if p.ExistingShares != "grandfather" && p.GrandfatherUntil != nil {
		out = append(out, Invalid("/grandfather_until", "only used when existing_shares = \"grandfather\"; remove it"))
	}
	if p.GuestInvitations == "roles" && len(p.GuestInviterRoles) == 0 {
		out = append(out, Required("/guest_inviter_roles", "guest_invitations = \"roles\" needs the roles that may invite"))
	}
	if p.GuestInvitations != "roles" && len(p.GuestInviterRoles) > 0 {
		out = append(out, Invalid("/guest_inviter_roles", "only used when guest_invitations = \"roles\"; remove it"))
	}
	if p.ExternalSharing == "disabled" && p.PublicLinks == "allowed" {
		out = append(out, Invalid("/public_links", "public links are external sharing, and external_sharing is \"disabled\"; write public_links = \"disabled\""))
	}
	blocked := map[string]bool{}
	for _, d := range p.BlockedDomains {
		blocked[d] = true
	}
	for _, d := range p.AllowedDomains {
		if blocked[d] {
			out = append(out, Invalid("/allowed_domains", "%q is also in blocked_domains; remove it from one of the two", d))
		}
	}
	return out
}
