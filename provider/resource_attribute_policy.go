package provider

import (
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.AttributePolicyKind, resourceOptions{
	Description: "The condition is one [Cedar](https://docs.cedarpolicy.com/policies/syntax-policy.html) expression; the server checks it against its schema at plan and says at which line and column it is wrong. " +
		"A condition that cannot be evaluated denies. " +
		"There is no priority: in Cedar the order of policies means nothing, and one deny outweighs any number of allows. " +
		"Try a policy with `mode = \"report_only\"` first: decisions stay as they are, and `reports` in the answer of `POST access/check` says what it would have changed. " +
		"A deny that would keep you from changing the policy again is refused.",
	Check: checkAttributePolicy,
})

// checkAttributePolicy finds permissions and paths that do not exist (C028).
func checkAttributePolicy(doc map[string]any) []api.Violation {
	out := checkEach(doc, "permissions", "", checkPermission)
	return append(out, checkEach(doc, "paths", "", func(p string) error {
		_, err := vocabulary.ParsePathPattern(p)
		return err
	})...)
}
