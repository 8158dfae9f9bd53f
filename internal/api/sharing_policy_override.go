package api

import (
	"strings"
	"time"
)

// SharingPolicyOverride says for one item, and everything below it, what may be shared
// outside: any part of the sharing policy. What it leaves out is inherited. It may only
// be stricter than what holds above, unless the Owner lets it loosen.
type SharingPolicyOverride struct {
	Meta
	Path                      string     `json:"path" required:"true" immutable:"true" format:"path" filter:"true" doc:"Path of the item; the natural key. The override holds there and below."`
	Description               string     `json:"description,omitempty" maxLength:"500" doc:"What the override is for."`
	AllowLoosen               bool       `json:"allow_loosen" default:"false" ownerOnly:"true" doc:"Let what this override says replace what holds above it, also where it is looser; only the Owner may set it."`
	ExternalSharing           string     `json:"external_sharing,omitempty" enum:"disabled,allowlist,anyone" doc:"Whether content may be shared outside the workspace (C056)."`
	PublicLinks               string     `json:"public_links,omitempty" enum:"allowed,disabled" doc:"Whether links that anyone can open may be made (C052)."`
	AllowedDomains            []string   `json:"allowed_domains,omitempty" format:"domain" maxItems:"500" doc:"Domains that may receive shares; those above that are not named here may not."`
	BlockedDomains            []string   `json:"blocked_domains,omitempty" format:"domain" maxItems:"500" doc:"Domains that never receive shares, beside those blocked above."`
	RequireLinkPassword       *bool      `json:"require_link_password,omitempty" doc:"Every link needs a password (C057)."`
	DefaultLinkExpirationDays *int64     `json:"default_link_expiration_days,omitempty" minimum:"1" maximum:"3650" doc:"Days until a new link expires when its maker says nothing (C058)."`
	MaxLinkExpirationDays     *int64     `json:"max_link_expiration_days,omitempty" minimum:"1" maximum:"3650" doc:"Most days a link may live (C058)."`
	DefaultAllowDownload      *bool      `json:"default_allow_download,omitempty" doc:"New links allow the download of originals (C068)."`
	GuestAccess               *bool      `json:"guest_access,omitempty" ownerOnly:"true" doc:"Guests may do anything here at all; only the owner may change it (C054, X08)."`
	GuestInvitations          string     `json:"guest_invitations,omitempty" enum:"anyone,admins,owners,roles" doc:"Who may invite guests (C053)."`
	GuestInviterRoles         []string   `json:"guest_inviter_roles,omitempty" maxItems:"50" doc:"Roles that may invite guests when guest_invitations is roles."`
	GuestMaxDays              *int64     `json:"guest_max_days,omitempty" minimum:"1" maximum:"3650" doc:"Most days a guest may stay."`
	AllowGuestUploads         *bool      `json:"allow_guest_uploads,omitempty" doc:"Guests may upload to projects that allow it (C059)."`
	RequireExternalApproval   *bool      `json:"require_external_approval,omitempty" doc:"An admin approves before content is shared outside (C055)."`
	ApprovalPolicy            string     `json:"approval_policy,omitempty" format:"slug" maxLength:"100" doc:"Approval policy that external shares go through, where none is named above."`
	TrackExternalViews        *bool      `json:"track_external_views,omitempty" doc:"Show who viewed a share (C060, X09)."`
	ExistingShares            string     `json:"existing_shares,omitempty" enum:"unaffected,grandfather,enforce" doc:"What happens to shares that exist here and do not conform (C062, X07)."`
	GrandfatherUntil          *time.Time `json:"grandfather_until,omitempty" doc:"Deadline for shares that exist when existing_shares is grandfather (RFC 3339)."`
}

// SharingPolicyOverrideKind declares sharing_policy_override.
var SharingPolicyOverrideKind = Declare(Kind{
	Name: "sharing_policy_override", Plural: "sharing_policy_overrides", Prefix: "shro", Security: true, Destroy: DestroyDelete,
	Doc: "A stricter sharing policy for one item and everything below it.",
}, func(o *SharingPolicyOverride) string { return strings.ToLower(o.Path) })

// Validate checks combinations that could never take effect.
func (o *SharingPolicyOverride) Validate() []Violation {
	if o.Path == "/" {
		return []Violation{Invalid("/path", "an override is for one item, e.g. /finance; what holds for the whole workspace is written in gatehouse_sharing_policy")}
	}
	out := checkItemPath("/path", o.Path)
	if len(o.Said()) == 0 {
		out = append(out, Required("", "the override says nothing; write at least one attribute of the sharing policy, e.g. external_sharing = \"disabled\""))
	}
	if def, most := o.DefaultLinkExpirationDays, o.MaxLinkExpirationDays; def != nil && most != nil && *def > *most {
		out = append(out, Invalid("/default_link_expiration_days", "the default of %d days is above max_link_expiration_days (%d); write %d or less, or raise the maximum", *def, *most, *most))
	}
	if o.ExistingShares == ExistingGrandfather && o.GrandfatherUntil == nil {
		out = append(out, Required("/grandfather_until", "existing_shares = \"grandfather\" needs a deadline, e.g. 2027-06-30T00:00:00Z"))
	}
	if o.ExistingShares != ExistingGrandfather && o.GrandfatherUntil != nil {
		out = append(out, Invalid("/grandfather_until", "only used when existing_shares = \"grandfather\" stands beside it; remove it, or write that"))
	}
	if o.GuestInvitations == "roles" && len(o.GuestInviterRoles) == 0 {
		out = append(out, Required("/guest_inviter_roles", "guest_invitations = \"roles\" needs the roles that may invite"))
	}
	if o.GuestInvitations != "roles" && len(o.GuestInviterRoles) > 0 {
		out = append(out, Invalid("/guest_inviter_roles", "only used when guest_invitations = \"roles\" stands beside it; remove it, or write that"))
	}
	if o.ExternalSharing == "disabled" && o.PublicLinks == "allowed" {
		out = append(out, Invalid("/public_links", "public links are external sharing, and external_sharing is \"disabled\"; write public_links = \"disabled\""))
	}
	if o.ExternalSharing != "" && o.ExternalSharing != "allowlist" && len(o.AllowedDomains) > 0 {
		out = append(out, Invalid("/allowed_domains", "only used when external_sharing is \"allowlist\"; write that, or remove the domains"))
	}
	blocked := map[string]bool{}
	for _, d := range o.BlockedDomains {
		blocked[d] = true
	}
	for _, d := range o.AllowedDomains {
		if blocked[d] {
			out = append(out, Invalid("/allowed_domains", "%q is also in blocked_domains; remove it from one of the two", d))
		}
	}
	return out
}

// Said names the attributes of the policy that the override gives.
func (o *SharingPolicyOverride) Said() []string {
	var out []string
	for _, name := range SharingAttributes() {
		if !partOf(o, name).IsZero() {
			out = append(out, name)
		}
	}
	return out
}
