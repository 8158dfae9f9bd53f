package api

// RetentionPolicy holds the deletion clocks (C086 to C090).
type RetentionPolicy struct {
	Meta
	TrashDays         int64  `json:"trash_days" minimum:"1" maximum:"30" default:"30" doc:"Days a deleted item stays in the trash (C087)."`
	ErasureDays       int64  `json:"erasure_days" minimum:"1" maximum:"30" default:"30" doc:"Days in which a request for erasure is carried out (C088)."`
	LinkTombstoneDays int64  `json:"link_tombstone_days" minimum:"1" maximum:"3650" default:"400" doc:"Days the record of a revoked link is kept."`
	Active            string `json:"active,omitempty" readOnly:"true" doc:"How long active data is kept: always workspace_lifetime (C086)."`
	OnDestroy         string `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// RetentionPolicyKind declares retention_policy.
var RetentionPolicyKind = Declare(Kind{
	Name: "retention_policy", Prefix: "retn", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "How long deleted items and tombstones are kept.",
}, func(*RetentionPolicy) string { return "retention_policy" })
