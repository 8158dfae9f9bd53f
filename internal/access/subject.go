package access

import (
	"net/netip"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Subject is a principal with everything that it holds in one workspace: the
// rows that SQL has and the decision needs. What others hold is not in it, so a
// decision costs the same however many grants the workspace has.
type Subject struct {
	// Workspace is the id of the workspace; it must equal the Item's and the
	// Engine's.
	Workspace string
	Principal vocabulary.Principal
	// Role is the workspace role. A service account carries admin or member; a
	// link visitor carries viewer.
	Role vocabulary.Role
	// Active is false for suspended principals; they may do nothing.
	Active bool
	// ExpiresAt ends a guest's access (C016); zero means never.
	ExpiresAt time.Time
	// MaxLevel is the highest level that a guest was let in for; zero for what the
	// role's own ceiling leaves (C016).
	MaxLevel vocabulary.Level
	// External marks people from outside the organisation. Whatever role they
	// hold, they stay below the guest ceiling (GH-AZ-02).
	External bool
	// Teams maps the slugs of the principal's teams to the role held in each.
	Teams map[string]vocabulary.TeamRole
	// Assignments are the custom roles held, directly or through a team or group.
	Assignments []Assignment
	// Grants are the grants held, directly or through a team or group, by the
	// path of the item that they are on.
	Grants map[string][]Grant
	// Token narrows the subject to what its API token allows; nil for a person's
	// own session.
	Token *Token
}

// Assignment is a role held on a scope (C026).
type Assignment struct {
	ID string
	// Role is the name of a custom role or of a built-in one (viewer, commenter,
	// editor, manager, admin).
	Role  string
	Scope string
	// Source is the principal that the row names: the subject, or a team or
	// group that it belongs to.
	Source    vocabulary.Principal
	ExpiresAt time.Time
	// Condition is Cedar text that must hold; empty means always. Inside it the
	// level of the resource is 0, because it is what is being found out.
	Condition string
}

// Grant gives a level or a role on the item whose path is its key in
// Subject.Grants. Exactly one of Level and Role is set.
type Grant struct {
	ID            string
	Level         vocabulary.Level
	Role          string
	Source        vocabulary.Principal
	ExpiresAt     time.Time
	AllowDownload bool
	Condition     string
}

// Token is the narrowing that an API token puts on its principal.
type Token struct {
	ID string
	// Scopes are permission patterns. A token without scopes allows nothing; "*"
	// leaves the principal's own access as it is.
	Scopes []string
	// ReadOnly tokens may use only permissions that change nothing.
	ReadOnly bool
}

// RequestContext is what is known about the request. Conditions may read every
// field, so an unknown one has a value that says so and not an absence: Cedar
// skips a policy whose condition fails to evaluate.
type RequestContext struct {
	// Time is the moment of the decision; a decision without one is denied.
	Time time.Time
	// IP is the caller's address; the zero Addr reads as "::" in conditions.
	IP netip.Addr
	// Country is an ISO 3166-1 alpha-2 code, "" when unknown.
	Country string
	// DeviceKnown is whether the device was seen before.
	DeviceKnown bool
	// MFAAge is how long ago a second factor was shown. Zero and less mean never,
	// so that a context that nobody filled does not pass for a fresh sign-in.
	MFAAge time.Duration
	// Authenticator is how the caller signed in: password, totp, webauthn, saml,
	// oidc, token or link; "" when unknown.
	Authenticator string
	// TokenID is the API token used, "" for none.
	TokenID string
}
