package api

// LoginPolicy says how people may sign in (C037, C038).
type LoginPolicy struct {
	Meta
	EnforceSSO        bool     `json:"enforce_sso" default:"false" doc:"Only single sign-on, for everyone but the owner and exempt accounts. Needs an enabled connection with a successful test login."`
	ExemptPrincipals  []string `json:"exempt_principals,omitempty" format:"email" maxItems:"10" doc:"Declared break-glass members who may still use a password (X02)."`
	PasswordLogin     string   `json:"password_login" enum:"allowed,disabled" default:"allowed" doc:"Whether passwords may be used at all."`
	AutoJoin          string   `json:"auto_join" enum:"off,verified_domains" default:"off" doc:"Whether people of verified domains become members at their first sign-in."`
	MaxFailedAttempts int64    `json:"max_failed_attempts" minimum:"3" maximum:"100" default:"10" doc:"Consecutive failures before sign-in is throttled (GH-AU-07)."`
	InviteLinks       bool     `json:"invite_links" default:"false" doc:"Workspace-wide invite links may exist (X26)."`
	OnDestroy         string   `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// LoginPolicyKind declares login_policy.
var LoginPolicyKind = Declare(Kind{
	Name: "login_policy", Prefix: "logp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "How people may sign in.",
}, func(*LoginPolicy) string { return "login_policy" })
