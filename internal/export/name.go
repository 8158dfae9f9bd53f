package export

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// maxName bounds names, in letters; what is longer is cut and told apart by a number.
const maxName = 60

// nameAll names the objects of one kind: as short as they can be told apart, and
// numbered in key order where nothing else helps.
func nameAll(kind *api.Kind, objects []*object) {
	candidates := make([][]string, len(objects))
	chosen := make([]int, len(objects))
	for i, o := range objects {
		candidates[i] = candidatesFor(o)
	}
	for again := true; again; {
		again = false
		count := map[string]int{}
		for i := range objects {
			count[candidates[i][chosen[i]]]++
		}
		for i := range objects {
			if count[candidates[i][chosen[i]]] > 1 && chosen[i] < len(candidates[i])-1 {
				chosen[i]++
				again = true
			}
		}
	}
	count, taken := map[string]int{}, map[string]bool{}
	for i := range objects {
		count[candidates[i][chosen[i]]]++
	}
	for name, n := range count {
		taken[name] = n == 1
	}
	for i, o := range objects {
		name := candidates[i][chosen[i]]
		if count[name] > 1 {
			base := name
			for n := 2; taken[name]; n++ {
				name = fmt.Sprintf("%s_%d", base, n)
			}
			taken[name] = true
		}
		o.name = name
	}
}

// candidatesFor are the names of an object, the best first.
func candidatesFor(o *object) []string {
	if o.kind.Singleton {
		return []string{"this"}
	}
	var texts []string
	switch o.kind {
	case api.MemberKind:
		texts = []string{localPart(o.text("email")), o.text("email")}
	case api.TeamMembershipKind:
		texts = []string{
			o.text("team") + "_" + localPart(o.text("principal")),
			o.text("team") + "_" + o.text("principal"),
		}
	case api.AccessGrantKind:
		short, long := principalNames(o.text("principal"))
		texts = []string{o.text("resource") + "_" + short, o.text("resource") + "_" + long}
	case api.RoleAssignmentKind:
		short, long := principalNames(o.text("principal"))
		texts = []string{
			o.text("role") + "_" + short + "_" + o.text("scope"),
			o.text("role") + "_" + long + "_" + o.text("scope"),
		}
	case api.SCIMGroupMappingKind:
		short := o.text("connection_name") + "_" + strings.TrimPrefix(o.text("group"), "external:")
		target := o.text("team") + o.text("workspace_role") + o.text("role")
		texts = []string{short, short + "_" + target, short + "_" + target + "_" + o.text("scope")}
	default:
		texts = []string{o.doc.Key()}
	}
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = identifier(o.kind.Name, text)
	}
	return out
}

func localPart(email string) string {
	local, _, _ := strings.Cut(email, "@")
	return local
}

// principalNames are a short and a long name of a principal.
func principalNames(principal string) (short, long string) {
	_, key, ok := api.SplitPrincipal(principal)
	if !ok {
		return principal, principal
	}
	return localPart(key), principal
}

// identifier makes a valid name of a text: its letters and digits in small letters,
// and an underscore for everything between. What cannot start a name, or leaves
// nothing of one, is put after the kind.
func identifier(kind, text string) string {
	name := squeeze(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	if !hclsyntax.ValidIdentifier("x" + name) {
		name = squeeze(text, func(r rune) bool { return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) })
	}
	switch {
	case name == "":
		return kind
	case !hclsyntax.ValidIdentifier(name):
		return kind + "_" + name
	}
	return name
}

func squeeze(text string, keep func(rune) bool) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range strings.ToLower(cty.NormalizeString(text)) {
		if !keep(r) {
			gap = n > 0
			continue
		}
		if gap {
			b.WriteByte('_')
			n, gap = n+1, false
		}
		if n >= maxName {
			break
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimRight(cty.NormalizeString(b.String()), "_")
}
