package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/vault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// Ten thousand statements are more than a role may have. The answer names the bound,
// and comes at once.
func TestRoleOfTenThousandStatementsIsRefused(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		statements := make([]map[string]any, 10_000)
		for n := range statements {
			statements[n] = map[string]any{"effect": "allow", "permissions": []string{"asset.read"}, "paths": []string{fmt.Sprintf("/p%d", n)}}
		}
		r := send(t, i, call{method: "PUT", path: "/v1/workspaces/acme/roles/vast", token: i.OwnerToken, body: map[string]any{"name": "vast", "statements": statements}})
		if r.status != 422 || !strings.Contains(r.String(), "/statements") || !strings.Contains(r.String(), "200") {
			t.Errorf("status %d: %.300s", r.status, r)
		}
		if len(r.body) > 10_000 {
			t.Errorf("the refusal is %d bytes long", len(r.body))
		}
	})
}

// Cedar skips a policy that errs. A deny that errs must not let anything through, and
// the answer says which policy it is.
func TestDenyThatErrsDeniesAtTheDoor(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		for _, c := range []call{
			{method: "POST", path: "/folders", body: map[string]any{"path": "/f"}},
			{method: "POST", path: "/access_grants", body: map[string]any{"resource": "/f", "principal": "member:member@example.com", "level": "edit"}},
		} {
			c.path, c.token = "/v1/workspaces/acme"+c.path, i.OwnerToken
			if r := send(t, i, c); r.status != 201 {
				t.Fatalf("%s: %d %s", c.path, r.status, r)
			}
		}
		check := func() (out access.Decision) {
			r := send(t, i, call{method: "POST", path: "/v1/workspaces/acme/access/check", token: i.OwnerToken, body: map[string]any{"principal": "member:member@example.com", "resource": "/f", "permission": "asset.read"}})
			if r.status != 200 {
				t.Fatalf("%d %s", r.status, r)
			}
			r.json(t, &out)
			return out
		}
		if d := check(); !d.Allowed {
			t.Fatalf("not allowed before: %s", d)
		}
		// Valid by the schema, and an overflow whenever it is evaluated.
		const erring = `context.mfa_age + 9223372036854775807 > 0 && context.mfa_age + 9223372036854775807 + 9223372036854775807 < 1`
		if r := send(t, i, call{method: "PUT", path: "/v1/workspaces/acme/attribute_policies/broken", token: i.OwnerToken, body: map[string]any{"name": "broken", "effect": "deny", "permissions": []string{"asset.read"}, "condition": erring}}); r.status != 201 {
			t.Fatalf("%d %s", r.status, r)
		}
		if d := check(); d.Allowed || !strings.Contains(d.String(), "broken") {
			t.Errorf("allowed is %t: %s", d.Allowed, d)
		}
	})
}

// A clock that jumps opens nothing: what has ended stays ended for who saw it end, and
// what was revoked stays revoked whatever the time is.
func TestClockThatJumpsOpensNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		ctx := context.Background()
		gate := signin.NewGate(f.Service)
		issue := func() (secret string) {
			if err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) (err error) {
				secret, err = signin.IssuePersonalToken(ctx, s, objecttest.MemberEmail, time.Hour)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return secret
		}
		f.Create(t, f.Owner, api.FolderKind, map[string]any{"path": "/f"})
		grant := map[string]any{"resource": "/f", "principal": "member:" + objecttest.MemberEmail, "level": "view", "expires_at": f.Service.Clock().Add(2 * time.Hour).UTC().Format(time.RFC3339)}
		f.Create(t, f.Owner, api.AccessGrantKind, grant)
		secret := issue()
		reads := func() bool {
			var d access.Decision
			if err := f.Service.View(ctx, f.Owner, func(s *object.Scope) error {
				subj, err := s.Subject(ctx, "member:"+objecttest.MemberEmail)
				if err != nil {
					return err
				}
				item, err := s.Item(ctx, "/f")
				if err != nil {
					return err
				}
				d = s.Engine().Check(subj, item, "asset.read", &access.RequestContext{Time: s.Now})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return d.Allowed
		}
		counts := func(secret string) bool {
			_, err := gate.Authenticate(ctx, secret, "192.0.2.1")
			return err == nil
		}
		expect := func(when string, grant, token bool) {
			t.Helper()
			if reads() != grant {
				t.Errorf("%s: the grant gives %t, want %t", when, !grant, grant)
			}
			if counts(secret) != token {
				t.Errorf("%s: the token counts %t, want %t", when, !token, token)
			}
		}
		expect("now", true, true)
		f.Advance(-48 * time.Hour)
		expect("two days back", true, true) // neither has ended: going back ends nothing
		f.Advance(48*time.Hour + 90*time.Minute)
		expect("when the token has ended", true, false)
		f.Advance(time.Hour)
		expect("when both have ended", false, false)

		// Revoked is revoked, at any time.
		f.Advance(-150 * time.Minute)
		secret = issue()
		f.Put(t, f.Owner, api.MemberKind, objecttest.MemberEmail, map[string]any{"email": objecttest.MemberEmail, "active": false})
		for _, jump := range []time.Duration{0, -72 * time.Hour, 74 * time.Hour} {
			f.Advance(jump)
			expect(fmt.Sprintf("suspended, after a jump of %s", jump), false, false)
		}
	})
}

// replicas are services on one database: one on SQLite, two on PostgreSQL.
type replicas struct {
	services  []*object.Service
	owner     *object.Caller
	workspace string
}

func startReplicas(t *testing.T, dialect store.Dialect) *replicas {
	t.Helper()
	ctx := context.Background()
	dsn := objecttest.DSN(t, dialect)
	r := &replicas{}
	count := 1
	if dialect == store.Postgres {
		count = 2
	}
	for range count {
		db, err := store.Open(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		v, err := vault.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		r.services = append(r.services, object.New(db, v, slog.New(slog.DiscardHandler)))
	}
	w, err := workspace.Create(ctx, r.services[0], &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: "cli"}, workspace.Spec{Slug: "acme", Name: "Acme", Owner: "owner@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	r.workspace = w.ID
	r.owner = &object.Caller{WorkspaceID: w.ID, WorkspaceSlug: "acme", Kind: object.PrincipalMember, Key: "owner@example.com", Door: "rest"}
	r.write(t, api.MemberKind, "", `{"email":"member@example.com"}`)
	r.write(t, api.FolderKind, "", `{"path":"/f"}`)
	return r
}

func (r *replicas) write(t *testing.T, kind *api.Kind, ref, doc string) api.Object {
	t.Helper()
	res, err := r.services[0].Put(context.Background(), r.owner, kind, ref, []byte(doc), object.WriteOptions{})
	if err != nil {
		t.Fatalf("writing a %s: %v", kind.Name, err)
	}
	return res.Object
}

func eachReplicas(t *testing.T, test func(t *testing.T, r *replicas)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) { test(t, startReplicas(t, dialect)) })
	}
}

const grantDoc = `{"resource":"/f","principal":"member:member@example.com","level":"%s"}`

// Two replicas change the same grant from the same version: one wins, the other is told
// that it has changed (412). Who names no version is repeated and wins as well, after
// the other one. The audit log has every change that was answered, and no other.
func TestReplicasThatChangeOneGrantLoseNothing(t *testing.T) {
	eachReplicas(t, func(t *testing.T, r *replicas) {
		ctx := context.Background()
		grant := r.write(t, api.AccessGrantKind, "", fmt.Sprintf(grantDoc, "view"))
		levels := []string{"comment", "edit", "manage", "view"}
		changes := 1 // its creation
		for round := range 6 {
			// What a level is changed to differs from what it is, so that each write is a change.
			is, err := r.services[0].Get(ctx, r.owner, api.AccessGrantKind, grant.GetMeta().ID)
			if err != nil {
				t.Fatal(err)
			}
			others := slices.DeleteFunc(slices.Clone(levels), func(l string) bool { return l == is.(*api.AccessGrant).Level })
			etag := ""
			if round%2 == 0 {
				etag = is.GetMeta().ETag
			}
			var failed [2]error
			var both sync.WaitGroup
			for n := range failed {
				both.Go(func() {
					svc := r.services[n%len(r.services)]
					_, failed[n] = svc.Put(ctx, r.owner, api.AccessGrantKind, grant.GetMeta().ID, fmt.Appendf(nil, grantDoc, others[n]), object.WriteOptions{IfMatch: etag})
				})
			}
			both.Wait()
			won := 0
			for _, err := range failed {
				var p *api.Problem
				switch {
				case err == nil:
					won++
				case etag == "" || !errors.As(err, &p) || p.Code() != api.CodePreconditionFailed:
					t.Fatalf("round %d: %v", round, err)
				}
			}
			if want := map[bool]int{true: 1, false: 2}[etag != ""]; won != want {
				t.Fatalf("round %d: %d of two writes won, want %d", round, won, want)
			}
			changes += won
		}
		events := 0
		if err := r.services[0].View(ctx, r.owner, func(s *object.Scope) error {
			return s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_event WHERE workspace_id = $1 AND target_id = $2`, r.workspace, grant.GetMeta().ID).Scan(&events)
		}); err != nil {
			t.Fatal(err)
		}
		if events != changes {
			t.Errorf("%d events for %d changes", events, changes)
		}
	})
}

// Requests race the revocation of what they need, on two replicas. Whatever begins
// after the revocation was answered is denied.
func TestNothingPassesAfterARevocationWasAnswered(t *testing.T) {
	eachReplicas(t, func(t *testing.T, r *replicas) {
		ctx := context.Background()
		var secret string
		if err := r.services[0].Do(ctx, object.System(r.workspace), func(s *object.Scope) (err error) {
			secret, err = signin.IssuePersonalToken(ctx, s, "member@example.com", time.Hour)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		gates := make([]*signin.Gate, len(r.services))
		for n, svc := range r.services {
			gates[n] = signin.NewGate(svc)
		}
		// request is what a door does: authenticate, then decide.
		request := func(n int) (allowed bool, err error) {
			caller, err := gates[n].Authenticate(ctx, secret, "192.0.2.1")
			if err != nil {
				return false, err
			}
			err = r.services[n].View(ctx, caller, func(s *object.Scope) error { return s.RequireOn(ctx, "/f", "asset.read") })
			var p *api.Problem
			if errors.As(err, &p) && p.Code() == api.CodeForbidden {
				return false, nil
			}
			return err == nil, err
		}
		for range 8 {
			id := r.write(t, api.AccessGrantKind, "", fmt.Sprintf(grantDoc, "view")).GetMeta().ID
			var revoked atomic.Bool
			var before, after, wrong atomic.Int64
			var racing sync.WaitGroup
			warm := make(chan struct{}, 4)
			for n := range 4 {
				racing.Go(func() {
					told := false
					for {
						late := revoked.Load()
						allowed, err := request(n % len(r.services))
						switch {
						case err != nil:
							t.Error(err)
							wrong.Add(1)
							late = true
						case late && allowed:
							wrong.Add(1)
						case late:
							after.Add(1)
						case allowed:
							before.Add(1)
						}
						if !told {
							warm <- struct{}{}
							told = true
						}
						if late {
							return
						}
					}
				})
			}
			for range 4 {
				<-warm
			}
			err := r.services[0].Delete(ctx, r.owner, api.AccessGrantKind, id, object.WriteOptions{})
			revoked.Store(true)
			racing.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if wrong.Load() > 0 {
				t.Fatalf("%d requests passed that began after the revocation was answered", wrong.Load())
			}
			if before.Load() == 0 || after.Load() != 4 {
				t.Fatalf("nothing was raced: %d passed before, %d were denied after", before.Load(), after.Load())
			}
		}
	})
}
