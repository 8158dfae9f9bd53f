package register

import (
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Status says how much of a capability a test shows.
type Status string

// The three statuses, from best to worst.
const (
	Works  Status = "works"
	Partly Status = "partly"
	NotYet Status = "not yet"
)

// Statuses lists every status in the order in which counts are printed.
var Statuses = []Status{Works, Partly, NotYet}

// Entry is one capability of the register.
type Entry struct {
	ID         string   `yaml:"id"`
	Capability string   `yaml:"capability"`
	Status     Status   `yaml:"status"`
	Missing    string   `yaml:"missing"`
	ShownBy    []string `yaml:"shown_by"`
}

// Read parses a register. A field that it does not know is an error, so that a misspelt one cannot pass for absent.
func Read(r io.Reader) ([]Entry, error) {
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	var entries []Entry
	if err := decoder.Decode(&entries); err != nil {
		return nil, fmt.Errorf("reading the register of capabilities: %w", err)
	}
	var more any
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading the register of capabilities: more than one YAML document")
	}
	return entries, nil
}

// IDs lists the ids that a complete register holds: the 123 capabilities of the published pages and the six of the
// product itself.
func IDs() []string {
	const published, own = 123, 6
	ids := make([]string, 0, published+own)
	for n := 1; n <= published; n++ {
		ids = append(ids, fmt.Sprintf("C%03d", n))
	}
	for n := 1; n <= own; n++ {
		ids = append(ids, fmt.Sprintf("M%02d", n))
	}
	return ids
}
