package patch

import (
	"errors"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Normalise turns the body of a POST or PUT into a document: canonical names,
// typed values. Unknown schemas and attributes and read-only attributes are left
// out and named in ignored; a missing required attribute is an error.
func Normalise(r *schema.Resource, body map[string]any) (doc map[string]any, ignored []string, err error) {
	e := editor{resource: r, doc: map[string]any{}}
	if err := e.merge(Add, "", body); err != nil {
		return nil, nil, err
	}
	for _, a := range r.Core.Attributes {
		if a.Required && e.doc[a.Name] == nil {
			return nil, nil, fault.Bad(fault.InvalidValue, "%s is required", a.Name)
		}
	}
	return e.doc, e.ignored, nil
}

// Apply applies the operations to doc in order. On an error doc is in between.
func Apply(r *schema.Resource, doc map[string]any, ops []Operation) (ignored []string, err error) {
	e := editor{resource: r, doc: doc}
	for i, op := range ops {
		if err := e.apply(op); err != nil {
			var f *fault.Error
			if len(ops) > 1 && errors.As(err, &f) {
				f.Detail = "Operations[" + itoa(i) + "]: " + f.Detail
			}
			return nil, err
		}
	}
	for a, h := range e.touched {
		vs := values{attribute: a, list: load(h[a.Name])}
		vs.unite()
		vs.store(h)
	}
	return e.ignored, nil
}

type editor struct {
	resource *schema.Resource
	doc      map[string]any
	ignored  []string
	touched  map[*schema.Attribute]map[string]any // multi-valued attributes, with what holds them
	compared int
}

const maxReports = 32

// report notes what was left out, for the event log.
func (e *editor) report(what string) {
	if len(e.ignored) < maxReports {
		e.ignored = append(e.ignored, Clip(what))
	}
}

// Clip shortens a name that a client chose to something fit for a log, and for a
// database that keeps the log.
func Clip(s string) string {
	const max = 120
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "") + "…"
	}
	return s
}

func (e *editor) apply(op Operation) error {
	if op.Path == "" {
		return e.pathless(op, "")
	}
	t, err := filter.ParsePath(op.Path)
	if err != nil {
		return err
	}
	at, f, err := filter.ResolveTarget(t, e.resource)
	if err != nil {
		return err
	}
	switch {
	case at.Attribute == nil && op.Op == Remove:
		if at.Path.URN == "" {
			return fault.Bad(fault.Mutability, "the resource itself cannot be removed by PATCH")
		}
		delete(e.doc, at.Path.URN)
		return nil
	case at.Attribute == nil:
		return e.pathless(op, at.Path.URN)
	case at.Attribute.Name == "schemas":
		return nil // derived from what the resource holds
	case frozen(at):
		return fault.Bad(fault.Mutability, "%s is read-only", at.Path)
	}
	return e.edit(op.Op, at, f, op.Value)
}

func frozen(at filter.Place) bool {
	return at.Attribute.Mutability == schema.ReadOnly ||
		at.Sub != nil && at.Sub.Mutability == schema.ReadOnly
}

func (e *editor) pathless(op Operation, urn string) error {
	obj, ok := op.Value.(map[string]any)
	if !ok {
		if op.Value == nil && op.Op == Replace && urn != "" {
			delete(e.doc, urn)
			return nil
		}
		return fault.Bad(fault.InvalidValue, "without an attribute in its path, %s needs an object as value", op.Op)
	}
	return e.merge(op.Op, urn, obj)
}

// merge applies an object key by key. A key may be a name, a dotted name, a
// value path or a URN, each of which some identity provider sends.
func (e *editor) merge(op Op, urn string, obj map[string]any) error {
	var seen []filter.Path
	for _, key := range sortedKeys(obj) {
		v := obj[key]
		if strings.EqualFold(key, "schemas") {
			e.schemas(v)
			continue
		}
		named := key
		if urn != "" {
			named = urn + ":" + key
		}
		t, err := filter.ParsePath(key)
		if err != nil {
			e.report(named)
			continue
		}
		if t.Path.URN == "" {
			t.Path.URN = urn
		}
		at, f, err := filter.ResolveTarget(t, e.resource)
		if err != nil || at.Attribute != nil && frozen(at) {
			e.report(named)
			continue
		}
		if f == nil {
			for _, p := range seen {
				if p == at.Path {
					return fault.Bad(fault.InvalidSyntax, "%s is given twice", p)
				}
			}
			seen = append(seen, at.Path)
		}
		if at.Attribute == nil {
			err = e.nested(op, urn, at.Path.URN, v)
		} else {
			err = e.edit(op, at, f, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nested merges the object under a schema URN, one level deep only.
func (e *editor) nested(op Op, outer, urn string, v any) error {
	if outer != "" {
		e.report(urn)
		return nil
	}
	if v == nil {
		if urn != "" && op == Replace {
			delete(e.doc, urn)
		}
		return nil
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return fault.Bad(fault.InvalidValue, "a schema's value must be an object")
	}
	if urn == "" {
		urn = e.resource.Core.ID
	}
	return e.merge(op, urn, obj)
}

// schemas reports URNs that are not served, such as Entra's foreign Group schema
// or JumpCloud's urn:scim:schemas:core:1.0; the list itself is derived.
func (e *editor) schemas(v any) {
	l, ok := v.([]any)
	if !ok {
		l = []any{v}
	}
	for _, s := range l {
		urn, _ := s.(string)
		if !strings.EqualFold(urn, e.resource.Core.ID) && e.resource.Extension(urn) == nil {
			e.report(urn)
		}
	}
}

// holder is the object that holds the attribute.
func (e *editor) holder(p filter.Path) map[string]any {
	if p.URN == "" {
		return e.doc
	}
	m, _ := e.doc[p.URN].(map[string]any)
	if m == nil {
		m = map[string]any{}
		e.doc[p.URN] = m
	}
	return m
}

func (e *editor) edit(op Op, at filter.Place, f filter.Node, v any) error {
	h := e.holder(at.Path)
	var err error
	switch a := at.Attribute; {
	case a.MultiValued && a.Type == schema.Complex:
		err = e.editMulti(op, h, at, f, v)
	case a.Type == schema.Complex:
		err = e.editComplex(op, h, at, v)
	default:
		err = editSimple(op, h, a, v)
	}
	if at.Path.URN != "" && len(h) == 0 {
		delete(e.doc, at.Path.URN)
	}
	return err
}

func editSimple(op Op, h map[string]any, a *schema.Attribute, v any) error {
	var s any
	if op != Remove {
		var err error
		if s, err = Scalar(a, v); err != nil {
			return err
		}
	}
	if s != nil {
		h[a.Name] = s
		return nil
	}
	if a.Required && h[a.Name] != nil { // RFC 7644 §3.5.2.2
		return fault.Bad(fault.Mutability, "%s is required and cannot be removed", a.Name)
	}
	delete(h, a.Name)
	return nil
}

// editComplex changes a singular complex attribute. One with a "value", that is
// the manager, is a reference: a new one replaces the old, "" and null remove it.
func (e *editor) editComplex(op Op, h map[string]any, at filter.Place, v any) error {
	a := at.Attribute
	if op == Remove && at.Sub == nil {
		delete(h, a.Name)
		return nil
	}
	m := map[string]any{}
	if old, ok := h[a.Name].(map[string]any); ok && !a.HasValue() {
		for k, v := range old {
			m[k] = v
		}
	}
	set := func(sub *schema.Attribute, v any) {
		if v == nil {
			delete(m, sub.Name)
		} else {
			m[sub.Name] = v
		}
	}
	switch {
	case at.Sub == nil:
		if l, ok := v.([]any); ok && len(l) <= 1 { // Entra: manager as [{"$ref": null, "value": id}]
			v = nil
			if len(l) == 1 {
				v = l[0]
			}
		}
		if err := each(a, v, e.report, set); err != nil {
			return err
		}
	case op == Remove:
		set(at.Sub, nil)
	default:
		s, err := Scalar(at.Sub, v)
		if err != nil {
			return err
		}
		set(at.Sub, s)
	}
	if len(m) == 0 {
		delete(h, a.Name)
	} else {
		h[a.Name] = m
	}
	return nil
}
