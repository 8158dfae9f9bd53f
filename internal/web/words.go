package web

import (
	"fmt"
	"time"
)

// kindWords is what people call the kinds of items.
var kindWords = map[string]string{"project": "Project", "folder": "Folder", "collection": "Collection", "asset": "Asset"}

// levelWords is what the levels of a link let people do.
var levelWords = map[string]string{"view": "Look at it", "comment": "Look at it and comment"}

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

func yesNo(yes bool) string {
	if yes {
		return "Allowed"
	}
	return "Not allowed"
}
