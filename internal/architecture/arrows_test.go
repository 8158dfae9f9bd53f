package architecture

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A side of the wire. What crosses it is shared; nothing else of one side is linked
// into the other.
type side int

const (
	shared side = iota
	server
	client
)

// rooms are the storeys of the house (DESIGN.md section 2): a package imports from
// lower storeys of its own side, and from its own room.
var rooms = []struct {
	path   string
	storey int
	side   side
	// peers: rooms of this storey may import each other.
	peers bool
	// only, when set, lists all that the room imports of ours beside itself.
	only []string
}{
	{path: "internal/access/vocabulary", storey: 0, only: []string{"nothing"}},
	{path: "internal/api", storey: 0, peers: true, only: []string{"internal/access/vocabulary"}},

	{path: "internal/access", storey: 1, side: server},
	{path: "internal/audit", storey: 1, side: server},
	{path: "internal/store", storey: 1, side: server},
	{path: "internal/vault", storey: 1, side: server},
	{path: "internal/outbound", storey: 1, side: server},
	{path: "internal/throttle", storey: 1, side: server},

	{path: "internal/object", storey: 2, side: server},

	{path: "internal/workspace", storey: 3, side: server, peers: true},
	{path: "internal/people", storey: 3, side: server, peers: true},
	{path: "internal/sharing", storey: 3, side: server, peers: true},
	{path: "internal/review", storey: 3, side: server, peers: true},
	{path: "internal/signin", storey: 3, side: server, peers: true},
	{path: "internal/provisioning", storey: 3, side: server, peers: true},
	{path: "internal/assurance", storey: 3, side: server, peers: true},
	{path: "internal/inquiry", storey: 3, side: server, peers: true},
	{path: "internal/mail", storey: 3, side: server, peers: true},
	{path: "internal/notice", storey: 3, side: server, peers: true},
	{path: "internal/secevent", storey: 3, side: server, peers: true},

	{path: "internal/server", storey: 4, side: server},
	{path: "internal/web", storey: 4, side: server},
	// SCIM knows no database and no object: it speaks to a Directory (SCIM.md).
	{path: "scim", storey: 4, side: server, only: []string{"internal/api"}},
	{path: "internal/controlplane", storey: 4, side: server},

	{path: "internal/client", storey: 1, side: client, only: []string{"internal/api", "internal/access/vocabulary"}},
	{path: "internal/export", storey: 3, side: client, only: []string{"internal/api", "internal/access/vocabulary", "internal/client"}},
	{path: "internal/bridge", storey: 4, side: client, only: []string{"internal/api", "internal/client"}},
	{path: "provider", storey: 4, side: client, only: []string{"internal/api", "internal/access/vocabulary", "internal/client"}},
	{path: ".", storey: 5, side: client, only: []string{"provider"}},

	{path: "cmd", storey: 5, side: server},
}

// tools are programs and tests beside the house: nothing of it may import them, and
// they import what they build, measure or show.
var tools = map[string]string{
	"internal/architecture": "tests of the order itself",
	"internal/register":     "prints and checks docs/capabilities.yaml",
	"internal/bench":        "measures both sides of the wire in one run",
	"internal/demo":         "tells the story that the README promises, over the wire",
	"internal/deps":         "keeps dependencies in go.mod",
}

// exceptions are arrows that the storeys forbid, with the reason why they stay. One
// that nobody uses any longer fails.
var exceptions = []struct{ from, to, reason string }{
	{"internal/provisioning/directory", "scim", "implements scim.Directory: SCIM knows no database, so somebody below it must"},
	{"internal/bridge", "scim", "implements scim.Directory over the wire, for a SCIM door apart from the control plane"},
	{"cmd/gatehouse", "internal/bridge", "gatehouse scim --api serves it"},
	{"internal/controlplane", "internal/server", "assembles the server binary; cmd and tests start the same thing"},
	{"internal/controlplane", "scim", "mounts the SCIM door"},
	{"internal/controlplane", "internal/web", "mounts the pages"},
	{"internal/server/servertest", "internal/controlplane", "starts a whole control plane for tests"},
	{"cmd/gatehouse", "internal/client", "drift, claim and evidence work over the wire, like Terraform"},
	{"cmd/gatehouse", "internal/export", "gatehouse export reads the API and writes HCL, like Terraform's other half"},
	{"internal/object/objecttest", "internal/workspace", "the fixture of capability tests holds a workspace"},
}

func within(path, room string) bool {
	return path == room || room != "." && strings.HasPrefix(path, room+"/")
}

func isTool(path string) bool {
	for t := range tools {
		if within(path, t) {
			return true
		}
	}
	return false
}

// roomAt finds the room that a package lies in; -1 when it lies in none.
func roomAt(path string) int {
	found := -1
	for i, r := range rooms {
		if within(path, r.path) && (found < 0 || len(r.path) > len(rooms[found].path)) {
			found = i
		}
	}
	return found
}

// forbidden says why an arrow is wrong; "" when it is not.
func forbidden(from, to string) string {
	if isTool(from) {
		return ""
	}
	if isTool(to) {
		return to + " is a tool beside the house"
	}
	f, t := roomAt(from), roomAt(to)
	for i, path := range map[int]string{f: from, t: to} {
		if i < 0 {
			return path + " stands in no storey; add it to the rooms of this test and to DESIGN.md"
		}
	}
	if f == t {
		return ""
	}
	a, b := rooms[f], rooms[t]
	switch {
	case a.only != nil && !slices.Contains(a.only, b.path):
		return fmt.Sprintf("%s imports of ours only %s", a.path, strings.Join(a.only, ", "))
	case b.side != shared && a.side != b.side:
		return fmt.Sprintf("%s is on the other side of the wire; only internal/api and internal/access/vocabulary cross it", b.path)
	case b.storey > a.storey:
		return fmt.Sprintf("%s lies above; arrows go down only", b.path)
	case b.storey == a.storey && !a.peers:
		return fmt.Sprintf("%s lies beside; what both need belongs below", b.path)
	}
	return ""
}

func TestArrowsGoDownOnly(t *testing.T) {
	used := make([]bool, len(exceptions))
	for _, p := range packages(t) {
		from := p.room()
		for _, to := range p.ours() {
			why := forbidden(from, to)
			if why == "" {
				continue
			}
			if i := slices.IndexFunc(exceptions, func(e struct{ from, to, reason string }) bool { return within(from, e.from) && within(to, e.to) }); i >= 0 {
				used[i] = true
				continue
			}
			t.Errorf("%s imports %s: %s", from, to, why)
		}
	}
	present := map[string]bool{}
	for _, p := range packages(t) {
		present[p.room()] = true
	}
	for i, e := range exceptions {
		if !used[i] && present[e.from] && present[e.to] {
			t.Errorf("the exception %s -> %s (%s) is not needed any longer; remove it", e.from, e.to, e.reason)
		}
	}
}

// TestTheOrderForbidsWhatItShould proves the rule on arrows that must never exist.
func TestTheOrderForbidsWhatItShould(t *testing.T) {
	for _, bad := range [][2]string{
		{"internal/api", "internal/store"},
		{"internal/access", "internal/store"},
		{"internal/access/vocabulary", "internal/access"},
		{"internal/store", "internal/object"},
		{"internal/object", "internal/people"},
		{"internal/people", "internal/server"},
		{"internal/people", "scim"},
		{"internal/people", "internal/client"},
		{"internal/server", "scim"},
		{"internal/server", "cmd/gatehouse"},
		{"internal/server", "internal/client"},
		{"scim", "internal/store"},
		{"scim", "internal/bench"},
		{"internal/client", "internal/object"},
		{"provider", "internal/server"},
		{"provider", "internal/access"},
		{".", "internal/store"},
		{"internal/somethingnew", "internal/api"},
	} {
		if forbidden(bad[0], bad[1]) == "" {
			t.Errorf("%s -> %s is allowed", bad[0], bad[1])
		}
	}
	for _, good := range [][2]string{
		{"internal/api", "internal/access/vocabulary"},
		{"internal/workspace", "internal/people"},
		{"internal/server", "internal/workspace"},
		{"cmd/gatehouse", "internal/server"},
		{"provider", "internal/client"},
		{".", "provider"},
		{"scim", "scim/filter"},
	} {
		if why := forbidden(good[0], good[1]); why != "" {
			t.Errorf("%s -> %s is forbidden: %s", good[0], good[1], why)
		}
	}
}
