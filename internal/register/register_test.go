package register_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/register"
)

// checkout is the root of the source tree, seen from this package.
const checkout = "../.."

func readRegister(t *testing.T) []register.Entry {
	t.Helper()
	file, err := os.Open(checkout + "/docs/capabilities.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries, err := register.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestRegisterHoldsEveryCapabilityOnceAndCitesTestsThatExist(t *testing.T) {
	for _, err := range register.Check(os.DirFS(checkout), readRegister(t)) {
		t.Error(err)
	}
}

func TestRegisterIsInTheOrderOfItsIDs(t *testing.T) {
	var got []string
	for _, entry := range readRegister(t) {
		got = append(got, entry.ID)
	}
	if diff := cmp.Diff(register.IDs(), got); diff != "" {
		t.Errorf("ids out of order (-want +got):\n%s", diff)
	}
}

// tree is a small source tree with one of everything that can be cited.
var tree = fstest.MapFS{
	"GNUmakefile": {Data: []byte("demo: ## the story\n\t@scripts/demo\n")},
	"internal/door/door_test.go": {Data: []byte(`package door

import "testing"

func TestDoorIsClosed(t *testing.T) { t.Log("closed") }

func TestNothing(t *testing.T) {}

type keeper struct{}

func (keeper) TestKeeper(t *testing.T) { t.Log("a method is no test") }
`)},
	"internal/door/door.go": {Data: []byte("package door\n\nfunc TestHelper() { println() }\n")},
	"internal/hall/hall.go": {Data: []byte("package hall\n")},
	"root_test.go":          {Data: []byte("package main\n\nimport \"testing\"\n\nfunc TestRoot(t *testing.T) { t.Log() }\n")},
}

func TestCheckSaysWhatIsWrongWithAnEntry(t *testing.T) {
	const test = "internal/door.TestDoorIsClosed"
	cases := map[string]struct {
		entry register.Entry
		want  string // "" when nothing is wrong
	}{
		"works with a test":      {register.Entry{Status: register.Works, ShownBy: []string{test}}, ""},
		"works with a subtest":   {register.Entry{Status: register.Works, ShownBy: []string{test + "/at_night"}}, ""},
		"works with a command":   {register.Entry{Status: register.Works, ShownBy: []string{"make demo"}}, ""},
		"works with a root test": {register.Entry{Status: register.Works, ShownBy: []string{"..TestRoot"}}, ""},
		"partly with its reason": {register.Entry{Status: register.Partly, Missing: "the lock", ShownBy: []string{test}}, ""},
		"not yet":                {register.Entry{Status: register.NotYet}, ""},

		"unknown status":         {register.Entry{Status: "done"}, `status "done" is none of`},
		"works without a test":   {register.Entry{Status: register.Works}, "no test shows it"},
		"partly without a test":  {register.Entry{Status: register.Partly, Missing: "x"}, "no test shows it"},
		"works though missing":   {register.Entry{Status: register.Works, Missing: "x", ShownBy: []string{test}}, "say partly"},
		"partly without reason":  {register.Entry{Status: register.Partly, ShownBy: []string{test}}, "say in missing"},
		"not yet though shown":   {register.Entry{Status: register.NotYet, ShownBy: []string{test}}, "say partly"},
		"test that is not there": {register.Entry{Status: register.Works, ShownBy: []string{"internal/door.TestOpen"}}, "no function TestOpen"},
		"test that is empty":     {register.Entry{Status: register.Works, ShownBy: []string{"internal/door.TestNothing"}}, "is empty"},
		"method":                 {register.Entry{Status: register.Works, ShownBy: []string{"internal/door.TestKeeper"}}, "no function TestKeeper"},
		"function of no test":    {register.Entry{Status: register.Works, ShownBy: []string{"internal/door.TestHelper"}}, "no function TestHelper"},
		"folder without tests":   {register.Entry{Status: register.Works, ShownBy: []string{"internal/hall.TestX"}}, "has no test files"},
		"unknown make target":    {register.Entry{Status: register.Works, ShownBy: []string{"make peace"}}, "no target peace"},
		"prose":                  {register.Entry{Status: register.Works, ShownBy: []string{"see the README"}}, "neither a test"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.entry.ID, c.entry.Capability = "C001", "a door"
			got := errors.Join(register.Check(tree, complete(c.entry))...)
			switch {
			case c.want == "" && got != nil:
				t.Errorf("got %v, want nothing wrong", got)
			case c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)):
				t.Errorf("got %v, want one that says %q", got, c.want)
			}
		})
	}
}

func TestCheckFindsMissingRepeatedAndUnknownIDs(t *testing.T) {
	entries := complete(register.Entry{ID: "C001", Capability: "a door", Status: register.NotYet})
	entries[1].ID = "C003"                                                                                      // C002 is gone, C003 is twice
	entries = append(entries, register.Entry{ID: "C124", Capability: "a window", Status: register.NotYet})      // too far
	entries = append(entries, register.Entry{ID: "M1", Capability: "not in its form", Status: register.NotYet}) // M01

	var got []string
	for _, err := range register.Check(tree, entries) {
		got = append(got, err.Error())
	}
	want := []string{
		"C124: no such id", "M1: no such id",
		"C002: listed 0 times, want once", "C003: listed 2 times, want once",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadRefusesAFieldThatItDoesNotKnow(t *testing.T) {
	_, err := register.Read(strings.NewReader("- id: C001\n  shown-by: [x]\n"))
	if err == nil || !strings.Contains(err.Error(), "shown-by") {
		t.Errorf("got %v, want an error that names shown-by", err)
	}
}

func TestTableAlignsAndCounts(t *testing.T) {
	entries := []register.Entry{
		{ID: "C001", Capability: "a door", Status: register.Works, ShownBy: []string{"internal/door.TestDoorIsClosed", "make demo"}},
		{ID: "C002", Capability: strings.Repeat("a long hall ", 9), Status: register.Partly, Missing: "its end", ShownBy: []string{"make demo"}},
		{ID: "C003", Capability: "a roof", Status: register.NotYet},
	}
	var got bytes.Buffer
	if err := register.WriteTable(&got, entries); err != nil {
		t.Fatal(err)
	}
	want := `ID    STATUS   CAPABILITY                                                        SHOWN BY                             MISSING
C001  works    a door                                                            internal/door.TestDoorIsClosed (+1)  
C002  partly   a long hall a long hall a long hall a long hall a long hall a l…  make demo                            its end
C003  not yet  a roof                                                            -                                    

3 capabilities: 1 works, 1 partly, 1 not yet
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// complete returns a register that is right but for the entry given, which takes the place of the one with its id.
func complete(entry register.Entry) []register.Entry {
	entries := make([]register.Entry, 0, len(register.IDs()))
	for _, id := range register.IDs() {
		if id == entry.ID {
			entries = append(entries, entry)
			continue
		}
		entries = append(entries, register.Entry{ID: id, Capability: "something else", Status: register.NotYet})
	}
	return entries
}
