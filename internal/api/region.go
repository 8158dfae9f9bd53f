package api

// Region is a place where data may be stored (C106).
type Region struct {
	Code    string `json:"code" doc:"Region code, e.g. eu-frankfurt."`
	Name    string `json:"name" doc:"City."`
	Country string `json:"country" doc:"ISO 3166-1 alpha-2 country code."`
	EU      bool   `json:"eu" doc:"Whether the region lies in the European Union."`
	Status  string `json:"status" enum:"available,planned" doc:"available or planned."`
}

// Regions is the catalogue: four regions in service, three scheduled (C106).
// London is listed with eu=false (X17).
func Regions() []Region {
	return []Region{
		{"eu-amsterdam", "Amsterdam", "NL", true, "available"},
		{"eu-dublin", "Dublin", "IE", true, "available"},
		{"eu-frankfurt", "Frankfurt", "DE", true, "available"},
		{"eu-stockholm", "Stockholm", "SE", true, "available"},
		{"eu-madrid", "Madrid", "ES", true, "planned"},
		{"eu-paris", "Paris", "FR", true, "planned"},
		{"uk-london", "London", "GB", false, "planned"},
	}
}

// RegionByCode finds a region.
func RegionByCode(code string) (Region, bool) {
	for _, r := range Regions() {
		if r.Code == code {
			return r, true
		}
	}
	return Region{}, false
}

// AvailableRegions lists the codes that may be used today.
func AvailableRegions() []string {
	var out []string
	for _, r := range Regions() {
		if r.Status == "available" {
			out = append(out, r.Code)
		}
	}
	return out
}
