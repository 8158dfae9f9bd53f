package drift

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Target names what audit events are about.
type Target struct{ Kind, ID, Key string }

// Targets are the targets whose events may explain an item, the likeliest first. The
// entries of an authoritative map are rows of another kind.
func (i *Item) Targets() []Target {
	own := Target{Kind: i.Kind, ID: i.ID, Key: i.Key}
	switch i.Kind {
	case api.TeamMembershipsKind.Name:
		if i.entry != "" {
			return []Target{{Kind: api.TeamMembershipKind.Name, Key: strings.ToLower(i.Key + "/" + i.entry)}, own}
		}
	case api.AccessGrantsKind.Name:
		if i.entry != "" {
			return []Target{{Kind: api.AccessGrantKind.Name, Key: strings.ToLower(i.entry + "@" + i.Key)}, own}
		}
	}
	return []Target{own}
}

// Explain says who made the difference, from events that are about one of the
// item's targets, newest first. It also settles in which direction access moved when
// the attribute alone does not tell.
func (i *Item) Explain(events []audit.Event) bool {
	e := i.explain(events)
	if e == nil {
		return false
	}
	i.By = attributionOf(e)
	if i.Class == Changed {
		switch e.Effect {
		case audit.EffectWidened:
			i.Class = Widened
		case audit.EffectNarrowed:
			i.Class = Narrowed
		case audit.EffectNeutral:
			i.Class = Neutral
		}
	}
	return true
}

func (i *Item) explain(events []audit.Event) *audit.Event {
	if i.Class == Missing {
		return first(events, func(e *audit.Event) bool { return len(e.After) == 0 && len(e.Before) > 0 || ends(e.Action) })
	}
	if i.Class == Unmanaged {
		// Somebody made it, or made it privileged later.
		return first(events, func(e *audit.Event) bool { return len(e.After) > 0 && (len(e.Before) == 0 || i.touched(e)) })
	}
	if i.entry != "" && (i.Kind == api.TeamMembershipsKind.Name || i.Kind == api.AccessGrantsKind.Name) {
		return first(events, func(e *audit.Event) bool {
			return len(e.Before)+len(e.After) > 0 && (e.Target.Kind != i.Kind || i.touched(e))
		})
	}
	if e := first(events, func(e *audit.Event) bool {
		return i.touched(e) && same(i.fieldOrAny(), valueAt(e.After, i.path()), i.New)
	}); e != nil {
		return e
	}
	return first(events, i.touched)
}

func (i *Item) fieldOrAny() *api.Field {
	if i.field == nil || i.entry != "" {
		return &api.Field{}
	}
	return i.field
}

func first(events []audit.Event, match func(*audit.Event) bool) *audit.Event {
	for n := range events {
		if match(&events[n]) {
			return &events[n]
		}
	}
	return nil
}

func ends(action string) bool {
	_, verb, _ := strings.Cut(action, ".")
	return slices.Contains([]string{"deleted", "revoked", "removed", "closed"}, verb)
}

// path is where the attribute stands in a document.
func (i *Item) path() []string {
	name, _, _ := strings.Cut(i.Attribute, "[")
	path := strings.Split(name, ".")
	if i.entry != "" {
		path = append(path, i.entry)
	}
	return path
}

// touched reports whether the event changed the item's attribute.
func (i *Item) touched(e *audit.Event) bool {
	if len(e.After) == 0 || i.Attribute == "" {
		return false
	}
	return !same(i.fieldOrAny(), valueAt(e.Before, i.path()), valueAt(e.After, i.path()))
}

func valueAt(raw json.RawMessage, path []string) any {
	if len(raw) == 0 {
		return nil
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// givenReason starts the reason that a caller gave for an edit by hand.
const givenReason = "reason given: "

func attributionOf(e *audit.Event) *Attribution {
	a := &Attribution{Event: e.ID, Seq: e.Seq, Actor: ActorText(e.Actor), TokenID: e.Actor.TokenID, Door: string(e.Door), At: e.Time,
		Action: e.Action, Effect: string(e.Effect), RequestID: e.RequestID}
	for _, r := range e.Reasons {
		if text, given := strings.CutPrefix(r, givenReason); given {
			a.Reason = text
		}
	}
	if e.Change != nil {
		a.Stack = e.Change.Stack
		if !e.Change.ChangeContext.IsZero() {
			change := e.Change.ChangeContext
			a.Change = &change
		}
	}
	return a
}

// ActorText is how an actor is written: people by their e-mail, others with kind.
func ActorText(a audit.Actor) string {
	switch {
	case a.Kind == "member" && a.Key != "":
		return a.Key
	case a.Key != "":
		return a.Kind + ":" + a.Key
	case a.ID != "":
		return a.Kind + ":" + a.ID
	}
	return a.Kind
}
