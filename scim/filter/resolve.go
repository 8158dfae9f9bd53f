package filter

import (
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Place is a path found in a resource type. Attribute is nil for a whole
// extension (Path.Attr empty) and for the resource itself (Path zero).
type Place struct {
	Path      Path
	Attribute *schema.Attribute
	Sub       *schema.Attribute
}

// Locate finds a path in the resource type, in any case, and makes it canonical.
func Locate(r *schema.Resource, p Path) (Place, bool) {
	if a := r.Lookup(p.URN, p.Attr); a != nil {
		at := Place{Path: Path{URN: extensionID(r, p.URN), Attr: a.Name}, Attribute: a}
		if p.Sub == "" {
			return at, true
		}
		if at.Sub = a.Lookup(p.Sub); at.Sub == nil {
			return Place{}, false
		}
		at.Path.Sub = at.Sub.Name
		return at, true
	}
	if p.URN == "" {
		return Place{}, false
	}
	return locateURN(r, p)
}

// locateURN handles a bare schema URN, whose last part was taken for an
// attribute, and URN "." attr, which some clients send for URN ":" attr.
func locateURN(r *schema.Resource, p Path) (Place, bool) {
	urn := p.URN + ":" + p.Attr
	core := strings.EqualFold(urn, r.Core.ID)
	if !core && r.Extension(urn) == nil {
		return Place{}, false
	}
	if p.Sub == "" {
		return Place{Path: Path{URN: extensionID(r, urn)}}, true
	}
	return Locate(r, Path{URN: urn, Attr: p.Sub})
}

func extensionID(r *schema.Resource, urn string) string {
	if urn == "" {
		return ""
	}
	if s := r.Extension(urn); s != nil {
		return s.ID
	}
	return ""
}

// Resolve ties a parsed filter to a resource type: paths become canonical,
// values take the type of their attribute, and what the type decides by itself
// becomes a constant. An attribute that the type does not have is an error. The
// tree is changed in place.
func Resolve(n Node, r *schema.Resource) (Node, error) {
	return resolver{resource: r}.node(n)
}

// ResolveAcross is Resolve for a query over several resource types: there an
// attribute that this type lacks has no value (RFC 7644 §3.4.2.1).
func ResolveAcross(n Node, r *schema.Resource) (Node, error) {
	return resolver{resource: r, across: true}.node(n)
}

// ResolveTarget ties the path of a PATCH operation to a resource type.
func ResolveTarget(t Target, r *schema.Resource) (Place, Node, error) {
	at, ok := Locate(r, t.Path)
	if !ok {
		return Place{}, nil, fault.Bad(fault.InvalidPath, "%s has no attribute %q", r.Name, t.Path)
	}
	if t.Filter == nil {
		return at, nil, nil
	}
	if at.Attribute == nil || !at.Attribute.MultiValued || at.Attribute.Type != schema.Complex {
		return Place{}, nil, fault.Bad(fault.InvalidPath, "%s takes no value filter", at.Path)
	}
	f, err := resolver{resource: r, inside: at.Attribute}.node(t.Filter)
	return at, f, err
}

type resolver struct {
	resource *schema.Resource
	across   bool
	inside   *schema.Attribute // set while in brackets
}

func (r resolver) node(n Node) (Node, error) {
	switch n := n.(type) {
	case *And:
		return r.all(n.Terms, false, func(t []Node) Node { return &And{t} })
	case *Or:
		return r.all(n.Terms, true, func(t []Node) Node { return &Or{t} })
	case *Not:
		term, err := r.node(n.Term)
		if err != nil {
			return nil, err
		}
		if b, ok := term.(Bool); ok {
			return !b, nil
		}
		n.Term = term
		return n, nil
	case *Compare:
		return r.compare(n)
	case *ValuePath:
		return r.valuePath(n)
	}
	return n, nil
}

// all resolves the terms of And (decided by false) or Or (decided by true) and
// drops constants.
func (r resolver) all(terms []Node, decides Bool, build func([]Node) Node) (Node, error) {
	kept := terms[:0]
	decided := false
	for _, t := range terms {
		t, err := r.node(t)
		if err != nil {
			return nil, err
		}
		if b, ok := t.(Bool); ok {
			decided = decided || b == decides
			continue
		}
		kept = append(kept, t)
	}
	switch {
	case decided:
		return decides, nil
	case len(kept) == 0:
		return !decides, nil
	case len(kept) == 1:
		return kept[0], nil
	}
	return build(kept), nil
}

func (r resolver) valuePath(n *ValuePath) (Node, error) {
	at, ok := Locate(r.resource, n.Path)
	if !ok {
		if r.across {
			return Bool(false), nil
		}
		return nil, unknown(r.resource, n.Path)
	}
	if at.Attribute == nil || !at.Attribute.MultiValued || at.Attribute.Type != schema.Complex {
		return nil, fault.Bad(fault.InvalidFilter, "%s is not a multi-valued complex attribute", at.Path)
	}
	f, err := resolver{resource: r.resource, inside: at.Attribute}.node(n.Filter)
	if err != nil {
		return nil, err
	}
	n.Path, n.Filter = at.Path, f
	return n, nil
}

func unknown(r *schema.Resource, p Path) error {
	return fault.Bad(fault.InvalidFilter, "%s has no attribute %q", r.Name, p)
}

func (r resolver) compare(n *Compare) (Node, error) {
	if r.inside != nil {
		a := r.inside.Lookup(n.Path.Attr)
		if a == nil {
			return nil, fault.Bad(fault.InvalidFilter, "%s has no sub-attribute %q", r.inside.Name, n.Path.Attr)
		}
		n.Path = Path{Attr: a.Name}
		return n, r.fit(n, a)
	}
	at, ok := Locate(r.resource, n.Path)
	if !ok {
		if r.across {
			return Bool(n.Op == Ne), nil
		}
		return nil, unknown(r.resource, n.Path)
	}
	n.Path = at.Path
	if at.Attribute == nil {
		if n.Op == Pr && at.Path.URN != "" {
			n.Type = schema.Complex
			return n, nil
		}
		return nil, fault.Bad(fault.InvalidFilter, "%s is a schema, not an attribute", n.Path)
	}
	if decided, ok, err := r.decide(n, at); ok || err != nil {
		return decided, err
	}
	a := at.Attribute
	n.MultiValued = a.MultiValued
	if at.Sub != nil {
		a = at.Sub
	} else if a.Type == schema.Complex && n.Op != Pr {
		// RFC 7644 §3.4.2.2: emails co "x" means emails.value co "x".
		v := a.Lookup("value")
		if v == nil {
			return nil, fault.Bad(fault.InvalidFilter, "%s is complex: name one of its sub-attributes", n.Path)
		}
		n.Path.Sub, a = v.Name, v
	}
	return n, r.fit(n, a)
}

// decide answers comparisons that hold for every resource of the type or none.
func (r resolver) decide(n *Compare, at Place) (Node, bool, error) {
	switch at.Path {
	case Path{Attr: "meta", Sub: "resourceType"}:
		// Match on a stand-in, so that every operator means what it always means.
		if err := r.fit(n, at.Sub); err != nil {
			return nil, false, err
		}
		doc := map[string]any{"meta": map[string]any{"resourceType": r.resource.Name}}
		return Bool(Match(n, doc)), true, nil
	case Path{Attr: "schemas"}:
		if n.Op == Pr {
			return Bool(true), true, nil
		}
		if n.Op != Eq && n.Op != Ne || n.Value.Kind != KindString {
			return nil, false, fault.Bad(fault.InvalidFilter, "schemas only goes with eq, ne and pr")
		}
		var out Node = Bool(strings.EqualFold(n.Value.Text, r.resource.Core.ID))
		if s := r.resource.Extension(n.Value.Text); s != nil {
			out = &Compare{Path: Path{URN: s.ID}, Op: Pr, Type: schema.Complex}
		}
		if n.Op == Eq {
			return out, true, nil
		}
		if b, ok := out.(Bool); ok {
			return !b, true, nil
		}
		return &Not{out}, true, nil
	}
	return nil, false, nil
}

// fit checks operator and value against the attribute and converts the value.
func (r resolver) fit(n *Compare, a *schema.Attribute) error {
	n.Type, n.CaseExact = a.Type, a.CaseExact
	if a.Returned == schema.Never || a.Name == "$ref" || n.Path == (Path{Attr: "meta", Sub: "location"}) {
		return fault.Bad(fault.InvalidFilter, "%s cannot be filtered", n.Path)
	}
	if n.Op == Pr {
		return nil
	}
	bad := func() error {
		return fault.Bad(fault.InvalidFilter, "%s is a %s: %s %s does not go with it", n.Path, a.Type, n.Op, n.Value)
	}
	switch a.Type {
	case schema.Complex:
		return bad()
	case schema.Boolean:
		if n.Op != Eq && n.Op != Ne {
			return bad()
		}
		if n.Value.Kind == KindString { // Entra: active eq "True"
			b, ok := boolean(n.Value.Text)
			if !ok {
				return bad()
			}
			n.Value = Value{Kind: KindBool, Bool: b}
		}
		if n.Value.Kind != KindBool {
			return bad()
		}
	case schema.DateTime:
		t, ok := parseTime(n.Value.Text)
		if n.Value.Kind != KindString || !ok || n.Op == Co || n.Op == Sw || n.Op == Ew {
			return bad()
		}
		n.Value = Value{Kind: KindTime, Text: n.Value.Text, Time: t}
	case schema.Binary:
		if n.Op != Eq && n.Op != Ne || n.Value.Kind != KindString {
			return bad()
		}
	default:
		switch n.Value.Kind {
		case KindNumber: // employeeNumber eq 701984
			n.Value.Kind = KindString
		case KindString:
		default:
			return bad()
		}
	}
	if n.Path == (Path{Attr: "meta", Sub: "version"}) {
		n.Value.Text = strings.Trim(strings.TrimPrefix(n.Value.Text, "W/"), `"`)
	}
	return nil
}

func boolean(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// parseTime reads xsd:dateTime; without a zone it is UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
