package access

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

func randomWorld(r *rand.Rand) *world {
	chance := func(percent int) bool { return r.IntN(100) < percent }
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	paths := []string{"/", "/a", "/b", "/a/b", "/a/c", "/b/c", "/a/b/c", "/a/b/d", "/b/c/d"}
	patterns := append([]string{"/**", "/*", "/a/*", "/*/b", "/**/c", "/a/**", "/a/b*", "/a/*/c", "/b/**/d"}, paths...)
	request := atNoon()
	request.DeviceKnown = chance(50)
	w := &world{request: request}

	nodes := map[string]Node{}
	owner := func() string { return pick("", "", "", "member:ann@example.com", "member:bob@example.com") }
	for _, p := range paths {
		n := Node{Kind: pick(ItemFolder, ItemProject, ItemAsset, ItemCollection), Owner: owner(), Restricted: chance(20), Archived: chance(5), Classification: pick("", "", "internal", "confidential")}
		if n.Kind == ItemProject {
			n.Team, n.AllowGuestUploads, n.AllowGuestAIWorkflows = pick("design", "legal", ""), chance(50), chance(50)
		}
		if p == "/" {
			n = Node{Kind: "workspace"}
		}
		nodes[p] = n
	}
	lookup := func(p string) (Node, bool) { n, ok := nodes[p]; return n, ok }
	for _, p := range paths[1:] {
		item := Item{Workspace: "acme", Path: p, Kind: nodes[p].Kind, Chain: ChainOf(p, lookup)}
		if chance(40) {
			item.Collections = append(item.Collections, ChainOf(pick("/b", "/b/c", "/a/c"), lookup))
		}
		w.items = append(w.items, item)
	}

	expiry := func() time.Time {
		switch r.IntN(8) {
		case 0:
			return noon
		case 1:
			return noon.Add(time.Minute)
		}
		return time.Time{}
	}
	cond := func(errPercent int) string {
		if chance(errPercent) {
			return erring
		}
		if chance(60) {
			return ""
		}
		return conditions[r.IntN(len(conditions)-1)].text
	}
	some := func(most int, from []string) (out []string) {
		for range r.IntN(most + 1) {
			out = append(out, from[r.IntN(len(from))])
		}
		return out
	}
	wanted := []string{"asset.read", "asset.download", "asset.create", "workflow.run", "asset.delete.own", "comment.create", "review.verdict", "grant.create", "grant.delete", "member.invite", "item.delete", "item.owner.transfer", "item.settings"}
	w.permissions = wanted
	scopes := append([]string{"asset.*", "grant.*", "*", "item.*"}, wanted...)
	effect := func() Effect {
		if chance(25) {
			return Deny
		}
		return Allow
	}
	roles := []string{"r0", "r1", "r2", "r3"}
	for _, name := range roles {
		role := Role{Name: name}
		if chance(40) {
			role.BaseLevel = vocabulary.Level(r.IntN(6))
		}
		for range r.IntN(3) {
			role.Statements = append(role.Statements, Statement{effect(), append(some(1, scopes), pick(scopes...)), some(2, patterns)})
		}
		w.set.Roles = append(w.set.Roles, role)
	}
	for i := range r.IntN(3) {
		w.set.Policies = append(w.set.Policies, AttributePolicy{
			Name: fmt.Sprintf("p%d", i), Effect: effect(), Permissions: []string{pick(scopes...)}, Paths: some(1, patterns),
			Condition: cond(4), ExpiresAt: expiry(),
		})
	}
	held := append([]string{"viewer", "Editor", "admin"}, roles...)
	for range 5 {
		role := []vocabulary.Role{vocabulary.RoleOwner, vocabulary.RoleAdmin, vocabulary.RoleMember, vocabulary.RoleMember, vocabulary.RoleGuest, vocabulary.RoleViewer}[r.IntN(6)]
		s := &Subject{
			Workspace: "acme", Principal: vocabulary.Principal{Kind: vocabulary.KindMember, Key: pick("ann@example.com", "bob@example.com")},
			Role: role, Active: chance(95), ExpiresAt: expiry(), External: chance(10), Teams: map[string]vocabulary.TeamRole{}, Grants: map[string][]Grant{},
		}
		for _, team := range some(1, []string{"design", "legal"}) {
			s.Teams[team] = vocabulary.TeamRoles()[r.IntN(4)]
		}
		for range r.IntN(4) {
			g := Grant{ID: "g", ExpiresAt: expiry(), AllowDownload: chance(30), Condition: cond(2)}
			if chance(25) {
				g.Role = pick(held...)
			} else {
				g.Level = vocabulary.Level(1 + r.IntN(5))
			}
			p := pick(paths...)
			s.Grants[p] = append(s.Grants[p], g)
		}
		for range r.IntN(3) {
			s.Assignments = append(s.Assignments, Assignment{ID: "a", Role: pick(held...), Scope: pick(paths...), ExpiresAt: expiry(), Condition: cond(2)})
		}
		if chance(20) {
			s.Token = &Token{Scopes: some(3, scopes), ReadOnly: chance(40)}
		}
		w.subjects = append(w.subjects, s)
	}
	return w
}
