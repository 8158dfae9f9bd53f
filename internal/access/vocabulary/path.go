package vocabulary

import (
	"errors"
	"fmt"
	"strings"
)

// RootPath is the path of the workspace itself.
const RootPath = "/"

const (
	maxPathLength = 1024
	maxPathDepth  = 32
)

// NormalizePath reads an item path as people write it (upper case, a trailing
// slash) and returns its one form: absolute, lower-case slugs (X22). Anything
// that would need guessing, such as "..", empty segments or a missing leading
// slash, is an error.
func NormalizePath(s string) (string, error) {
	if len(s) > maxPathLength {
		return "", fmt.Errorf("path is longer than %d bytes", maxPathLength)
	}
	if s == "" || s[0] != '/' {
		return "", fmt.Errorf("path %q must start with a slash", clip(s))
	}
	path := lowerASCII(s)
	if path == RootPath {
		return path, nil
	}
	path = strings.TrimSuffix(path, "/")
	segments := strings.Split(path[1:], "/")
	if len(segments) > maxPathDepth {
		return "", fmt.Errorf("path has more than %d segments", maxPathDepth)
	}
	for _, segment := range segments {
		if !validSlug(segment) {
			return "", fmt.Errorf("path %q: segment %q is not a slug (a-z, 0-9, '.', '_', '-', starting with a letter or digit, at most %d)", clip(s), clip(segment), maxSlugLength)
		}
	}
	return path, nil
}

// ValidatePath checks that a path is already in the form NormalizePath returns.
func ValidatePath(s string) error {
	path, err := NormalizePath(s)
	if err != nil {
		return err
	}
	if path != s {
		return fmt.Errorf("path %q must be written %q", clip(s), path)
	}
	return nil
}

// ScopeContains reports whether the item at path child is the item at path
// parent or lies below it. Both must be valid paths; compare whole segments, so
// /fin does not contain /finance.
func ScopeContains(parent, child string) bool {
	if parent == RootPath {
		return strings.HasPrefix(child, "/")
	}
	if parent == "" || !strings.HasPrefix(child, parent) {
		return false
	}
	return len(child) == len(parent) || child[len(parent)] == '/'
}

// PathDepth counts the segments of a path; the root has none.
func PathDepth(path string) int {
	if path == RootPath || path == "" {
		return 0
	}
	return strings.Count(path, "/")
}

// ParentPath is the path one segment up; the parent of the root is the root.
func ParentPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return RootPath
	}
	return path[:i]
}

// PathAncestors lists a path's ancestors and itself, root first.
func PathAncestors(path string) []string {
	out := []string{RootPath}
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			out = append(out, path[:i])
		}
	}
	if path != RootPath {
		out = append(out, path)
	}
	return out
}

// PathPattern is the path of a role statement or an attribute policy. A segment
// may hold '*' for any characters, and a segment "**" stands for any number of
// segments. A pattern covers the items that it matches and everything below
// them, so /finance covers the whole of finance, and /finance/* all but finance
// itself (C027).
type PathPattern struct {
	text     string
	segments []string
	literal  int
}

// ParsePathPattern reads a pattern, with the normalisation of NormalizePath.
func ParsePathPattern(s string) (PathPattern, error) {
	if len(s) > maxPathLength {
		return PathPattern{}, fmt.Errorf("path pattern is longer than %d bytes", maxPathLength)
	}
	if s == "" || s[0] != '/' {
		return PathPattern{}, fmt.Errorf("path pattern %q must start with a slash", clip(s))
	}
	text := lowerASCII(s)
	if text == RootPath {
		return PathPattern{text: text}, nil
	}
	text = strings.TrimSuffix(text, "/")
	p := PathPattern{text: text, segments: strings.Split(text[1:], "/"), literal: -1}
	if len(p.segments) > maxPathDepth {
		return PathPattern{}, fmt.Errorf("path pattern has more than %d segments", maxPathDepth)
	}
	for i, segment := range p.segments {
		if !strings.Contains(segment, "*") {
			if !validSlug(segment) {
				return PathPattern{}, fmt.Errorf("path pattern %q: segment %q is not a slug", clip(s), clip(segment))
			}
			continue
		}
		if err := checkWildcard(segment); err != nil {
			return PathPattern{}, fmt.Errorf("path pattern %q: segment %q %w", clip(s), clip(segment), err)
		}
		if p.literal < 0 {
			p.literal = i
		}
	}
	if p.literal < 0 {
		p.literal = len(p.segments)
	}
	return p, nil
}

func checkWildcard(segment string) error {
	if segment == "**" {
		return nil
	}
	if strings.Contains(segment, "**") {
		return errors.New(`mixes "**" with other characters`)
	}
	if rest := strings.ReplaceAll(segment, "*", "x"); !validSlug(rest) {
		return errors.New("is not a slug with wildcards")
	}
	return nil
}

// String is the normalised text of the pattern.
func (p PathPattern) String() string { return p.text }

// Literal is how many leading segments the pattern spells out. A statement
// names the items up to that depth and no others: only those may be restricted
// without stopping it (X22).
func (p PathPattern) Literal() int { return p.literal }

// LiteralPath is the path of the leading segments that the pattern spells out.
func (p PathPattern) LiteralPath() string {
	if p.literal <= 0 {
		return RootPath
	}
	return "/" + strings.Join(p.segments[:p.literal], "/")
}

// Wild reports whether the pattern has any wildcard.
func (p PathPattern) Wild() bool { return p.literal < len(p.segments) }

// Covers reports whether the pattern matches the path or one of its ancestors.
func (p PathPattern) Covers(path string) bool {
	if !p.Wild() {
		return ScopeContains(p.text, path)
	}
	var segments []string
	if path != RootPath {
		segments = strings.Split(path[1:], "/")
	}
	return coversSegments(p.segments, segments)
}

// coversSegments tries to use up the whole pattern on a prefix of the path. The
// inner loop remembers only the last "**", as wildcard matchers do, so hostile
// patterns cost at most pattern × path steps.
func coversSegments(pattern, path []string) bool {
	i, j := 0, 0
	star, resume := -1, 0
	for {
		if i == len(pattern) {
			return true
		}
		if pattern[i] == "**" {
			star, resume = i, j
			i++
			continue
		}
		if j < len(path) && matchSegment(pattern[i], path[j]) {
			i++
			j++
			continue
		}
		if star >= 0 && resume < len(path) {
			resume++
			i, j = star+1, resume
			continue
		}
		return false
	}
}

// matchSegment matches one segment in which '*' stands for any characters.
func matchSegment(pattern, s string) bool {
	i, j := 0, 0
	star, resume := -1, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, resume = i, j
			i++
		case i < len(pattern) && pattern[i] == s[j]:
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}
