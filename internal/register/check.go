package register

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Check returns everything that is wrong with the entries of a register, given the source tree that they cite:
// ids missing, repeated or unknown; statuses without their reasons; tests and make targets that do not exist.
func Check(tree fs.FS, entries []Entry) []error {
	var wrong []error
	known := make(map[string]int)
	for _, id := range IDs() {
		known[id] = 0
	}
	for _, entry := range entries {
		if _, ok := known[entry.ID]; !ok {
			wrong = append(wrong, fmt.Errorf("%s: no such id", entry.ID))
			continue
		}
		known[entry.ID]++
		for _, err := range checkEntry(tree, entry) {
			wrong = append(wrong, fmt.Errorf("%s: %w", entry.ID, err))
		}
	}
	for _, id := range IDs() {
		if known[id] != 1 {
			wrong = append(wrong, fmt.Errorf("%s: listed %d times, want once", id, known[id]))
		}
	}
	return wrong
}

func checkEntry(tree fs.FS, entry Entry) []error {
	var wrong []error
	if strings.TrimSpace(entry.Capability) == "" {
		wrong = append(wrong, errors.New("capability is empty: say in a few words what it is"))
	}
	switch entry.Status {
	case Works:
		if entry.Missing != "" {
			wrong = append(wrong, errors.New("works, yet something is missing: say partly"))
		}
	case Partly:
		if strings.TrimSpace(entry.Missing) == "" {
			wrong = append(wrong, errors.New("partly: say in missing what does not work"))
		}
	case NotYet:
		if len(entry.ShownBy) > 0 {
			wrong = append(wrong, errors.New("not yet, but shown by a test: say partly, and what is missing"))
		}
	default:
		wrong = append(wrong, fmt.Errorf("status %q is none of works, partly, not yet", entry.Status))
	}
	if (entry.Status == Works || entry.Status == Partly) && len(entry.ShownBy) == 0 {
		wrong = append(wrong, fmt.Errorf("%s, but no test shows it", entry.Status))
	}
	for _, citation := range entry.ShownBy {
		if err := checkCitation(tree, citation); err != nil {
			wrong = append(wrong, fmt.Errorf("shown_by %q: %w", citation, err))
		}
	}
	return wrong
}

var (
	// internal/server.TestName or internal/server.TestName/subtest; the root package is the folder ".".
	testCitation = regexp.MustCompile(`^([A-Za-z0-9_./-]+)\.((?:Test|Fuzz|Benchmark|Example)[A-Za-z0-9_]*)(/.+)?$`)
	makeCitation = regexp.MustCompile(`^make ([a-z-]+)$`)
)

func checkCitation(tree fs.FS, citation string) error {
	if match := makeCitation.FindStringSubmatch(citation); match != nil {
		return checkTarget(tree, match[1])
	}
	if match := testCitation.FindStringSubmatch(citation); match != nil {
		return checkTest(tree, match[1], match[2])
	}
	return errors.New(`neither a test like "internal/server.TestName" nor a command like "make demo"`)
}

func checkTarget(tree fs.FS, target string) error {
	file, err := tree.Open("GNUmakefile")
	if err != nil {
		return fmt.Errorf("reading the make targets: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), target+":") {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the make targets: %w", err)
	}
	return fmt.Errorf("GNUmakefile has no target %s", target)
}

// checkTest looks for the function in the test files of a folder. It parses rather than compiles, so that a test
// behind a build constraint counts too. Names of subtests are made at run time and are not looked up.
func checkTest(tree fs.FS, folder, name string) error {
	files, err := fs.Glob(tree, path.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("folder %s has no test files", folder)
	}
	for _, file := range files {
		source, err := fs.ReadFile(tree, file)
		if err != nil {
			return fmt.Errorf("reading tests: %w", err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parsing tests: %w", err)
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv != nil || function.Name.Name != name {
				continue
			}
			if function.Body == nil || len(function.Body.List) == 0 {
				return fmt.Errorf("%s in %s is empty: it shows nothing", name, file)
			}
			return nil
		}
	}
	return fmt.Errorf("no function %s in %s", name, path.Join(folder, "*_test.go"))
}
