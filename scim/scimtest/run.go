package scimtest

import (
	"net/http"
	"testing"
)

// Fixture is a server under test: an empty connection of its own.
type Fixture struct {
	BaseURL string // as in meta.location, without a slash at the end
	Token   string
	Client  *http.Client

	// Other is the token of another connection of the same workspace, and Stranger
	// that of another workspace; tests of what they must not see need them.
	Other, Stranger string
}

// Run runs the conformance suite: every clause of the standards as a test named
// RFC7644/3.5.2.2/what it promises, then what identity providers send, then hostile
// input. newServer is called once for each of the five parts, whose tests share the
// server and use names of their own.
func Run(t *testing.T, newServer func(t *testing.T) Fixture) {
	t.Helper()
	fixture := func(t *testing.T) Fixture {
		t.Helper()
		f := newServer(t)
		if f.Client == nil {
			f.Client = http.DefaultClient
		}
		return f
	}
	for _, s := range standards() {
		t.Run(s.name, func(t *testing.T) {
			f := fixture(t)
			for _, sec := range s.sections() {
				t.Run(sec.name, func(t *testing.T) { runAll(t, f, sec.tests) })
			}
		})
	}
	t.Run("providers", func(t *testing.T) { runAll(t, fixture(t), providers) })
	t.Run("hostile", func(t *testing.T) { runAll(t, fixture(t), hostile) })
}

func runAll(t *testing.T, f Fixture, tests []test) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(&client{t: t, f: f}) })
	}
}

// test is one promise; its name begins with the clause that makes it.
type test struct {
	name string
	run  func(c *client)
}
