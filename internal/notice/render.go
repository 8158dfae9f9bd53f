package notice

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// sentence says what happened. It is made anew for each reading, so that it never
// keeps the name of somebody who was erased.
func sentence(event, item string, e *audit.Event) string {
	f, who := factsOf(e), nameOf(e.Actor)
	switch event {
	case api.EventLinkViewed:
		return fmt.Sprintf("%s opened your link %q on %s for the first time.", viewerName(f.By), linkName(e.Target.Key), item)
	case api.EventLinkExpiring:
		return fmt.Sprintf("Your link %q on %s ends on %s.", linkName(e.Target.Key), item, day(f.ExpiresAt))
	case api.EventComment:
		return fmt.Sprintf("%s commented on %s.", who, item)
	case api.EventMention:
		return fmt.Sprintf("%s mentioned you in a comment on %s.", who, item)
	case api.EventReviewRequested:
		if f.DueAt != "" {
			return fmt.Sprintf("%s asks you to review %s until %s.", who, item, day(f.DueAt))
		}
		return fmt.Sprintf("%s asks you to review %s.", who, item)
	case api.EventVerdict:
		return fmt.Sprintf("%s gave the verdict %q on %s.", who, strings.ReplaceAll(f.Verdict, "_", " "), item)
	case api.EventApprovalRequested:
		return fmt.Sprintf("%s asks for approval: %s", principalName(f.Requester), known(f.Summary))
	case api.EventApprovalDecided:
		if f.State == api.ApprovalExpired {
			return "Nobody decided in time about your request: " + known(f.Summary)
		}
		return fmt.Sprintf("Your request was %s: %s", f.State, known(f.Summary))
	case api.EventInvitationAccepted:
		return fmt.Sprintf("%s accepted your invitation.", who)
	}
	return "Something happened: " + event + "."
}

// gone replaces what the audit log says of people who were erased.
var gone = regexp.MustCompile(`(?:[a-z_]+:)?erased:[a-z2-7]{26}`)

const somebody = "somebody who has left"

func known(text string) string { return gone.ReplaceAllString(text, somebody) }

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// nameOf names who did something. Addresses and slugs keep their spelling.
func nameOf(a audit.Actor) string {
	switch {
	case gone.MatchString(a.Key):
		return capital(somebody)
	case a.Kind == "viewer":
		return viewerName(a.Kind + ":" + a.Key)
	case a.Kind == "service_account":
		return "The service account " + a.Key
	case a.Kind == "system" || a.Key == "":
		return "Gatehouse"
	}
	return a.Key
}

func viewerName(principal string) string {
	_, key, ok := api.SplitPrincipal(principal)
	switch {
	case gone.MatchString(principal):
		return capital(somebody)
	case !ok || strings.HasPrefix(key, "device-"):
		return "A visitor"
	}
	return key
}

func principalName(principal string) string {
	if gone.MatchString(principal) || principal == "" {
		return capital(somebody)
	}
	kind, key, _ := api.SplitPrincipal(principal)
	return nameOf(audit.Actor{Kind: kind, Key: key})
}

// linkName is what the key of a link says after its item: the name, as a slug.
func linkName(key string) string {
	_, name, ok := strings.Cut(key, "#")
	if !ok {
		return key
	}
	return name
}

// day is a time as people read it in a sentence; the text itself when it is none.
func day(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.UTC().Format("2 January 2006, 15:04 UTC")
}

// actorOf names who did it as a principal, for programs; "" for what time does.
func actorOf(event string, e *audit.Event) string {
	actor := e.Actor.Kind + ":" + e.Actor.Key
	if event == api.EventLinkViewed {
		actor = factsOf(e).By
	}
	if e.Actor.Kind == "system" && event != api.EventLinkViewed || gone.MatchString(actor) {
		return ""
	}
	return actor
}
