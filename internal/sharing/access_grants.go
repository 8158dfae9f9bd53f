package sharing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// The stored row remembers the declaration alone (item, sources, owner); the map is
// read from the live grants.
var _ = object.Register(api.AccessGrantsKind, object.Rules[*api.AccessGrants]{
	AuthzRelevant: true,
	Authorise:     authoriseGrants,
	Default:       defaultGrants,
	Visible: func(ctx context.Context, s *object.Scope, g *api.AccessGrants) (bool, error) {
		return sees(ctx, s, g.Resource, grantRead)
	},
	Validate: validateGrants,
	Strip:    func(g *api.AccessGrants) { g.Grants, g.PendingApproval = nil, nil },
	Hydrate:  hydrateGrants,
	After:    applyGrants,
	Effect:   grantsEffect,
})

// defaultGrants reads the grants of an item that nobody declared as a whole yet, so
// that they can be imported.
func defaultGrants(ctx context.Context, s *object.Scope, key string) (*api.AccessGrants, error) {
	kind, err := itemKind(ctx, s, key)
	if err != nil || kind == "" {
		return nil, err
	}
	g := &api.AccessGrants{Resource: key, Sources: []string{api.ManagedByManual, api.ManagedByTerraform}}
	return g, hydrateGrants(ctx, s, []*api.AccessGrants{g})
}

// hydrateGrants fills the maps of many items from their live grants.
func hydrateGrants(ctx context.Context, s *object.Scope, sets []*api.AccessGrants) error {
	const atOnce = 400
	for ; len(sets) > atOnce; sets = sets[atOnce:] {
		if err := hydrateGrants(ctx, s, sets[:atOnce]); err != nil {
			return err
		}
	}
	if len(sets) == 0 {
		return nil
	}
	args, in := []any{s.WorkspaceID}, make([]string, len(sets))
	of := make(map[string]*api.AccessGrants, len(sets))
	for i, g := range sets {
		g.Grants, g.PendingApproval = map[string]string{}, nil
		of[g.Resource] = g
		args = append(args, g.Resource)
		in[i] = "$" + strconv.Itoa(i+2)
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT resource, principal, level, role, source, state FROM access_grant WHERE workspace_id = $1 AND resource IN (`+strings.Join(in, ", ")+`)`, args...)
	if err != nil {
		return fmt.Errorf("reading grants: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var resource, principal, level, role, source, state string
		if err := rows.Scan(&resource, &principal, &level, &role, &source, &state); err != nil {
			return fmt.Errorf("reading grants: %w", err)
		}
		if g := of[resource]; slices.Contains(g.Sources, source) {
			g.Grants[principal] = level + role
			if state == api.StatePendingApproval {
				g.PendingApproval = append(g.PendingApproval, principal)
			}
		}
	}
	for _, g := range sets {
		sort.Strings(g.PendingApproval)
		g.ETag = digest(g)
	}
	return rows.Err()
}

// digest is the version tag of a view: it changes with every grant that it shows.
func digest(g *api.AccessGrants) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q\n", g.Sources)
	for _, p := range principalsOf(g) {
		_, _ = fmt.Fprintf(h, "%q %q\n", p, g.Grants[p])
	}
	if len(g.PendingApproval) > 0 {
		_, _ = fmt.Fprintf(h, "%q\n", g.PendingApproval)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func principalsOf(g *api.AccessGrants) []string {
	out := make([]string, 0, len(g.Grants))
	for p := range g.Grants {
		out = append(out, p)
	}
	sort.Strings(out)
	return out
}

// authoriseGrants: who sets all grants of an item may give, change and revoke there.
// What is given is measured against the caller's own access, as for a single grant.
func authoriseGrants(ctx context.Context, c *object.Change[*api.AccessGrants]) error {
	if err := c.Require(ctx, api.AccessGrantKind.WritePermission()); err != nil {
		return err
	}
	if c.Deleted {
		return need(ctx, c.Scope, c.Old.Resource, grantDelete)
	}
	if err := need(ctx, c.Scope, c.New.Resource, grantCreate, grantUpdate, grantDelete); err != nil {
		return err
	}
	measured := map[string]bool{}
	for _, p := range principalsOf(c.New) {
		value := c.New.Grants[p]
		if measured[value] || c.Old != nil && c.Old.Grants[p] == value {
			continue
		}
		measured[value] = true
		level, role := levelOrRole(value)
		if err := mayGrant(ctx, c.Scope, gift{path: c.New.Resource, at: grantAt(p)}, level, role); err != nil {
			return err
		}
	}
	return nil
}

// levelOrRole tells what an entry of the map means; levels are no names of roles.
func levelOrRole(value string) (level, role string) {
	if slices.Contains(vocabulary.LevelNames(), value) {
		return value, ""
	}
	return "", value
}

// grantAt is the JSON pointer of an entry (RFC 6901 section 3).
func grantAt(principal string) string {
	return "/grants/" + strings.ReplaceAll(strings.ReplaceAll(principal, "~", "~0"), "/", "~1")
}

// difference is what has to happen to the live grants of an item.
type difference struct {
	add, change, remove []*api.AccessGrant
	live                map[string]*api.AccessGrant
}

// differ compares the declaration with the live grants. It reports grants that the
// declaration cannot take: of a source that it leaves out, or of another stack.
func differ(ctx context.Context, s *object.Scope, g *api.AccessGrants) (*difference, []api.Violation, error) {
	var out []api.Violation
	live := map[string]*api.AccessGrant{}
	d := &difference{live: live}
	err := object.Each(ctx, s, api.AccessGrantKind, func(row *api.AccessGrant) error {
		live[row.Principal] = row
		want, listed := g.Grants[row.Principal]
		switch governed := slices.Contains(g.Sources, row.Source); {
		case listed && row.Source == SourceGuest:
			out = append(out, api.Invalid(grantAt(row.Principal), "%s has this grant as a guest (gatehouse_guest), which keeps it in step with its projects; leave the principal out, or take the item out of the guest's projects", row.Principal))
		case !governed && listed:
			out = append(out, api.Invalid(grantAt(row.Principal), "%s has a grant here from %s, which is not among the sources of this object; add %q to sources, or leave the principal out", row.Principal, row.Source, row.Source))
		case !governed, listed && want == row.Level+row.Role:
		case elsewhere(s, row):
			out = append(out, api.Violation{Path: grantAt(row.Principal), Code: string(api.CodeOwnedByOtherStack),
				Message: fmt.Sprintf("the grant of %s belongs to stack %q; change it there, or let that stack release it (gatehouse release)", row.Principal, row.ManagedBy.Stack)})
		case listed:
			next := *row
			next.Level, next.Role = levelOrRole(want)
			d.change = append(d.change, &next)
		default:
			d.remove = append(d.remove, row)
		}
		return nil
	}, store.Condition{Column: "resource", Value: g.Resource})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range principalsOf(g) {
		if live[p] != nil {
			continue
		}
		made := &api.AccessGrant{Resource: g.Resource, Principal: p, Source: s.Caller.Source()}
		if !slices.Contains(g.Sources, made.Source) {
			made.Source = g.Sources[0] // an edit by hand of what code declares stays in its view
		}
		made.Level, made.Role = levelOrRole(g.Grants[p])
		d.add = append(d.add, made)
	}
	return d, out, nil
}

// elsewhere reports whether a grant is declared by another stack than the caller's.
func elsewhere(s *object.Scope, row *api.AccessGrant) bool {
	m := row.ManagedBy
	return m != nil && m.Kind == api.ManagedByTerraform && s.Caller.Stack != "" && m.Stack != s.Caller.Stack
}

func validateGrants(ctx context.Context, c *object.Change[*api.AccessGrants]) ([]api.Violation, error) {
	out, err := checkItem(ctx, c.Scope, "/resource", c.New.Resource)
	if err != nil {
		return nil, err
	}
	d, refused, err := differ(ctx, c.Scope, c.New)
	if err != nil {
		return nil, err
	}
	out = append(out, refused...)
	changed := make(map[string]*api.AccessGrant, len(d.change))
	for _, g := range d.change {
		old := *g
		old.Level, old.Role = levelOrRole(c.Old.Grants[g.Principal])
		changed[g.Principal] = &old
	}
	for _, g := range append(slices.Clone(d.add), d.change...) {
		at := grantAt(g.Principal)
		more, err := checkGrant(ctx, c.Scope, changed[g.Principal], g, grantPaths{principal: at, level: at, role: at})
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out, nil
}

// applyGrants makes the live grants what the declaration says, within its sources.
func applyGrants(ctx context.Context, c *object.Change[*api.AccessGrants]) error {
	declared := c.New
	if c.Deleted {
		declared = &api.AccessGrants{Resource: c.Old.Resource, Sources: c.Old.Sources}
	}
	d, refused, err := differ(ctx, c.Scope, declared)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		return api.InvalidObject(api.AccessGrantsKind.Name, declared.Resource, refused)
	}
	how := object.How{Reasons: []string{"set by access_grants of " + declared.Resource}}
	if err := c.RemoveDerived(ctx, api.AccessGrantKind, how, objects(d.remove)...); err != nil {
		return err
	}
	written := append(slices.Clone(d.change), d.add...)
	for _, g := range written {
		if err := settle(ctx, c.Scope, d.live[g.Principal], g); err != nil {
			return err
		}
	}
	if err := c.SaveDerived(ctx, api.AccessGrantKind, how, objects(written)...); err != nil {
		return err
	}
	for _, g := range d.remove {
		if err := followRequest(ctx, c.Scope, g, nil); err != nil {
			return err
		}
	}
	if c.Deleted {
		return nil
	}
	var gains []Gain
	for _, g := range written {
		if err := followRequest(ctx, c.Scope, d.live[g.Principal], g); err != nil {
			return err
		}
		if !waits(g) {
			gains = append(gains, gainOf(g, grantAt(g.Principal)))
		}
		if err := tellGrant(ctx, c.Scope, d.live[g.Principal], g, c.Caller.Principal()); err != nil {
			return err
		}
	}
	if err := hydrateGrants(ctx, c.Scope, []*api.AccessGrants{c.New}); err != nil {
		return err
	}
	return Separate(ctx, c.Scope, api.AccessGrantsKind, c.New.Resource, gains...)
}

func objects(grants []*api.AccessGrant) []api.Object {
	out := make([]api.Object, len(grants))
	for i, g := range grants {
		out[i] = g
	}
	return out
}

func grantsEffect(was, is *api.AccessGrants) audit.Effect {
	if was == nil {
		was = &api.AccessGrants{}
	}
	if is == nil {
		is = &api.AccessGrants{}
	}
	var t object.Tally
	for p, value := range was.Grants {
		next, kept := is.Grants[p]
		if !kept {
			t.Add(false, true)
			continue
		}
		t.Levels(value, next)
	}
	for p := range is.Grants {
		if _, had := was.Grants[p]; !had {
			t.Add(true, false)
		}
	}
	return t.Effect()
}
