package vocabulary

import (
	"fmt"
	"strings"
)

// Role is a workspace role (C012). It is a ceiling on items, and for owner and
// admin a floor on governance (X05).
type Role string

// The workspace roles, highest authority first (X21). RoleViewer is the
// pseudo-role of a link visitor (C017); nobody is ever assigned it.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
	RoleGuest  Role = "guest"
	RoleViewer Role = "viewer"
)

// Roles lists the workspace roles that a member can hold, highest first.
func Roles() []Role { return []Role{RoleOwner, RoleAdmin, RoleMember, RoleGuest} }

// ParseRole reads a workspace role, RoleViewer included.
func ParseRole(s string) (Role, error) {
	r := Role(strings.ToLower(strings.TrimSpace(s)))
	if r.Authority() == 0 {
		return "", fmt.Errorf("unknown workspace role %q: use owner, admin, member or guest", clip(s))
	}
	return r, nil
}

// Authority orders the roles (X21): a larger number may do more. It is 0 for a
// role that does not exist.
func (r Role) Authority() int {
	switch r {
	case RoleOwner:
		return 5
	case RoleAdmin:
		return 4
	case RoleMember:
		return 3
	case RoleGuest:
		return 2
	case RoleViewer:
		return 1
	}
	return 0
}

// Ceiling is the highest level that a holder of the role can reach on any item
// (X05): guests never pass edit (C016), link visitors never pass comment (C017).
// An unknown role reaches nothing.
func (r Role) Ceiling() Level {
	switch r {
	case RoleOwner, RoleAdmin, RoleMember:
		return LevelFullAccess
	case RoleGuest:
		return LevelEdit
	case RoleViewer:
		return LevelComment
	}
	return LevelNone
}

// Internal reports whether the role belongs to people of the organisation.
func (r Role) Internal() bool { return r.Authority() >= RoleMember.Authority() }

// Governs reports whether the role has the governance floor: the power to
// administer grants and sharing on every item, without access to content (X05).
func (r Role) Governs() bool { return r == RoleOwner || r == RoleAdmin }

// TeamRole is a role inside a team (C018). It gives a level on the items that
// the team owns.
type TeamRole string

// The team roles, highest first.
const (
	TeamAdmin    TeamRole = "team_admin"
	TeamEditor   TeamRole = "editor"
	TeamReviewer TeamRole = "reviewer"
	TeamViewer   TeamRole = "viewer"
)

// TeamRoles lists the team roles, highest first.
func TeamRoles() []TeamRole { return []TeamRole{TeamAdmin, TeamEditor, TeamReviewer, TeamViewer} }

// ParseTeamRole reads a team role.
func ParseTeamRole(s string) (TeamRole, error) {
	r := TeamRole(strings.ToLower(strings.TrimSpace(s)))
	if r.Level() == LevelNone {
		return "", fmt.Errorf("unknown team role %q: use team_admin, editor, reviewer or viewer", clip(s))
	}
	return r, nil
}

// Level is what the team role gives on the team's items (X05).
func (r TeamRole) Level() Level {
	switch r {
	case TeamAdmin:
		return LevelManage
	case TeamEditor:
		return LevelEdit
	case TeamReviewer:
		return LevelComment
	case TeamViewer:
		return LevelView
	}
	return LevelNone
}

// Extra lists the permissions that the team role gives beyond its level: a
// reviewer comments and also gives verdicts (X05, C080).
func (r TeamRole) Extra() []string {
	if r == TeamReviewer {
		return []string{ReviewVerdict}
	}
	return nil
}

// clip keeps error messages short whatever the caller sent.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
