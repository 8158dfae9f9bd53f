package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// kindWords is what people call the kinds of items.
var kindWords = map[string]string{"project": "Project", "folder": "Folder", "collection": "Collection", "asset": "Asset"}

// levelWords is what the levels of a link let people do.
var levelWords = map[string]string{"view": "Look at it", "comment": "Look at it and comment"}

// roleWords is what people are made by an invitation.
var roleWords = map[string]string{"guest": "a guest", "member": "a member", "admin": "an admin"}

// listWords joins names as a sentence does.
func listWords(items []string) string {
	if n := len(items); n > 1 {
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
	return strings.Join(items, "")
}

// timecodeWords says where in an asset something is meant.
func timecodeWords(t *api.Timecode) string {
	if t.Frame != nil {
		return fmt.Sprintf("at frame %d", *t.Frame)
	}
	seconds := int(*t.Seconds)
	return fmt.Sprintf("at %d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// waitWords says how long to wait, never less than it is.
func waitWords(d time.Duration) string {
	switch seconds := int((d + time.Second - 1) / time.Second); {
	case seconds <= 1:
		return "one second"
	case seconds < 60:
		return fmt.Sprintf("%d seconds", seconds)
	case seconds <= 60:
		return "one minute"
	case seconds < 3600:
		return fmt.Sprintf("%d minutes", (seconds+59)/60)
	case seconds <= 3600:
		return "one hour"
	default:
		return fmt.Sprintf("%d hours", (seconds+3599)/3600)
	}
}

func commentWords(v *sharing.VisitView) string {
	if !v.Comments && v.Identify {
		return "Once you say who you are"
	}
	return yesNo(v.Comments)
}

func yesNo(yes bool) string {
	if yes {
		return "Allowed"
	}
	return "Not allowed"
}
