package access

import (
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Step is one thing that was looked at on the way to a decision.
type Step struct {
	Kind ReasonKind `json:"kind"`
	ID   string     `json:"id,omitempty"`
	// Counts is whether it had any effect; an expired grant does not.
	Counts bool   `json:"counts"`
	Text   string `json:"text"`
}

// Explanation is a decision with the whole way to it.
type Explanation struct {
	Decision  Decision             `json:"decision"`
	Principal vocabulary.Principal `json:"principal"`
	// Resource is the path of the item, "" for the workspace.
	Resource string `json:"resource,omitempty"`
	Steps    []Step `json:"steps"`
	// Needed are the changes that would allow a denied request, every one of
	// which is necessary; empty when it is allowed.
	Needed []string `json:"needed,omitempty"`
}

// Explain decides and tells why, and what would be needed.
func (e *Engine) Explain(s *Subject, item *Item, permission string, rc *RequestContext) Explanation {
	if item == nil {
		return e.explain(question{subject: s, permission: permission, request: rc}, refusal(permission, "no item was given"))
	}
	q := question{subject: s, item: item, permission: permission, request: rc, trace: &trace{}}
	return e.explain(q, e.decide(q))
}

// ExplainWorkspace is Explain for workspace permissions.
func (e *Engine) ExplainWorkspace(s *Subject, permission string, rc *RequestContext) Explanation {
	q := question{subject: s, permission: permission, request: rc, trace: &trace{}}
	return e.explain(q, e.decide(q))
}

func (e *Engine) explain(q question, d Decision) Explanation {
	x := Explanation{Decision: d, Steps: []Step{}}
	if q.subject != nil {
		x.Principal = q.subject.Principal
	}
	if q.item != nil {
		x.Resource = q.item.Path
	}
	if q.trace != nil {
		x.Steps = append(x.Steps, q.trace.steps...)
	}
	if !d.Allowed {
		x.Needed = e.needed(q, d)
	}
	return x
}

// needed lists what stands in the way, or what is missing.
func (e *Engine) needed(q question, d Decision) []string {
	a, ok := e.rules.actions[q.permission]
	if !ok {
		return []string{"ask for a permission of the catalogue"}
	}
	var out []string
	permitted := false
	if q.trace != nil {
		out = append(out, q.trace.needs...)
		permitted = q.trace.permitted
	}
	for _, r := range d.Reasons {
		if r.Kind == ReasonError {
			return append(out, "mend what cannot be evaluated: "+r.Text)
		}
	}
	if permitted {
		return out
	}
	if q.item == nil {
		var roles []string
		for _, r := range a.WorkspaceRoles {
			roles = append(roles, string(r))
		}
		text := "the workspace role " + strings.Join(roles, " or ")
		if !a.OwnerOnly() {
			text += fmt.Sprintf(", or a custom role assigned on / that allows %s", a.Name)
		}
		return append(out, text)
	}
	text := fmt.Sprintf("the level %s (%s) or higher on %s", a.MinLevel, a.MinLevel.RoleName(), q.item.Path)
	if v, err := viewOf(q.item); err == nil && v.cut != "" {
		text += " or an item between it and " + v.cut + ", which is restricted"
	} else if err == nil {
		text += " or an item above it"
	}
	switch a.Name {
	case vocabulary.AssetDownload:
		text += ", or a grant that allows downloads"
	case vocabulary.ReviewVerdict:
		text += ", or the role reviewer in the owning team"
	}
	return append(out, text+fmt.Sprintf(", or a custom role that allows %s there", a.Name))
}

// String is the explanation in plain words, one line for each step.
func (x Explanation) String() string {
	var b strings.Builder
	verdict := "may not"
	if x.Decision.Allowed {
		verdict = "may"
	}
	fmt.Fprintf(&b, "%s %s use %s", x.Principal, verdict, x.Decision.Permission)
	if x.Resource != "" {
		fmt.Fprintf(&b, " on %s (level %s)", x.Resource, x.Decision.Level)
	}
	b.WriteString(".\n")
	for _, r := range x.Decision.Reasons {
		fmt.Fprintf(&b, "because: %s\n", r.Text)
	}
	for _, s := range x.Steps {
		mark := "counts"
		if !s.Counts {
			mark = "does not count"
		}
		fmt.Fprintf(&b, "%s: %s\n", mark, s.Text)
	}
	for _, r := range x.Decision.Reports {
		fmt.Fprintf(&b, "report only: %s would %s\n", r.Policy, r.Effect)
	}
	for _, n := range x.Needed {
		fmt.Fprintf(&b, "needed: %s\n", n)
	}
	return b.String()
}

// trace collects the steps of one explained decision; a plain check has none and
// formats no text for it.
type trace struct {
	steps     []Step
	needs     []string
	permitted bool
}

func (t *trace) add(kind ReasonKind, id string, counts bool, text string) {
	if t == nil {
		return
	}
	t.steps = append(t.steps, Step{kind, id, counts, text})
}

// policies records which policies matched, and of those that forbid, what they
// ask for. Cedar names only the forbids of a denial, so whether anything would
// permit is asked a second time without them.
func (t *trace) policies(evaluated slice, diagnostic cedar.Diagnostic, world *entities, request cedar.Request) {
	var permits slice
	for _, p := range evaluated {
		if p.whole.Effect() == cedar.Permit {
			permits = append(permits, p)
		}
	}
	without, _ := cedar.Authorize(permits, world, request)
	t.permitted = without == cedar.Allow
	for _, matched := range diagnostic.Reasons {
		p := evaluated.find(matched.PolicyID)
		if p == nil {
			continue
		}
		if p.whole.Effect() == cedar.Forbid && p.needs != "" {
			t.needs = append(t.needs, p.needs)
		}
		if p.kind != ReasonLevel {
			t.add(p.kind, string(p.id), true, p.text)
		}
	}
}
