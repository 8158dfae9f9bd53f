package people_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

type doc = map[string]any

// The kinds of capabilities that people's rules reach into and do not link: plain rules
// stand in, with the real rows and columns.
func init() {
	if !object.Registered(api.SCIMGroupMappingKind) {
		object.Register(api.SCIMGroupMappingKind, object.Rules[*api.SCIMGroupMapping]{
			Table: store.Table{Name: "scim_group_mapping", Extra: []string{"connection", "group_key", "team", "team_role", "workspace_role", "role", "scope"}},
			Columns: func(m *api.SCIMGroupMapping) []any {
				return []any{m.Connection, "n:" + strings.ToLower(m.Group), m.Team, m.TeamRole, m.WorkspaceRole, m.Role, m.Scope}
			},
		})
	}
	if !object.Registered(api.LoginPolicyKind) {
		object.Register(api.LoginPolicyKind, object.Rules[*api.LoginPolicy]{
			Default: func(context.Context, *object.Scope, string) (*api.LoginPolicy, error) {
				return &api.LoginPolicy{PasswordLogin: "allowed", AutoJoin: "off", MaxFailedAttempts: 10, OnDestroy: "keep"}, nil
			},
		})
	}
}

var ctx = context.Background()

func connection(f *objecttest.Fixture) *object.Caller {
	return &object.Caller{WorkspaceID: f.Workspace.ID, WorkspaceSlug: f.Workspace.Slug, Kind: object.PrincipalConnection, ID: "okta", Key: "okta", Door: audit.DoorSCIM}
}

// provision makes a member as SCIM would.
func provision(t *testing.T, f *objecttest.Fixture, email string) {
	t.Helper()
	f.Create(t, connection(f), api.MemberKind, doc{"email": email, "display_name": "From Okta"})
}

// addGuest makes a guest, whom the member kind alone cannot make.
func addGuest(t *testing.T, f *objecttest.Fixture, email string) {
	t.Helper()
	err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
		return s.SaveDerived(ctx, api.MemberKind, object.How{}, &api.Member{Email: email, WorkspaceRole: "guest", Active: true, Source: api.ManagedByManual})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addCredentials gives a principal a session and a token that work.
func addCredentials(t *testing.T, f *objecttest.Fixture, principal string) {
	t.Helper()
	err := f.DB.Write(ctx, func(tx *store.Tx) error {
		now := time.Now()
		if _, err := tx.ExecContext(ctx, `INSERT INTO session (id, workspace_id, principal, hash, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
			store.NewID("ses", now), f.Workspace.ID, principal, store.NewID("hash", now), now.UnixMicro(), now.Add(time.Hour).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO token_secret (hash, workspace_id, token_kind, token_id, principal, rotation, created_at, expires_at, revoked_at, last_used_at) VALUES ($1, $2, 'personal', 'tok', $3, 0, $4, 0, 0, 0)`,
			store.NewID("hash", now), f.Workspace.ID, principal, now.UnixMicro())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// liveCredentials counts sessions and tokens of a principal that were not revoked.
func liveCredentials(t *testing.T, f *objecttest.Fixture, principal string) int {
	t.Helper()
	var n int
	err := f.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM session WHERE workspace_id = $1 AND principal = $2 AND revoked_at = 0) + (SELECT COUNT(*) FROM token_secret WHERE workspace_id = $1 AND principal = $2 AND revoked_at = 0)`,
			f.Workspace.ID, principal).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rows counts the rows of a table that name a principal.
func rows(t *testing.T, f *objecttest.Fixture, table, principal string) int {
	t.Helper()
	var n int
	err := f.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table+` WHERE workspace_id = $1 AND principal = $2`, f.Workspace.ID, principal).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// holdings gives a member a team, a grant and a role.
func holdings(t *testing.T, f *objecttest.Fixture, email string) {
	t.Helper()
	if _, err := f.TryCreate(t, f.Owner, api.TeamKind, doc{"slug": "design", "name": "Design"}); err != nil {
		objecttest.WantProblem(t, err, api.CodeConflict)
	}
	f.Create(t, f.Owner, api.TeamMembershipKind, doc{"team": "design", "principal": email, "role": "editor"})
	f.Create(t, f.Owner, api.FolderKind, doc{"path": "/held"})
	f.Create(t, f.Owner, api.AccessGrantKind, doc{"resource": "/held", "principal": "member:" + email, "level": "edit"})
	f.Create(t, f.Owner, api.RoleAssignmentKind, doc{"role": "manager", "principal": "member:" + email, "scope": "/held"})
	addCredentials(t, f, "member:"+email)
}

func TestRevokedMemberIsDeniedOnNextRequest(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		if _, err := f.Service.Get(ctx, f.Member, api.MemberKind, objecttest.OwnerEmail); err != nil {
			t.Fatalf("an active member may read members: %v", err)
		}
		f.Delete(t, f.Admin, api.MemberKind, objecttest.MemberEmail)
		_, err := f.Service.Get(ctx, f.Member, api.MemberKind, objecttest.OwnerEmail)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = f.TryCreate(t, f.Member, api.ProjectKind, doc{"path": "/x", "name": "X", "team": "design"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestDestroyingAMemberSuspendsAndEndsEverythingAtOnce(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		holdings(t, f, objecttest.MemberEmail)
		who := "member:" + objecttest.MemberEmail
		if n := liveCredentials(t, f, who); n != 2 {
			t.Fatalf("%d live credentials before, want 2", n)
		}
		f.Delete(t, f.Admin, api.MemberKind, objecttest.MemberEmail)
		m := f.Get(t, f.Admin, api.MemberKind, objecttest.MemberEmail).(*api.Member)
		if m.Active || m.SuspendedAt == nil || m.ID != f.Member.ID {
			t.Errorf("after the suspension: active %v, suspended at %v, id %s; want the same identity, suspended", m.Active, m.SuspendedAt, m.ID)
		}
		if n := liveCredentials(t, f, who); n != 0 {
			t.Errorf("%d credentials still work", n)
		}
		for table, principal := range map[string]string{"team_membership": objecttest.MemberEmail, "access_grant": who, "role_assignment": who} {
			if n := rows(t, f, table, principal); n != 0 {
				t.Errorf("%d rows of %s outlived the suspension", n, table)
			}
		}
		var actions []string
		for _, e := range f.Events(t, audit.Filter{From: time.Now().Add(-time.Hour)}) {
			actions = append(actions, e.Action)
		}
		for _, want := range []string{"member.suspended", "session.revoked", "token.revoked", "team_membership.revoked", "access_grant.revoked", "role_assignment.revoked"} {
			if !slices.Contains(actions, want) {
				t.Errorf("the audit log has no %s: %v", want, actions)
			}
		}
	})
}

func TestCreatingASuspendedMemberAgainReactivatesTheSameIdentity(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "people")
		first := f.Create(t, tf, api.MemberKind, doc{"email": "Bea@example.com"}).(*api.Member)
		_, err := f.TryCreate(t, tf, api.MemberKind, doc{"email": "bea@example.com"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		f.Delete(t, tf, api.MemberKind, "bea@example.com")
		again := f.Create(t, tf, api.MemberKind, doc{"email": "bea@example.com", "workspace_role": "admin"}).(*api.Member)
		if again.ID != first.ID || !again.Active || again.SuspendedAt != nil || again.WorkspaceRole != "admin" {
			t.Errorf("again = %+v, want the identity %s, active", again, first.ID)
		}
		if again.ManagedBy.Kind != api.ManagedByTerraform || again.ManagedBy.Stack != "people" {
			t.Errorf("managed by %+v, want the stack that created it again", again.ManagedBy)
		}
	})
}

func TestSuspendingByAttributeEndsCredentialsAndKeepsGrants(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		holdings(t, f, objecttest.MemberEmail)
		f.Put(t, f.Admin, api.MemberKind, "", doc{"email": objecttest.MemberEmail, "active": false})
		if n := liveCredentials(t, f, "member:"+objecttest.MemberEmail); n != 0 {
			t.Errorf("%d credentials still work", n)
		}
		if n := rows(t, f, "access_grant", "member:"+objecttest.MemberEmail); n != 1 {
			t.Errorf("%d grants, want the one of before: a suspension by attribute is reversible", n)
		}
		_, err := f.Service.Get(ctx, f.Member, api.MemberKind, objecttest.OwnerEmail)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		m := f.Put(t, f.Admin, api.MemberKind, "", doc{"email": objecttest.MemberEmail}).(*api.Member)
		if !m.Active || m.SuspendedAt != nil {
			t.Errorf("after reactivation: %+v", m)
		}
		f.Get(t, f.Member, api.MemberKind, objecttest.OwnerEmail)
		if len(f.Events(t, audit.Filter{Action: audit.ActionMemberReactivated})) != 1 {
			t.Error("the reactivation is not in the audit log")
		}
	})
}

func TestOwnerIsOutOfReachOfTheMemberKind(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		for name, d := range map[string]doc{
			"demote":  {"email": objecttest.OwnerEmail, "workspace_role": "member"},
			"suspend": {"email": objecttest.OwnerEmail, "workspace_role": "admin", "active": false},
		} {
			_, err := f.TryPut(t, f.Admin, api.MemberKind, "", d)
			if err == nil {
				t.Fatalf("%s: the owner was changed", name)
			}
			objecttest.WantViolation(t, err, "/workspace_role")
		}
		_, err := f.TryCreate(t, f.Owner, api.MemberKind, doc{"email": "second@example.com", "workspace_role": "owner"})
		objecttest.WantViolation(t, err, "/workspace_role")
		_, err = f.TryCreate(t, f.Owner, api.MemberKind, doc{"email": "guest@example.com", "workspace_role": "guest"})
		objecttest.WantViolation(t, err, "/workspace_role")
		err = f.Service.Delete(ctx, f.Admin, api.MemberKind, objecttest.OwnerEmail, object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeLockout)
		err = f.Service.Do(ctx, connection(f), func(s *object.Scope) error {
			return people.Suspend(ctx, s, objecttest.OwnerEmail, "leaver at the identity provider")
		})
		objecttest.WantProblem(t, err, api.CodeLockout)
		if m := f.Get(t, f.Admin, api.MemberKind, objecttest.OwnerEmail).(*api.Member); m.WorkspaceRole != "owner" || !m.Active {
			t.Errorf("owner = %+v", m)
		}
	})
}

func TestDatabaseHoldsExactlyOneOwner(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		err := f.DB.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE member SET role = 'owner' WHERE workspace_id = $1 AND key = $2`, f.Workspace.ID, objecttest.AdminEmail)
			return err
		})
		if !store.IsUnique(err) {
			t.Errorf("a second owner: %v, want a violated constraint", err)
		}
	})
}

func TestWorkspaceNeverHasFewerAdministratorsThanItsFloor(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.WorkspaceKind, "", doc{"slug": "acme", "name": "Acme", "min_admins": 2})
		_, err := f.TryPut(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "member"})
		objecttest.WantProblem(t, err, api.CodeLockout)
		_, err = f.TryPut(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "admin", "active": false})
		objecttest.WantProblem(t, err, api.CodeLockout)
		err = f.Service.Delete(ctx, f.Owner, api.MemberKind, objecttest.AdminEmail, object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeLockout)
		f.AddMember(t, f.Owner, "amy@example.com", "admin")
		// As many as the floor may stay, however the others go.
		f.Put(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "admin", "active": false})
		f.Put(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "admin"})
		f.Delete(t, f.Owner, api.MemberKind, objecttest.AdminEmail)
	})
}

func TestTwoConcurrentDemotionsCannotPassTheFloor(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.AddMember(t, f.Owner, "amy@example.com", "admin")
		f.Put(t, f.Owner, api.WorkspaceKind, "", doc{"slug": "acme", "name": "Acme", "min_admins": 2})
		errs := make(chan error, 2)
		for _, email := range []string{objecttest.AdminEmail, "amy@example.com"} {
			go func() {
				errs <- f.Service.Delete(ctx, f.Owner, api.MemberKind, email, object.WriteOptions{})
			}()
		}
		refused := 0
		for range 2 {
			if err := <-errs; err != nil {
				objecttest.WantProblem(t, err, api.CodeLockout)
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d of 2 demotions were refused, want 1", refused)
		}
	})
}

func TestBreakGlassAccountCannotBeSuspended(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.LoginPolicyKind, "", doc{"exempt_principals": []string{objecttest.MemberEmail}})
		if m := f.Get(t, f.Owner, api.MemberKind, objecttest.MemberEmail).(*api.Member); !m.SSOExempt {
			t.Error("sso_exempt is false for a declared break-glass account")
		}
		err := f.Service.Delete(ctx, f.Owner, api.MemberKind, objecttest.MemberEmail, object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeLockout)
		_, err = f.TryPut(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.MemberEmail, "active": false})
		objecttest.WantProblem(t, err, api.CodeLockout)
	})
}

func TestWhatSCIMOwnsIsChangedBySCIMAlone(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		provision(t, f, "sam@example.com")
		tf := objecttest.Stack(f.Admin, "people")
		_, err := f.TryPut(t, tf, api.MemberKind, "", doc{"email": "sam@example.com", "display_name": "Mine"})
		objecttest.WantViolation(t, err, "/display_name")
		_, err = f.TryPut(t, f.Admin, api.MemberKind, "", doc{"email": "sam@example.com", "active": false})
		objecttest.WantViolation(t, err, "/active")
		m := f.Put(t, tf, api.MemberKind, "", doc{"email": "sam@example.com", "workspace_role": "admin"}).(*api.Member)
		if m.DisplayName != "From Okta" || m.Source != api.ManagedBySCIM || m.Connection != "okta" || m.WorkspaceRole != "admin" {
			t.Errorf("member = %+v; want the role of the code and the name of SCIM", m)
		}
		m = f.Put(t, connection(f), api.MemberKind, "", doc{"email": "sam@example.com", "display_name": "Sam I.", "workspace_role": "admin"}).(*api.Member)
		if m.DisplayName != "Sam I." {
			t.Errorf("SCIM could not change the name: %+v", m)
		}
	})
}

func TestServiceAccountNeedsAnActiveOwnerAndLosesItsTokensWhenSuspended(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryCreate(t, f.Admin, api.ServiceAccountKind, doc{"name": "ci", "owner": "nobody@example.com"})
		if v := objecttest.WantViolation(t, err, "/owner"); v.Code != api.ViolationReference || v.Key != "nobody@example.com" {
			t.Errorf("violation = %+v", v)
		}
		f.AddMember(t, f.Owner, "gone@example.com", "member")
		f.Delete(t, f.Owner, api.MemberKind, "gone@example.com")
		_, err = f.TryCreate(t, f.Admin, api.ServiceAccountKind, doc{"name": "ci", "owner": "gone@example.com"})
		objecttest.WantViolation(t, err, "/owner")

		f.Create(t, f.Admin, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.MemberEmail, "workspace_role": "admin"})
		ci := &object.Caller{WorkspaceID: f.Workspace.ID, WorkspaceSlug: "acme", Kind: object.PrincipalServiceAccount, Key: "ci", Door: audit.DoorREST, TokenID: "tok", Scopes: []string{"*"}}
		f.Get(t, ci, api.MemberKind, objecttest.OwnerEmail)
		addCredentials(t, f, "service_account:ci")
		f.Delete(t, f.Admin, api.ServiceAccountKind, "ci")
		if n := liveCredentials(t, f, "service_account:ci"); n != 0 {
			t.Errorf("%d credentials still work", n)
		}
		_, err = f.Service.Get(ctx, ci, api.MemberKind, objecttest.OwnerEmail)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		again := f.Create(t, f.Admin, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.MemberEmail}).(*api.ServiceAccount)
		if !again.Active {
			t.Error("the account did not come back")
		}
		if n := liveCredentials(t, f, "service_account:ci"); n != 0 {
			t.Error("its old tokens came back with it")
		}
	})
}

func TestMembersListPagesThroughThousandsInKeyOrder(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		var members []api.Object
		for i := range 1203 {
			members = append(members, &api.Member{Email: fmt.Sprintf("m%04d@example.com", i), WorkspaceRole: "member", Active: i%2 == 0, Source: api.ManagedByManual})
		}
		err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
			return s.SaveDerived(ctx, api.MemberKind, object.How{}, members...)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			filter map[string]string
			want   int
		}{
			{nil, 1206},
			{map[string]string{"active": "false"}, 601},
			{map[string]string{"workspace_role": "admin"}, 1},
			{map[string]string{"workspace_role": "member", "active": "true"}, 603},
			{map[string]string{"email": "M0007@example.com"}, 1},
			{map[string]string{"source": "system"}, 1},
		} {
			var keys []string
			cursor := ""
			for {
				page, err := f.Service.List(ctx, f.Member, api.MemberKind, c.filter, cursor, 250)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page.Items {
					keys = append(keys, o.GetMeta().Key)
				}
				if cursor = page.NextCursor; cursor == "" {
					break
				}
			}
			if len(keys) != c.want || !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
				t.Errorf("filter %v: %d members (sorted %v), want %d", c.filter, len(keys), slices.IsSorted(keys), c.want)
			}
		}
		_, err = f.Service.List(ctx, f.Member, api.MemberKind, map[string]string{"display_name": "x"}, "", 10)
		objecttest.WantProblem(t, err, api.CodeMalformed)
		_, err = f.Service.List(ctx, f.Member, api.MemberKind, nil, "made-up", 10)
		objecttest.WantProblem(t, err, api.CodeMalformed)
	})
}
