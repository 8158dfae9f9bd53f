package inquiry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// How many worlds are made by chance, on each engine in turn: in each of the first,
// everything is asked about everybody; in each of the others, one plan is tried.
const (
	worlds = 6
	plans  = 24
)

// TestWhoCanAndItemsAgreeWithCheck asks check about everybody and everything.
func TestWhoCanAndItemsAgreeWithCheck(t *testing.T) {
	allowed := 0
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			w.view(func(s *object.Scope) error {
				for _, permission := range asked {
					can := map[string][]inquiry.Usable{}
					for _, path := range append([]string{"/", "/f/nothing/here"}, w.paths...) {
						var want []inquiry.Holder
						for _, principal := range w.principals {
							if d := w.check(s, principal, path, permission); d.Allowed {
								allowed++
								want = append(want, inquiry.Holder{Principal: principal, Level: d.Level})
								if slices.Contains(w.paths, path) {
									item, err := s.Item(context.Background(), path)
									if err != nil {
										return err
									}
									can[principal] = append(can[principal], inquiry.Usable{Path: path, Kind: item.Kind, Level: d.Level})
								}
							}
						}
						for _, limit := range []int{2, 0} {
							if diff := cmp.Diff(want, w.whoCan(s, path, permission, limit)); diff != "" {
								t.Errorf("who can %s on %s, %d at a time (-check +who_can):\n%s", permission, path, limit, diff)
							}
						}
					}
					for _, principal := range append([]string{"team:red", "group:Finance", "email:nobody@example.com"}, w.principals...) {
						want, named := can[principal]
						if !named && !slices.Contains(w.principals, principal) {
							for _, path := range w.paths {
								if d := w.check(s, principal, path, permission); d.Allowed {
									item, _ := s.Item(context.Background(), path)
									want = append(want, inquiry.Usable{Path: path, Kind: item.Kind, Level: d.Level})
								}
							}
						}
						for _, limit := range []int{3, 0} {
							if diff := cmp.Diff(want, w.items(s, principal, permission, limit)); diff != "" {
								t.Errorf("items of %s for %s, %d at a time (-check +items):\n%s", principal, permission, limit, diff)
							}
						}
					}
				}
				return nil
			})
		})
	}
	if allowed < 800 {
		t.Errorf("only %d of the decisions allowed anything; the worlds are too poor to prove much", allowed)
	}
}

// TestWhatWaitsForApprovalChangesNoAnswer compares worlds with and without the grants
// that wait (C055).
func TestWhatWaitsForApprovalChangesNoAnswer(t *testing.T) {
	total := 0
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			w.view(func(s *object.Scope) error {
				var waiting int
				err := s.Tx.QueryRowContext(context.Background(), `SELECT COUNT(*) FROM access_grant WHERE workspace_id = $1 AND state <> 'active'`, s.WorkspaceID).Scan(&waiting)
				total += waiting
				return err
			})
			everybody := append([]string{"email:x@outside.example", "email:m3@example.com", "member:gina@partner.example"}, w.principals...)
			answers := func() map[string]any {
				out := map[string]any{}
				w.view(func(s *object.Scope) error {
					for _, path := range w.paths {
						out[path] = w.whoCan(s, path, "asset.read", 0)
					}
					for _, principal := range everybody {
						out[principal] = w.items(s, principal, "asset.read", 0)
					}
					return nil
				})
				return out
			}
			before, facts := answers(), w.facts(everybody, w.paths)
			w.sql(`DELETE FROM access_grant WHERE workspace_id = $1 AND state <> 'active'`, w.Workspace.ID)
			if diff := cmp.Diff(before, answers()); diff != "" {
				t.Errorf("answers (-with what waits +without):\n%s", diff)
			}
			if diff := cmp.Diff(facts, w.facts(everybody, w.paths), cmp.AllowUnexported(fact{})); diff != "" {
				t.Errorf("facts (-with what waits +without):\n%s", diff)
			}
		})
	}
	if total == 0 {
		t.Error("nothing waits in any of the worlds; they prove nothing")
	}
}

// TestNobodyOutsideHasWhatNobodyApproved looks at worlds in which whatever reaches people
// outside has to be approved first, and nobody approved anything (C055): whatever team or
// group they are in, and whatever that has, they can do nothing.
func TestNobodyOutsideHasWhatNobodyApproved(t *testing.T) {
	looked, reached := 0, 0
	for seed := range uint64(2 * worlds) {
		w := newWorld(t, seed)
		outside := []string{"member:gina@partner.example"}
		for _, principal := range w.principals {
			if strings.HasPrefix(principal, "email:") {
				outside = append(outside, principal)
			}
		}
		facts := w.facts(outside, w.paths)
		if !w.legal || w.approved {
			for _, f := range facts {
				reached += len(f.permissions)
			}
			continue
		}
		looked++
		for at, f := range facts {
			if f.level != 0 || len(f.permissions) > 0 && !w.open {
				t.Errorf("seed %d: %s has %s and %v on %s, and nobody approved it", seed, at[0], f.level, f.permissions, at[1])
			}
		}
	}
	if looked == 0 || reached == 0 {
		t.Errorf("looked at %d worlds, and people outside could do %d things in the others; they prove nothing", looked, reached)
	}
}

func (w *world) changes() []doc {
	everywhere := append([]string{"/"}, w.paths...)
	var out []doc
	for range 1 + w.r.IntN(3) {
		switch w.r.IntN(8) {
		case 0, 1:
			out = append(out, doc{"kind": "access_grant", "document": doc{"resource": w.pick(everywhere...), "principal": w.pick(holders...), "level": w.pick("view", "edit", "full_access")}})
		case 2:
			out = append(out, doc{"kind": "role_assignment", "document": doc{"role": w.pick("readers", "careful", "editor"), "principal": w.pick(holders...), "scope": w.pick(everywhere...)}})
		case 3:
			out = append(out, doc{"kind": "team_membership", "document": doc{"team": w.pick("red", "blue", "green"), "principal": w.pick("m1@example.com", "m3@example.com", "gina@partner.example"), "role": w.pick("team_admin", "reviewer", "viewer")}})
		case 4:
			out = append(out, doc{"kind": "role", "ref": "readers", "document": doc{"name": "readers", "base_level": w.pick("comment", "edit"), "statements": []doc{{"effect": w.pick("allow", "deny"), "permissions": []string{"asset.read"}}}}})
		case 5:
			out = append(out, doc{"kind": "folder", "ref": "/a/b", "document": doc{"path": "/a/b", "inheritance": w.pick("inherit", "restricted")}})
		case 6:
			out = append(out, doc{"kind": "member", "ref": "m1@example.com", "document": doc{"email": "m1@example.com", "active": w.chance(50), "workspace_role": w.pick("admin", "member")}})
		case 7:
			out = append(out, doc{"kind": "folder", "ref": "/f/g", "delete": true})
		}
	}
	return out
}

func (w *world) plan(changes []doc) inquiry.Plan {
	var plan inquiry.Plan
	for _, c := range changes {
		step := inquiry.Change{Kind: c["kind"].(string)}
		step.Ref, _ = c["ref"].(string)
		if step.Delete, _ = c["delete"].(bool); !step.Delete {
			step.Document = objecttest.JSON(w.t, c["document"])
		}
		plan.Changes = append(plan.Changes, step)
	}
	return plan
}

// make does for real what a plan simulates.
func (w *world) make(plan inquiry.Plan) error {
	for _, c := range plan.Changes {
		kind := api.KindByName(c.Kind)
		if c.Delete {
			if err := w.Service.Delete(context.Background(), w.Owner, kind, c.Ref, object.WriteOptions{}); err != nil {
				return err
			}
			continue
		}
		if _, err := w.Service.Put(context.Background(), w.Owner, kind, c.Ref, c.Document, object.WriteOptions{Adopt: true}); err != nil {
			return err
		}
	}
	return nil
}

// TestSimulateForetellsWhatTheChangesDo simulates, makes the changes, and compares.
func TestSimulateForetellsWhatTheChangesDo(t *testing.T) {
	gains, losses := 0, 0
	for seed := range uint64(plans) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed+100)
			plan := w.plan(w.changes())
			before := objecttest.Dump(t, w.DB)
			got, err := inquiry.Simulate(context.Background(), w.Service, w.Owner, plan)
			if diff := cmp.Diff(before, objecttest.Dump(t, w.DB)); diff != "" {
				t.Fatalf("simulating changed something:\n%s", diff)
			}
			// Everybody who is there before or after.
			principals, paths := append(slices.Clone(w.principals), holders...), slices.Clone(w.paths)
			principals = slices.DeleteFunc(principals, func(p string) bool {
				return strings.HasPrefix(p, "team:") || strings.HasPrefix(p, "group:") || p == "email:m3@example.com"
			})
			slices.Sort(principals)
			principals = slices.Compact(principals)
			was := w.facts(principals, paths)
			if refused := w.make(plan); refused != nil {
				if err == nil {
					t.Errorf("simulated what is refused: %v", refused)
				}
				return
			}
			if err != nil {
				t.Fatalf("what can be done cannot be simulated: %v", err)
			}
			if got.Sampled || got.LevelsOnly > 0 {
				t.Errorf("a small world was sampled: %+v", got)
			}
			is := w.facts(principals, paths)
			var gained, lost []inquiry.Difference
			for _, principal := range principals {
				for _, path := range paths {
					b, a := was[[2]string{principal, path}], is[[2]string{principal, path}]
					d := inquiry.Difference{Principal: principal, Resource: path, OldLevel: b.level, NewLevel: a.level}
					if more := minus(a.permissions, b.permissions); len(more) > 0 || a.level > b.level {
						d.Permissions = more
						gained = append(gained, d)
					}
					if less := minus(b.permissions, a.permissions); len(less) > 0 || a.level < b.level {
						d.Permissions = less
						lost = append(lost, d)
					}
				}
			}
			gains, losses = gains+len(gained), losses+len(lost)
			for _, side := range []struct {
				name      string
				want, got []inquiry.Difference
			}{{"gains", gained, got.Gains}, {"losses", lost, got.Losses}} {
				slices.SortFunc(side.got, func(a, b inquiry.Difference) int {
					return strings.Compare(a.Principal+" "+a.Resource, b.Principal+" "+b.Resource)
				})
				slices.SortFunc(side.want, func(a, b inquiry.Difference) int {
					return strings.Compare(a.Principal+" "+a.Resource, b.Principal+" "+b.Resource)
				})
				if diff := cmp.Diff(side.want, append([]inquiry.Difference(nil), side.got...)); diff != "" {
					t.Errorf("%s of %v (-real +simulated):\n%s", side.name, plan.Changes, diff)
				}
			}
		})
	}
	if gains < 20 || losses < 20 {
		t.Errorf("%d gains and %d losses are too few to prove much", gains, losses)
	}
}

func minus(all, some []string) []string {
	out := []string{}
	for _, v := range all {
		if !slices.Contains(some, v) {
			out = append(out, v)
		}
	}
	return out
}

// TestSimulateSaysWhenItSampled: above the bound it compares an even choice.
func TestSimulateSaysWhenItSampled(t *testing.T) {
	w := newWorld(t, 1)
	plan := w.plan([]doc{{"kind": "role", "ref": "readers", "document": doc{"name": "readers", "base_level": "full_access"}}})
	plan.MaxPairs = 20
	got, err := inquiry.Simulate(context.Background(), w.Service, w.Owner, plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len(w.principals) * len(w.paths)); !got.Sampled || got.Compared == 0 || got.Compared > 20 || got.Pairs != want {
		t.Errorf("sampled %v, compared %d of %d pairs, want %d", got.Sampled, got.Compared, got.Pairs, want)
	}
	plan.MaxPairs = 0
	if got, err = inquiry.Simulate(context.Background(), w.Service, w.Owner, plan); err != nil || got.Sampled || int64(got.Compared) != got.Pairs {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSimulateAnswersTheQuestionsAsked(t *testing.T) {
	w := newWorld(t, 3)
	w.Create(t, w.Owner, api.FolderKind, doc{"path": "/new"})
	plan := w.plan([]doc{{"kind": "access_grant", "document": doc{"resource": "/new", "principal": "member:m3@example.com", "level": "view"}}})
	plan.Asked = []inquiry.Asked{{Principal: "member:m3@example.com", Resource: "/new", Permission: "asset.read"}, {Principal: "member:m3@example.com", Resource: "/new", Permission: "asset.update"}}
	got, err := inquiry.Simulate(context.Background(), w.Service, w.Owner, plan)
	if err != nil {
		t.Fatal(err)
	}
	was := w.facts([]string{"member:m3@example.com"}, []string{"/new"})[[2]string{"member:m3@example.com", "/new"}]
	want := []inquiry.Answered{{Asked: plan.Asked[0], Before: slices.Contains(was.permissions, "asset.read"), After: true}, {Asked: plan.Asked[1], Before: slices.Contains(was.permissions, "asset.update"), After: slices.Contains(was.permissions, "asset.update")}}
	if diff := cmp.Diff(want, got.Answers); diff != "" || got.Compared != 1 {
		t.Errorf("compared %d:\n%s", got.Compared, diff)
	}
}

func TestQuestionsRefuseWhatTheyCannotKnow(t *testing.T) {
	w := newWorld(t, 2)
	ctx := context.Background()
	for name, plan := range map[string]inquiry.Plan{
		"no change":      {},
		"unknown kind":   w.plan([]doc{{"kind": "spaceship", "document": doc{}}}),
		"no document":    {Changes: []inquiry.Change{{Kind: "team"}}},
		"bad permission": {Changes: w.plan([]doc{{"kind": "team", "document": doc{"slug": "x", "name": "X"}}}).Changes, Asked: []inquiry.Asked{{Principal: "member:m1@example.com", Resource: "/", Permission: "team.read"}}},
		"refused":        w.plan([]doc{{"kind": "access_grant", "document": doc{"resource": "/a", "principal": "team:nowhere", "level": "view"}}}),
		"too many":       {Changes: slices.Repeat(w.plan([]doc{{"kind": "team", "document": doc{"slug": "x", "name": "X"}}}).Changes, inquiry.MaxChanges+1)},
	} {
		_, err := inquiry.Simulate(ctx, w.Service, w.Owner, plan)
		var p *api.Problem
		if !errors.As(err, &p) || p.Code() != api.CodeInvalid || len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Path, "/changes") && !strings.HasPrefix(p.Errors[0].Path, "/pairs") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who may not make a change may not try it out either.
	_, err := inquiry.Simulate(ctx, w.Service, w.Member, w.plan([]doc{{"kind": "team", "document": doc{"slug": "x", "name": "X"}}}))
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code() != api.CodeForbidden {
		t.Errorf("a member simulates making a team: %v", err)
	}
	w.view(func(s *object.Scope) error {
		for _, q := range []inquiry.Who{{Resource: "/a", Permission: "asset.reed"}, {Resource: "/a", Permission: "team.read"}, {Permission: "asset.read"}, {Resource: "/a"}} {
			_, err := inquiry.WhoCan(ctx, s, q, "", 0)
			objecttest.WantViolation(t, err, "/permission")
		}
		for _, cursor := range []string{"x", "a2", "!!"} {
			if _, err := inquiry.Items(ctx, s, inquiry.What{Principal: "member:m1@example.com", Permission: "asset.read"}, cursor, 0); err == nil {
				t.Errorf("the cursor %q is taken", cursor)
			}
		}
		// Workspace permissions are asked without a resource.
		page, err := inquiry.WhoCan(ctx, s, inquiry.Who{Permission: "audit.read", Request: assume(s)}, "", 0)
		if err != nil {
			return err
		}
		for _, h := range page.Items {
			if h.Principal == "member:m3@example.com" {
				t.Errorf("%v reads the audit log", h)
			}
		}
		if len(page.Items) < 2 {
			t.Errorf("owner and admin are not both in %v", page.Items)
		}
		return nil
	})
}
