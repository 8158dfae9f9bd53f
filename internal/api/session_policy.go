package api

// SessionPolicy bounds sessions (GH-AU-06).
type SessionPolicy struct {
	Meta
	AbsoluteTimeout string             `json:"absolute_timeout" format:"duration" default:"24h" doc:"Longest life of a session, 5m to 30d."`
	IdleTimeout     string             `json:"idle_timeout" format:"duration" default:"2h" doc:"Longest time a session may be unused."`
	Privileged      *PrivilegedSession `json:"privileged,omitempty" default:"{}" doc:"Limits for owner and admins."`
	RevokeOn        []string           `json:"revoke_on" items:"password_change,role_change,idp_change,mfa_change,device_loss" default:"[\"password_change\",\"role_change\",\"idp_change\"]" maxItems:"5" doc:"Events that end all sessions of a member."`
	OnDestroy       string             `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// PrivilegedSession bounds the sessions of owner and admins.
type PrivilegedSession struct {
	AbsoluteTimeout string `json:"absolute_timeout" format:"duration" default:"12h" doc:"Longest life of a privileged session."`
	IdleTimeout     string `json:"idle_timeout" format:"duration" default:"30m" doc:"Longest time a privileged session may be unused."`
}

// SessionPolicyKind declares session_policy.
var SessionPolicyKind = Declare(Kind{
	Name: "session_policy", Prefix: "sesp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "How long sessions live and what ends them.",
}, func(*SessionPolicy) string { return "session_policy" })

// Validate checks that limits nest: idle within absolute, privileged within both.
func (p *SessionPolicy) Validate() []Violation {
	var out []Violation
	within := func(path, value, limitName, limit string) {
		d, err1 := ParseDuration(value)
		l, err2 := ParseDuration(limit)
		if err1 == nil && err2 == nil && d > l {
			out = append(out, Invalid(path, "%s is longer than %s (%s)", value, limitName, limit))
		}
	}
	within("/absolute_timeout", p.AbsoluteTimeout, "the longest allowed", "30d")
	if d, err := ParseDuration(p.AbsoluteTimeout); err == nil && d < 5*Minute {
		out = append(out, Invalid("/absolute_timeout", "%s is shorter than 5m", p.AbsoluteTimeout))
	}
	within("/idle_timeout", p.IdleTimeout, "absolute_timeout", p.AbsoluteTimeout)
	if p.Privileged != nil {
		within("/privileged/absolute_timeout", p.Privileged.AbsoluteTimeout, "absolute_timeout", p.AbsoluteTimeout)
		within("/privileged/idle_timeout", p.Privileged.IdleTimeout, "privileged.absolute_timeout", p.Privileged.AbsoluteTimeout)
	}
	return out
}
