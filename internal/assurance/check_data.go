package assurance

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// metaCheck is about the other results and evaluated last.
const metaCheck = "GH-GV-02"

var (
	_ = declare("GH-DP-01", residency)
	_ = declare("GH-DP-05", deletionClocks)
	_ = declare(metaCheck, exceptionsAndOwners)
)

func residency(e *evaluation) outcome {
	e.covering("The declared regions. Placements beside them (log streams, mail relays) are not registered in this version.")
	d := single[api.DataResidency](e, api.DataResidencyKind)
	if d == nil {
		return e.notAssessed("")
	}
	if d.Pin != "eu" {
		return e.notApplicable("The workspace is not pinned to the European Union (pin is %q, primary region %s).", d.Pin, d.PrimaryRegion)
	}
	regions := map[string]string{"primary_region": d.PrimaryRegion, "backup_region": d.BackupRegion}
	for i, code := range d.ReplicaRegions {
		regions[fmt.Sprintf("replica_regions[%d]", i)] = code
	}
	looked := 0
	for _, attribute := range sortedKeys(regions) {
		code := regions[attribute]
		if code == "" {
			continue
		}
		looked++
		region, known := api.RegionByCode(code)
		switch {
		case !known:
			e.find("data_residency", "%s is %q, which is not a region of the catalogue", attribute, code)
		case !region.EU:
			e.find("data_residency", "%s is %s (%s, %s), outside the European Union", attribute, code, region.Name, region.Country)
		}
	}
	return e.verdict("All of %d declared places lie in the European Union.", looked)
}

// purgeSlack is how long after its end a clock may be carried out: the job that does it
// runs every hour, and servers may be down for some.
const purgeSlack = 24 * time.Hour

func deletionClocks(e *evaluation) outcome {
	e.covering("The configured clocks, what is in the trash, and what left it in the period. Erasure, closed workspaces and the age of backups are not measured in this version.")
	policy := single[api.RetentionPolicy](e, api.RetentionPolicyKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	most := e.number("days")
	limit := time.Duration(most) * 24 * time.Hour
	inTrash := e.trash(limit)
	e.purges(limit, inTrash)
	if policy == nil || workspace == nil {
		return e.notAssessed("")
	}
	for _, clock := range []struct {
		object, name string
		days         int64
	}{
		{"retention_policy", "trash_days", policy.TrashDays},
		{"retention_policy", "erasure_days", policy.ErasureDays},
		{"workspace", "closure_days", workspace.ClosureDays},
	} {
		if clock.days > most {
			e.find(clock.object, "%s is %d; %d is the most", clock.name, clock.days, most)
		}
	}
	return e.verdict("Trash is emptied after %d days (%s in it, none too long), erasure takes at most %d, a closed workspace is deleted after %d.", policy.TrashDays, count(len(inTrash), "item"), policy.ErasureDays, workspace.ClosureDays)
}

// trash finds what is in the trash for too long, and answers the ids of what is there.
func (e *evaluation) trash(limit time.Duration) map[string]bool {
	c := e.s.Trash
	if c == nil {
		e.gap("the trash was not collected")
		return nil
	}
	e.populations = append(e.populations, Population{Name: "trash", Query: c.Query, Count: len(c.Items), Complete: c.Complete, Digest: Digest(c.Items)})
	if !c.Complete {
		e.gap("the trash could not be read completely (%s)", c.Error)
		return nil
	}
	out := make(map[string]bool, len(c.Items))
	for _, item := range c.Items {
		id, _ := item["id"].(string)
		kind, _ := item["kind"].(string)
		path, _ := item["path"].(string)
		held, _ := item["legal_hold"].(bool)
		written, _ := item["trashed_at"].(string)
		at, err := time.Parse(time.RFC3339, written)
		if err != nil {
			e.gap("it cannot be read when %s %s was deleted", kind, path)
			continue
		}
		out[id] = true
		if !held && e.now().After(at.Add(limit+purgeSlack)) {
			e.find(kind+" "+path, "was deleted on %s and is still in the trash", at.Format(time.DateOnly))
		}
	}
	return out
}

// purges finds what left the trash too late, or was deleted and never left it.
func (e *evaluation) purges(limit time.Duration, inTrash map[string]bool) {
	events := e.events()
	deleted, held := map[string]*audit.Event{}, map[string]bool{}
	for i := range events {
		ev := &events[i]
		_, verb, _ := strings.Cut(ev.Action, ".")
		switch verb {
		case "trashed":
			deleted[ev.Target.ID] = ev
			delete(held, ev.Target.ID)
		case "held":
			held[ev.Target.ID] = true
		case "restored":
			delete(deleted, ev.Target.ID)
		case "purged":
			began := deleted[ev.Target.ID]
			if began != nil && !held[ev.Target.ID] && ev.Time.After(began.Time.Add(limit+purgeSlack)) {
				e.findEvent(ev, ev.Target.Kind+" "+ev.Target.Key, "was deleted on %s and left the trash on %s", began.Time.Format(time.DateOnly), ev.Time.Format(time.DateOnly))
			}
			delete(deleted, ev.Target.ID)
		}
	}
	if inTrash == nil {
		return
	}
	for _, id := range sortedKeys(deleted) {
		if ev := deleted[id]; !inTrash[id] {
			e.findEvent(ev, ev.Target.Kind+" "+ev.Target.Key, "was deleted on %s; it is not in the trash, and no purge is in the log", ev.Time.Format(time.DateOnly))
		}
	}
}

func exceptionsAndOwners(e *evaluation) outcome {
	r := e.s.Register
	if r == nil {
		r = &Register{}
	}
	e.populations = append(e.populations, Population{Name: "register", Query: "register file", Count: len(r.Exceptions) + len(r.Findings), Complete: true, Digest: Digest(r)})
	for _, ex := range r.Exceptions {
		if !ex.ExpiresAt.After(e.now()) {
			e.find("exception for "+ex.Check, "ended on %s (approved by %s)", ex.ExpiresAt.Format(time.DateOnly), ex.Approver)
		}
	}
	owner := map[string]Ownership{}
	for _, f := range r.Findings {
		owner[f.Check] = f
	}
	failing := 0
	for i := range e.others {
		res := &e.others[i]
		if res.Status != Fail {
			continue
		}
		failing++
		switch o, owned := owner[res.ID]; {
		case !owned:
			e.find(res.ID, "fails and the register names nobody who answers for it")
		case !o.Due.After(e.now()):
			e.find(res.ID, "fails and was due on %s (%s)", o.Due.Format(time.DateOnly), o.Owner)
		}
	}
	return e.verdict("No exception has ended. Failing checks, each with an owner and a date: %d.", failing)
}
