package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/gatehouse-access/terraform-provider-gatehouse"

// pkg is what `go list -json` says about a package of the module.
type pkg struct {
	Dir        string
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
	Error      *struct{ Err string }
}

// room is the package's path inside the module, "." for the root.
func (p pkg) room() string { return roomOf(p.ImportPath) }

func roomOf(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// ours lists the packages of the module that a package imports.
func (p pkg) ours() []string {
	var out []string
	for _, i := range p.Imports {
		if i == module || strings.HasPrefix(i, module+"/") {
			out = append(out, roomOf(i))
		}
	}
	return out
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod lies above this test")
		}
		dir = up
	}
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

var listed = struct {
	sync.Once
	packages []pkg
}{}

// packages lists every package of the module, once.
func packages(t *testing.T) []pkg {
	t.Helper()
	listed.Do(func() {
		raw := goCommand(t, "list", "-e", "-json=Dir,ImportPath,Name,Doc,GoFiles,Imports,Error", "./...")
		dec := json.NewDecoder(bytes.NewReader(raw))
		for {
			var p pkg
			err := dec.Decode(&p)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("reading what go list says: %v", err)
			}
			listed.packages = append(listed.packages, p)
		}
	})
	if len(listed.packages) < 10 {
		t.Fatalf("go list names %d packages; the whole module was expected", len(listed.packages))
	}
	return listed.packages
}
