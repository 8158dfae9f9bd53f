package architecture

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryRoomSaysWhatItIsFor asks for a doc.go in every folder with Go files, and
// is content with a package comment in programs and in folders of one or two files.
func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 || slices.Contains(p.GoFiles, "doc.go") && p.Doc != "" {
			continue
		}
		switch {
		case p.Doc == "":
			t.Errorf("%s has no package comment: say what lives there, who may import it and what it promises", p.room())
		case p.Name != "main" && len(p.GoFiles) > 2:
			t.Errorf("%s has %d files and no doc.go", p.room(), len(p.GoFiles))
		}
	}
}

// TestPackagesLoad fails on what go list cannot load, so that no test above passes
// because a package was left out.
func TestPackagesLoad(t *testing.T) {
	for _, p := range packages(t) {
		if p.Error != nil {
			t.Errorf("%s does not load: %s", p.room(), p.Error.Err)
		}
	}
}

// serverOnly is what the provider binary must never link (DESIGN.md section 1): each
// module here would be scanned, downloaded and trusted in every CI job.
var serverOnly = []string{
	"modernc.org/sqlite", "modernc.org/libc", "github.com/jackc/pgx", "github.com/lib/pq", "github.com/pressly/goose",
	"github.com/crewjam/saml", "github.com/russellhaering/goxmldsig", "github.com/beevik/etree", "github.com/coreos/go-oidc",
	"github.com/go-webauthn/webauthn", "github.com/cedar-policy/cedar-go", "github.com/danielgtaylor/huma", "github.com/elimity-com/scim",
	"github.com/prometheus/client_golang", "golang.org/x/crypto/argon2", "database/sql",
	module + "/scim", module + "/cmd", module + "/internal/",
}

// crossing is what of internal/ the provider may link.
var crossing = []string{"internal/api", "internal/access/vocabulary", "internal/client"}

func TestProviderLinksNothingOfTheServer(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root(t), "main.go")); err != nil {
		t.Fatalf("there is no main.go in the root of the module: the provider binary is not there to be checked (%v)", err)
	}
	deps := strings.Fields(string(goCommand(t, "list", "-deps", ".")))
	if !slices.Contains(deps, module+"/provider") {
		t.Fatal("the root package does not link the provider; what was checked is not the provider binary")
	}
	for _, dep := range deps {
		if slices.Contains(crossing, roomOf(dep)) {
			continue
		}
		for _, bad := range serverOnly {
			if dep == bad || strings.HasPrefix(dep, strings.TrimSuffix(bad, "/")+"/") {
				t.Errorf("the provider binary links %s; find out why with: go list -deps -f '{{.ImportPath}}: {{.Imports}}' . | grep %s", dep, dep)
			}
		}
	}
}

const maxLines = 500

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestNoFileIsLong(t *testing.T) {
	top := root(t)
	seen := 0
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != top && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		seen++
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if generated.Match(raw) {
			return nil
		}
		if n := lines(raw); n > maxLines {
			rel, _ := filepath.Rel(top, path)
			t.Errorf("%s has %d lines; %d are enough for one thought", rel, n, maxLines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Fatalf("%d Go files were found below %s; many more were expected", seen, top)
	}
}

func lines(raw []byte) int {
	n := 0
	s := bufio.NewScanner(bytes.NewReader(raw))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		n++
	}
	return n
}
