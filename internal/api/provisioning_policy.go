package api

import (
	"strconv"
	"strings"
)

// ProvisioningPolicy decides what one provisioning connection may do to people (X15).
// A connection without one follows the defaults.
type ProvisioningPolicy struct {
	Meta
	Connection          string   `json:"connection_name" required:"true" immutable:"true" format:"slug" filter:"true" doc:"Name of the provisioning connection."`
	MaxRemovalRatio     string   `json:"max_removal_ratio" default:"0.25" maxLength:"6" doc:"Share of the people of the connection, or of a group that gives something, of which more may not be removed within an hour: a bulk above it is held for a human decision. 0 holds every bulk, 1 holds none; a single leaver never waits."`
	QuarantineHours     int64    `json:"quarantine_hours" default:"72" minimum:"1" maximum:"720" doc:"How long a held change waits for a decision; it is refused when nobody takes one."`
	ProtectedPrincipals []string `json:"protected_principals,omitempty" format:"email" maxItems:"100" doc:"Members whom the connection can neither end nor rename, besides the Owner and break-glass accounts, who are always protected."`
	UnknownGroup        string   `json:"unknown_group" enum:"ignore,create_team" default:"ignore" doc:"A pushed group without a mapping: ignore keeps it without meaning; create_team makes a team of it, with a mapping that gives its people the team role viewer."`
	Deprovision         string   `json:"deprovision" enum:"suspend,delete" default:"suspend" doc:"People whom the identity provider deletes: suspend keeps the identity, so that they come back as the same person; delete removes it. Who is only deactivated is suspended either way."`
	LinkHandling        string   `json:"link_handling" enum:"revoke,transfer_to_manager" default:"revoke" doc:"Share links of leavers: revoked, or handed to the manager whom the identity provider names. Where that is no active member, they are revoked."`
	EmailChange         string   `json:"email_change" enum:"allow,hold" default:"allow" doc:"A change of somebody's e-mail by the identity provider: made at once, or held for a human decision."`
	Rehire              string   `json:"rehire" enum:"reactivate,refuse" default:"reactivate" doc:"A new account for somebody who left: the same identity comes back, or the identity provider is told that the name is taken."`
	OnDestroy           string   `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// ProvisioningPolicyKind declares provisioning_policy.
var ProvisioningPolicyKind = Declare(Kind{
	Name: "provisioning_policy", Plural: "provisioning_policies", Prefix: "prvp", Security: true, Destroy: DestroyKeep,
	Doc: "What an identity provider may do to people: how many may leave at once, who never does, and what becomes of what they had.",
}, func(p *ProvisioningPolicy) string { return strings.ToLower(p.Connection) })

// Validate checks that the ratio is one.
func (p *ProvisioningPolicy) Validate() []Violation {
	if _, ok := p.RemovalRatio(); !ok {
		return []Violation{Invalid("/max_removal_ratio", "%q is no ratio; write a number from 0 to 1, e.g. 0.25", p.MaxRemovalRatio)}
	}
	return nil
}

// RemovalRatio is max_removal_ratio as a number; false when it is none.
func (p *ProvisioningPolicy) RemovalRatio() (float64, bool) {
	digits := strings.Trim(p.MaxRemovalRatio, "0123456789.") == ""
	r, err := strconv.ParseFloat(p.MaxRemovalRatio, 64)
	return r, err == nil && digits && r >= 0 && r <= 1
}
