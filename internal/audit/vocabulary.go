package audit

import (
	"slices"
	"strings"
)

// An action is `noun.verb`: the noun is the kind that was acted on, the verb is
// in the past tense. The generic pipeline derives noun and verb for declared
// kinds (team.created, sharing_policy.updated, sso_connection.deleted); the
// constants are the actions that are not a plain create, update or delete.
const (
	ActionMemberInvited     = "member.invited"
	ActionMemberJoined      = "member.joined"
	ActionMemberSuspended   = "member.suspended"
	ActionMemberReactivated = "member.reactivated"
	ActionMemberRemoved     = "member.removed"
	ActionPersonErased      = "person.erased"

	ActionAuthSucceeded  = "auth.succeeded"
	ActionAuthFailed     = "auth.failed"
	ActionAuthDenied     = "auth.denied"
	ActionSessionCreated = "session.created"
	ActionSessionRevoked = "session.revoked"
	ActionTokenRevoked   = "token.revoked"

	ActionAssetUploaded   = "asset.uploaded"
	ActionAssetDownloaded = "asset.downloaded"
	ActionAssetDeleted    = "asset.deleted"
	ActionShareViewed     = "share.viewed"

	ActionObjectClaimed = "ownership.claimed"
)

// Verbs of the generic actions.
const (
	VerbCreated = "created"
	VerbUpdated = "updated"
	VerbDeleted = "deleted"
)

// Family groups actions as auditors ask for them (C044-C048, GH-AL-01).
type Family string

// The families.
const (
	FamilyMembers     Family = "members"     // C044
	FamilyPermissions Family = "permissions" // C045
	FamilyAssets      Family = "assets"      // C046
	FamilySettings    Family = "settings"    // C047
	FamilySSO         Family = "sso"         // C048
	FamilySharing     Family = "sharing"     // C051, GH-SH-08
	FamilySCIM        Family = "scim"
	FamilyElevation   Family = "elevation"
	FamilyPolicy      Family = "policy"
	FamilyAccess      Family = "access" // sign-in, sessions and tokens
	FamilyAudit       Family = "audit"
	FamilyOther       Family = "other"
)

// Families lists the families in the order of the documentation.
func Families() []Family {
	return []Family{
		FamilyMembers, FamilyPermissions, FamilyAssets, FamilySettings, FamilySSO, FamilySharing,
		FamilySCIM, FamilyElevation, FamilyPolicy, FamilyAccess, FamilyAudit, FamilyOther,
	}
}

// familyNouns gives the nouns of each family. A noun that is in no list belongs
// to the policies when it ends in _policy, else to FamilyOther.
var familyNouns = map[Family][]string{
	FamilyMembers: {"member", "invitation", "guest", "person", "service_account", "break_glass_account", "workspace_owner"},
	FamilyPermissions: {
		"grant", "access_grant", "access_grants", "role", "role_assignment",
		"attribute_policy", "separation_of_duties_rule", "separation_of_duties", "access_review",
	},
	FamilyAssets:   {"asset", "item", "project", "folder", "collection"},
	FamilySettings: {"settings", "workspace", "team", "team_membership", "team_memberships", "webhook", "mail", "notification_channel", "notification_policy", "notification_preferences", "event_receiver", "security_event", "security_event_key", "ownership"},
	FamilySSO:      {"sso", "sso_connection", "domain"},
	FamilySharing:  {"share", "share_link", "sharing", "viewer", "review", "comment"},
	FamilySCIM:     {"scim", "scim_token", "scim_group_mapping", "scim_user", "scim_group", "provisioning", "provisioning_policy"},
	FamilyElevation: {
		"elevation", "elevation_request", "break_glass",
	},
	FamilyPolicy: {"policy", "data_residency", "control_exception", "framework_status", "policy_test", "subprocessor", "sharing_policy_override"},
	FamilyAccess: {"auth", "session", "token", "api_token", "mfa", "credential", "workload_identity"},
	FamilyAudit:  {"audit", "evidence", "log_stream", "check"},
}

var familyOfNoun = func() map[string]Family {
	byNoun := make(map[string]Family)
	for family, nouns := range familyNouns {
		for _, noun := range nouns {
			byNoun[noun] = family
		}
	}
	return byNoun
}()

// FamilyOf is the family of an action, or of an action prefix such as "sso.*".
func FamilyOf(action string) Family {
	noun, _, _ := strings.Cut(action, ".")
	if family, ok := familyOfNoun[noun]; ok {
		return family
	}
	if strings.HasSuffix(noun, "_policy") {
		return FamilyPolicy
	}
	return FamilyOther
}

// ValidFamily reports whether a word names a family.
func ValidFamily(f Family) bool { return slices.Contains(Families(), f) }

const maxAction = 100

// ValidAction reports whether a word has the shape noun.verb, with at most two
// qualifiers between (settings.branding.updated).
func ValidAction(action string) bool {
	parts := strings.Split(action, ".")
	if len(action) > maxAction || len(parts) < 2 || len(parts) > 4 {
		return false
	}
	for _, part := range parts {
		if !validWord(part) {
			return false
		}
	}
	return true
}

// validWord is [a-z][a-z0-9_]*.
func validWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}
