package api

// ChangePolicy says who may change what code owns (M01, M04).
type ChangePolicy struct {
	Meta
	Mode           string   `json:"mode" enum:"off,warn,block" default:"warn" doc:"off: anyone with the permission may edit; warn: edits of code-owned objects are allowed and reported as drift; block: they are refused with managed_by_code."`
	OverrideRoles  []string `json:"override_roles,omitempty" items:"owner,admin" maxItems:"2" doc:"Workspace roles that may break the glass when mode is block."`
	RequireReason  bool     `json:"require_reason" default:"true" doc:"A break-glass edit must carry a reason."`
	ReconcileHours int64    `json:"reconcile_hours" minimum:"1" maximum:"720" default:"72" doc:"Hours in which a break-glass edit must be reverted or codified (GH-CM-04)."`
	OnDestroy      string   `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// ChangePolicyKind declares change_policy.
var ChangePolicyKind = Declare(Kind{
	Name: "change_policy", Prefix: "chgp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "Whether objects owned by code may be edited by hand.",
}, func(*ChangePolicy) string { return "change_policy" })
