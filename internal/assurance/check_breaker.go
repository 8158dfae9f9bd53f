package assurance

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = declare("GH-LC-09", breaker)

// rejectionLasts is how long a no to a held change counts when it is sent again.
const rejectionLasts = 30 * api.Day

// breaker: the share of people that may go at once is small for each connection, and
// whatever it held was decided by somebody.
func breaker(e *evaluation) outcome {
	e.covering("The ratio of each live connection, and the decision about each change that the breaker held in the period. A ratio of 0 holds every bulk and counts as armed. Whom the policy protects is held for good; no decision is due there.")
	policies := map[string]*api.ProvisioningPolicy{}
	declared := list[api.ProvisioningPolicy](e, api.ProvisioningPolicyKind)
	for i := range declared {
		policies[declared[i].Connection] = &declared[i]
	}
	events := e.provisioning()
	connections := map[string]bool{}
	for _, t := range list[api.SCIMToken](e, api.SCIMTokenKind) {
		if t.ExpiresAt == nil || t.ExpiresAt.After(e.now()) {
			connections[t.Connection] = true
		}
	}
	trips := slices.DeleteFunc(slices.Clone(events), func(ev ProvisioningEvent) bool { return !tripped(ev) })
	slices.Reverse(trips) // the oldest first
	if len(connections)+len(trips) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No connection provisions people: there is no live SCIM token.")
	}
	for _, name := range sortedKeys(connections) {
		ratio, ok := policyOf(policies, name).RemovalRatio()
		object := "connection " + quote(name)
		switch {
		case !ok:
			e.gap("%s has a provisioning policy whose max_removal_ratio cannot be read", object)
		case ratio >= 1:
			e.find(object, "holds no bulk: max_removal_ratio is %v, and everybody may be removed at once", ratio)
		case ratio > e.ratio("max"):
			e.find(object, "max_removal_ratio is %v; %s is the most", ratio, e.params["max"])
		}
	}
	changes, waiting := changesOf(events), 0
	told := map[string]bool{}
	for _, ev := range trips {
		c, wait := changes[changeOf(ev)], time.Duration(policyOf(policies, ev.Connection).QuarantineHours)*time.Hour
		switch {
		case c.decided(ev) || told[changeOf(ev)]:
		case e.now().Sub(ev.Time) < wait && !c.applied.After(ev.Time):
			waiting++
		default:
			told[changeOf(ev)] = true
			e.find("provisioning event "+quote(ev.ID), "the breaker of connection %s held a %s on %s, and nobody released or rejected it", ev.Connection, ev.Operation, ev.Time.Format(time.RFC3339))
		}
	}
	return e.verdict("The breaker is armed for %s; of %s that it held, %d wait for a decision and the rest was decided.", count(len(connections), "connection"), count(len(trips), "change"), waiting)
}

// policyOf is the policy of a connection; the defaults hold without one.
func policyOf(declared map[string]*api.ProvisioningPolicy, connection string) *api.ProvisioningPolicy {
	if p := declared[connection]; p != nil {
		return p
	}
	name, err := json.Marshal(map[string]string{"connection_name": connection})
	if err == nil {
		if o, violations, err := api.ProvisioningPolicyKind.Decode(name); err == nil && len(violations) == 0 {
			return o.(*api.ProvisioningPolicy)
		}
	}
	return &api.ProvisioningPolicy{} // has no ratio, which becomes a gap
}

// tripped reports whether the breaker held an event. Changes of names are held by
// another rule, and whom the policy protects by none that a release lifts.
func tripped(ev ProvisioningEvent) bool {
	return ev.Outcome == "quarantined" && ev.Operation != "rename" && !strings.Contains(ev.Detail, "Releasing the event does not help")
}

// change is what became of one change that an identity provider may send many times.
type change struct{ released, rejected, applied time.Time } // the newest of each

func changeOf(ev ProvisioningEvent) string {
	return ev.Connection + "\x00" + ev.Operation + "\x00" + ev.Target
}

func changesOf(events []ProvisioningEvent) map[string]*change {
	out := map[string]*change{}
	later := func(at *time.Time, than time.Time) {
		if than.After(*at) {
			*at = than
		}
	}
	for _, ev := range events {
		c := out[changeOf(ev)]
		if c == nil {
			c = &change{}
			out[changeOf(ev)] = c
		}
		switch {
		case ev.Outcome == "applied":
			later(&c.applied, ev.Time)
		case ev.ReleasedAt != nil:
			later(&c.released, *ev.ReleasedAt)
		case ev.RejectedAt != nil:
			later(&c.rejected, *ev.RejectedAt)
		}
	}
	return out
}

// decided reports whether somebody released or rejected a held change, in this attempt
// or in another one of the same.
func (c *change) decided(ev ProvisioningEvent) bool {
	return ev.ReleasedAt != nil || ev.RejectedAt != nil || !c.released.Before(ev.Time) || ev.Time.Sub(c.rejected) < rejectionLasts
}
