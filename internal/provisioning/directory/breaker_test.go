package directory_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// crowd joins people, and puts them into the mapped group Designers.
func (b *bridge) crowd(t testing.TB, n int) (ids []string, group string) {
	t.Helper()
	b.company(t)
	for i := range n {
		ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
	}
	return ids, b.group(t, "Designers", ids...)
}

// inTeam counts who is in team design.
func (b *bridge) inTeam(t testing.TB) int64 {
	t.Helper()
	return b.rowCount(t, "team_membership", "workspace_id = $1 AND team = 'design'", b.Workspace.ID)
}

func (b *bridge) activePeople(t testing.TB) int64 {
	t.Helper()
	return b.rowCount(t, "member", "workspace_id = $1 AND source = 'scim' AND active = 1", b.Workspace.ID)
}

func bulk(method string, paths []string, data string) string {
	var ops []string
	for i, path := range paths {
		op := fmt.Sprintf(`{"method":%q,"path":%q,"bulkId":"b%d"`, method, path, i)
		if data != "" {
			op += `,"data":` + data
		}
		ops = append(ops, op+"}")
	}
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

// TestEveryBulkFromAMappedGroupIsHeld: in whatever form a group loses its people, more of
// them than the ratio wait for a human. The release lets that change pass, and no other;
// doing either twice is the same as once.
func TestEveryBulkFromAMappedGroupIsHeld(t *testing.T) {
	const people = 12 // of whom three are a quarter
	for name, take := range map[string]func(t *testing.T, b *bridge, group string, ids []string) int{
		"a PATCH that replaces the members": func(t *testing.T, b *bridge, group string, ids []string) int {
			return b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"members","value":`+refs(ids[:4]...)+`}]}`)
		},
		"a PATCH that lists who goes": func(t *testing.T, b *bridge, group string, ids []string) int {
			return b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members","value":`+refs(ids[4:]...)+`}]}`)
		},
		"a PATCH of many operations": func(t *testing.T, b *bridge, group string, ids []string) int {
			var ops []string
			for _, id := range ids[4:] {
				ops = append(ops, remove(id))
			}
			return b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[`+strings.Join(ops, ",")+`]}`)
		},
		"a PUT": func(t *testing.T, b *bridge, group string, ids []string) int {
			return b.status(t, "PUT", "/Groups/"+group, `{"displayName":"Designers","externalId":"ext-Designers","members":`+refs(ids[:4]...)+`}`)
		},
		"a new name, which means nothing": func(t *testing.T, b *bridge, group string, _ []string) int {
			return b.status(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"displayName","value":"Draughtsmen"}]}`)
		},
		"a DELETE": func(t *testing.T, b *bridge, group string, _ []string) int {
			return b.status(t, "DELETE", "/Groups/"+group, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bridge) {
				ids, group := b.crowd(t, people)
				for range 2 {
					if status := take(t, b, group, ids); status != http.StatusForbidden {
						t.Fatalf("answered %d", status)
					}
				}
				if n := b.inTeam(t); n != people {
					t.Fatalf("%d people are left in the team, want %d", n, people)
				}
				e := b.held(t)
				if len(e.Affected) < people-4 {
					t.Errorf("%d people are named, want all who would lose it", len(e.Affected))
				}
				if !strings.Contains(e.Detail, " within an hour, more than 25%") {
					t.Errorf("why it is held: %s", e.Detail)
				}
				b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ids[0], "") // a single leaver is not delayed
				if err := b.decide(t, provisioning.Reject, e.ID); err != nil {
					t.Fatal(err)
				}
				if status := take(t, b, group, ids[1:]); status != http.StatusForbidden || b.inTeam(t) != people-1 {
					t.Fatalf("after the rejection: %d, %d in the team", status, b.inTeam(t))
				}
				latest := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined})[0]
				for range 2 {
					if err := b.decide(t, provisioning.Release, latest.ID); err != nil {
						t.Fatal(err)
					}
				}
				if status := take(t, b, group, ids[1:]); status >= http.StatusBadRequest {
					t.Fatalf("after the release: %d", status)
				}
				if n := b.inTeam(t); n > 4 {
					t.Errorf("%d people are left in the team after the release", n)
				}
				if waiting := b.events(t, provisioning.EventFilter{Waiting: true}); len(waiting) != 0 {
					t.Errorf("still waiting: %+v", waiting)
				}
			})
		})
	}
}

// TestBulksFromAGroupWithGrantsAreHeld: a group without a mapping gives what is granted to
// its name.
func TestBulksFromAGroupWithGrantsAreHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		granted, free := b.group(t, "Okta-Guests", ids...), b.group(t, "Lunch", ids...)
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "group:Okta-Guests", "level": "view"})
		b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+granted, `{"Operations":[{"op":"remove","path":"members"}]}`)
		b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+granted, `{"Operations":[{"op":"replace","path":"displayName","value":"Okta-Friends"}]}`)
		b.call(t, http.StatusForbidden, "DELETE", "/Groups/"+granted, "")
		if n := b.rowCount(t, "scim_group_member", "group_id = $1", granted); n != 12 {
			t.Errorf("%d members after the refusals, want 12", n)
		}
		b.patch(t, "/Groups/"+granted, remove(ids[0])) // one person never waits
		b.patch(t, "/Groups/"+free, `{"op":"remove","path":"members"}`)
		b.call(t, http.StatusNoContent, "DELETE", "/Groups/"+free, "")
	})
}

// TestABulkBySingleRequestsIsHeld: who is removed one by one adds up within the window,
// in a Bulk request as well, and stays held as long as nobody decides.
func TestABulkBySingleRequestsIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ids, group := b.crowd(t, 12)
		for i, id := range ids[:5] {
			want := http.StatusNoContent
			if i > 2 {
				want = http.StatusForbidden
			}
			b.call(t, want, "PATCH", "/Groups/"+group, `{"Operations":[`+remove(id)+`]}`)
			b.Advance(time.Minute)
		}
		for range 3 { // sent again every 40 minutes: nothing drips through
			b.Advance(40 * time.Minute)
			for _, id := range ids[3:5] {
				b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+group, `{"Operations":[`+remove(id)+`]}`)
			}
		}
		if n := b.inTeam(t); n != 9 {
			t.Errorf("%d people are left in the team, want 9", n)
		}
		waiting := b.events(t, provisioning.EventFilter{Waiting: true})
		if len(waiting) != 1 || len(waiting[0].Affected) != 1 || waiting[0].Affected[0].ID != ids[4] {
			t.Fatalf("waiting = %+v", waiting)
		}
		if err := b.decide(t, provisioning.Release, waiting[0].ID); err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Groups/"+group, remove(ids[4]))
		b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+group, `{"Operations":[`+remove(ids[3])+`]}`) // that one was not released
	})
}

func TestABulkOfRemovalsInOneRequestIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ids, group := b.crowd(t, 16)
		var users, groups []string
		for _, id := range ids {
			users = append(users, "/Users/"+id)
			groups = append(groups, "/Groups/"+group)
		}
		statuses := func(out map[string]any) (passed int) {
			for _, op := range out["Operations"].([]any) {
				if s := op.(map[string]any)["status"].(string); s[0] == '2' {
					passed++
				}
			}
			return passed
		}
		if n := statuses(b.call(t, http.StatusOK, "POST", "/Bulk", bulk("DELETE", users[:8], ""))); n != 4 {
			t.Errorf("%d of 8 deletions passed, want a quarter of 16", n)
		}
		if n := b.activePeople(t); n != 12 {
			t.Errorf("%d people are active, want 12", n)
		}
		var ops []string
		for i, id := range ids[8:] {
			ops = append(ops, fmt.Sprintf(`{"method":"PATCH","path":%q,"bulkId":"b%d","data":{"Operations":[%s]}}`, groups[0], i, remove(id)))
		}
		before := b.inTeam(t)
		statuses(b.call(t, http.StatusOK, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+strings.Join(ops, ",")+`]}`))
		if after := b.inTeam(t); before-after != 3 {
			t.Errorf("%d people lost the team in one request", before-after)
		}
	})
}

// TestSingleLeaversAreNotDelayedWhileABulkIsHeld (X15): a quarter of an hour after the
// last who began to leave, one more is no bulk, whatever is held and sent again.
func TestSingleLeaversAreNotDelayedWhileABulkIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ids, _ := b.crowd(t, 20)
		gone := func() (passed int) {
			for _, id := range ids[:10] {
				if b.status(t, "PATCH", "/Users/"+id, `{"Operations":[`+deactivate+`]}`) == http.StatusOK && b.activeNow(t, id) {
					t.Error("answered as done and not done")
				}
			}
			for _, id := range ids[:10] {
				if !b.activeNow(t, id) {
					passed++
				}
			}
			return passed
		}
		if n := gone(); n != 5 {
			t.Fatalf("%d of 20 left, want a quarter", n)
		}
		b.Advance(20 * time.Minute)
		if n := gone(); n != 5 {
			t.Fatalf("sent again, %d left", n)
		}
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ids[15], "")                               // by oneself
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ids[16], `{"Operations":[`+deactivate+`]}`) // and somebody else at once
		b.Advance(20 * time.Minute)
		if n := gone(); n != 5 {
			t.Fatalf("sent again, %d left", n)
		}
		b.patch(t, "/Users/"+ids[17], deactivate)
	})
}

// TestDecidedRemovalsDoNotHoldOthers: what a human let pass or refused is no part of a
// bulk any longer, and a refusal counts as long as the identity provider insists.
func TestDecidedRemovalsDoNotHoldOthers(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"max_removal_ratio": "0.1"})
		ids, _ := b.crowd(t, 20)
		leave := func(want int, i int) {
			t.Helper()
			b.call(t, want, "PATCH", "/Users/"+ids[i], `{"Operations":[`+deactivate+`]}`)
		}
		leave(http.StatusOK, 0)
		leave(http.StatusOK, 1)
		for i := 2; i < 6; i++ {
			leave(http.StatusForbidden, i)
		}
		for _, e := range b.events(t, provisioning.EventFilter{Waiting: true}) {
			how := provisioning.Release
			if e.Target == ids[5] {
				how = provisioning.Reject
			}
			if err := b.decide(t, how, e.ID); err != nil {
				t.Fatal(err)
			}
		}
		for i := 2; i < 5; i++ {
			leave(http.StatusOK, i)
			leave(http.StatusOK, i) // twice is the same as once
		}
		leave(http.StatusForbidden, 5)
		leave(http.StatusForbidden, 6) // the ratio still counts 0 and 1
		b.Advance(2 * time.Hour)
		leave(http.StatusOK, 7)
		leave(http.StatusForbidden, 5) // nobody else leaves, and the no still counts
		b.Advance(24 * time.Hour)
		leave(http.StatusForbidden, 5)
		if waiting := b.events(t, provisioning.EventFilter{Waiting: true, Target: ids[5]}); len(waiting) != 0 {
			t.Errorf("asked again: %+v", waiting)
		}
		b.Advance(4 * 24 * time.Hour) // silence: whoever says it again means it anew
		leave(http.StatusOK, 5)
	})
}

func (b *bridge) activeNow(t testing.TB, id string) bool {
	t.Helper()
	return b.member(t, id).Active
}

// status sends a request and answers its status.
func (b *bridge) status(t testing.TB, method, path, body string) int {
	t.Helper()
	res, err := b.send(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}
