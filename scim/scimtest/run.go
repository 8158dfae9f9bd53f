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
}

// Run runs the conformance suite. newServer is called once per chapter; the
// tests of a chapter share the server and use names of their own.
func Run(t *testing.T, newServer func(t *testing.T) Fixture) {
	t.Helper()
	chapters := []struct {
		name  string
		tests []test
	}{
		{"RFC7643", coreSchema},
		{"RFC7644/resources", resourceProtocol},
		{"RFC7644/queries", queryProtocol},
		{"RFC7644/patch", patchProtocol},
		{"RFC7644/bulk", bulkProtocol},
		{"RFC7644/service", serviceProtocol},
		{"RFC9865", cursorProtocol},
		{"providers", providers},
		{"hostile", hostile},
	}
	for _, ch := range chapters {
		t.Run(ch.name, func(t *testing.T) {
			f := newServer(t)
			if f.Client == nil {
				f.Client = http.DefaultClient
			}
			for _, tt := range ch.tests {
				t.Run(tt.name, func(t *testing.T) { tt.run(&client{t: t, f: f}) })
			}
		})
	}
}

// test is one promise; its name begins with the clause that makes it.
type test struct {
	name string
	run  func(c *client)
}
