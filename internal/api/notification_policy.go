package api

// NotificationPolicy says what people are sent by e-mail when they have not said
// otherwise themselves (C083 to C085).
type NotificationPolicy struct {
	Meta
	EmailEvents       []string `json:"email_events" items:"link_viewed,comment,mention,review_requested,verdict,link_expiring,approval_requested,approval_decided,invitation_accepted" default:"[\"mention\",\"review_requested\",\"verdict\",\"link_expiring\",\"approval_requested\",\"approval_decided\"]" maxItems:"20" doc:"Events that people get an e-mail for at once, unless they chose otherwise. The inbox has every event, always."`
	Digest            string   `json:"digest" enum:"off,daily" default:"off" doc:"Whether people get one e-mail a day with what they have not read, unless they chose otherwise."`
	DigestHour        int64    `json:"digest_hour" minimum:"0" maximum:"23" default:"8" doc:"Hour of the day at which the digest leaves."`
	DigestTimezone    string   `json:"digest_timezone" maxLength:"64" default:"UTC" doc:"Time zone of digest_hour, e.g. Europe/Berlin."`
	ExpiryWarningDays int64    `json:"expiry_warning_days" minimum:"1" maximum:"90" default:"7" doc:"How many days before a share link ends its creator is warned."`
	OnDestroy         string   `json:"on_destroy" enum:"keep,reset" default:"keep" doc:"keep releases ownership and leaves the policy; reset returns it to the secure default."`
}

// NotificationPolicyKind declares notification_policy.
var NotificationPolicyKind = Declare(Kind{
	Name: "notification_policy", Prefix: "ntfp", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "What people are told by e-mail, and when.",
}, func(*NotificationPolicy) string { return "notification_policy" })
