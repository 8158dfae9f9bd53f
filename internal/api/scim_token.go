package api

import (
	"strings"
	"time"
)

// SCIMToken is the bearer credential of one provisioning connection (C039).
type SCIMToken struct {
	Meta
	Connection   string         `json:"connection_name" required:"true" immutable:"true" format:"slug" filter:"true" doc:"Name of the provisioning connection, usually that of the SSO connection."`
	Name         string         `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name of the token."`
	ExpiresAt    *time.Time     `json:"expires_at,omitempty" computed:"true" doc:"When the token ends (RFC 3339); 180 days from creation when absent."`
	AllowedCIDRs []string       `json:"allowed_cidrs,omitempty" format:"cidr" maxItems:"100" doc:"Networks the token may be used from; any when empty."`
	Rotation     *TokenRotation `json:"rotation,omitempty" doc:"How a rotation behaves."`
}

// TokenRotation says how long an old secret lives on after a rotation.
type TokenRotation struct {
	Overlap string `json:"overlap" format:"duration" default:"24h" doc:"Time during which the old secret still works, at most 14d."`
}

// SCIMTokenKind declares scim_token.
var SCIMTokenKind = Declare(Kind{
	Name: "scim_token", Plural: "scim_tokens", Prefix: "sctk", Security: true, Destroy: DestroyRevoke,
	Doc: "A SCIM bearer token; its value is only given out by the ephemeral resource of the same name.",
}, func(t *SCIMToken) string { return strings.ToLower(t.Connection) + "/" + strings.ToLower(t.Name) })
