package api

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// NotificationChannel is a place outside that hears of events: addresses, a Slack
// channel, or any program (C097).
type NotificationChannel struct {
	Meta
	Name            string   `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	Type            string   `json:"type" required:"true" immutable:"true" enum:"email,slack,webhook" doc:"email sends to addresses, slack posts to an incoming webhook of Slack, webhook posts signed JSON to any HTTPS address."`
	Addresses       []string `json:"addresses,omitempty" format:"email" maxItems:"20" doc:"Addresses that are written to; needed when type is email."`
	URLWO           string   `json:"url_wo,omitempty" writeOnly:"true" maxLength:"2000" doc:"HTTPS address that is posted to, needed when type is slack or webhook. Whoever knows it can post there. Private and link-local addresses are refused when something is sent."`
	URLWOVersion    int64    `json:"url_wo_version,omitempty" minimum:"1" doc:"Raise it to send url_wo again."`
	SecretWO        string   `json:"secret_wo,omitempty" writeOnly:"true" maxLength:"200" doc:"Secret that messages are signed with (Standard Webhooks): whsec_ and 24 to 64 random bytes in base64. Needed when type is webhook."`
	SecretWOVersion int64    `json:"secret_wo_version,omitempty" minimum:"1" doc:"Raise it to send secret_wo again."`
	Events          []string `json:"events" required:"true" items:"link_viewed,comment,mention,review_requested,verdict,link_expiring,approval_requested,approval_decided,invitation_accepted" maxItems:"20" doc:"Events that are sent to it."`
	Scope           string   `json:"scope" format:"path" default:"/" doc:"Only events of this item and of what is below it; / is everything."`
	Enabled         bool     `json:"enabled" default:"true" doc:"Whether anything is sent."`
}

// NotificationChannelKind declares notification_channel.
var NotificationChannelKind = Declare(Kind{
	Name: "notification_channel", Plural: "notification_channels", Prefix: "ntfc", Security: true, Destroy: DestroyDelete,
	Doc: "A place outside of the workspace that hears of events.",
}, func(c *NotificationChannel) string { return strings.ToLower(c.Name) })

// Validate checks that each type has what it needs and nothing of another.
func (c *NotificationChannel) Validate() []Violation {
	var out []Violation
	if c.Type == "email" {
		if len(c.Addresses) == 0 {
			out = append(out, Required("/addresses", "type = \"email\" needs addresses"))
		}
		if c.URLWO != "" || c.URLWOVersion != 0 {
			out = append(out, Invalid("/url_wo", "is not used when type = \"email\"; remove it"))
		}
		if c.SecretWO != "" || c.SecretWOVersion != 0 {
			out = append(out, Invalid("/secret_wo", "is not used when type = \"email\"; remove it"))
		}
		return out
	}
	if len(c.Addresses) > 0 {
		out = append(out, Invalid("/addresses", "is only used when type = \"email\"; remove it"))
	}
	if c.URLWO != "" {
		if u, err := url.Parse(c.URLWO); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			out = append(out, Invalid("/url_wo", "must be an https URL without a user or a fragment"))
		}
	}
	if c.Type == "slack" && (c.SecretWO != "" || c.SecretWOVersion != 0) {
		out = append(out, Invalid("/secret_wo", "is only used when type = \"webhook\"; Slack knows no signature"))
	}
	if c.SecretWO != "" && c.Type == "webhook" {
		if _, err := WebhookKey(c.SecretWO); err != nil {
			out = append(out, Invalid("/secret_wo", "must be whsec_ followed by 24 to 64 random bytes in base64"))
		}
	}
	return out
}

var errWebhookKey = errors.New("not a secret of the form whsec_…")

// WebhookKey reads a secret in the written form of Standard Webhooks.
func WebhookKey(secret string) ([]byte, error) {
	rest, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errWebhookKey
	}
	return key, nil
}
