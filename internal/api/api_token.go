package api

import (
	"strings"
	"time"
)

// APIToken is a scoped, expiring credential of a service account or the caller.
type APIToken struct {
	Meta
	Name           string     `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	ServiceAccount string     `json:"service_account" required:"true" immutable:"true" format:"slug" ref:"service_account" filter:"true" doc:"Service account that the token acts as."`
	Scopes         []string   `json:"scopes" required:"true" maxItems:"200" doc:"Permissions the token may use at most, e.g. team.*, audit.read; * is everything the account may; read_only is every read."`
	ExpiresAt      *time.Time `json:"expires_at,omitempty" computed:"true" doc:"When the token ends (RFC 3339); 90 days from creation when absent, at most a year."`
	AllowedCIDRs   []string   `json:"allowed_cidrs,omitempty" format:"cidr" maxItems:"100" doc:"Networks the token may be used from; any when empty."`
}

// APITokenKind declares api_token.
var APITokenKind = Declare(Kind{
	Name: "api_token", Plural: "api_tokens", Prefix: "atok", Security: true, Destroy: DestroyRevoke,
	Doc: "An API token of a service account; its value is only given out by the ephemeral resource of the same name.",
}, func(t *APIToken) string { return strings.ToLower(t.Name) })
