package provider

import (
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.RoleKind, resourceOptions{
	Description: "It is given with `gatehouse_role_assignment`. The `provider::gatehouse::permission` function writes statements. Refused while assigned.",
	Check:       checkRole,
	List:        true,
})

// checkRole finds permissions and paths that do not exist (C027).
func checkRole(doc map[string]any) []api.Violation {
	var out []api.Violation
	statements, _ := doc["statements"].([]any)
	for i, s := range statements {
		statement, _ := s.(map[string]any)
		at := fmt.Sprintf("/statements/%d", i)
		out = append(out, checkEach(statement, "permissions", at, checkPermission)...)
		out = append(out, checkEach(statement, "paths", at, func(p string) error {
			_, err := vocabulary.ParsePathPattern(p)
			return err
		})...)
	}
	return out
}

func checkPermission(pattern string) error {
	_, err := vocabulary.Expand(pattern)
	return err
}

// checkEach checks the elements of a list of strings, known or not.
func checkEach(doc map[string]any, name, at string, check func(string) error) []api.Violation {
	var out []api.Violation
	list, _ := doc[name].([]any)
	for i, e := range list {
		s, _ := e.(string)
		if err := check(s); err != nil {
			out = append(out, api.Invalid(fmt.Sprintf("%s/%s/%d", at, name, i), "%s", err))
		}
	}
	return out
}
