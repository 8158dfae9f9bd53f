package api

// MFAPolicy says who needs a second factor and which ones count (C040 to C042).
type MFAPolicy struct {
	Meta
	Requirement       string   `json:"requirement" enum:"none,all_users,roles,risk_based" default:"all_users" doc:"Who needs multi-factor authentication."`
	Roles             []string `json:"roles,omitempty" items:"owner,admin,member,guest" maxItems:"4" doc:"Workspace roles that need it when requirement is roles."`
	RiskTriggers      []string `json:"risk_triggers,omitempty" items:"new_device,new_geography,new_ip,impossible_travel" maxItems:"4" doc:"What makes a session risky when requirement is risk_based."`
	AllowedMethods    []string `json:"allowed_methods" items:"totp,webauthn,sms" default:"[\"totp\",\"webauthn\"]" maxItems:"3" doc:"Second factors that count."`
	SMSFallback       bool     `json:"sms_fallback" default:"false" doc:"SMS may be used when nothing else works; never by privileged roles (X18)."`
	PrivilegedMethods []string `json:"privileged_methods" items:"totp,webauthn" default:"[\"webauthn\"]" maxItems:"2" doc:"Second factors that count for owner and admins; SMS never does (X18)."`
	GracePeriod       string   `json:"grace_period" format:"duration" default:"7d" doc:"Time people have to enrol, at most 90d."`
	AppliesToSSO      string   `json:"applies_to_sso" enum:"trust_idp,require_local" default:"trust_idp" doc:"Whether the identity provider's second factor counts or ours is needed as well."`
	OnDestroy         string   `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// MFAPolicyKind declares mfa_policy.
var MFAPolicyKind = Declare(Kind{
	Name: "mfa_policy", Prefix: "mfap", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "Who needs a second factor, and which ones count.",
}, func(*MFAPolicy) string { return "mfa_policy" })

// Validate checks combinations that would promise more than they do.
func (p *MFAPolicy) Validate() []Violation {
	var out []Violation
	if p.Requirement == "roles" && len(p.Roles) == 0 {
		out = append(out, Required("/roles", "requirement = \"roles\" needs the roles, e.g. [\"owner\", \"admin\"]"))
	}
	if p.Requirement != "roles" && len(p.Roles) > 0 {
		out = append(out, Invalid("/roles", "only used when requirement = \"roles\"; remove it"))
	}
	if p.Requirement == "risk_based" && len(p.RiskTriggers) == 0 {
		out = append(out, Required("/risk_triggers", "requirement = \"risk_based\" needs triggers, e.g. [\"new_device\", \"new_geography\", \"new_ip\"]"))
	}
	if p.Requirement != "risk_based" && len(p.RiskTriggers) > 0 {
		out = append(out, Invalid("/risk_triggers", "only used when requirement = \"risk_based\"; remove it"))
	}
	if len(p.AllowedMethods) == 0 {
		out = append(out, Required("/allowed_methods", "at least one method must be allowed"))
	}
	allowed := map[string]bool{}
	for _, m := range p.AllowedMethods {
		allowed[m] = true
	}
	for _, m := range p.PrivilegedMethods {
		if !allowed[m] {
			out = append(out, Invalid("/privileged_methods", "%q is not in allowed_methods; add it there or remove it here", m))
		}
	}
	if len(p.PrivilegedMethods) == 0 {
		out = append(out, Required("/privileged_methods", "owner and admins need at least one method that counts, e.g. [\"webauthn\"]"))
	}
	if p.SMSFallback && !allowed["sms"] {
		out = append(out, Invalid("/sms_fallback", "sms_fallback needs \"sms\" in allowed_methods"))
	}
	if d, err := ParseDuration(p.GracePeriod); err == nil && d > 90*Day {
		out = append(out, Invalid("/grace_period", "%s is longer than 90d", p.GracePeriod))
	}
	return out
}
