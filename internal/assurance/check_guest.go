package assurance

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = declare("GH-SH-05", guestsAreBound)

// guestsAreBound: each guest has somebody who answers for them, something to work on
// and an end. Guests who were suspended, or whose end has come, may do nothing.
func guestsAreBound(e *evaluation) outcome {
	e.covering("Sponsor, projects and end of every guest who may do something. When a guest was last seen is not measured: the server does not list sign-ins by person.")
	members := list[api.Member](e, api.MemberKind)
	guests := list[api.Guest](e, api.GuestKind)
	declared, suspended := map[string]bool{}, map[string]bool{}
	for _, m := range members {
		if !m.Active {
			suspended[strings.ToLower(m.Email)] = true
		}
	}
	looked := 0
	for _, g := range guests {
		email := strings.ToLower(g.Email)
		declared[email] = true
		if !g.Active || suspended[email] || g.ExpiresAt != nil && !g.ExpiresAt.After(e.now()) {
			continue
		}
		looked++
		object := "guest " + quote(g.Email)
		if g.Sponsor == "" || !slices.ContainsFunc(members, func(m api.Member) bool {
			return m.Active && m.WorkspaceRole != "guest" && strings.EqualFold(m.Email, g.Sponsor)
		}) {
			e.find(object, "the sponsor %s is not an active member", quote(g.Sponsor))
		}
		if len(g.Projects) == 0 {
			e.find(object, "has no project")
		}
		if g.ExpiresAt == nil {
			e.find(object, "has no end")
		}
	}
	for _, m := range members {
		if m.Active && m.WorkspaceRole == "guest" && !declared[strings.ToLower(m.Email)] {
			looked++
			e.find("member "+quote(m.Email), "is a guest without a sponsor, projects and an end")
		}
	}
	if looked == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no guest on %s.", e.now().UTC().Format(time.DateOnly))
	}
	return e.verdict("%s: each has an active sponsor, a project and an end.", count(looked, "guest"))
}
