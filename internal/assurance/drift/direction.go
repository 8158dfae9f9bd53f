package drift

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// rule tells in which direction a change of an attribute goes: +1 wider access, -1
// narrower, 0 neither; known is false when it cannot tell.
type rule func(old, new any) (sign int, known bool)

// rules are by kind.attribute, or by the attribute alone where it means the same
// everywhere. Order in enums is from narrow to wide.
var rules = map[string]rule{
	"sharing_policy.external_sharing":             ladder("disabled", "allowlist", "anyone"),
	"sharing_policy.public_links":                 ladder("disabled", "allowed"),
	"sharing_policy.allowed_domains":              more,
	"sharing_policy.blocked_domains":              fewer,
	"sharing_policy.require_link_password":        off,
	"sharing_policy.default_link_expiration_days": larger,
	"sharing_policy.max_link_expiration_days":     larger,
	"sharing_policy.default_allow_download":       on,
	"sharing_policy.guest_access":                 on,
	"sharing_policy.guest_invitations":            ladder("owners", "admins", "roles", "anyone"),
	"sharing_policy.guest_inviter_roles":          more,
	"sharing_policy.guest_max_days":               larger,
	"sharing_policy.allow_guest_uploads":          on,
	"sharing_policy.require_external_approval":    off,
	"sharing_policy.track_external_views":         neither,
	"sharing_policy.existing_shares":              ladder("enforce", "grandfather", "unaffected"),
	"sharing_policy.grandfather_until":            later,

	// What an override leaves out is inherited, so most of it cannot be told alone.
	"sharing_policy_override.allow_loosen":    on,
	"sharing_policy_override.blocked_domains": fewer,
	"sharing_policy_override.description":     neither,

	"login_policy.enforce_sso":         off,
	"login_policy.exempt_principals":   more,
	"login_policy.password_login":      ladder("disabled", "allowed"),
	"login_policy.auto_join":           ladder("off", "verified_domains"),
	"login_policy.max_failed_attempts": larger,
	"login_policy.invite_links":        on,

	"mfa_policy.requirement":        ladder("all_users", "roles", "risk_based", "none"),
	"mfa_policy.roles":              fewer,
	"mfa_policy.risk_triggers":      fewer,
	"mfa_policy.allowed_methods":    more,
	"mfa_policy.sms_fallback":       on,
	"mfa_policy.privileged_methods": more,
	"mfa_policy.grace_period":       longer,
	"mfa_policy.applies_to_sso":     ladder("require_local", "trust_idp"),

	"session_policy.absolute_timeout":            longer,
	"session_policy.idle_timeout":                longer,
	"session_policy.privileged.absolute_timeout": longer,
	"session_policy.privileged.idle_timeout":     longer,
	"session_policy.revoke_on":                   fewer,

	"change_policy.mode":            ladder("block", "warn", "off"),
	"change_policy.override_roles":  more,
	"change_policy.require_reason":  off,
	"change_policy.reconcile_hours": neither,

	"audit_policy.retention_days":          neither,
	"audit_policy.pseudonymise_on_erasure": neither,
	"audit_policy.checkpoint_interval":     neither,
	"audit_policy.signing_key_ref":         neither,

	"data_residency.primary_region":  neither,
	"data_residency.replica_regions": neither,
	"data_residency.backup_region":   neither,
	"data_residency.pin":             neither,

	"retention_policy.trash_days":          neither,
	"retention_policy.erasure_days":        neither,
	"retention_policy.link_tombstone_days": neither,

	"workspace.name":                neither,
	"workspace.plan":                neither,
	"workspace.classification":      neither,
	"workspace.min_admins":          smaller,
	"workspace.deletion_protection": neither,
	"workspace.closure_days":        neither,
	"workspace_owner.principal":     unknownDirection,

	"member.workspace_role":                    ladder("guest", "member", "admin", "owner"),
	"member.active":                            on,
	"guest.active":                             on,
	"guest.sponsor":                            neither,
	"guest.company":                            neither,
	"guest.max_level":                          levels,
	"guest.projects":                           more,
	"invitation.workspace_role":                ladder("guest", "member", "admin"),
	"invitation.teams":                         more,
	"invitation.team_role":                     teamRoles,
	"invitation.projects":                      more,
	"invitation.max_level":                     levels,
	"invitation.sponsor":                       neither,
	"invitation.message":                       neither,
	"invitation.expires_in":                    longer,
	"approval_policy.description":              neither,
	"approval_policy.expires_after":            neither,
	"approval_policy.requester_cannot_approve": off,
	"service_account.workspace_role":           ladder("member", "admin"),
	"service_account.active":                   on,
	"service_account.owner":                    neither,
	"service_account.description":              neither,
	"team.name":                                neither,
	"team.description":                         neither,
	"team.transfer_to":                         neither,
	"team.default_level":                       levels,
	"team.external_allowed":                    on,
	"team_membership.role":                     teamRoles,
	"team_memberships.members":                 teamRoles,
	"access_grant.level":                       levels,
	"access_grant.allow_download":              on,
	"access_grants.grants":                     levels,
	"role.base_level":                          levels,
	"role.assignable_to":                       restriction,
	"role.description":                         neither,
	"project.name":                             neither,
	"project.classification":                   neither,
	"project.inheritance":                      ladder("restricted", "inherit"),
	"project.allow_guest_uploads":              on,
	"project.allow_guest_ai_workflows":         on,
	"project.deletion_protection":              neither,
	"folder.name":                              neither,
	"folder.inheritance":                       ladder("restricted", "inherit"),
	"asset.name":                               neither,
	"asset.external_ref":                       neither,
	"asset.classification":                     neither,
	"asset.inheritance":                        ladder("restricted", "inherit"),
	"asset.archived":                           off,
	"asset.legal_hold":                         neither,
	"collection.name":                          neither,
	"collection.asset_ids":                     more,
	"collection.inheritance":                   ladder("restricted", "inherit"),
	"access_grant.message":                     neither,
	"share_link.level":                         levels,
	"share_link.recipients":                    more,
	"share_link.allow_download":                on,
	"share_link.allow_comments":                on,
	"share_link.password_wo_version":           unknownDirection,
	"share_link.max_views":                     unknownDirection, // none is the widest
	"share_link.notify_recipients":             neither,
	"share_link.state":                         neither,
	"share_link.password_set":                  off,
	"share_link.created_by":                    neither,
	"sso_connection.enabled":                   on,
	"sso_connection.preset":                    neither,
	"sso_connection.domains":                   more,
	"saml.want_signed_assertions":              off,
	"saml.allow_idp_initiated":                 on,
	"oidc.pkce":                                off,
	"jit.enabled":                              on,
	"jit.default_role":                         ladder("guest", "member"),
	"scim_token.rotation.overlap":              longer,
	"scim_group_mapping.team_role":             teamRoles,
	"scim_group_mapping.workspace_role":        ladder("member", "admin"),
	"scim_group_mapping.on_group_deleted":      ladder("revoke", "keep"),
	"provisioning_policy.max_removal_ratio":    ratio,
	"provisioning_policy.quarantine_hours":     unknownDirection,
	"provisioning_policy.protected_principals": fewer,
	"provisioning_policy.unknown_group":        ladder("ignore", "create_team"),
	"provisioning_policy.deprovision":          unknownDirection,
	"provisioning_policy.link_handling":        ladder("revoke", "transfer_to_manager"),
	"provisioning_policy.email_change":         ladder("hold", "allow"),
	"provisioning_policy.rehire":               ladder("refuse", "reactivate"),
	"api_token.scopes":                         more,
	"notification_policy.email_events":         neither,
	"notification_policy.digest":               neither,
	"notification_policy.digest_hour":          neither,
	"notification_policy.digest_timezone":      neither,
	"notification_policy.expiry_warning_days":  neither,
	"notification_channel.events":              more,
	"notification_channel.addresses":           more,
	"notification_channel.enabled":             on,
	"notification_channel.scope":               unknownDirection,
	"notification_channel.url_wo_version":      unknownDirection,
	"notification_channel.secret_wo_version":   neither,

	"event_receiver.events":                          more,
	"event_receiver.enabled":                         on,
	"event_receiver.url":                             unknownDirection,
	"event_receiver.audience":                        unknownDirection,
	"event_receiver.signing_algorithm":               neither,
	"event_receiver.authorization_header_wo_version": neither,

	"expires_at":    later,
	"allowed_cidrs": restriction,
	"condition":     condition,
	"justification": neither,
	"on_destroy":    neither,
	"sources":       neither,
}

func ruleOf(kind, attribute string) rule {
	attribute, _, _ = strings.Cut(attribute, "[")
	if r, ok := rules[kind+"."+attribute]; ok {
		return r
	}
	return rules[attribute]
}

// direction is the class of a change of an attribute.
func direction(kind, attribute string, _ *api.Field, entry string, old, new any) Class {
	r := ruleOf(kind, attribute)
	if r == nil {
		return Changed
	}
	old, new = emptyAsNil(old), emptyAsNil(new)
	if entry != "" {
		// An entry of a map: who is added gains, who is gone loses.
		switch {
		case old == nil:
			return Widened
		case new == nil:
			return Narrowed
		}
	}
	sign, known := r(old, new)
	switch {
	case !known:
		return Changed
	case sign > 0:
		return Widened
	case sign < 0:
		return Narrowed
	}
	return Neutral
}

func neither(any, any) (int, bool)          { return 0, true }
func unknownDirection(any, any) (int, bool) { return 0, false }

func on(_, new any) (int, bool) {
	if b, _ := new.(bool); b {
		return 1, true
	}
	return -1, true
}

func off(_, new any) (int, bool) {
	sign, _ := on(nil, new)
	return -sign, true
}

// ladder orders the values of an attribute from narrow to wide; absent is narrowest.
func ladder(values ...string) rule {
	return func(old, new any) (int, bool) {
		place := func(v any) (int, bool) {
			if v == nil {
				return -1, true
			}
			i := slices.Index(values, strings.ToLower(fmt.Sprint(v)))
			return i, i >= 0
		}
		was, ok1 := place(old)
		is, ok2 := place(new)
		return is - was, ok1 && ok2
	}
}

var (
	levels    = ladder("view", "comment", "edit", "manage", "full_access")
	teamRoles = ladder("viewer", "reviewer", "editor", "team_admin")
)

func larger(old, new any) (int, bool) {
	was, ok1 := old.(float64)
	is, ok2 := new.(float64)
	switch {
	case !ok1 || !ok2:
		return 0, false
	case is > was:
		return 1, true
	case is < was:
		return -1, true
	}
	return 0, true
}

func smaller(old, new any) (int, bool) {
	sign, known := larger(old, new)
	return -sign, known
}

// ratio compares numbers that are written as text.
func ratio(old, new any) (int, bool) {
	was, err1 := strconv.ParseFloat(fmt.Sprint(old), 64)
	is, err2 := strconv.ParseFloat(fmt.Sprint(new), 64)
	if err1 != nil || err2 != nil {
		return 0, false
	}
	return larger(was, is)
}

func longer(old, new any) (int, bool) {
	was, err1 := api.ParseDuration(fmt.Sprint(old))
	is, err2 := api.ParseDuration(fmt.Sprint(new))
	switch {
	case err1 != nil || err2 != nil:
		return 0, false
	case is > was:
		return 1, true
	case is < was:
		return -1, true
	}
	return 0, true
}

// later: an end that moves away, or is gone, widens.
func later(old, new any) (int, bool) {
	if new == nil {
		return 1, true
	}
	if old == nil {
		return -1, true
	}
	was, err1 := time.Parse(time.RFC3339, fmt.Sprint(old))
	is, err2 := time.Parse(time.RFC3339, fmt.Sprint(new))
	if err1 != nil || err2 != nil {
		return 0, false
	}
	return is.Compare(was), true
}

// more: each element gives somebody something.
func more(old, new any) (int, bool) {
	gained, lost := elements(old, new)
	switch {
	case gained > 0 && lost == 0:
		return 1, true
	case lost > 0 && gained == 0:
		return -1, true
	case gained > 0:
		// Some gain while others lose; whoever reads it should look at the gain.
		return 1, true
	}
	return 0, true
}

// fewer: each element forbids something.
func fewer(old, new any) (int, bool) {
	gained, lost := elements(old, new)
	switch {
	case lost > 0:
		return 1, true
	case gained > 0:
		return -1, true
	}
	return 0, true
}

// restriction: elements name what is allowed, and none of them means everything.
func restriction(old, new any) (int, bool) {
	switch {
	case old == nil && new == nil:
		return 0, true
	case new == nil:
		return 1, true
	case old == nil:
		return -1, true
	}
	return more(old, new)
}

// condition: without one, access is not conditional any more.
func condition(old, new any) (int, bool) {
	switch {
	case old != nil && new == nil:
		return 1, true
	case old == nil && new != nil:
		return -1, true
	}
	return 0, false
}

func elements(old, new any) (gained, lost int) {
	was, is := setOf(old), setOf(new)
	for e := range is {
		if !was[e] {
			gained++
		}
	}
	for e := range was {
		if !is[e] {
			lost++
		}
	}
	return gained, lost
}

func setOf(v any) map[string]bool {
	list, _ := v.([]any)
	out := make(map[string]bool, len(list))
	for _, e := range list {
		out[strings.ToLower(fmt.Sprint(e))] = true
	}
	return out
}
