package api

import "time"

// AuditPolicy governs the audit log (C043 to C050, X12).
type AuditPolicy struct {
	Meta
	RetentionDays         int64  `json:"retention_days" minimum:"365" maximum:"3650" default:"365" doc:"Days audit events are kept; never below 365 (C050). Only the owner may shorten it."`
	PseudonymiseOnErasure bool   `json:"pseudonymise_on_erasure" default:"true" doc:"Erasing a person destroys the salt that links them to events; the events stay (X12)."`
	CheckpointInterval    string `json:"checkpoint_interval" format:"duration" default:"1m" doc:"How often a signed checkpoint is published, e.g. 1m."`
	SigningKeyRef         string `json:"signing_key_ref,omitempty" maxLength:"500" doc:"Reference of the signing key when the operator keeps it elsewhere."`
	OnDestroy             string `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// AuditPolicyKind declares audit_policy.
var AuditPolicyKind = Declare(Kind{
	Name: "audit_policy", Prefix: "audp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "Retention and signing of the audit log.",
}, func(*AuditPolicy) string { return "audit_policy" })

// Validate bounds the interval of checkpoints: they are worth something only when
// they are frequent.
func (p *AuditPolicy) Validate() []Violation {
	if d, err := ParseDuration(p.CheckpointInterval); err != nil || d < time.Second || d > time.Hour {
		return []Violation{Invalid("/checkpoint_interval", "%q is out of range; write from 1s to 1h", p.CheckpointInterval)}
	}
	return nil
}
