package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// NotificationEvents are what people and channels can be told of (C083).
var NotificationEvents = []string{
	EventLinkViewed, EventComment, EventMention, EventReviewRequested, EventVerdict,
	EventLinkExpiring, EventApprovalRequested, EventApprovalDecided, EventInvitationAccepted,
}

// The events by name.
const (
	EventLinkViewed         = "link_viewed"
	EventComment            = "comment"
	EventMention            = "mention"
	EventReviewRequested    = "review_requested"
	EventVerdict            = "verdict"
	EventLinkExpiring       = "link_expiring"
	EventApprovalRequested  = "approval_requested"
	EventApprovalDecided    = "approval_decided"
	EventInvitationAccepted = "invitation_accepted"
)

// Notification is an entry of one person's inbox. What it says is rendered when it is
// read, from what it refers to.
type Notification struct {
	ID         string     `json:"id" doc:"Id; sorts by time."`
	Event      string     `json:"event" doc:"What happened: link_viewed, comment, mention, review_requested, verdict, link_expiring, approval_requested, approval_decided or invitation_accepted."`
	Text       string     `json:"text" doc:"One sentence that says it."`
	Item       string     `json:"item,omitempty" doc:"Path of the item that it is about."`
	Actor      string     `json:"actor,omitempty" doc:"Principal that did it; absent for what time does."`
	TargetKind string     `json:"target_kind,omitempty" doc:"Kind of the object that it is about."`
	TargetID   string     `json:"target_id,omitempty" doc:"Its id."`
	Muted      bool       `json:"muted" doc:"It came without e-mail and counts as no unread one, because its item was muted (X13)."`
	OccurredAt time.Time  `json:"occurred_at" doc:"When it happened."`
	ReadAt     *time.Time `json:"read_at,omitempty" doc:"When it was read; absent while it is unread."`
}

// NotificationPage is a page of an inbox, newest first.
type NotificationPage struct {
	Items      []Notification `json:"items" nullable:"false"`
	NextCursor string         `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last."`
	Unread     int64          `json:"unread" doc:"Unread notifications of items that are not muted: the number for a badge."`
}

// ReadNotifications answers how many notifications were marked as read.
type ReadNotifications struct {
	Read int64 `json:"read" doc:"How many were unread before."`
}

// maxMutes bounds what one person mutes.
const maxMutes = 500

// NotificationPreferences are what one person wants beside the inbox, which always
// has everything (C084, C085).
type NotificationPreferences struct {
	// Email overrides the workspace's email_events.
	Email  map[string]bool `json:"email,omitempty" doc:"E-mail by event, over what the workspace's notification policy says."`
	Digest string          `json:"digest,omitempty" enum:"off,daily" doc:"One e-mail a day with what is unread; what the policy says when absent."`
	Mutes  []string        `json:"mutes,omitempty" doc:"Paths of items (assets, collections, folders, projects) of which, and of what is below, no e-mail is wanted and no badge (X13)."`
	// Effective is answered, and ignored on input.
	Effective *EffectivePreferences `json:"effective,omitempty" doc:"What follows from these and from the policy."`
}

// EffectivePreferences are what holds for a person.
type EffectivePreferences struct {
	EmailEvents []string `json:"email_events" nullable:"false" doc:"Events that are sent by e-mail at once."`
	Digest      string   `json:"digest" doc:"off or daily."`
}

// Validate says what is wrong with preferences, and brings paths into their one form.
func (p *NotificationPreferences) Validate() []Violation {
	var out []Violation
	for event := range p.Email {
		if !slices.Contains(NotificationEvents, event) {
			out = append(out, Invalid("/email/"+escapePointer(event), "is no event; the events are %s", strings.Join(NotificationEvents, ", ")))
		}
	}
	if p.Digest != "" && p.Digest != "off" && p.Digest != "daily" {
		out = append(out, Invalid("/digest", "must be off or daily; leave it out for what the workspace says"))
	}
	if len(p.Mutes) > maxMutes {
		return append(out, Invalid("/mutes", "at most %d items can be muted; mute what lies above them", maxMutes))
	}
	seen := map[string]bool{}
	var mutes []string
	for i, path := range p.Mutes {
		norm, message := normalisePath(path)
		if message != "" {
			out = append(out, Invalid(fmt.Sprintf("/mutes/%d", i), "%s", message))
			continue
		}
		if !seen[norm] {
			seen[norm] = true
			mutes = append(mutes, norm)
		}
	}
	p.Mutes = mutes
	return out
}
