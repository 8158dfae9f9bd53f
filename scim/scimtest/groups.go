package scimtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

func (d *Directory) group(id string) (*groupRecord, error) {
	for _, r := range d.groups {
		if r.group.ID == id {
			return r, nil
		}
	}
	return nil, scim.ErrNotFound
}

// showGroup returns a copy, with members if asked.
func (d *Directory) showGroup(r *groupRecord, p scim.Projection) scim.Group {
	g := r.group
	if !p.WithMembers {
		return g
	}
	d.reads++
	for _, id := range r.order {
		m := scim.Member{Value: id, Type: r.members[id]}
		if u, err := d.user(id); err == nil {
			m.Display = u.user.DisplayName
		} else if o, err := d.group(id); err == nil {
			m.Display = o.group.DisplayName
		}
		g.Members = append(g.Members, m)
	}
	return g
}

// Group returns one group.
func (d *Directory) Group(_ context.Context, id string, p scim.Projection) (scim.Group, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.group(id)
	if err != nil {
		return scim.Group{}, err
	}
	return d.showGroup(r, p), nil
}

// CreateGroup stores a group with its members.
func (d *Directory) CreateGroup(_ context.Context, g scim.Group) (scim.Group, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.uniqueGroup("", g.DisplayName); err != nil {
		return scim.Group{}, err
	}
	serial, now := d.next()
	r := &groupRecord{serial: serial, members: map[string]string{}}
	r.group = scim.Group{
		ID: fmt.Sprintf("group_%08d", serial), DisplayName: g.DisplayName, ExternalID: g.ExternalID,
		Meta: scim.Meta{Created: now, LastModified: now, Version: version(serial)},
	}
	if _, err := d.join(r, g.Members); err != nil {
		return scim.Group{}, err
	}
	d.groups = append(d.groups, r)
	return d.showGroup(r, scim.Projection{WithMembers: len(g.Members) > 0}), nil
}

func (d *Directory) uniqueGroup(id, name string) error {
	for _, r := range d.groups {
		if r.group.ID != id && filter.Fold(r.group.DisplayName) == filter.Fold(name) {
			return scim.Conflict("displayName %q is taken", name)
		}
	}
	return nil
}

// join adds members, each of which must exist.
func (d *Directory) join(r *groupRecord, members []scim.Member) (changed bool, err error) {
	for _, m := range members {
		if _, err := d.user(m.Value); err != nil {
			return changed, scim.Invalid("there is no user %q, and a group holds no groups", m.Value)
		}
		if _, in := r.members[m.Value]; !in {
			r.members[m.Value] = schema.User.Name
			r.order = append(r.order, m.Value)
			changed = true
		}
	}
	return changed, nil
}

func (r *groupRecord) leave(id string) bool {
	if _, in := r.members[id]; !in {
		return false
	}
	delete(r.members, id)
	r.order = slices.DeleteFunc(r.order, func(o string) bool { return o == id })
	return true
}

func (d *Directory) touch(r *groupRecord) {
	serial, now := d.next()
	r.group.Meta.LastModified, r.group.Meta.Version = now, version(serial)
}

// ApplyGroup changes a group, all operations or none.
func (d *Directory) ApplyGroup(_ context.Context, id string, ifMatch scim.Versions, ops []scim.GroupOp, p scim.Projection) (scim.Group, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.group(id)
	if err != nil {
		return scim.Group{}, err
	}
	if !ifMatch.Allow(r.group.Meta.Version) {
		return scim.Group{}, scim.ErrPrecondition
	}
	draft := &groupRecord{serial: r.serial, group: r.group, order: slices.Clone(r.order), members: make(map[string]string, len(r.members))}
	for id, kind := range r.members {
		draft.members[id] = kind
	}
	changed := false
	for _, op := range ops {
		c, err := d.applyOne(draft, op)
		if err != nil {
			return scim.Group{}, err
		}
		changed = changed || c
	}
	if changed {
		d.touch(draft)
		*r = *draft
	}
	return d.showGroup(r, p), nil
}

func (d *Directory) applyOne(r *groupRecord, op scim.GroupOp) (changed bool, err error) {
	switch op.Kind {
	case scim.SetDisplayName:
		changed = r.group.DisplayName != op.Text
		r.group.DisplayName = op.Text
		return changed, d.uniqueGroup(r.group.ID, op.Text)
	case scim.SetExternalID:
		changed = r.group.ExternalID != op.Text
		r.group.ExternalID = op.Text
		return changed, nil
	case scim.AddMembers:
		return d.join(r, op.Members)
	case scim.RemoveMembers:
		for _, m := range op.Members {
			changed = r.leave(m.Value) || changed
		}
		return changed, nil
	case scim.ReplaceMembers:
		before := slices.Sorted(slices.Values(r.order))
		r.order, r.members = nil, map[string]string{}
		_, err := d.join(r, op.Members)
		return !slices.Equal(before, slices.Sorted(slices.Values(r.order))), err
	case scim.RemoveAllMembers:
		changed = len(r.order) > 0
		r.order, r.members = nil, map[string]string{}
		return changed, nil
	}
	return false, fmt.Errorf("scimtest: unknown group operation %v", op.Kind)
}

// DeleteGroup removes a group.
func (d *Directory) DeleteGroup(_ context.Context, id string, ifMatch scim.Versions) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.group(id)
	if err != nil {
		return err
	}
	if !ifMatch.Allow(r.group.Meta.Version) {
		return scim.ErrPrecondition
	}
	d.groups = slices.DeleteFunc(d.groups, func(o *groupRecord) bool { return o == r })
	d.forget(id)
	return nil
}

// Groups lists groups.
func (d *Directory) Groups(_ context.Context, q scim.Query) (scim.Page[scim.Group], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	inFilter := q.Filter != nil && strings.Contains(q.Filter.String(), "members")
	rows := make([]row[scim.Group], 0, len(d.groups))
	for _, r := range d.groups {
		g := d.showGroup(r, scim.Projection{WithMembers: inFilter || q.WithMembers})
		doc, err := g.Document()
		if err != nil {
			return scim.Page[scim.Group]{}, err
		}
		if !q.WithMembers {
			g.Members = nil
		}
		rows = append(rows, row[scim.Group]{serial: r.serial, doc: doc, value: g})
	}
	return page(schema.Group, rows, q)
}
