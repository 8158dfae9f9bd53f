package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// DriftOptions qualify a drift run.
type DriftOptions struct {
	// Workspace limits the run to one; empty looks at every workspace of the state.
	Workspace string
	Unmanaged drift.Scope
	Now       time.Time
}

// Drift compares a state with the control plane. planeOf gives access to a workspace.
func Drift(ctx context.Context, planeOf func(workspace string) Plane, state *tfstate.State, o DriftOptions) (*drift.Report, error) {
	r := &drift.Report{Schema: drift.Schema, GeneratedAt: o.Now.UTC().Truncate(time.Second), Items: []drift.Item{},
		State: drift.StateOrigin{Source: state.Source, Serial: state.Serial, Lineage: state.Lineage}}
	byWorkspace := map[string][]tfstate.Resource{}
	var compared []tfstate.Resource
	skipped := 0
	for _, res := range state.Resources {
		if o.Workspace != "" && res.Workspace != o.Workspace && res.Workspace != "" {
			skipped++
			continue
		}
		if res.Workspace == "" {
			r.Gaps = append(r.Gaps, fmt.Sprintf("%s does not say in which workspace it is", res.Address))
			continue
		}
		byWorkspace[res.Workspace] = append(byWorkspace[res.Workspace], res)
		compared = append(compared, res)
	}
	r.State.Digest = assurance.Digest(compared)
	if skipped > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("the run is about workspace %q; %d resources of the state are in other workspaces", o.Workspace, skipped))
	}
	if len(byWorkspace) == 0 {
		what := "the state holds no gatehouse_* resource; was the configuration applied?"
		if o.Workspace != "" && len(state.Resources) > 0 {
			what = fmt.Sprintf("the state holds no resource of workspace %q; it has %s", o.Workspace, strings.Join(state.Workspaces(), ", "))
		}
		r.Gaps = append(r.Gaps, what)
	}
	for _, workspace := range sortedKeys(byWorkspace) {
		p := planeOf(workspace)
		r.Endpoint = p.Endpoint()
		if r.Collector == "" {
			principal, _, err := p.WhoAmI(ctx)
			if err != nil {
				return nil, fmt.Errorf("asking who the token is: %w", err)
			}
			r.Collector = principal
		}
		if err := driftOf(ctx, p, byWorkspace[workspace], r, o.Unmanaged); err != nil {
			return nil, err
		}
	}
	r.Sort()
	r.Conclude()
	return r, nil
}

func driftOf(ctx context.Context, p Plane, resources []tfstate.Resource, r *drift.Report, scope drift.Scope) error {
	if _, err := p.Get(ctx, api.WorkspaceKind, ""); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isCode(err, api.CodeUnauthenticated) {
			return fmt.Errorf("reading workspace %q: %w", p.Workspace(), err)
		}
		// To a token of another workspace this one does not exist; nothing of it may
		// be taken for missing.
		r.Workspaces = append(r.Workspaces, p.Workspace())
		r.Gaps = append(r.Gaps, fmt.Sprintf("workspace %q cannot be read with this token (%s)", p.Workspace(), reason(err)))
		return nil
	}
	first := len(r.Items)
	r.Compare(p.Workspace(), resources, live(ctx, p, resources, scope), scope)
	if err := ctx.Err(); err != nil {
		return err
	}
	return explain(ctx, p, r, r.Items[first:])
}

// live reads the kinds that the resources are of, and those among which undeclared
// objects are looked for.
func live(ctx context.Context, p Plane, resources []tfstate.Resource, scope drift.Scope) drift.Live {
	out := drift.Live{Objects: map[string][]Doc{}, Failed: map[string]string{}}
	kinds := map[string]*api.Kind{}
	views := map[string][]string{} // keys asked for
	for _, res := range resources {
		if k := api.KindByName(res.Kind); k != nil {
			kinds[k.Name] = k
			if k.View {
				views[k.Name] = append(views[k.Name], viewKey(k, res))
			}
		}
	}
	switch scope {
	case drift.UnmanagedPrivileged:
		for _, k := range drift.PrivilegedKinds() {
			kinds[k.Name] = k
		}
	case drift.UnmanagedAll:
		for _, k := range api.Kinds() {
			if !k.View && !k.Singleton {
				kinds[k.Name] = k
			}
		}
	}
	for _, name := range sortedKeys(kinds) {
		docs, err := readKind(ctx, p, kinds[name], views[name])
		if err != nil {
			out.Failed[name] = reason(err)
			continue
		}
		out.Objects[name] = docs
	}
	return out
}

func viewKey(k *api.Kind, res tfstate.Resource) string {
	if k == api.TeamMembershipsKind {
		return strings.ToLower(res.Text("team"))
	}
	return strings.ToLower(res.Text("resource"))
}

func readKind(ctx context.Context, p Plane, kind *api.Kind, keys []string) ([]Doc, error) {
	if !kind.Singleton && !kind.View {
		return p.List(ctx, kind, api.MaxPageSize)
	}
	if kind.Singleton {
		keys = []string{""}
	}
	docs := []Doc{}
	for _, key := range keys {
		doc, err := p.Get(ctx, kind, key)
		if isCode(err, api.CodeNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// Bounds of joining the audit trail: differences that are explained, and events of one
// object that are searched for each.
const (
	maxExplained  = 500
	maxExplaining = 200
)

// explain joins the audit trail. Not being allowed to read it does not make the
// comparison incomplete; the report then says why nobody is named.
func explain(ctx context.Context, p Plane, r *drift.Report, items []drift.Item) error {
	cache := map[drift.Target][]audit.Event{}
	for n := range items {
		if n == maxExplained {
			r.Notes = append(r.Notes, fmt.Sprintf("only the first %d differences are attributed", maxExplained))
			break
		}
		for _, target := range items[n].Targets() {
			events, ok := cache[target]
			if !ok {
				var err error
				if events, err = eventsOf(ctx, p, target); err != nil {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					r.Notes = append(r.Notes, fmt.Sprintf("the audit log of workspace %q could not be read, so differences are not attributed (%s)", p.Workspace(), reason(err)))
					return nil
				}
				cache[target] = events
			}
			if items[n].Explain(events) {
				break
			}
		}
	}
	return nil
}

func eventsOf(ctx context.Context, p Plane, t drift.Target) ([]audit.Event, error) {
	filter := map[string]string{"target_kind": t.Kind}
	if t.ID != "" {
		filter["target_id"] = t.ID
	} else {
		filter["target"] = t.Key
	}
	var out []audit.Event
	var bad error
	err := p.Events(ctx, filter, func(raw json.RawMessage) bool {
		var e audit.Event
		if bad = json.Unmarshal(raw, &e); bad != nil {
			return false
		}
		out = append(out, e)
		return len(out) < maxExplaining
	})
	if err == nil {
		err = bad
	}
	return out, err
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
