package scim

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// groupChange is a GroupOp, or the removal of the members that a filter selects, or
// what must be refused because they cannot be replaced.
type groupChange struct {
	GroupOp
	matching filter.Node
	refused  bool
}

// groupChanges translates PATCH operations into changes that name members by id.
func groupChanges(ops []patch.Operation) (changes []groupChange, ignored []string, err error) {
	t := translator{}
	for i, op := range ops {
		if err := t.operation(op); err != nil {
			var f *Error
			if len(ops) > 1 && errors.As(err, &f) {
				return nil, nil, fault.New(f.Status, f.Kind, "Operations[%d]: %s", i, f.Detail)
			}
			return nil, nil, err
		}
	}
	return t.changes, t.ignored, nil
}

type translator struct {
	changes []groupChange
	ignored []string
	last    map[string]bool // ids of the last change, while it can still grow
}

func (t *translator) report(what string) {
	const most = 32
	if len(t.ignored) < most {
		t.ignored = append(t.ignored, patch.Clip(what))
	}
}

func (t *translator) operation(op patch.Operation) error {
	if op.Path == "" {
		return t.object(op)
	}
	target, err := filter.ParsePath(op.Path)
	if err != nil {
		return err
	}
	at, f, err := filter.ResolveTarget(target, schema.Group)
	if err != nil {
		return err
	}
	if at.Attribute == nil {
		if op.Op == patch.Remove {
			return fault.Bad(Mutability, "the group itself cannot be removed by PATCH")
		}
		return t.object(op)
	}
	if at.Attribute.Mutability == schema.ReadOnly {
		return fault.Bad(Mutability, "%s is read-only", at.Path)
	}
	return t.attribute(op, at, f)
}

// object reads an operation without a path: {displayName, externalId, members}.
// Okta sends {id, displayName}.
func (t *translator) object(op patch.Operation) error {
	obj, ok := op.Value.(map[string]any)
	if !ok {
		return Invalid("without a path, %s needs an object as value", op.Op)
	}
	keys := make([]string, 0, len(obj))
	for k := range obj {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if strings.EqualFold(key, "schemas") {
			continue
		}
		var at filter.Place
		var f filter.Node
		target, err := filter.ParsePath(key)
		if err == nil {
			at, f, err = filter.ResolveTarget(target, schema.Group)
		}
		if err != nil || at.Attribute == nil || at.Attribute.Mutability == schema.ReadOnly {
			t.report(key)
			continue
		}
		if err := t.attribute(patch.Operation{Op: op.Op, Value: obj[key], HasValue: true}, at, f); err != nil {
			return err
		}
	}
	return nil
}

func (t *translator) attribute(op patch.Operation, at filter.Place, f filter.Node) error {
	switch at.Path.Attr {
	case "displayName":
		text, err := scalar(op, at.Attribute)
		if err == nil && text == "" {
			err = fault.Bad(Mutability, "displayName is required and cannot be removed")
		}
		t.append(GroupOp{Kind: SetDisplayName, Text: text})
		return err
	case "externalId":
		text, err := scalar(op, at.Attribute)
		t.append(GroupOp{Kind: SetExternalID, Text: text})
		return err
	case "members":
		if at.Sub != nil {
			return fault.Bad(Mutability, "%s cannot change: remove the member and add another", at.Path)
		}
		if f != nil {
			return t.selected(op, f)
		}
		return t.members(op)
	}
	return nil // schemas: derived
}

func scalar(op patch.Operation, a *schema.Attribute) (string, error) {
	if op.Op == patch.Remove {
		return "", nil
	}
	v, err := patch.Scalar(a, op.Value)
	text, _ := v.(string)
	return text, err
}

// members is an operation on path "members".
func (t *translator) members(op patch.Operation) error {
	if op.Op == patch.Remove && op.Value == nil {
		t.append(GroupOp{Kind: RemoveAllMembers})
		return nil
	}
	elements, err := patch.Elements(schema.Group.Lookup("", "members"), op.Value, t.report)
	if err != nil {
		return err
	}
	members := make([]Member, len(elements))
	for i, e := range elements {
		text := func(k string) string { s, _ := e[k].(string); return s }
		members[i] = Member{Value: text("value"), Ref: text("$ref"), Type: text("type")}
	}
	if members, err = distinct(members, InvalidValue); err != nil {
		return err
	}
	switch op.Op {
	case patch.Replace:
		t.append(replaceMembers(members))
	case patch.Remove: // Entra: a value array removes only those
		t.grow(RemoveMembers, members)
	default:
		t.grow(AddMembers, members)
	}
	return nil
}

func replaceMembers(members []Member) GroupOp {
	if len(members) == 0 {
		return GroupOp{Kind: RemoveAllMembers}
	}
	return GroupOp{Kind: ReplaceMembers, Members: members}
}

// selected is an operation on members[filter].
func (t *translator) selected(op patch.Operation, f filter.Node) error {
	ids, named := memberIDs(f, nil)
	switch {
	case op.Op == patch.Replace: // what it is depends on whether there is such a member
		t.append(GroupOp{})
		t.changes[len(t.changes)-1].matching, t.changes[len(t.changes)-1].refused = f, true
		return nil
	case op.Op == patch.Remove && !named:
		t.append(GroupOp{Kind: RemoveMembers})
		t.changes[len(t.changes)-1].matching = f
		return nil
	case !named:
		return fault.Bad(fault.NoTarget, "members can only be added by their value")
	}
	members := make([]Member, len(ids))
	for i, id := range ids {
		members[i].Value = id
	}
	members, err := distinct(members, InvalidValue)
	if err != nil {
		return err
	}
	if op.Op == patch.Remove {
		t.grow(RemoveMembers, members)
	} else {
		t.grow(AddMembers, members)
	}
	return nil
}

// memberIDs reads value eq "a" or value eq "b"; false for any other filter.
func memberIDs(f filter.Node, ids []string) ([]string, bool) {
	switch f := f.(type) {
	case *filter.Compare:
		if f.Op == filter.Eq && f.Path.Attr == "value" {
			return append(ids, f.Value.Text), true
		}
	case *filter.Or:
		for _, term := range f.Terms {
			var ok bool
			if ids, ok = memberIDs(term, ids); !ok {
				return nil, false
			}
		}
		return ids, true
	}
	return nil, false
}

func (t *translator) append(op GroupOp) {
	t.changes, t.last = append(t.changes, groupChange{GroupOp: op}), nil
}

// grow appends members to the last change if it is of the same kind: a thousand
// operations of one member each become one.
func (t *translator) grow(kind GroupOpKind, members []Member) {
	if len(members) == 0 {
		return
	}
	if t.last == nil || t.changes[len(t.changes)-1].Kind != kind {
		t.append(GroupOp{Kind: kind})
		t.last = map[string]bool{}
	}
	op := &t.changes[len(t.changes)-1]
	for _, m := range members {
		if !t.last[m.Value] {
			t.last[m.Value] = true
			op.Members = append(op.Members, m)
		}
	}
}

// apply hands the changes to the directory. Only a removal by another filter
// than the id has to read the members first; the version guards what was read.
func (e groups) apply(c *call, id string, changes []groupChange, p Projection) (Group, error) {
	if !slices.ContainsFunc(changes, func(g groupChange) bool { return g.matching != nil }) {
		ops := make([]GroupOp, len(changes))
		for i, g := range changes {
			ops[i] = g.GroupOp
		}
		return e.s.Directory.ApplyGroup(c.ctx, id, c.ifMatch, ops, p)
	}
	const attempts = 5
	for range attempts {
		g, err := e.s.Directory.Group(c.ctx, id, Projection{WithMembers: true})
		if err != nil {
			return Group{}, err
		}
		if !c.ifMatch.Allow(g.Meta.Version) {
			return Group{}, ErrPrecondition
		}
		if err := e.describe(c, changes); err != nil {
			return Group{}, err
		}
		ops, err := byID(changes, g.Members)
		if err != nil {
			return Group{}, err
		}
		g, err = e.s.Directory.ApplyGroup(c.ctx, id, Versions{g.Meta.Version}, ops, p)
		if !errors.Is(err, ErrPrecondition) || len(c.ifMatch) > 0 {
			return g, err
		}
	}
	return Group{}, Refuse(http.StatusConflict, "the group keeps changing; try again")
}

// describe looks up what the members that join are, for filters on type or display.
func (e groups) describe(c *call, changes []groupChange) error {
	for _, ch := range changes {
		if ch.Kind != AddMembers && ch.Kind != ReplaceMembers {
			continue
		}
		for i := range ch.Members {
			m := &ch.Members[i]
			u, err := e.s.Directory.User(c.ctx, m.Value, Projection{})
			switch {
			case err == nil:
				m.Type, m.Display = schema.User.Name, u.DisplayName
			case errors.Is(err, ErrNotFound):
				m.Type = schema.Group.Name
			default:
				return err
			}
		}
	}
	return nil
}

// maxCompared bounds what the filters of one PATCH of a group may compare, all together.
const maxCompared = 4_000_000

// byID replays the changes on the members as read and replaces each filter by
// the ids that it selects at that point.
func byID(changes []groupChange, members []Member) ([]GroupOp, error) {
	now := make(map[string]Member, len(members))
	add := func(list []Member) {
		for _, m := range list {
			if _, in := now[m.Value]; !in {
				now[m.Value] = m
			}
		}
	}
	add(members)
	ops := make([]GroupOp, 0, len(changes))
	compared := 0
	for _, ch := range changes {
		op := ch.GroupOp
		if ch.matching != nil {
			if compared += filter.Terms(ch.matching) * len(now); compared > maxCompared {
				return nil, fault.New(http.StatusRequestEntityTooLarge, "", "the operations compare too many members; name them by their value, or send fewer at a time")
			}
			for _, m := range now {
				doc := map[string]any{"value": m.Value, "display": m.Display, "type": m.Type}
				if filter.Match(ch.matching, doc) {
					op.Members = append(op.Members, m)
				}
			}
			slices.SortFunc(op.Members, func(a, b Member) int { return strings.Compare(a.Value, b.Value) })
			switch {
			case ch.refused && len(op.Members) == 0: // RFC 7644 §3.5.2.3
				return nil, fault.Bad(fault.NoTarget, "no member matches %s", ch.matching)
			case ch.refused:
				return nil, fault.Bad(Mutability, "a member cannot change: remove it and add another")
			}
		}
		switch op.Kind {
		case AddMembers:
			add(op.Members)
		case RemoveMembers:
			for _, m := range op.Members {
				delete(now, m.Value)
			}
		case ReplaceMembers, RemoveAllMembers:
			clear(now)
			add(op.Members)
		}
		if op.Kind == RemoveMembers && len(op.Members) == 0 {
			continue
		}
		ops = append(ops, op)
	}
	return ops, nil
}
