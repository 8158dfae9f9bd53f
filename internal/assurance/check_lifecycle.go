package assurance

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

var (
	_ = declare("GH-LC-01", provisioningAlive)
	_ = declare("GH-LC-02", joinerRecords)
	_ = declare("GH-LC-03", leavers)
	_ = declare("GH-LC-07", failedProvisioning)
	_ = declare("GH-LC-08", scimTokens)
)

func provisioningAlive(e *evaluation) outcome {
	tokens := list[api.SCIMToken](e, api.SCIMTokenKind)
	events := e.provisioning()
	newest := map[string]time.Time{}
	for _, ev := range events {
		if (ev.Outcome == "applied" || ev.Outcome == "ignored") && ev.Time.After(newest[ev.Connection]) {
			newest[ev.Connection] = ev.Time
		}
	}
	connections := map[string]bool{}
	for _, t := range tokens {
		if t.ExpiresAt == nil || t.ExpiresAt.After(e.now()) {
			connections[t.Connection] = true
		}
	}
	if len(connections) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No connection provisions people: there is no live SCIM token.")
	}
	for _, name := range sortedKeys(connections) {
		switch at, seen := newest[name]; {
		case !seen:
			e.find("connection "+quote(name), "no request of it succeeded in the period")
		case e.now().Sub(at) > e.duration("h"):
			e.find("connection "+quote(name), "its last request that succeeded was %s ago", e.now().Sub(at).Round(time.Minute))
		}
	}
	return e.verdict("Pushed successfully within the last %s: %s.", e.params["h"], count(len(connections), "connection"))
}

// joinInvited is an invitation that was accepted; what members and the sharing policy
// may not do alone, somebody has approved.
const joinInvited = "invitation"

// joinSources are the ways in which a person may come to be a member. An edit by hand
// is not one: it needs an invitation and an approval.
var joinSources = []string{api.ManagedBySCIM, api.ManagedByTerraform, joinInvited}

func joinerRecords(e *evaluation) outcome {
	members := list[api.Member](e, api.MemberKind)
	created := map[string][]*audit.Event{}
	events := e.people()
	for i := range events {
		ev := &events[i]
		if ev.Target.Kind == api.MemberKind.Name && (ev.Action == "member.created" || ev.Action == audit.ActionMemberJoined) {
			created[ev.Target.ID] = append(created[ev.Target.ID], ev)
		}
	}
	if len(e.gaps) > 0 {
		return e.notAssessed("The records are not complete.")
	}
	active := 0
	for i := range members {
		m := &members[i]
		records := created[m.ID]
		object := "member " + quote(m.Email)
		if m.Active {
			active++
			switch len(records) {
			case 0:
				e.find(object, "is active, and no event in the audit log says how they joined")
			case 1:
				if source := joinSource(records[0]); !slices.Contains(joinSources, source) && !founder(m, records[0]) {
					e.findEvent(records[0], object, "was made by hand (%s), without invitation and approval", source)
				}
			default:
				e.findEvent(records[1], object, "joined %d times without having left", len(records))
			}
		}
		delete(created, m.ID)
	}
	for _, id := range sortedKeys(created) {
		e.findEvent(created[id][0], "member "+quote(created[id][0].Target.Key), "the audit log says they joined, and the server does not list them")
	}
	return e.verdict("Each of %d active members has exactly one record of joining, and the %d people of the audit log are the %d that the server lists.", active, len(members), len(members))
}

func joinSource(ev *audit.Event) string {
	switch {
	case ev.Door == audit.DoorSCIM:
		return api.ManagedBySCIM
	case ev.Change != nil && ev.Change.Stack != "":
		return api.ManagedByTerraform
	case ev.Action == audit.ActionMemberJoined:
		return joinInvited
	}
	return api.ManagedByManual
}

// founder: the first member comes with the workspace, made by the operator.
func founder(m *api.Member, ev *audit.Event) bool {
	return m.Source == api.ManagedBySystem || ev.Actor.Kind == "operator" || ev.Door == audit.DoorSystem
}

func leavers(e *evaluation) outcome {
	e.covering("Time from receipt at our endpoint to the last revocation, by both logs. Times inside the identity provider are not ours to see.")
	pushed := e.provisioning()
	events := e.events()
	members := list[api.Member](e, api.MemberKind)
	held := e.leftovers()
	byID := map[string]*api.Member{}
	for i := range members {
		byID[members[i].ID] = &members[i]
	}
	back := map[string]time.Time{} // the newest return of a person
	for _, p := range pushed {
		if p.Outcome == "applied" && p.Operation == "rejoin" && p.Time.After(back[p.Target]) {
			back[p.Target] = p.Time
		}
	}
	var took []time.Duration
	left := map[string]time.Time{}
	for _, p := range slices.Backward(pushed) { // the oldest first
		m := byID[p.Target]
		if p.Operation != "leave" || p.Outcome != "applied" || goneBefore(p, m, left[p.Target], pushed) {
			continue
		}
		left[p.Target] = p.Time
		object := "person " + quote(p.Target)
		if m != nil {
			object = "member " + quote(m.Email)
		}
		last, seen := lastRevocation(events, p, m)
		if !seen {
			e.find(object, "left at %s, and the audit log has no suspension", p.Time.Format(time.RFC3339))
			continue
		}
		took = append(took, max(0, last.Sub(p.Time)))
		if m == nil || back[p.Target].After(p.Time) {
			continue
		}
		if m.Active {
			e.find(object, "left at %s and is active", p.Time.Format(time.RFC3339))
		}
		for _, what := range held["member:"+strings.ToLower(m.Email)] {
			e.find(object, "left at %s and still holds %s", p.Time.Format(time.RFC3339), what)
		}
		for i := range events {
			ev := &events[i]
			if ev.Actor.Kind == "member" && strings.EqualFold(ev.Actor.Key, m.Email) && ev.Time.After(last) && !strings.HasPrefix(ev.Action, "auth.") {
				e.findEvent(ev, object, "acted (%s) after leaving", ev.Action)
			}
		}
	}
	if len(took) == 0 && len(e.findings) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("Nobody left through an identity provider in the period.")
	}
	slices.Sort(took)
	if len(took) > 0 {
		p95, most := took[int(math.Ceil(0.95*float64(len(took))))-1], took[len(took)-1]
		if p95 > e.duration("p95") {
			e.find("leavers", "for one in twenty the last revocation came %s after receipt or later; %s is the most", p95, e.params["p95"])
		}
		if most > e.duration("max") {
			e.find("leavers", "the slowest revocation came %s after receipt; %s is the most", most, e.params["max"])
		}
		return e.verdict("%d left; the last revocation came at most %s after receipt, and nothing was allowed to them afterwards.", len(took), most.Round(time.Millisecond))
	}
	return e.verdict("")
}

// goneBefore reports whether somebody had left already: identity providers deactivate
// people and delete them weeks later, and the second request takes nothing away.
func goneBefore(p ProvisioningEvent, m *api.Member, left time.Time, pushed []ProvisioningEvent) bool {
	if left.IsZero() {
		return m != nil && !m.Active && m.SuspendedAt != nil && m.SuspendedAt.Before(p.Time.Add(-time.Second))
	}
	return !slices.ContainsFunc(pushed, func(r ProvisioningEvent) bool {
		return r.Target == p.Target && r.Operation == "rejoin" && r.Outcome == "applied" && r.Time.After(left) && r.Time.Before(p.Time)
	})
}

// lastRevocation finds when the last thing that a leaver held was taken away, in the
// events of the request that made them leave.
func lastRevocation(events []audit.Event, p ProvisioningEvent, m *api.Member) (last time.Time, seen bool) {
	for i := range events {
		ev := &events[i]
		sameRequest := p.RequestID != "" && ev.RequestID == p.RequestID
		aboutThem := ev.Target.ID == p.Target || m != nil && strings.HasSuffix(strings.ToLower(ev.Target.Key), strings.ToLower(m.Email))
		if !sameRequest && !(aboutThem && !ev.Time.Before(p.Time.Add(-time.Second)) && ev.Time.Before(p.Time.Add(time.Hour))) {
			continue
		}
		_, verb, _ := strings.Cut(ev.Action, ".")
		if verb == "suspended" && ev.Target.ID == p.Target {
			seen = true
		}
		if (verb == "suspended" || verb == "revoked") && ev.Time.After(last) {
			last = ev.Time
		}
	}
	return last, seen
}

// leftovers lists what principals hold, by principal.
func (e *evaluation) leftovers() map[string][]string {
	held := map[string][]string{}
	add := func(principal, what string) {
		principal = strings.ToLower(principal)
		held[principal] = append(held[principal], what)
	}
	for _, g := range list[api.AccessGrant](e, api.AccessGrantKind) {
		add(g.Principal, "a grant on "+g.Resource)
	}
	for _, a := range list[api.RoleAssignment](e, api.RoleAssignmentKind) {
		add(a.Principal, "the role "+a.Role+" on "+a.Scope)
	}
	for _, t := range list[api.TeamMembership](e, api.TeamMembershipKind) {
		add("member:"+t.Principal, "a place in team "+t.Team)
	}
	return held
}

func failedProvisioning(e *evaluation) outcome {
	events := e.provisioning()
	applied := map[string]time.Time{} // the newest success by target and operation
	for _, ev := range events {
		if ev.Outcome == "applied" && ev.Target != "" && ev.Time.After(applied[ev.Target+"\x00"+ev.Operation]) {
			applied[ev.Target+"\x00"+ev.Operation] = ev.Time
		}
	}
	if len(events) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No identity provider pushed anything in the period.")
	}
	open := 0
	for _, ev := range events {
		if ev.Outcome != "failed" && ev.Outcome != "quarantined" {
			continue
		}
		if ev.ReleasedAt != nil || ev.RejectedAt != nil || ev.Target != "" && applied[ev.Target+"\x00"+ev.Operation].After(ev.Time) {
			continue // somebody decided, or the same was done later
		}
		open++
		if age := e.now().Sub(ev.Time); age > e.duration("h") {
			e.find("provisioning event "+quote(ev.ID), "%s %s of connection %s, unresolved for %s: %s", ev.Outcome, ev.Operation, ev.Connection, age.Round(time.Hour), ev.Detail)
		}
	}
	return e.verdict("Of %s of identity providers %d failed or are held, and none of them waits longer than %s.", count(len(events), "request"), open, e.params["h"])
}

func scimTokens(e *evaluation) outcome {
	e.covering("Age, scope and number. A SCIM token serves one connection by construction; use from outside its networks is refused and not counted here.")
	tokens := list[api.SCIMToken](e, api.SCIMTokenKind)
	live := map[string]int{}
	for i := range tokens {
		t := &tokens[i]
		if t.ExpiresAt != nil && !t.ExpiresAt.After(e.now()) {
			continue
		}
		live[t.Connection]++
		object := "scim_token " + quote(t.Connection+"/"+t.Name)
		if t.ExpiresAt == nil {
			e.find(object, "never ends")
		} else if t.CreatedAt != nil && t.ExpiresAt.Sub(*t.CreatedAt) > e.duration("days")+time.Minute {
			e.find(object, "lives %d days; %s are the most", int(t.ExpiresAt.Sub(*t.CreatedAt)/api.Day), e.params["days"])
		}
		if t.CreatedAt == nil {
			e.gap("%s has no time of creation", object)
		} else if e.now().Sub(*t.CreatedAt) > e.duration("days") {
			e.find(object, "is %d days old; %s are the most", int(e.now().Sub(*t.CreatedAt)/api.Day), e.params["days"])
		}
	}
	for _, name := range sortedKeys(live) {
		if live[name] > 2 {
			e.find("connection "+quote(name), "has %d live tokens; 2 are the most", live[name])
		}
	}
	if len(live) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no live SCIM token.")
	}
	return e.verdict("The live SCIM tokens of %s are younger than %s, end by themselves, and are at most two each.", count(len(live), "connection"), e.params["days"])
}
