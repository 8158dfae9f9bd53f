package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What enforcing a policy does to a share that does not conform.
const (
	RemedyRevoke  = "revoke"            // the share ends
	RemedySuspend = "suspend"           // the guest is suspended
	RemedyDrop    = "remove_recipients" // the link goes on for its other recipients
	RemedyShorten = "shorten_expiry"    // the share ends earlier, at ends_at
)

// NonconformingShare is a share that the sharing policy in force at its place would
// not accept today, written as it is (C062, X07).
type NonconformingShare struct {
	Kind      string           `json:"kind" doc:"Kind of the share: access_grant, role_assignment, guest, share_link or invitation."`
	ID        string           `json:"id" doc:"Id of the share."`
	Key       string           `json:"key" doc:"Natural key of the share."`
	Name      string           `json:"name" doc:"What people call it."`
	Resource  string           `json:"resource" doc:"Item that is shared; / for a guest, who is a matter of the whole workspace."`
	Recipient string           `json:"recipient,omitempty" doc:"Who receives it; empty for a link that anyone can open."`
	Overrides []string         `json:"overrides" nullable:"false" doc:"Paths of the sharing policy overrides that hold there beside the workspace's policy."`
	Existing  string           `json:"existing_shares" enum:"unaffected,grandfather,enforce" doc:"What the policy there does to shares that exist."`
	Until     string           `json:"grandfather_until,omitempty" doc:"Deadline, where existing_shares is grandfather."`
	Stopped   bool             `json:"stopped" doc:"The policy is in force for it already: whoever it was given to is denied."`
	Remedy    string           `json:"remedy" enum:"revoke,suspend,remove_recipients,shorten_expiry" doc:"What enforcing the policy does to it."`
	EndsAt    string           `json:"ends_at,omitempty" doc:"When it would end instead, where the remedy is shorten_expiry."`
	Manager   string           `json:"managed_by" doc:"Who owns it: terraform, scim, manual or system."`
	Stack     string           `json:"stack,omitempty" doc:"The Terraform stack that owns it."`
	Reasons   []ConformanceGap `json:"reasons" nullable:"false" doc:"What does not conform, by attribute of the policy."`
}

// ConformanceGap is one attribute of the policy that a share does not conform with.
type ConformanceGap struct {
	Attribute string `json:"attribute" doc:"Attribute of the sharing policy."`
	Text      string `json:"text" doc:"What it says and what the share is."`
	Remedy    string `json:"remedy" enum:"revoke,suspend,remove_recipients,shorten_expiry" doc:"What would mend it."`
}

// ConformancePreview is what a proposed policy would mean for the shares that exist.
type ConformancePreview struct {
	Count int `json:"count" doc:"Shares that would not conform."`
	// Complete is false where there were more shares than one answer looks at.
	Complete bool                 `json:"complete" doc:"All shares were looked at; otherwise there may be more."`
	Remedies map[string]int       `json:"remedies" doc:"How many of them enforcing the policy would revoke, suspend or end earlier."`
	Items    []NonconformingShare `json:"items" nullable:"false" doc:"The first of them."`
}

// Enforcement is what an enforcement of the policy did, or would do.
type Enforcement struct {
	Looked    int                  `json:"looked_at" doc:"Shares that were looked at."`
	Revoked   int                  `json:"revoked" doc:"Shares that were revoked."`
	Suspended int                  `json:"suspended" doc:"Guests that were suspended."`
	Shortened int                  `json:"shortened" doc:"Shares that end earlier now."`
	Trimmed   int                  `json:"recipients_removed" doc:"Links that lost some of their recipients."`
	Complete  bool                 `json:"complete" doc:"Nothing is left; otherwise ask again."`
	Items     []NonconformingShare `json:"items" nullable:"false" doc:"The first of them, as they were."`
}

// RefusesAddress says why the policy does not let something be shared with an address;
// empty when it does.
func (p *SharingPolicy) RefusesAddress(email string) []ConformanceGap {
	domain := email[strings.LastIndexByte(email, '@')+1:]
	var out []ConformanceGap
	add := func(attribute, format string, args ...any) {
		out = append(out, ConformanceGap{Attribute: attribute, Text: fmt.Sprintf(format, args...), Remedy: RemedyRevoke})
	}
	switch {
	case p.ExternalSharing == "disabled":
		add("external_sharing", "external_sharing is \"disabled\", and %s is outside the workspace", email)
	case p.ExternalSharing == "allowlist" && !slices.Contains(p.AllowedDomains, domain):
		add("allowed_domains", "%s is not in allowed_domains, and external_sharing is \"allowlist\"", domain)
	}
	if slices.Contains(p.BlockedDomains, domain) {
		add("blocked_domains", "%s is in blocked_domains", domain)
	}
	if !p.GuestAccess {
		add("guest_access", "guest_access is false, and %s would be a guest", email)
	}
	return out
}

// LatestEnd is when a share ends at the latest that may last so many days, and whether
// it would end later. Days are counted from its last change, because that is when its
// end was accepted; an hour more is for clocks, and for days of other lengths.
func LatestEnd(days int64, ends, since time.Time) (last time.Time, late bool) {
	last = since.UTC().AddDate(0, 0, int(days)).Truncate(time.Second)
	return last, ends.After(last.Add(time.Hour))
}

// StaleLink is a share link that nobody needs any more.
type StaleLink struct {
	ID         string `json:"id"`
	Key        string `json:"key"`
	Name       string `json:"name"`
	Resource   string `json:"resource"`
	CreatedBy  string `json:"created_by,omitempty"`
	Reason     string `json:"reason" enum:"unused,expired,maker_gone" doc:"unused: no visit for so many days. expired: its end has passed. maker_gone: who made it is no active member or service account any more."`
	LastAccess string `json:"last_access_at,omitempty" doc:"When it was last used; absent when it never was, and where the sharing policy does not show use."`
}

// Reasons for which a link is stale.
const (
	StaleUnused    = "unused"
	StaleExpired   = "expired"
	StaleMakerGone = "maker_gone"
)

// StaleLinks is what revoking stale links did, or would do.
type StaleLinks struct {
	Looked   int         `json:"looked_at" doc:"Open links that were looked at."`
	Revoked  int         `json:"revoked" doc:"Links that were revoked."`
	Complete bool        `json:"complete" doc:"Nothing is left; otherwise ask again."`
	Items    []StaleLink `json:"items" nullable:"false" doc:"The first of them."`
}
