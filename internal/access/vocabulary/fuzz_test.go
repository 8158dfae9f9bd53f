package vocabulary

import (
	"strings"
	"testing"
)

func FuzzParsePrincipalHasOneForm(f *testing.F) {
	for _, s := range []string{"member:ann@example.com", "group:Okta: Designers", "viewer:device-1", "operator:root", "team:", "member:\u212A@example.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			if len(err.Error()) > 1200 {
				t.Errorf("the error for %d bytes is %d bytes long", len(s), len(err.Error()))
			}
			return
		}
		again, err := ParsePrincipal(p.String())
		if err != nil || again != p {
			t.Errorf("%q reads back as %q, %v", p, again, err)
		}
		if strings.ContainsAny(p.Key, "\n\r\x00") {
			t.Errorf("%q holds a control character", p)
		}
	})
}

func FuzzNormalizePathHasOneForm(f *testing.F) {
	for _, s := range []string{"/", "/Finance/Quarterly/", "/a/../b", "//", "/a%2f..", "/\u212A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := NormalizePath(s)
		if err != nil {
			return
		}
		if err := ValidatePath(path); err != nil {
			t.Errorf("%q became %q, which is not valid: %v", s, path, err)
		}
		ancestors := PathAncestors(path)
		if len(ancestors) != PathDepth(path)+1 || ancestors[len(ancestors)-1] != path {
			t.Errorf("ancestors of %q: %q", path, ancestors)
		}
		for _, a := range ancestors {
			if !ScopeContains(a, path) || ValidatePath(a) != nil {
				t.Errorf("%q is no ancestor of %q", a, path)
			}
		}
		// A path without wildcards is a pattern that covers exactly its subtree.
		p, err := ParsePathPattern(path)
		if err != nil || !p.Covers(path) || !p.Covers(strings.TrimSuffix(path, "/")+"/x") {
			t.Errorf("%q does not cover itself and its children: %v", path, err)
		}
	})
}

func FuzzPathPatternCoversSubtrees(f *testing.F) {
	f.Add("/finance/*", "/finance/q1")
	f.Add("/**/a/**/b", "/a/x/b/c")
	f.Add("/*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := ParsePathPattern(pattern)
		if err != nil || ValidatePath(path) != nil {
			return
		}
		if p.Covers(path) {
			if below := strings.TrimSuffix(path, "/") + "/x"; !p.Covers(below) {
				t.Errorf("%q covers %q but not %q", p, path, below)
			}
		}
		if p.Covers(path) != coversSlowly(p.segments, PathAncestors(path)) {
			t.Errorf("%q on %q differs from the slow matcher", p, path)
		}
	})
}

// coversSlowly is the definition: some ancestor is matched in full.
func coversSlowly(pattern []string, ancestors []string) bool {
	for _, a := range ancestors {
		var segments []string
		if a != RootPath {
			segments = strings.Split(a[1:], "/")
		}
		if matchSlowly(pattern, segments, map[[2]int]bool{}) {
			return true
		}
	}
	return false
}

func matchSlowly(pattern, path []string, tried map[[2]int]bool) bool {
	at := [2]int{len(pattern), len(path)}
	if tried[at] {
		return false
	}
	tried[at] = true
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if pattern[0] == "**" {
		return matchSlowly(pattern[1:], path, tried) || len(path) > 0 && matchSlowly(pattern, path[1:], tried)
	}
	return len(path) > 0 && matchSegment(pattern[0], path[0]) && matchSlowly(pattern[1:], path[1:], tried)
}
