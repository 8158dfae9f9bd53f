package scim

import (
	"net/http"
	"strings"
)

// versions reads entity tags, weak or strong, quoted or (some clients) not. "*"
// means that the resource must exist, which every method checks anyway. A header
// that names no tag matches nothing: it was meant as a condition, and a change
// without one could undo another's.
func versions(headers []string) Versions {
	var out Versions
	for _, h := range headers {
		for tag := range strings.SplitSeq(h, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" {
				return nil
			}
			if !storable(tag) {
				tag = ""
			}
			out = append(out, strings.Trim(strings.TrimPrefix(tag, "W/"), `"`))
		}
	}
	return out
}

// preconditions are an If-None-Match: the versions that the client has, or any.
type preconditions struct {
	any  bool
	tags Versions
}

func preconditionsOf(headers []string) preconditions {
	tags := versions(headers)
	return preconditions{any: tags == nil && len(headers) > 0, tags: tags}
}

func (p preconditions) given() bool { return p.any || len(p.tags) > 0 }

// names reports whether the version is one of those that the client has.
func (p preconditions) names(version string) bool {
	return p.any || len(p.tags) > 0 && p.tags.Allow(version)
}

// unchanged reports whether the client has the current version (RFC 7644 §3.14).
func unchanged(c *call, version string) bool { return c.ifNoneMatch.names(version) }

// unlessNone keeps a change from a resource that If-None-Match names (RFC 9110
// §13.1.2). What was looked at is what may be changed.
func unlessNone(c *call, version func() (string, error)) error {
	if !c.ifNoneMatch.given() {
		return nil
	}
	now, err := version()
	if err != nil {
		return err
	}
	if c.ifNoneMatch.names(now) {
		return ErrPrecondition
	}
	if len(c.ifMatch) == 0 {
		c.ifMatch = Versions{now}
	}
	return nil
}

// guarding is unlessNone before a method that changes a resource.
func guarding(e endpoint, method string, run func(c *call, raw []byte) (reply, error), id string) func(*call, []byte) (reply, error) {
	if method == http.MethodGet {
		return run
	}
	return func(c *call, raw []byte) (reply, error) {
		if err := unlessNone(c, func() (string, error) { return e.version(c, id) }); err != nil {
			return reply{}, err
		}
		return run(c, raw)
	}
}
