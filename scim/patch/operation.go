package patch

import (
	"net/http"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Op is the verb of a PATCH operation.
type Op string

// The verbs of RFC 7644 §3.5.2.
const (
	Add     Op = "add"
	Remove  Op = "remove"
	Replace Op = "replace"
)

// Operation is one PATCH operation as sent. Path is empty when the operation
// names its attributes inside the value.
type Operation struct {
	Op       Op
	Path     string
	Value    any
	HasValue bool
}

// Parse reads the body of a PATCH (RFC 7644 §3.5.2): member names and verbs in
// any case, at most max operations.
func Parse(body map[string]any, max int) ([]Operation, error) {
	raw, _ := Member(body, "Operations")
	list, ok := raw.([]any)
	if !ok || len(list) == 0 {
		return nil, fault.Bad(fault.InvalidSyntax, "a PATCH needs an array Operations with at least one operation")
	}
	if len(list) > max {
		return nil, fault.New(http.StatusRequestEntityTooLarge, "", "%d operations in one PATCH; at most %d are accepted", len(list), max)
	}
	ops := make([]Operation, len(list))
	for i, e := range list {
		op, err := operation(e)
		if err != nil {
			err.Detail = "Operations[" + itoa(i) + "]: " + err.Detail
			return nil, err
		}
		ops[i] = op
	}
	return ops, nil
}

func operation(e any) (Operation, *fault.Error) {
	m, ok := e.(map[string]any)
	if !ok {
		return Operation{}, fault.Bad(fault.InvalidSyntax, "an operation is an object")
	}
	for _, name := range []string{"op", "path", "value"} { // exactly one: RFC 7644 §3.5.2
		n := 0
		for k := range m {
			if strings.EqualFold(k, name) {
				n++
			}
		}
		if n > 1 {
			return Operation{}, fault.Bad(fault.InvalidSyntax, "%s is given twice", name)
		}
	}
	var op Operation
	verb, _ := Member(m, "op")
	word, _ := verb.(string)
	switch op.Op = Op(strings.ToLower(word)); op.Op { // Entra: "Add", "Replace", "Remove"
	case Add, Remove, Replace:
	default:
		return op, fault.Bad(fault.InvalidSyntax, "op must be add, remove or replace")
	}
	if path, _ := Member(m, "path"); path != nil {
		if op.Path, ok = path.(string); !ok {
			return op, fault.Bad(fault.InvalidPath, "path must be a string")
		}
		op.Path = strings.TrimSpace(op.Path)
	}
	op.Value, op.HasValue = Member(m, "value")
	if !op.HasValue && op.Op != Remove {
		return op, fault.Bad(fault.InvalidValue, "%s needs a value", op.Op)
	}
	if op.Op == Remove && op.Path == "" {
		return op, fault.Bad(fault.NoTarget, "remove needs a path") // RFC 7644 §3.5.2.2
	}
	return op, nil
}

// Member finds a member of a JSON object, by its exact name first, then in any case.
func Member(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for _, k := range sortedKeys(m) {
		if strings.EqualFold(k, name) {
			return m[k], true
		}
	}
	return nil, false
}
