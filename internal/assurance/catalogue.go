package assurance

import (
	"crypto/sha256"
	_ "embed" // the catalogue
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed checks.yaml
var catalogueText []byte

// Check is one question of the catalogue, as checks.yaml has it.
type Check struct {
	ID       string              `yaml:"id" json:"id"`
	Question string              `yaml:"question" json:"question"`
	Severity string              `yaml:"severity" json:"severity"`
	Evidence string              `yaml:"evidence" json:"evidence"`
	Rule     string              `yaml:"rule" json:"rule"`
	Caps     []string            `yaml:"caps" json:"caps"`
	Param    string              `yaml:"param" json:"param,omitempty"`
	Controls map[string][]string `yaml:"controls" json:"controls"`
	Tier     int                 `yaml:"tier" json:"tier"`
	Class    string              `yaml:"class" json:"class"`
}

// Catalogue is the check catalogue. Its questions, rules and control mapping are
// engineering proposals, not an auditor's opinion.
type Catalogue struct {
	Version    string            `yaml:"version"`
	Frameworks map[string]string `yaml:"frameworks"`
	Checks     []Check           `yaml:"checks"`
}

// TheCatalogue reads the catalogue that is part of this program.
var TheCatalogue = sync.OnceValue(func() *Catalogue {
	var c Catalogue
	if err := yaml.Unmarshal(catalogueText, &c); err != nil {
		panic(fmt.Sprintf("assurance: checks.yaml: %v", err)) // a mistake that the first test finds
	}
	for i := range c.Checks {
		for framework, ids := range c.Checks[i].Controls {
			if len(ids) == 0 {
				delete(c.Checks[i].Controls, framework)
			}
		}
	}
	return &c
})

// CatalogueDigest tells catalogues apart.
func CatalogueDigest() string {
	sum := sha256.Sum256(catalogueText)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Find finds a check by id, in any letter case and without its GH- prefix too.
func (c *Catalogue) Find(id string) (Check, bool) {
	id = strings.ToUpper(id)
	if !strings.HasPrefix(id, "GH-") {
		id = "GH-" + id
	}
	for _, check := range c.Checks {
		if check.ID == id {
			return check, true
		}
	}
	return Check{}, false
}

// Measured reports whether this version measures a check.
func Measured(id string) bool { return measures[id] != nil }

// MeasuredIDs lists the checks that this version measures.
func MeasuredIDs() []string {
	out := make([]string, 0, len(measures))
	for id := range measures {
		out = append(out, id)
	}
	sort.Strings(out)
	return out
}
