package provider

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// guardRemoval refuses a plan that would take away more of a live set than the
// guards allow: a filter gone wrong or a file gone missing looks like that.
func guardRemoval(g guards, at path.Path, what string, planned, live map[string]any) diag.Diagnostics {
	var diags diag.Diagnostics
	kept := make(map[string]bool, len(planned))
	for key := range planned {
		kept[strings.ToLower(key)] = true
	}
	var removed []string
	for key := range live {
		if !kept[strings.ToLower(key)] {
			removed = append(removed, key)
		}
	}
	all := len(live) > 1 && len(removed) == len(live)
	if len(removed) == 0 || float64(len(removed)) <= g.maxRemovalRatio*float64(len(live)) || int64(len(removed)) <= g.freeRemovals && !all {
		return nil
	}
	sort.Strings(removed)
	shown := removed[:min(len(removed), 10)]
	text := strings.Join(shown, ", ")
	if n := len(removed) - len(shown); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	diags.AddAttributeError(at, "Too many would be removed",
		fmt.Sprintf("This plan removes %d of %d %s (%.0f %%): %s.\n\nAt most %.0f %% may be removed at once. If it is meant, raise guards.max_removal_ratio of the provider for this change, or remove them in smaller steps.",
			len(removed), len(live), what, 100*float64(len(removed))/float64(len(live)), text, 100*g.maxRemovalRatio))
	return diags
}

// entriesOf reads a map attribute of a document.
func entriesOf(doc map[string]any, name string) map[string]any {
	m, _ := doc[name].(map[string]any)
	return m
}

// textOf reads a string attribute of a document.
func textOf(doc map[string]any, name string) string {
	s, _ := doc[name].(string)
	return s
}
