package patch

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// values is the state of one multi-valued complex attribute during an edit.
type values struct {
	attribute *schema.Attribute
	list      []map[string]any
	touched   []map[string]any // added or changed by this operation
}

func (e *editor) editMulti(op Op, h map[string]any, at filter.Place, f filter.Node, v any) error {
	vs := &values{attribute: at.Attribute, list: load(h[at.Attribute.Name])}
	var err error
	switch {
	case f != nil:
		err = e.editMatching(op, vs, at, f, v)
	case at.Sub != nil:
		err = vs.setEverywhere(op, at.Sub, v)
	default:
		err = e.editWhole(op, vs, v)
	}
	if err == nil {
		err = vs.settle()
	}
	if err != nil {
		return err
	}
	vs.store(h)
	if len(vs.touched) > 0 {
		if e.touched == nil {
			e.touched = map[*schema.Attribute]map[string]any{}
		}
		e.touched[at.Attribute] = h
	}
	return nil
}

// editWhole is an operation on the attribute itself.
func (e *editor) editWhole(op Op, vs *values, v any) error {
	if op == Remove && v == nil {
		vs.list = nil
		return nil
	}
	given, err := Elements(vs.attribute, v, e.report)
	if err != nil {
		return err
	}
	switch op {
	case Remove: // only those given, never the rest
		vs.drop(func(m map[string]any) bool {
			for _, g := range given {
				if covers(vs.attribute, g, m) {
					return true
				}
			}
			return false
		})
	case Replace:
		vs.list = nil
		vs.addAll(given)
	case Add:
		vs.addAll(given)
	}
	return nil
}

// setEverywhere is an operation on a sub-attribute of every value: emails.value.
func (vs *values) setEverywhere(op Op, sub *schema.Attribute, v any) error {
	var s any
	if op != Remove {
		var err error
		if s, err = Scalar(sub, v); err != nil {
			return err
		}
	}
	if s != nil && len(vs.list) == 0 {
		vs.list = append(vs.list, map[string]any{})
	}
	return vs.set(vs.list, sub, s)
}

// maxCompared bounds what the value filters of one request may compare, all together:
// a filter is short to write and long to apply, and others wait for the directory.
const maxCompared = 1_000_000

// editMatching is an operation on the values that a filter selects.
func (e *editor) editMatching(op Op, vs *values, at filter.Place, f filter.Node, v any) error {
	if e.compared += filter.Terms(f) * len(vs.list); e.compared > maxCompared {
		return fault.New(http.StatusRequestEntityTooLarge, "", "the operations compare too much; send fewer at a time")
	}
	var matched []map[string]any
	for _, m := range vs.list {
		if filter.Match(f, m) {
			matched = append(matched, m)
		}
	}
	if op == Remove && at.Sub == nil {
		vs.dropThese(matched)
		return nil
	}
	if op == Remove {
		return vs.set(matched, at.Sub, nil)
	}
	preset, simple := equalities(vs.attribute, f)
	created := len(matched) == 0
	if created {
		// Entra adds emails[type eq "work"].value to people who have no work
		// e-mail. Replace without a match must fail: RFC 7644 §3.5.2.3.
		if op == Replace || !simple {
			return fault.Bad(fault.NoTarget, "no value of %s matches %s", at.Attribute.Name, f)
		}
		fresh := map[string]any{}
		for k, v := range preset {
			fresh[k] = v
		}
		vs.list = append(vs.list, fresh)
		matched = append(matched, fresh)
	}
	if at.Sub != nil {
		s, err := Scalar(at.Sub, v)
		if err != nil {
			return err
		}
		return vs.set(matched, at.Sub, s)
	}
	given, err := Elements(vs.attribute, v, e.report)
	if err != nil {
		return err
	}
	switch {
	case len(given) > 1:
		return fault.Bad(fault.InvalidValue, "a value filter on %s takes one value", at.Attribute.Name)
	case len(given) == 0 && (op == Replace || created):
		vs.dropThese(matched)
		return nil
	}
	for _, m := range matched {
		if op == Replace { // the whole value: RFC 7644 §3.5.2.3
			clear(m)
			if simple {
				for k, v := range preset {
					m[k] = v
				}
			}
		}
		for _, g := range given {
			for k, v := range g {
				m[k] = v
			}
		}
		vs.touched = append(vs.touched, m)
	}
	return nil
}

// set gives or takes a sub-attribute. A value that loses its content goes.
func (vs *values) set(on []map[string]any, sub *schema.Attribute, s any) error {
	if s != nil {
		for _, m := range on {
			m[sub.Name] = s
		}
		vs.touched = append(vs.touched, on...)
		return nil
	}
	var hollow []map[string]any
	for _, m := range on {
		delete(m, sub.Name)
		if !substantial(m) {
			hollow = append(hollow, m)
		}
	}
	vs.dropThese(hollow)
	return nil
}

// substantial reports whether a value holds more than what qualifies a value.
func substantial(m map[string]any) bool {
	for k := range m {
		switch k {
		case "type", "primary", "display":
		default:
			return true
		}
	}
	return false
}

// addAll appends values, or merges each into one of the same value and type,
// which RFC 7643 §2.4 allows only once. The index keeps a group of many
// thousand members linear.
func (vs *values) addAll(given []map[string]any) {
	index := make(map[string]map[string]any, len(vs.list)+len(given))
	for _, m := range vs.list {
		if k, ok := vs.identity(m); ok {
			index[k] = m
		}
	}
	for _, g := range given {
		k, ok := vs.identity(g)
		m := index[k]
		if !ok {
			m = vs.equalTo(g)
		}
		switch {
		case m != nil:
			for k, v := range g {
				m[k] = v
			}
		default:
			m = g
			vs.list = append(vs.list, m)
			if ok {
				index[k] = m
			}
		}
		if m["primary"] == true {
			vs.touched = append(vs.touched, m)
		}
	}
}

// identity is what may occur once: the value and its type.
func (vs *values) identity(m map[string]any) (string, bool) {
	value, ok := m["value"].(string)
	if !ok {
		return "", false
	}
	if !vs.attribute.Lookup("value").CaseExact {
		value = filter.Fold(value)
	}
	kind, _ := m["type"].(string)
	return value + "\x00" + filter.Fold(kind), true
}

// equalTo finds an equal value where there is no "value" to go by, as in addresses.
func (vs *values) equalTo(g map[string]any) map[string]any {
	for _, m := range vs.list {
		if reflect.DeepEqual(g, m) {
			return m
		}
	}
	return nil
}

func (vs *values) drop(which func(map[string]any) bool) {
	kept := vs.list[:0:0]
	for _, m := range vs.list {
		if !which(m) {
			kept = append(kept, m)
		}
	}
	vs.list = kept
}

func (vs *values) dropThese(these []map[string]any) {
	gone := make(map[uintptr]bool, len(these))
	for _, m := range these {
		gone[reflect.ValueOf(m).Pointer()] = true
	}
	vs.drop(func(m map[string]any) bool { return gone[reflect.ValueOf(m).Pointer()] })
}

// unite leaves one of several values that the operations made alike (RFC 7643 §2.4).
func (vs *values) unite() {
	index := make(map[string]map[string]any, len(vs.list))
	var kept []map[string]any
	for _, m := range vs.list {
		k, ok := vs.identity(m)
		if !ok {
			k = content(m)
		}
		same := index[k]
		if same == nil {
			kept, index[k] = append(kept, m), m
			continue
		}
		for k, v := range m {
			same[k] = v
		}
	}
	vs.list = kept
}

// content is the whole of a value as text, where there is no "value" to go by.
func content(m map[string]any) string {
	var b strings.Builder
	for _, k := range sortedKeys(m) {
		b.WriteString("\x00" + k + "\x00")
		switch v := m[k].(type) {
		case string:
			b.WriteString(v)
		case bool:
			b.WriteString(strconv.FormatBool(v))
		}
	}
	return b.String()
}

// settle leaves at most one primary: the one this operation named (RFC 7644 §3.5.2).
func (vs *values) settle() error {
	if max := vs.attribute.MaxValues; max > 0 && len(vs.list) > max {
		return fault.Bad(fault.InvalidValue, "%s has more than %d values", vs.attribute.Name, max)
	}
	var chosen map[string]any
	for _, m := range vs.touched {
		if m["primary"] != true {
			continue
		}
		if chosen != nil && reflect.ValueOf(chosen).Pointer() != reflect.ValueOf(m).Pointer() {
			return fault.Bad(fault.InvalidValue, "%s has more than one primary value", vs.attribute.Name)
		}
		chosen = m
	}
	if chosen == nil {
		return nil
	}
	for _, m := range vs.list {
		if m["primary"] == true {
			delete(m, "primary")
		}
	}
	chosen["primary"] = true
	return nil
}

func (vs *values) store(h map[string]any) {
	if len(vs.list) == 0 {
		delete(h, vs.attribute.Name)
		return
	}
	out := make([]any, len(vs.list))
	for i, m := range vs.list {
		out[i] = m
	}
	h[vs.attribute.Name] = out
}

func load(v any) []map[string]any {
	l, _ := v.([]any)
	out := make([]map[string]any, 0, len(l))
	for _, e := range l {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// equalities reads a filter of plain equalities, such as type eq "work", as the
// sub-attributes that a value must have to match it; false if it is another
// filter, or if no value could be like that.
func equalities(a *schema.Attribute, f filter.Node) (map[string]any, bool) {
	out := map[string]any{}
	return out, collect(a, f, out)
}

func collect(a *schema.Attribute, f filter.Node, out map[string]any) bool {
	switch f := f.(type) {
	case *filter.Compare:
		sub := a.Lookup(f.Path.Attr)
		if f.Op != filter.Eq || sub == nil || sub.Mutability == schema.ReadOnly {
			return false
		}
		var given any = f.Value.Text
		if f.Value.Kind == filter.KindBool {
			given = f.Value.Bool
		}
		v, err := Scalar(sub, given)
		if err != nil || v == nil || out[sub.Name] != nil && out[sub.Name] != v {
			return false
		}
		out[sub.Name] = v
		return true
	case *filter.And:
		for _, t := range f.Terms {
			if !collect(a, t, out) {
				return false
			}
		}
		return true
	}
	return false
}

// covers reports whether m has all that the client named in g.
func covers(a *schema.Attribute, g, m map[string]any) bool {
	if !substantial(g) {
		return false // {"primary": true} names no value
	}
	for k := range g {
		if k != "primary" && !equal(a, k, g, m) {
			return false
		}
	}
	return true
}

func equal(a *schema.Attribute, name string, x, y map[string]any) bool {
	s, ok := x[name].(string)
	t, ok2 := y[name].(string)
	if !ok || !ok2 {
		return x[name] == y[name]
	}
	if sub := a.Lookup(name); sub != nil && !sub.CaseExact {
		return strings.EqualFold(s, t)
	}
	return s == t
}
