package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
)

// delta makes changes of a directory as identity providers send them.
type delta struct {
	*rand.Rand
	people, groups []string // ids
	made           int
}

func (d *delta) of(list []string) string { return list[d.IntN(len(list))] }

func (d *delta) some(list []string) []string {
	out := slices.Clone(list)
	d.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:d.IntN(len(out)+1)]
}

// request is the next one; ${…} names what an earlier one made.
func (d *delta) request() directory.Supposed {
	ops := func(path, op string) directory.Supposed {
		return directory.Supposed{Method: "PATCH", Path: path, Body: json.RawMessage(`{"Operations":[` + op + `]}`)}
	}
	user, group := "/Users/"+d.of(d.people), "/Groups/"+d.of(d.groups)
	switch d.IntN(13) {
	case 0:
		d.made++
		name := fmt.Sprintf("new%d", d.made)
		d.people = append(d.people, "${"+name+"}")
		return directory.Supposed{Method: "POST", Path: "/Users", As: name, Body: json.RawMessage(fmt.Sprintf(`{"userName":"%s@example.com","externalId":%q}`, name, name))}
	case 1: // a name that somebody has or had
		return directory.Supposed{Method: "POST", Path: "/Users", Body: json.RawMessage(fmt.Sprintf(`{"userName":"p%d@example.com"}`, d.IntN(14)))}
	case 2, 3:
		return ops(user, deactivate)
	case 4:
		return ops(user, `{"op":"replace","value":{"active":true}}`)
	case 5:
		return ops(user, fmt.Sprintf(`{"op":"replace","path":"userName","value":"renamed%d@example.com"}`, d.IntN(6)))
	case 6:
		return directory.Supposed{Method: "DELETE", Path: user}
	case 7, 8:
		return ops(group, add(d.of(d.people), d.of(d.people)))
	case 9:
		return ops(group, remove(d.of(d.people)))
	case 10:
		return ops(group, `{"op":"replace","path":"members","value":`+refs(d.some(d.people)...)+`}`)
	case 11:
		return ops(group, fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, d.of([]string{"Designers", "Finance", "Reviewers", "Admins", "Lunch"})))
	}
	return directory.Supposed{Method: "DELETE", Path: group}
}

// have tells what each active member has, read as administrators read it.
func (b *bridge) have(t testing.TB) map[string]map[directory.Standing]bool {
	t.Helper()
	list := func(kind *api.Kind) []api.Object {
		page, err := b.Service.List(context.Background(), b.Owner, kind, nil, "", 1000)
		if err != nil || page.NextCursor != "" {
			t.Fatalf("listing %s: %v", kind.Name, err)
		}
		return page.Items
	}
	ids, out := map[string]string{}, map[string]map[directory.Standing]bool{}
	note := func(principal, what string) {
		email := strings.TrimPrefix(principal, "member:")
		if id := ids[email]; id != "" {
			out[id][directory.Standing{Principal: email, What: what}] = true
		}
	}
	for _, o := range list(api.MemberKind) {
		if m := o.(*api.Member); m.Active {
			ids[m.Email], out[m.ID] = m.ID, map[directory.Standing]bool{}
			note(m.Email, "member as "+m.WorkspaceRole)
		}
	}
	for _, o := range list(api.TeamMembershipKind) {
		m := o.(*api.TeamMembership)
		note(m.Principal, "team "+m.Team+" as "+m.Role)
	}
	for _, o := range list(api.RoleAssignmentKind) {
		a := o.(*api.RoleAssignment)
		note(a.Principal, "role "+a.Role+" on "+a.Scope)
	}
	for _, o := range list(api.AccessGrantKind) {
		g := o.(*api.AccessGrant)
		note(g.Principal, "grant on "+g.Resource+" of "+g.Level+g.Role)
	}
	return out
}

// changed lists what is in one and not in the other, whatever people are called.
func changed(from, in map[string]map[directory.Standing]bool) []directory.Standing {
	out := []directory.Standing{}
	for id, had := range from {
		for s := range had {
			still := false
			for other := range in[id] {
				still = still || other.What == s.What
			}
			if !still {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b directory.Standing) int {
		return strings.Compare(a.Principal+"\x00"+a.What, b.Principal+"\x00"+b.What)
	})
	return out
}

// TestSimulationTellsWhatTheChangeDoes: whatever an identity provider would send, the
// simulation of it tells what sending it causes: each answer, who gains, who loses, and
// what is held.
func TestSimulationTellsWhatTheChangeDoes(t *testing.T) {
	const rounds, requests = 12, 14
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.claimDomain(t, "example.com")
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		b.mapping(t, map[string]any{"group": "Admins", "workspace_role": "admin"})
		b.mapping(t, map[string]any{"group": "Finance", "role": "viewer", "scope": "/brand", "on_group_deleted": "keep"})
		d := &delta{Rand: rand.New(rand.NewPCG(7, 11))}
		for i := range 14 {
			d.people = append(d.people, b.join(t, fmt.Sprintf("p%d@example.com", i)))
			b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": fmt.Sprintf("member:p%d@example.com", i), "level": "edit"})
		}
		for _, name := range []string{"Designers", "Finance", "Admins"} {
			d.groups = append(d.groups, b.group(t, name, d.people[:12]...))
		}
		held, gained, lost := 0, 0, 0
		for round := range rounds {
			ratio := d.of([]string{"0", "0.25", "1"})
			b.policy(t, map[string]any{"max_removal_ratio": ratio, "email_change": d.of([]string{"hold", "allow"}), "rehire": d.of([]string{"reactivate", "refuse"}), "deprovision": d.of([]string{"suspend", "delete"})})
			next := &delta{Rand: d.Rand, people: slices.Clone(d.people), groups: d.groups, made: round * 100}
			var supposed []directory.Supposed
			for range requests {
				supposed = append(supposed, next.request())
			}
			before := b.have(t)
			told, err := b.Dir.Simulate(context.Background(), b.Owner, directory.Simulated{Connection: "okta", Requests: supposed})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, b.have(t)); diff != "" {
				t.Fatalf("round %d: the simulation changed something: %s", round, diff)
			}
			waits := len(b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined, Limit: 500}))
			names := map[string]string{}
			for n, r := range supposed {
				status, id := b.act(t, r, names)
				if status != told.Requests[n].Status {
					t.Errorf("round %d: %s %s %s is answered %d, and was told to be %d (%s)", round, r.Method, r.Path, r.Body, status, told.Requests[n].Status, told.Requests[n].Detail)
				}
				if r.As != "" && id != "" {
					names[r.As] = id
				}
			}
			after := b.have(t)
			if diff := cmp.Diff(changed(before, after), told.Losses); diff != "" {
				t.Errorf("round %d: losses (- caused, + told): %s", round, diff)
			}
			if diff := cmp.Diff(changed(after, before), told.Gains); diff != "" {
				t.Errorf("round %d: gains (- caused, + told): %s", round, diff)
			}
			if now := len(b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined, Limit: 500})); now-waits != told.Held {
				t.Errorf("round %d: %d were held, and %d were told", round, now-waits, told.Held)
			}
			if t.Failed() {
				return
			}
			held, gained, lost = held+told.Held, gained+told.Gained, lost+told.Lost
			for _, id := range names {
				d.people = append(d.people, id)
			}
		}
		if held < 3 || gained < 5 || lost < 5 {
			t.Errorf("too little happened to show anything: %d held, %d gains, %d losses", held, gained, lost)
		}
	})
}

// act sends a request for real, and answers the id of what it made.
func (b *bridge) act(t testing.TB, r directory.Supposed, names map[string]string) (status int, id string) {
	t.Helper()
	fill := func(text string) string {
		for name, id := range names {
			text = strings.ReplaceAll(text, "${"+name+"}", id)
		}
		return text
	}
	path, body := fill(r.Path), fill(string(r.Body))
	if strings.Contains(path, "${") {
		path = strings.NewReplacer("${", "", "}", "").Replace(path)
	}
	res, err := b.send(r.Method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct{ ID string }
	if res.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
	}
	if res.StatusCode >= http.StatusBadRequest {
		out.ID = ""
	}
	return res.StatusCode, out.ID
}
