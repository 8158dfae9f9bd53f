package api

import (
	"fmt"
	"strings"
	"time"
)

// Guest is a person from outside who works on single projects, vouched for by a
// member and for a time (C016, C053, C054, X05).
type Guest struct {
	Meta
	Email         string     `json:"email" required:"true" immutable:"true" format:"email" filter:"true" doc:"E-mail address; the natural key, compared without regard to case."`
	Sponsor       string     `json:"sponsor" required:"true" format:"email" ref:"member" filter:"true" doc:"E-mail of the active member who answers for the guest."`
	Projects      []string   `json:"projects" required:"true" format:"path" maxItems:"200" doc:"Paths of the items the guest works on, at least one. The guest receives an access grant on each."`
	MaxLevel      string     `json:"max_level" enum:"view,comment,edit" default:"view" doc:"Level on the projects, and the most the guest can have anywhere; never above edit (X05)."`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" computed:"true" doc:"When the guest's access ends by itself (RFC 3339): at most guest_max_days of the sharing policy away, which is also the default."`
	Company       string     `json:"company,omitempty" maxLength:"200" doc:"Whom the guest works for."`
	Active        bool       `json:"active" default:"true" filter:"true" doc:"Suspended guests (false) are denied on their next request."`
	SponsorActive bool       `json:"sponsor_active" readOnly:"true" doc:"Whether the sponsor is still an active member; name another one when not."`
	State         string     `json:"state,omitempty" readOnly:"true" doc:"active, or pending_approval while the guest waits for approval and may do nothing (C055)."`
}

// GuestKind declares guest.
var GuestKind = Declare(Kind{
	Name: "guest", Plural: "guests", Prefix: "gst", Destroy: DestroySuspend,
	Doc: "A person from outside, with a sponsor, on single projects, for a time.",
}, func(g *Guest) string { return strings.ToLower(g.Email) })

// Validate checks that the guest works on items, and that somebody else vouches.
func (g *Guest) Validate() []Violation {
	var out []Violation
	for i, p := range g.Projects {
		out = append(out, checkDeclaredPath(fmt.Sprintf("/projects/%d", i), p)...)
	}
	if g.Sponsor != "" && strings.EqualFold(g.Sponsor, g.Email) {
		out = append(out, Invalid("/sponsor", "nobody vouches for themselves; name a member of the organisation"))
	}
	return out
}
