package access

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// TestEngineAgreesWithTheSlowReference compares the engine with the evaluator
// below on random small worlds: no Cedar, no slicing, no shared walk of the tree,
// only the sentences of the specification one after the other.
func TestEngineAgreesWithTheSlowReference(t *testing.T) {
	worlds, checks, allowed := 150, 0, 0
	if testing.Short() {
		worlds = 40
	}
	for seed := range uint64(worlds) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 7)))
		e := engine(t, w.set)
		for i := range w.items {
			item := &w.items[i]
			for _, s := range w.subjects {
				if got, want := e.EffectiveLevel(s, item, w.request), w.level(s, item); got != want {
					t.Fatalf("seed %d: level %s, reference %s\n%+v\n%+v", seed, got, want, s, item)
				}
				for _, name := range w.permissions {
					d, want := e.Check(s, item, name, w.request), w.allows(s, item, name)
					checks++
					if want {
						allowed++
					}
					if d.Allowed != want {
						t.Fatalf("seed %d: reference says %v\n%s\n%+v\n%+v\n%+v", seed, want, e.Explain(s, item, name, w.request), s, item, w.set)
					}
				}
			}
		}
	}
	// A comparison of nothing but denials would prove little.
	if allowed < checks/10 || allowed > checks*9/10 {
		t.Errorf("only one answer was tested: %d of %d allowed", allowed, checks)
	}
}

type world struct {
	set         PolicySet
	items       []Item
	subjects    []*Subject
	permissions []string
	request     *RequestContext
}

// conditions that random policies use, with what they mean.
var conditions = []struct {
	text string
	fn   func(*world, *Subject, *Item) (holds, errs bool)
}{
	{"", func(*world, *Subject, *Item) (bool, bool) { return true, false }},
	{`context.device_known`, func(w *world, _ *Subject, _ *Item) (bool, bool) { return w.request.DeviceKnown, false }},
	{`resource.classification == "confidential"`, func(_ *world, _ *Subject, i *Item) (bool, bool) { return classificationOf(i) == "confidential", false }},
	{`principal.external`, func(_ *world, s *Subject, _ *Item) (bool, bool) { return s.External, false }},
	{`principal in Team::"design"`, func(_ *world, s *Subject, _ *Item) (bool, bool) { _, ok := s.Teams["design"]; return ok, false }},
	{erring, func(*world, *Subject, *Item) (bool, bool) { return false, true }},
}

func classificationOf(i *Item) string {
	out := ""
	for _, n := range i.Chain {
		if n.Classification != "" {
			out = n.Classification
		}
	}
	return out
}

func condition(text string, w *world, s *Subject, i *Item) (bool, bool) {
	for _, c := range conditions {
		if c.text == text {
			return c.fn(w, s, i)
		}
	}
	panic(text)
}

// line is one way from the root to the item: its path, or through a collection.
type line struct {
	nodes []Node // without the item for a collection
	shown string // the item's path on this line
	coll  bool
}

func lines(i *Item) []line {
	out := []line{{nodes: i.Chain, shown: i.Path}}
	for _, c := range i.Collections {
		out = append(out, line{c, c[len(c)-1].Path + i.Path[strings.LastIndex(i.Path, "/"):], true})
	}
	return out
}

// flows: does what is given at the node (by index on the line) reach the item?
func flows(i *Item, l line, at int) bool {
	for j := at + 1; j < len(l.nodes); j++ {
		if l.nodes[j].Restricted {
			return false
		}
	}
	if !l.coll {
		return true
	}
	if i.Chain[len(i.Chain)-1].Restricted {
		return false
	}
	for _, n := range i.Chain[1:] {
		if n.Restricted {
			return at == len(l.nodes)-1
		}
	}
	return true
}

// flowsFrom: is there a line on which the path leads to the item unhindered?
func flowsFrom(i *Item, path string) bool {
	for _, l := range lines(i) {
		for at, n := range l.nodes {
			if n.Path == path && flows(i, l, at) {
				return true
			}
		}
		if l.coll && l.shown == path && flows(i, l, len(l.nodes)-1) {
			return true
		}
	}
	return false
}

func above(i *Item, path string) bool {
	for _, l := range lines(i) {
		for _, n := range l.nodes {
			if n.Path == path {
				return true
			}
		}
	}
	return false
}

func (w *world) live(at time.Time) bool { return at.IsZero() || at.After(w.request.Time) }

// held are the roles that a subject holds above the item, and where.
type held struct{ role, at string }

func (w *world) held(s *Subject, i *Item) (out []held, errs bool) {
	add := func(role, at string, expires time.Time, cond string) {
		if !above(i, at) || !w.live(expires) {
			return
		}
		ok, bad := condition(cond, w, s, i)
		errs = errs || bad
		if ok {
			out = append(out, held{role, at})
		}
	}
	for _, a := range s.Assignments {
		add(a.Role, a.Scope, a.ExpiresAt, a.Condition)
	}
	for path, gs := range s.Grants {
		for _, g := range gs {
			// Plain grants are here only to find conditions that err.
			add(g.Role, path, g.ExpiresAt, g.Condition)
		}
	}
	return out, errs
}

func (w *world) role(name string) *Role {
	for i := range w.set.Roles {
		if w.set.Roles[i].Name == name {
			return &w.set.Roles[i]
		}
	}
	return nil
}

func external(s *Subject) bool { return s.External || s.Role == vocabulary.RoleGuest }

// level: the maximum of everything that flows to the item, under the ceiling.
func (w *world) level(s *Subject, i *Item) vocabulary.Level {
	if !s.Active || !w.live(s.ExpiresAt) {
		return 0
	}
	roles, errs := w.held(s, i)
	if errs {
		return 0
	}
	best := vocabulary.LevelNone
	for _, h := range roles {
		if h.role == "" || !flowsFrom(i, h.at) {
			continue
		}
		if r := w.role(h.role); r != nil {
			best = max(best, r.BaseLevel)
		} else if l, err := vocabulary.ParseLevel(h.role); err == nil {
			best = max(best, l)
		}
	}
	for _, l := range lines(i) {
		for at, n := range l.nodes {
			if !flows(i, l, at) {
				continue
			}
			if role, ok := s.Teams[n.Team]; ok && n.Team != "" {
				best = max(best, role.Level())
			}
			if n.Owner == s.Principal.String() && n.Kind != ItemAsset && !external(s) && s.Role != vocabulary.RoleViewer {
				best = max(best, vocabulary.LevelFullAccess)
			}
			for _, g := range s.Grants[n.Path] {
				if ok, _ := condition(g.Condition, w, s, i); ok && w.live(g.ExpiresAt) {
					best = max(best, g.Level)
				}
			}
		}
	}
	if external(s) {
		best = min(best, vocabulary.LevelEdit)
	}
	if s.Role == vocabulary.RoleViewer {
		best = min(best, vocabulary.LevelComment)
	}
	return best
}

// allows answers one question, sentence by sentence.
func (w *world) allows(s *Subject, i *Item, name string) bool {
	p, _ := vocabulary.Lookup(name)
	leaf := i.Chain[len(i.Chain)-1]
	roles, errs := w.held(s, i)
	if errs || !s.Active || !w.live(s.ExpiresAt) {
		return false
	}
	// Tokens narrow.
	if s.Token != nil {
		inScope := false
		for _, scope := range s.Token.Scopes {
			inScope = inScope || vocabulary.MatchPermission(scope, name)
		}
		if !inScope || s.Token.ReadOnly && !p.ReadOnly() {
			return false
		}
	}
	// Ceilings.
	if external(s) && p.MinLevel > vocabulary.LevelEdit {
		return false
	}
	if s.Role == vocabulary.RoleViewer && p.MinLevel > vocabulary.LevelComment && name != "asset.download" {
		return false
	}
	// The project's say over guests, the archive, ownership.
	project := Node{}
	archived := false
	for _, n := range i.Chain {
		if n.Kind == ItemProject {
			project = n
		}
		archived = archived || n.Archived
	}
	owned := leaf.Owner == s.Principal.String()
	switch {
	case external(s) && name == "asset.create" && !project.AllowGuestUploads,
		external(s) && name == "workflow.run" && !project.AllowGuestAIWorkflows,
		archived && !p.ReadOnly() && !p.Archived,
		name == "asset.delete.own" && i.Kind == ItemAsset && !owned,
		name == "item.owner.transfer" && i.Kind == ItemProject && s.Role != vocabulary.RoleOwner:
		return false
	}
	permit := false
	// Attribute policies.
	for _, ap := range w.set.Policies {
		if !names(ap.Permissions, name) || !w.live(ap.ExpiresAt) {
			continue
		}
		applies := matches(ap.Paths, i)
		if ap.Effect == Allow {
			applies = matchesUncut(ap.Paths, i, vocabulary.RootPath)
		}
		if !applies {
			continue
		}
		ok, bad := condition(ap.Condition, w, s, i)
		if bad || ok && ap.Effect == Deny {
			return false
		}
		permit = permit || ok
	}
	// Statements of the roles held.
	for _, h := range roles {
		r := w.role(h.role)
		if r == nil {
			continue
		}
		for _, st := range r.Statements {
			if !names(st.Permissions, name) {
				continue
			}
			if st.Effect == Deny && matches(st.Paths, i) {
				return false
			}
			if st.Effect == Allow && (flowsFrom(i, h.at) && matches(st.Paths, i) || len(st.Paths) > 0 && matchesUncut(st.Paths, i, "")) {
				permit = true
			}
		}
	}
	if permit {
		return true
	}
	// Governance, then the level.
	if p.Governance && (s.Role == vocabulary.RoleOwner || s.Role == vocabulary.RoleAdmin) && !s.External {
		return true
	}
	if p.Governance && s.External && (s.Role == vocabulary.RoleOwner || s.Role == vocabulary.RoleAdmin) && p.MinLevel <= vocabulary.LevelEdit {
		return true
	}
	level := w.level(s, i)
	if level >= p.MinLevel {
		return true
	}
	for _, l := range lines(i) {
		for at, n := range l.nodes {
			if !flows(i, l, at) {
				continue
			}
			if name == "review.verdict" && level >= vocabulary.LevelComment && s.Teams[n.Team] == vocabulary.TeamReviewer {
				return true
			}
			for _, g := range s.Grants[n.Path] {
				ok, _ := condition(g.Condition, w, s, i)
				if name == "asset.download" && level >= vocabulary.LevelView && g.AllowDownload && ok && w.live(g.ExpiresAt) {
					return true
				}
			}
		}
	}
	return false
}

func names(patterns []string, name string) bool {
	for _, p := range patterns {
		if vocabulary.MatchPermission(p, name) {
			return true
		}
	}
	return false
}

// matches: some pattern covers the item on some line.
func matches(patterns []string, i *Item) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		for _, l := range lines(i) {
			if asRegexp(p).MatchString(l.shown) {
				return true
			}
		}
	}
	return false
}

// matchesUncut: some pattern covers the item, and what it spells out before its
// first wildcard leads to the item without a restriction in between. A list
// without patterns spells out nowhere.
func matchesUncut(patterns []string, i *Item, nowhere string) bool {
	if len(patterns) == 0 {
		return nowhere != "" && flowsFrom(i, nowhere)
	}
	for _, p := range patterns {
		literal := p
		if star := strings.Index(p, "*"); star >= 0 {
			literal = p[:strings.LastIndex(p[:star], "/")]
		}
		if literal == "" {
			literal = "/"
		}
		if matches([]string{p}, i) && flowsFrom(i, literal) {
			return true
		}
	}
	return false
}

// asRegexp writes a pattern as a regular expression over paths.
func asRegexp(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	if pattern != "/" {
		for _, segment := range strings.Split(pattern[1:], "/") {
			if segment == "**" {
				b.WriteString("(/[^/]+)*")
				continue
			}
			b.WriteString("/" + strings.ReplaceAll(regexp.QuoteMeta(segment), `\*`, "[^/]*"))
		}
	}
	b.WriteString("(/.*)?$")
	return regexp.MustCompile(b.String())
}
