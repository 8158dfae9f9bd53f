package vocabulary

import (
	"slices"
	"strings"
)

// Names that the decision itself refers to. Everything else is only data.
const (
	AssetRead              = "asset.read"
	AssetDownload          = "asset.download"
	AssetCreate            = "asset.create"
	AssetDeleteOwn         = "asset.delete.own"
	WorkflowRun            = "workflow.run"
	ReviewVerdict          = "review.verdict"
	MemberInvite           = "member.invite"
	ItemOwnerTransfer      = "item.owner.transfer"
	ProjectOwnerTransfer   = "project.owner.transfer"
	GuestAccessWrite       = "sharing_policy.guest_access.write"
	GuestAIWorkflowsWrite  = "project.guest_ai_workflows.write"
	ChangePolicyOverride   = "change_policy.override"
	OwnershipClaim         = "ownership.claim"
	AuditRead              = "audit.read"
	AccessExplain          = "access.explain"
	DirectoryRead          = "directory.read"
	DirectoryWrite         = "directory.write"
	WorkspaceClose         = "workspace.close"
	AssetEventWrite        = "asset_event.write"
	ApprovalRequestRead    = "approval_request.read"
	ApprovalRequestWrite   = "approval_request.write"
	ShareVisitRead         = "share_visit.read"
	WorkflowTemplateManage = "workflow_template.manage"
	PersonErase            = "person.erase"
	PersonExport           = "person.export"
)

// itemAtom is a row of the item half of the catalogue.
type itemAtom struct {
	name, text string
	flags      string // r reads only, g governance floor, a works on archived items
}

// itemAtoms are grouped by the lowest level that includes them (C021–C025).
var itemAtoms = map[Level][]itemAtom{
	// C021. Download is deliberately not here: a viewer downloads only where a
	// grant or link says allow_download.
	LevelView: {
		{"item.read", "See that an item exists and read its governance record", "rg"},
		{AssetRead, "View the content of an asset", "r"},
		{"reaction.create", "React with an emoji", ""},
		{"review.read", "Read comments, reviews and their verdicts", "r"},
	},
	// C022. X04: viewing does not include commenting.
	LevelComment: {
		{"comment.create", "Write comments", ""},
		{"comment.voice", "Record voice notes", ""},
		{"mention.create", "Mention other people", ""},
		{"annotation.create", "Draw annotations on frames", ""},
	},
	// C023. Verdicts come with edit, or earlier with the team role reviewer (X05).
	LevelEdit: {
		{AssetDownload, "Download the original of an asset", "r"},
		{AssetCreate, "Upload assets", ""},
		{"asset.update", "Change assets", ""},
		{"asset.metadata.update", "Change the metadata of assets", ""},
		{AssetDeleteOwn, "Delete one's own uploads", ""},
		{WorkflowRun, "Run AI workflows on assets", ""},
		{"review.request", "Ask for a review", ""},
		{ReviewVerdict, "Give a verdict in a review", ""},
		{"item.create", "Create an item inside this one", "g"},
		{"item.update", "Change the name and description of an item", "g"},
	},
	// C024.
	LevelManage: {
		{"item.settings", "Change the settings of an item, inheritance and archiving included", "ga"},
		{"sharing.manage", "Administer how an item is shared", "ga"},
		{"grant.read", "See who has access to an item", "rg"},
		{"grant.create", "Give access to an item", "g"},
		{"grant.update", "Change the level or the expiry of a grant", "ga"},
		{"grant.delete", "Revoke access to an item", "ga"},
		{MemberInvite, "Invite people to an item", "g"},
		{"member.remove", "Remove people from an item", "ga"},
		{"share_link.read", "See the share links of an item and who used them", "rg"},
		{"share_link.create", "Create share links", "g"},
		{"share_link.update", "Change share links", "g"},
		{"share_link.delete", "Revoke share links", "ga"},
		{"collection.create", "Create collections", "g"},
		{"collection.update", "Change collections", "g"},
		{"collection.delete", "Delete collections; the assets in them stay", "ga"},
		{"thread.resolve", "Resolve comment threads", ""},
		{"thread.archive", "Archive comment threads", ""},
	},
	// C025. X06: on a project the transfer also needs the workspace owner.
	LevelFullAccess: {
		{"item.delete", "Delete an item and everything in it", "ga"},
		{"item.restore", "Take an item back from the trash", "ga"},
		{ItemOwnerTransfer, "Hand an item to another owner (a project: workspace owner only)", "ga"},
	},
}

// kindAtoms lists the kinds that get `<kind>.read` and `<kind>.write`, with who
// may read and who may write them: o owner, a admin, m member, g guest.
var kindAtoms = []struct{ kind, noun, read, write string }{
	{"workspace", "the workspace and its settings", "oamg", "oa"},
	{"workspace_owner", "who owns the workspace", "oam", "o"},
	{"domain", "mail domains", "oa", "oa"},
	{"change_policy", "the change policy", "oa", "oa"},

	{"member", "members", "oam", "oa"},
	// X14: what a member asks for waits for owner or admins.
	{"invitation", "invitations to the workspace", "oam", "oam"},
	// C053: the sharing policy says who of them may invite; the items' own grant.*
	// permissions are checked as well.
	{"guest", "guests", "oam", "oam"},
	{"service_account", "service accounts", "oa", "oa"},
	{"break_glass_account", "break-glass accounts", "oa", "oa"},
	// X24: only owners and admins create teams.
	{"team", "teams", "oam", "oa"},
	{"team_membership", "who is in which team", "oam", "oa"},

	{"role", "custom roles", "oam", "oa"},
	{"role_assignment", "who holds which custom role", "oa", "oa"},
	{"attribute_policy", "attribute policies", "oa", "oa"},
	{"separation_of_duties_rule", "separation-of-duties rules", "oa", "oa"},
	// C015: members create projects and folders; what they may do with one
	// that exists is an item permission.
	{"project", "projects", "oamg", "oam"},
	{"folder", "folders", "oamg", "oam"},
	{"collection", "collections", "oamg", "oam"},
	// asset.read is to view the content (C021); this is the record of it.
	{"asset_record", "the governance records of assets", "oamg", "oam"},
	// The item's own grant.* permissions are checked as well.
	{"access_grant", "access grants", "oam", "oam"},
	// The item's own share_link.* permissions are checked as well. Guests make none.
	{"share", "share links, and what is shared with people outside", "oam", "oam"},

	{"sharing_policy", "the sharing policy", "oam", "oa"},
	{"sharing_policy_override", "sharing policies of single items", "oam", "oa"},
	{"approval_policy", "approval policies", "oam", "oa"},

	{"login_policy", "the login policy", "oa", "oa"},
	{"mfa_policy", "the MFA policy", "oa", "oa"},
	{"session_policy", "the session policy", "oa", "oa"},
	{"access_policy", "conditional access policies", "oa", "oa"},
	{"network_policy", "the network policy", "oa", "oa"},
	{"sso_connection", "SSO connections", "oa", "oa"},
	{"scim_token", "SCIM tokens", "oa", "oa"},
	{"scim_group_mapping", "SCIM group mappings", "oa", "oa"},
	{"provisioning_policy", "the provisioning policy", "oa", "oa"},
	{"api_token", "API tokens", "oa", "oa"},
	{"workload_identity", "workload identities", "oa", "oa"},
	{"webhook", "webhooks", "oa", "oa"},

	{"elevation_policy", "elevation policies", "oa", "oa"},
	{"access_review", "access reviews", "oa", "oa"},
	{"audit_policy", "the audit policy", "oa", "oa"},
	{"log_stream", "log streams", "oa", "oa"},
	{"notification_policy", "the notification policy", "oam", "oa"},
	{"notification_channel", "notification channels", "oa", "oa"},
	{"event_receiver", "receivers of security events", "oa", "oa"},

	{"data_residency", "data residency", "oam", "oa"},
	{"encryption_policy", "the encryption policy", "oa", "oa"},
	{"retention_policy", "the retention policy", "oam", "oa"},
	{"backup_policy", "the backup policy", "oa", "oa"},
	{"subprocessor", "subprocessors", "oam", "oa"},
	{"framework_status", "framework statuses", "oam", "oa"},
	{"policy_test", "policy tests", "oa", "oa"},
	{"control_exception", "control exceptions", "oa", "oa"},
}

// workspaceAtoms are the workspace permissions that are not the reading or the
// writing of a kind. A name ending in .read, and access.explain, only read.
var workspaceAtoms = []struct{ name, text, who string }{
	{AuditRead, "Read the audit log", "oa"},
	{AccessExplain, "Ask why a principal may or may not do something", "oa"},
	{"evidence.read", "Read check results and export evidence", "oa"},
	{"provisioning_event.read", "Read what the identity provider pushed", "oa"},
	{"provisioning_event.replay", "Replay a provisioning event", "oa"},
	{DirectoryRead, "Read users and groups over SCIM", "oa"},
	{DirectoryWrite, "Change users and groups over SCIM", "oa"},
	{AssetEventWrite, "Hand in what happened to assets in the application that holds them", "oa"},
	{ShareVisitRead, "Ask who a link visitor is and what the link gives", "oa"},
	{ApprovalRequestRead, "See requests for approval: one's own and those one may decide; owner and admins see all", "oam"},
	{ApprovalRequestWrite, "Approve, deny and withdraw requests; the approval policy says who may decide", "oam"},
	{PersonErase, "Erase what is held about somebody who left, or never was a member", "oa"},
	{PersonExport, "Read everything that is held about one person", "oa"},
	{"session.read", "See other people's sessions", "oa"},
	{"session.revoke", "End other people's sessions", "oa"},
	{"elevation.request", "Ask for temporary elevated access", "oam"},
	{"elevation.approve", "Approve temporary elevated access", "oa"},
	// C084, C085: everybody's own inbox, and what they want beside it.
	{"notification.read", "Read one's own notifications and preferences", "oamg"},
	{"notification.write", "Mark one's own notifications as read, and set one's own preferences", "oamg"},
	{OwnershipClaim, "Record which stack manages an object", "oa"},
	{ChangePolicyOverride, "Edit a code-managed object by hand, with a reason", "oa"},
	{WorkflowTemplateManage, "Manage workflow templates", "oa"},
	// Owner only: C013, C032, X08.
	{"billing.read", "See billing", "o"},
	{"billing.write", "Manage billing", "o"},
	{WorkspaceClose, "Close the workspace", "o"},
	{ProjectOwnerTransfer, "Hand a project to another owner", "o"},
	{GuestAccessWrite, "Turn guest access on or off", "o"},
	{GuestAIWorkflowsWrite, "Let guests run AI workflows in a project", "o"},
	{"sharing_policy_override.loosen", "Let an item share more freely than the workspace does", "o"},
	{"audit_policy.retention.shorten", "Shorten how long the audit log is kept", "o"},
}

func buildCatalogue() []Permission {
	var all []Permission
	for level, atoms := range itemAtoms {
		for _, a := range atoms {
			all = append(all, Permission{
				Name: a.name, Description: a.text, Scope: ScopeItem, MinLevel: level,
				Governance: strings.Contains(a.flags, "g"),
				Archived:   strings.Contains(a.flags, "a"),
				read:       strings.Contains(a.flags, "r"),
			})
		}
	}
	for _, k := range kindAtoms {
		all = append(all,
			workspacePermission(k.kind+".read", "Read "+k.noun, k.read),
			workspacePermission(k.kind+".write", "Change "+k.noun, k.write))
	}
	for _, a := range workspaceAtoms {
		all = append(all, workspacePermission(a.name, a.text, a.who))
	}
	slices.SortFunc(all, func(a, b Permission) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func workspacePermission(name, text, who string) Permission {
	p := Permission{
		Name: name, Description: text, Scope: ScopeWorkspace,
		read: strings.HasSuffix(name, ".read") || name == AccessExplain,
	}
	for _, c := range who {
		p.WorkspaceRoles = append(p.WorkspaceRoles, map[rune]Role{
			'o': RoleOwner, 'a': RoleAdmin, 'm': RoleMember, 'g': RoleGuest,
		}[c])
	}
	return p
}
