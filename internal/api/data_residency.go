package api

import (
	"strings"
)

// DataResidency pins where data may be stored (C105 to C108).
type DataResidency struct {
	Meta
	PrimaryRegion  string   `json:"primary_region" required:"true" format:"region" doc:"Region code of the primary storage; planned regions are refused (C106)."`
	MigrateFrom    string   `json:"migrate_from,omitempty" format:"region" doc:"Region code that the data moves away from. A change of primary_region is refused unless this names the region of before: data never moves silently (C105)."`
	ReplicaRegions []string `json:"replica_regions,omitempty" format:"region" maxItems:"16" doc:"Region codes of replicas."`
	BackupRegion   string   `json:"backup_region,omitempty" format:"region" doc:"Region code of backups (X20)."`
	Pin            string   `json:"pin" enum:"none,eu" default:"none" doc:"eu refuses every region outside the European Union; London is outside (X17)."`
}

// DataResidencyKind declares data_residency.
var DataResidencyKind = Declare(Kind{
	Name: "data_residency", Prefix: "resi", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "Where the workspace's primary data, replicas and backups are stored.",
}, func(*DataResidency) string { return "data_residency" })

// Validate checks regions against the catalogue and the pin.
func (d *DataResidency) Validate() []Violation {
	var out []Violation
	check := func(path, code string) {
		if code == "" {
			return
		}
		region, known := RegionByCode(code)
		switch {
		case !known:
			out = append(out, Invalid(path, "there is no region %q; use one of %s", code, strings.Join(AvailableRegions(), ", ")))
		case region.Status != "available":
			out = append(out, Invalid(path, "region %q (%s) is planned and cannot be used yet; use one of %s", code, region.Name, strings.Join(AvailableRegions(), ", ")))
		}
		if known && d.Pin == "eu" && !region.EU {
			out = append(out, Invalid(path, "region %q (%s, %s) is outside the European Union and pin is \"eu\"; choose an EU region or set pin = \"none\"", code, region.Name, region.Country))
		}
	}
	check("/primary_region", d.PrimaryRegion)
	for _, r := range d.ReplicaRegions {
		check("/replica_regions", r)
	}
	check("/backup_region", d.BackupRegion)
	return out
}
