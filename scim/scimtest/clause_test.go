package scimtest

import (
	"flag"
	"maps"
	"os"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write CLAUSES.md")

func TestIndexIsCurrent(t *testing.T) {
	const file = "CLAUSES.md"
	if *write {
		if err := os.WriteFile(file, []byte(Index()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != Index() {
		t.Error("CLAUSES.md is not what the suite is; run: go test ./scim/scimtest -run TestIndex -write")
	}
}

func TestEveryClauseIsShownOrSaysWhyNot(t *testing.T) {
	known := map[string]bool{}
	for _, s := range standards() {
		for _, tt := range s.tests {
			if known[reference(s.name, tt.name)] {
				t.Errorf("%s: the test %q exists twice", s.name, tt.name)
			}
			known[reference(s.name, tt.name)] = true
		}
	}
	named := maps.Clone(known)
	for _, s := range standards() {
		for _, c := range s.clauses {
			if c.run != nil {
				named[reference(s.name, c.section+" "+c.says)] = true
			}
		}
	}
	for _, s := range standards() {
		seen := map[string]bool{}
		for _, c := range s.clauses {
			id := c.section + " " + c.says
			if seen[id] || c.run != nil && known[reference(s.name, id)] {
				t.Errorf("%s/%s exists twice", s.name, id)
			}
			seen[id] = true
			if c.run == nil && c.why == "" && len(c.by) == 0 {
				t.Errorf("%s/%s: nothing shows it", s.name, id)
			}
			if strings.Contains(c.says, "/") && c.run != nil {
				t.Errorf("%s/%s: a slash would split the name of the test", s.name, id)
			}
			for _, name := range c.by {
				if !named[reference(s.name, name)] {
					t.Errorf("%s/%s: there is no test %q", s.name, id, name)
				}
			}
		}
	}
}
