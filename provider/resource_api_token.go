package provider

import (
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.APITokenKind, resourceOptions{
	Check: checkScopes,
	List:  true,
})

// checkScopes finds scopes that cover no permission.
func checkScopes(doc map[string]any) []api.Violation {
	return checkEach(doc, "scopes", "", func(scope string) error {
		if scope == "read_only" {
			return nil
		}
		return checkPermission(scope)
	})
}
