package signin_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

func (w *world) personal(email string) string {
	w.t.Helper()
	var secret string
	w.do(func(ctx context.Context, s *object.Scope) (err error) {
		secret, err = signin.IssuePersonalToken(ctx, s, email, time.Hour)
		return err
	})
	return secret
}

func (w *world) do(f func(context.Context, *object.Scope) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error { return f(ctx, s) }); err != nil {
		w.t.Fatal(err)
	}
}

// remembers makes a gate that has met a secret often enough to remember its holder.
func (w *world) remembers(secret string) *signin.Gate {
	w.t.Helper()
	g := signin.NewGate(w.Service)
	for range 4 {
		if _, err := g.Authenticate(context.Background(), secret, "192.0.2.1"); err != nil {
			w.t.Fatalf("the secret does not count: %v", err)
		}
	}
	return g
}

// A gate that remembers a holder answers by what holds now, whatever changed.
func TestGateForgetsWhatHasChanged(t *testing.T) {
	token := doc{"name": "main", "service_account": "ci", "scopes": []string{"team.read", "member.*"}}
	with := func(name string, value any) doc {
		d := doc{name: value}
		for k, v := range token {
			if k != name {
				d[k] = v
			}
		}
		return d
	}
	issue := func(w *world) string {
		w.Create(w.t, w.Owner, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.AdminEmail})
		id := w.Create(w.t, w.Owner, api.APITokenKind, token).GetMeta().ID
		var secret string
		if err := w.Service.Do(context.Background(), w.Owner, func(s *object.Scope) (err error) {
			secret, _, err = signin.IssueAPISecret(context.Background(), s, id)
			return err
		}); err != nil {
			w.t.Fatal(err)
		}
		return secret
	}
	put := func(d doc) func(*world) {
		return func(w *world) { w.Put(w.t, w.Owner, api.APITokenKind, "", d) }
	}
	for _, c := range []struct {
		name   string
		change func(*world)
		want   func(*testing.T, *object.Caller) // nil: refused
	}{
		{name: "the secret is revoked", change: func(w *world) {
			w.do(func(ctx context.Context, s *object.Scope) error {
				obj, err := s.Get(ctx, api.APITokenKind, api.APITokenKind.KeyOf(&api.APIToken{ServiceAccount: "ci", Name: "main"}))
				if err != nil {
					return err
				}
				return signin.RevokeSecrets(ctx, s, obj.GetMeta().ID)
			})
		}},
		{name: "the token is deleted", change: func(w *world) {
			if err := w.remove(api.APITokenKind, api.APITokenKind.KeyOf(&api.APIToken{ServiceAccount: "ci", Name: "main"})); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "time goes by", change: func(w *world) { w.Advance(91 * 24 * time.Hour) }},
		{name: "the network is no longer allowed", change: put(with("allowed_cidrs", []string{"198.51.100.0/24"}))},
		{name: "the network is still allowed", change: put(with("allowed_cidrs", []string{"192.0.2.0/24"})), want: func(*testing.T, *object.Caller) {}},
		{name: "the scopes are narrower", change: put(with("scopes", []string{"read_only"})), want: func(t *testing.T, c *object.Caller) {
			if !c.ReadOnly || len(c.Scopes) != 1 || c.Scopes[0] != "*" {
				t.Errorf("scopes %v, read only %t after they were narrowed", c.Scopes, c.ReadOnly)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				secret := issue(w)
				g := w.remembers(secret)
				c.change(w)
				got, err := g.Authenticate(context.Background(), secret, "192.0.2.1")
				if c.want == nil {
					objecttest.WantProblem(t, err, api.CodeUnauthenticated)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				c.want(t, got)
			})
		})
	}
}

func TestGateKnowsARenamedMemberByTheNewName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secret := w.personal(objecttest.MemberEmail)
		g := w.remembers(secret)
		w.do(func(ctx context.Context, s *object.Scope) error {
			return people.Rename(ctx, s, objecttest.MemberEmail, "mia.new@example.com")
		})
		c, err := g.Authenticate(context.Background(), secret, "192.0.2.1")
		if err != nil || c.Key != "mia.new@example.com" || c.ID != w.Member.ID {
			t.Errorf("after the renaming the secret stands for %+v, %v", c, err)
		}
	})
}

// Who authenticates reads the workspace's version, and the request's first question is
// decided by it. When the workspace has moved on by the time that the question reads
// something, nothing counts that was decided before.
func TestQuestionIsAskedAgainWhenTheWorkspaceHasMovedOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		secret := w.personal(objecttest.MemberEmail)
		g := w.remembers(secret)
		list := func(c *object.Caller) error {
			_, err := w.Service.List(ctx, c, api.TeamKind, nil, "", 10)
			return err
		}
		c, err := g.Authenticate(ctx, secret, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		if err := list(c); err != nil {
			t.Fatalf("a member lists teams: %v", err)
		}
		if c, err = g.Authenticate(ctx, secret, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		w.Put(t, w.Owner, api.MemberKind, objecttest.MemberEmail, doc{"email": objecttest.MemberEmail, "active": false})
		objecttest.WantProblem(t, list(c), api.CodeForbidden)
	})
}

// What was read with the credential serves one question. Later ones of the same
// request read the version again.
func TestSecondQuestionOfARequestReadsTheVersionAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		secret := w.personal(objecttest.MemberEmail)
		c, err := w.remembers(secret).Authenticate(ctx, secret, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		require := func() error {
			return w.Service.View(ctx, c, func(s *object.Scope) error { return s.Require(ctx, "team.read") })
		}
		if err := require(); err != nil {
			t.Fatalf("a member reads teams: %v", err)
		}
		w.Put(t, w.Owner, api.MemberKind, objecttest.MemberEmail, doc{"email": objecttest.MemberEmail, "active": false})
		objecttest.WantProblem(t, require(), api.CodeForbidden)
	})
}
