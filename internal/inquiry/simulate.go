package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Bounds of a simulation.
const (
	MaxChanges = 100
	MaxAsked   = 1000
	// maxPairs is how many pairs of principal and item are compared by level.
	maxPairs = 20_000
	// maxListed is for how many of them every permission is compared as well.
	maxListed = 1000
	// maxTries is how often a simulation begins anew when the workspace changes
	// between its two looks.
	maxTries = 4
)

// Change is one step of a change set.
type Change struct {
	Kind     string          `json:"kind" doc:"Kind of the object, e.g. access_grant."`
	Ref      string          `json:"ref,omitempty" doc:"Id or key of the object; may be left out when the document names it."`
	Document json.RawMessage `json:"document,omitempty" doc:"The object as it would be, as in a PUT."`
	Delete   bool            `json:"delete,omitempty" doc:"The object would be deleted."`
}

// Asked is one question to answer before and after the changes.
type Asked struct {
	Principal  string `json:"principal"`
	Resource   string `json:"resource"`
	Permission string `json:"permission"`
}

// Plan is what to simulate.
type Plan struct {
	Changes []Change
	// Asked narrows the comparison to these questions.
	Asked []Asked
	// MaxPairs lowers the bound of compared pairs; 0 is the bound itself.
	MaxPairs int
}

// Difference is what changes for a principal on an item.
type Difference struct {
	Principal string           `json:"principal"`
	Resource  string           `json:"resource"`
	OldLevel  vocabulary.Level `json:"old_level"`
	NewLevel  vocabulary.Level `json:"new_level"`
	// Permissions were gained or lost; empty where levels alone were compared.
	Permissions []string `json:"permissions" nullable:"false" doc:"Permissions gained, or lost; empty where only levels were compared."`
}

// Answered is an asked question with its two answers.
type Answered struct {
	Asked
	Before bool `json:"before"`
	After  bool `json:"after"`
}

// Simulation says who gains and who loses.
type Simulation struct {
	Pairs      int64        `json:"pairs" doc:"Pairs of principal and item that the changes can touch."`
	Compared   int          `json:"compared" doc:"Pairs that were compared."`
	LevelsOnly int          `json:"levels_only" doc:"Compared pairs of which the levels were compared, and not each permission."`
	Sampled    bool         `json:"sampled" doc:"True when not everything was compared: there may be more gains and losses."`
	Gains      []Difference `json:"gains" nullable:"false"`
	Losses     []Difference `json:"losses" nullable:"false"`
	Answers    []Answered   `json:"answers,omitempty" doc:"The questions asked, with the answers before and after."`
}

// state is what decides about pairs, before the changes or after them.
type state struct {
	version  int64
	engine   *access.Engine
	subjects map[string]*access.Subject
	items    map[string]*access.Item
}

// Simulate makes the changes in a dry run, as the caller, and compares what people
// can do before and after. It needs the permissions that the changes need. Nothing
// is kept, and nothing is decided while the dry run holds the database.
func Simulate(ctx context.Context, svc *object.Service, caller *object.Caller, plan Plan) (*Simulation, error) {
	if err := plan.check(); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		var chosen []pair
		var total int64
		var whole bool
		var after state
		var base int64
		var now time.Time
		err := svc.Try(ctx, caller, func(s *object.Scope) error {
			base, now = s.Version(), s.Now
			fields, err := plan.apply(ctx, s)
			if err != nil {
				return err
			}
			if len(plan.Asked) > 0 {
				chosen, whole = plan.asked(), true
				total = int64(len(chosen))
			} else {
				chosen, total, whole = pairs(fields, plan.limit())
			}
			after, err = read(ctx, s, chosen)
			return err
		})
		if err != nil {
			return nil, err
		}
		var before state
		if err := svc.View(ctx, caller, func(s *object.Scope) error {
			before, err = read(ctx, s, chosen)
			return err
		}); err != nil {
			return nil, err
		}
		if before.version != base {
			if try < maxTries {
				continue
			}
			return nil, api.NewProblem(api.CodeUnavailable, "The workspace changes faster than the changes can be compared; ask again in a moment.")
		}
		out := compare(&before, &after, chosen, plan.Asked, &access.RequestContext{Time: now, MFAAge: -1})
		out.Pairs, out.Sampled = total, !whole || out.LevelsOnly > 0
		return out, nil
	}
}

func (p *Plan) limit() int {
	if p.MaxPairs > 0 && p.MaxPairs < maxPairs {
		return p.MaxPairs
	}
	return maxPairs
}

func (p *Plan) check() error {
	var out []api.Violation
	if n := len(p.Changes); n == 0 || n > MaxChanges {
		out = append(out, api.Invalid("/changes", "there are %d changes; name 1 to %d", n, MaxChanges))
	}
	if n := len(p.Asked); n > MaxAsked {
		out = append(out, api.Invalid("/pairs", "there are %d pairs; name at most %d", n, MaxAsked))
	}
	for i, c := range p.Changes {
		at := fmt.Sprintf("/changes/%d", i)
		switch kind := api.KindByName(c.Kind); {
		case kind == nil || !object.Registered(kind):
			out = append(out, api.Invalid(at+"/kind", "there is no kind %q", clip(c.Kind)))
		case c.Delete && (c.Ref == "" && !kind.Singleton || len(c.Document) > 0):
			out = append(out, api.Invalid(at, "a deletion names ref and no document"))
		case !c.Delete && len(c.Document) == 0:
			out = append(out, api.Invalid(at+"/document", "name the document that the object would have, or delete"))
		}
	}
	for i, a := range p.Asked {
		if prob, ok := vocabulary.Lookup(a.Permission); !ok || prob.Scope != vocabulary.ScopeItem {
			out = append(out, api.Invalid(fmt.Sprintf("/pairs/%d/permission", i), "there is no permission %q of items", clip(a.Permission)))
		}
		if _, err := vocabulary.NormalizePath(a.Resource); err != nil {
			out = append(out, api.Invalid(fmt.Sprintf("/pairs/%d/resource", i), "%v", err))
		}
		if _, err := vocabulary.ParsePrincipal(a.Principal); err != nil {
			out = append(out, api.Invalid(fmt.Sprintf("/pairs/%d/principal", i), "%v", err))
		}
	}
	if len(out) > 0 {
		return api.InvalidObject("simulation", "", out)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:100]
	}
	return s
}

// apply makes the changes in order and surveys what they can touch, in the state
// before and in the state after.
func (p *Plan) apply(ctx context.Context, s *object.Scope) ([]*field, error) {
	areas := make([]area, len(p.Changes))
	fields := make([]*field, len(p.Changes))
	for i, c := range p.Changes {
		kind := api.KindByName(c.Kind)
		var next map[string]any
		if len(c.Document) > 0 {
			obj, _, err := kind.Decode(c.Document)
			if err != nil {
				return nil, at(i, c, err)
			}
			if err := json.Unmarshal(c.Document, &next); err != nil {
				return nil, api.NewProblem(api.CodeMalformed, "The document of change %d cannot be read.", i+1)
			}
			if obj != nil && c.Ref == "" && !kind.Singleton {
				c.Ref = kind.KeyOf(obj)
			}
		}
		if kind.Singleton {
			c.Ref = kind.Name
		}
		// Refused before it is read, as everywhere.
		if err := s.Require(ctx, kind.ReadPermission()); err != nil {
			return nil, at(i, c, err)
		}
		old, err := document(ctx, s, kind, c.Ref)
		if err != nil {
			return nil, at(i, c, err)
		}
		areas[i], fields[i] = touched(kind, old, next), &field{}
		if len(p.Asked) == 0 {
			if err := fields[i].survey(ctx, s, areas[i]); err != nil {
				return nil, err
			}
		}
		if c.Delete {
			err = s.Remove(ctx, kind, c.Ref, object.WriteOptions{DryRun: true})
		} else {
			if kind.Singleton {
				c.Ref = ""
			}
			_, err = s.Apply(ctx, kind, c.Ref, c.Document, object.WriteOptions{DryRun: true, Adopt: true})
		}
		if err != nil {
			return nil, at(i, c, err)
		}
	}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	if len(p.Asked) > 0 {
		return fields, nil
	}
	for i, a := range areas {
		if err := fields[i].survey(ctx, s, a); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// at says which change is refused.
func at(i int, c Change, err error) error {
	var p *api.Problem
	if !errors.As(err, &p) {
		return fmt.Errorf("simulating change %d: %w", i+1, err)
	}
	out := *p
	out.Detail = fmt.Sprintf("Change %d (%s): %s", i+1, c.Kind, p.Detail)
	out.Errors = slices.Clone(p.Errors)
	for j := range out.Errors {
		if out.Errors[j].Path != "" {
			out.Errors[j].Path = fmt.Sprintf("/changes/%d/document%s", i, out.Errors[j].Path)
		}
	}
	return &out
}

func (p *Plan) asked() []pair {
	seen := map[pair]bool{}
	var out []pair
	for _, a := range p.Asked {
		if k := a.pair(); !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// pair is the question's in its one way to be written; check has refused others.
func (a Asked) pair() pair {
	path, _ := vocabulary.NormalizePath(a.Resource)
	who, _ := vocabulary.ParsePrincipal(a.Principal)
	return pair{who.String(), path}
}

// read loads what the pairs are decided by.
func read(ctx context.Context, s *object.Scope, chosen []pair) (state, error) {
	st := state{version: s.Version(), engine: s.Engine(), subjects: map[string]*access.Subject{}, items: map[string]*access.Item{}}
	for _, p := range chosen {
		if st.subjects[p.principal] == nil {
			subject, err := s.Subject(ctx, p.principal)
			if err != nil {
				return st, err
			}
			st.subjects[p.principal] = subject
		}
		if st.items[p.path] == nil {
			item, err := s.Item(ctx, p.path)
			if err != nil {
				return st, err
			}
			st.items[p.path] = item
		}
	}
	return st, nil
}

func (st *state) level(p pair, rc *access.RequestContext) vocabulary.Level {
	return st.engine.Check(st.subjects[p.principal], st.items[p.path], vocabulary.AssetRead, rc).Level
}

func (st *state) allows(p pair, permission string, rc *access.RequestContext) bool {
	return st.engine.Check(st.subjects[p.principal], st.items[p.path], permission, rc).Allowed
}

func (st *state) permissions(p pair, rc *access.RequestContext) []string {
	return st.engine.Permissions(st.subjects[p.principal], st.items[p.path], rc)
}

// compare decides about each pair twice. Pairs whose subject, item and policies are
// the same need no decision.
func compare(before, after *state, chosen []pair, asked []Asked, rc *access.RequestContext) *Simulation {
	out := &Simulation{Compared: len(chosen), Gains: []Difference{}, Losses: []Difference{}}
	for _, a := range asked {
		p := a.pair()
		out.Answers = append(out.Answers, Answered{a, before.allows(p, a.Permission, rc), after.allows(p, a.Permission, rc)})
	}
	subjects, items := map[string]bool{}, map[string]bool{}
	for name, s := range before.subjects {
		subjects[name] = reflect.DeepEqual(s, after.subjects[name])
	}
	for path, i := range before.items {
		items[path] = reflect.DeepEqual(i, after.items[path])
	}
	listed := 0
	for _, p := range chosen {
		if before.engine == after.engine && subjects[p.principal] && items[p.path] {
			continue
		}
		d := Difference{Principal: p.principal, Resource: p.path, OldLevel: before.level(p, rc), NewLevel: after.level(p, rc), Permissions: []string{}}
		gained, lost := []string{}, []string{}
		if listed < maxListed {
			listed++
			was, is := before.permissions(p, rc), after.permissions(p, rc)
			gained, lost = without(is, was), without(was, is)
		} else {
			out.LevelsOnly++
		}
		if d.NewLevel > d.OldLevel || len(gained) > 0 {
			gain := d
			gain.Permissions = gained
			out.Gains = append(out.Gains, gain)
		}
		if d.NewLevel < d.OldLevel || len(lost) > 0 {
			loss := d
			loss.Permissions = lost
			out.Losses = append(out.Losses, loss)
		}
	}
	return out
}

// without lists what is in all and not in some; both are sorted.
func without(all, some []string) []string {
	out := []string{}
	for _, v := range all {
		if _, found := slices.BinarySearch(some, v); !found {
			out = append(out, v)
		}
	}
	return out
}
