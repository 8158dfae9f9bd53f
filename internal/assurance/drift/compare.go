package drift

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
)

// Doc is a live object as it is on the wire.
type Doc = map[string]any

// Scope says which undeclared objects are reported.
type Scope string

// The scopes.
const (
	UnmanagedNone       Scope = "none"
	UnmanagedPrivileged Scope = "privileged"
	UnmanagedAll        Scope = "all"
)

// Live is what the control plane holds in one workspace. A kind that is in neither
// map was not asked for.
type Live struct {
	Objects map[string][]Doc
	// Failed says, by kind, why the objects could not be read.
	Failed map[string]string
}

// computedThatMatters are attributes that the server may decide and that bear on
// access all the same; other computed ones say nothing about the configuration.
var computedThatMatters = map[string]bool{
	"project.owner": true, "scim_token.expires_at": true, "api_token.expires_at": true,
}

// Compare adds to the report how one workspace differs from the resources of a state
// that are in it.
func (r *Report) Compare(workspace string, resources []tfstate.Resource, live Live, scope Scope) {
	r.Workspaces = append(r.Workspaces, workspace)
	for _, name := range sortedNames(live.Failed) {
		r.Gaps = append(r.Gaps, fmt.Sprintf("%s of workspace %q could not be read: %s", words(name), workspace, live.Failed[name]))
	}
	declared := map[string]bool{} // kind + id, and kind + key
	indexes := map[string]index{}
	for name, docs := range live.Objects {
		indexes[name] = indexOf(docs)
	}
	for i := range resources {
		res := &resources[i]
		kind := api.KindByName(res.Kind)
		if kind == nil {
			r.Gaps = append(r.Gaps, fmt.Sprintf("%s has a type that this version does not know", res.Address))
			continue
		}
		declared[kind.Name+"\x00"+res.ID()] = true
		if key := keyOf(kind, res); key != "" {
			declared[kind.Name+"\x00"+key] = true
		}
		docs, asked := indexes[kind.Name]
		if !asked {
			if live.Failed[kind.Name] == "" {
				r.Gaps = append(r.Gaps, fmt.Sprintf("%s was not read", res.Address))
			}
			continue
		}
		r.Compared++
		r.compareOne(workspace, kind, res, docs.find(kind, res))
	}
	ours := r.noteStacks(resources, indexes)
	r.findUnmanaged(workspace, live, declared, ours, scope)
}

// Sort orders the items: what widens access first.
func (r *Report) Sort() {
	rank := map[Class]int{Widened: 0, Unmanaged: 1, Changed: 2, Missing: 3, Narrowed: 4, Neutral: 5}
	slices.SortStableFunc(r.Items, func(a, b Item) int {
		return cmp.Or(rank[a.Class]-rank[b.Class], strings.Compare(a.Workspace, b.Workspace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Key, b.Key), strings.Compare(a.Attribute, b.Attribute))
	})
	slices.Sort(r.Workspaces)
	r.Workspaces = slices.Compact(r.Workspaces)
	slices.Sort(r.Stacks)
	r.Stacks = slices.Compact(r.Stacks)
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// words is a kind's name as people read it.
func words(kind string) string {
	if k := api.KindByName(kind); k != nil && !k.Singleton {
		return strings.ReplaceAll(k.Plural, "_", " ")
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// keyOf is the natural key of what a resource declares, "" if it cannot be told.
func keyOf(kind *api.Kind, res *tfstate.Resource) string {
	if kind.Singleton {
		return res.Workspace
	}
	doc := map[string]any{}
	for _, f := range kind.Fields() {
		if v := res.Values[f.Name]; v != nil && !f.ReadOnly && f.Type == api.TypeString {
			doc[f.Name] = v
		}
	}
	obj, err := decodeLoosely(kind, doc)
	if err != nil {
		return ""
	}
	return strings.ToLower(kind.KeyOf(obj))
}

// index finds live objects of one kind by id and by key.
type index struct {
	docs        []Doc
	byID, byKey map[string]Doc
}

func indexOf(docs []Doc) index {
	x := index{docs: docs, byID: make(map[string]Doc, len(docs)), byKey: make(map[string]Doc, len(docs))}
	for _, d := range docs {
		x.byID[textOf(d, "id")] = d
		x.byKey[strings.ToLower(textOf(d, "key"))] = d
	}
	delete(x.byID, "")
	delete(x.byKey, "")
	return x
}

// find looks a resource up by id, then by natural key, because an object that was made
// anew under the same name has another id.
func (x index) find(kind *api.Kind, res *tfstate.Resource) Doc {
	if d, ok := x.byID[res.ID()]; ok {
		return d
	}
	if kind.Singleton && len(x.docs) > 0 {
		return x.docs[0]
	}
	return x.byKey[keyOf(kind, res)]
}

func textOf(d Doc, name string) string {
	s, _ := d[name].(string)
	return s
}

func (r *Report) compareOne(workspace string, kind *api.Kind, res *tfstate.Resource, live Doc) {
	item := Item{Workspace: workspace, Kind: kind.Name, Key: keyOf(kind, res), ID: res.ID(), Address: res.Address}
	if live == nil {
		item.Class = Missing
		r.Items = append(r.Items, item)
		return
	}
	if key := textOf(live, "key"); key != "" {
		item.Key = key
	}
	item.ID = textOf(live, "id")
	redacted := map[string]bool{}
	for _, name := range res.Redacted {
		redacted[name] = true
	}
	c := comparison{report: r, item: item, redacted: redacted, scim: textOf(live, "source") == "scim"}
	c.fields("", kind.Name, kind.Fields(), res.Values, live)
}

// comparison is the state of comparing one object.
type comparison struct {
	report   *Report
	item     Item
	redacted map[string]bool
	scim     bool // the identity provider owns name and activity
}

func (c *comparison) fields(at, kind string, fields []api.Field, state, live map[string]any) {
	for i := range fields {
		f := &fields[i]
		here := at + f.Name
		switch {
		case f.ReadOnly, f.WriteOnly, c.redacted[here]:
			continue
		case f.Computed && !computedThatMatters[kind+"."+here]:
			continue
		case c.scim && here == "active":
			continue
		}
		c.field(here, kind, f, orDefault(f, state[f.Name]), orDefault(f, live[f.Name]))
	}
}

// orDefault stands in for a value that was left out: a state written before the
// attribute existed does not differ from a server that holds its default.
func orDefault(f *api.Field, v any) any {
	if v == nil && f.Type != api.TypeObject {
		return f.Default
	}
	return v
}

func (c *comparison) field(at, kind string, f *api.Field, old, new any) {
	oldObject, _ := old.(map[string]any)
	newObject, _ := new.(map[string]any)
	switch {
	case f.Type == api.TypeObject && (oldObject != nil || newObject != nil):
		if oldObject == nil && onlyDefaults(f.Fields, newObject) || newObject == nil && onlyDefaults(f.Fields, oldObject) {
			return
		}
		if oldObject == nil || newObject == nil {
			c.add(at, kind, f, "", old, new)
			return
		}
		c.fields(at+".", kind, f.Fields, oldObject, newObject)
	case f.Type == api.TypeMap:
		c.entries(at, kind, f, oldObject, newObject)
	case !same(f, old, new):
		c.add(at, kind, f, "", old, new)
	}
}

// entries compares maps entry by entry: a person who was added is one difference.
func (c *comparison) entries(at, kind string, f *api.Field, old, new map[string]any) {
	fold := func(m map[string]any) map[string]any {
		out := make(map[string]any, len(m))
		for k, v := range m {
			if f.KeyFormat != "" {
				if norm, message := api.Normalise(f.KeyFormat, k); message == "" {
					k = norm
				}
			}
			out[k] = v
		}
		return out
	}
	was, is := fold(old), fold(new)
	for _, key := range sortedNames(was) {
		if v, ok := is[key]; !ok {
			c.add(fmt.Sprintf("%s[%q]", at, key), kind, f, key, was[key], nil)
		} else if !same(&api.Field{Type: api.TypeString}, was[key], v) {
			c.add(fmt.Sprintf("%s[%q]", at, key), kind, f, key, was[key], v)
		}
	}
	for _, key := range sortedNames(is) {
		if _, ok := was[key]; !ok {
			c.add(fmt.Sprintf("%s[%q]", at, key), kind, f, key, nil, is[key])
		}
	}
}

func (c *comparison) add(at, kind string, f *api.Field, entry string, old, new any) {
	item := c.item
	item.Attribute, item.Old, item.New, item.field, item.entry = at, emptyAsNil(old), emptyAsNil(new), f, entry
	item.Class = direction(kind, at, f, entry, old, new)
	c.report.Items = append(c.report.Items, item)
}

// noteStacks finds which stacks the state's objects belong to by the server's record.
func (r *Report) noteStacks(resources []tfstate.Resource, live map[string]index) map[string]bool {
	ours := map[string]bool{}
	for i := range resources {
		kind := api.KindByName(resources[i].Kind)
		if kind == nil || kind.View {
			continue
		}
		if doc := live[kind.Name].find(kind, &resources[i]); doc != nil {
			if manager, stack := managerOf(doc); manager == api.ManagedByTerraform && stack != "" {
				ours[stack] = true
			}
		}
	}
	r.Stacks = append(r.Stacks, sortedNames(ours)...)
	return ours
}

func managerOf(d Doc) (kind, stack string) {
	m, _ := d["managed_by"].(map[string]any)
	return textOf(m, "kind"), textOf(m, "stack")
}

// findUnmanaged reports live objects that no code declares. What another stack or
// the identity provider owns is theirs; what is stamped as this stack's and is not in
// its state was forgotten.
func (r *Report) findUnmanaged(workspace string, live Live, declared, ours map[string]bool, scope Scope) {
	if scope == UnmanagedNone {
		return
	}
	guests := map[string]bool{}
	for _, doc := range live.Objects[api.GuestKind.Name] {
		guests[strings.ToLower(textOf(doc, "email"))] = true
	}
	for _, name := range sortedNames(live.Objects) {
		kind := api.KindByName(name)
		if kind == nil || kind.Singleton || kind.View {
			continue
		}
		r.Looked += len(live.Objects[name])
		for _, doc := range live.Objects[name] {
			id, key := textOf(doc, "id"), textOf(doc, "key")
			if declared[name+"\x00"+id] || declared[name+"\x00"+strings.ToLower(key)] || coveredByView(kind, doc, declared) || followsFromGuest(kind, doc, guests) {
				continue
			}
			privileged := Privileged(kind, doc)
			if scope == UnmanagedPrivileged && !privileged {
				continue
			}
			manager, stack := managerOf(doc)
			if manager == api.ManagedBySCIM || manager == api.ManagedByTerraform && !ours[stack] || isOwner(kind, doc) {
				continue
			}
			item := Item{Class: Unmanaged, Workspace: workspace, Kind: name, Key: key, ID: id, Privileged: privileged}
			item.Attribute, item.New = tellingAttribute(kind, doc)
			r.Items = append(r.Items, item)
		}
	}
}

// coveredByView reports whether an authoritative resource declares the row.
func coveredByView(kind *api.Kind, doc Doc, declared map[string]bool) bool {
	switch kind {
	case api.TeamMembershipKind:
		return declared[api.TeamMembershipsKind.Name+"\x00"+strings.ToLower(textOf(doc, "team"))]
	case api.AccessGrantKind:
		return declared[api.AccessGrantsKind.Name+"\x00"+strings.ToLower(textOf(doc, "resource"))]
	}
	return false
}

// followsFromGuest: the identity of a guest and the grants on their projects are the
// guest's, which is looked at by itself.
func followsFromGuest(kind *api.Kind, doc Doc, guests map[string]bool) bool {
	switch kind {
	case api.MemberKind:
		return textOf(doc, "workspace_role") == "guest" && guests[strings.ToLower(textOf(doc, "email"))]
	case api.AccessGrantKind:
		_, email, _ := api.SplitPrincipal(textOf(doc, "principal"))
		return textOf(doc, "source") == "guest" && guests[strings.ToLower(email)]
	}
	return false
}

// isOwner: the one Owner exists from the making of the workspace; nobody can be
// declared as Owner but by moving ownership.
func isOwner(kind *api.Kind, doc Doc) bool {
	return kind == api.MemberKind && textOf(doc, "workspace_role") == "owner"
}
