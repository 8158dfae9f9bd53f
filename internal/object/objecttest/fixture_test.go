package objecttest_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func TestFixtureHasAWorkspaceWithItsPeople(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		for email, role := range map[string]string{objecttest.OwnerEmail: "owner", objecttest.AdminEmail: "admin", objecttest.MemberEmail: "member"} {
			m := f.Get(t, f.Member, api.MemberKind, email).(*api.Member)
			if m.WorkspaceRole != role || !m.Active {
				t.Errorf("%s: role %q, active %v; want an active %s", email, m.WorkspaceRole, m.Active, role)
			}
		}
		w := f.Get(t, f.Member, api.WorkspaceKind, "").(*api.Workspace)
		if w.ID != f.Workspace.ID || w.Key != "acme" || w.ManagedBy.Kind != api.ManagedBySystem {
			t.Errorf("workspace = %+v", w)
		}
		if events := f.Events(t, audit.Filter{}); len(events) != 4 {
			t.Errorf("%d audit events, want 4: the workspace and three members", len(events))
		}
	})
}
