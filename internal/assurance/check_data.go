package assurance

import (
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
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

func deletionClocks(e *evaluation) outcome {
	e.covering("The configured clocks. That each deletion was carried out in time, and the age of backups, are not measured in this version.")
	policy := single[api.RetentionPolicy](e, api.RetentionPolicyKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	if policy == nil || workspace == nil {
		return e.notAssessed("")
	}
	most := e.number("days")
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
	return e.verdict("Trash is emptied after %d days, erasure takes at most %d, a closed workspace is deleted after %d.", policy.TrashDays, policy.ErasureDays, workspace.ClosureDays)
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
