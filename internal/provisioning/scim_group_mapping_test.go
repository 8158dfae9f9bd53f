package provisioning_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func TestMappingMustLeadSomewhere(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
		f.Create(t, f.Admin, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		for name, tt := range map[string]struct {
			path string
			doc  map[string]any
		}{
			"nothing":        {"/team", map[string]any{}},
			"missing team":   {"/team", map[string]any{"team": "ghosts", "team_role": "viewer"}},
			"no team role":   {"/team_role", map[string]any{"team": "design"}},
			"missing role":   {"/role", map[string]any{"role": "ghost", "scope": "/brand"}},
			"missing scope":  {"/scope", map[string]any{"role": "viewer", "scope": "/ghosts"}},
			"two meanings":   {"/team", map[string]any{"team": "design", "team_role": "viewer", "workspace_role": "member"}},
			"empty external": {"/group", map[string]any{"group": "external:", "team": "design", "team_role": "viewer"}},
			"outer spaces":   {"/group", map[string]any{"group": " Designers", "team": "design", "team_role": "viewer"}},
		} {
			t.Run(name, func(t *testing.T) {
				doc := map[string]any{"connection_name": "okta", "group": "Designers"}
				for k, v := range tt.doc {
					doc[k] = v
				}
				_, err := f.TryCreate(t, f.Admin, api.SCIMGroupMappingKind, doc)
				objecttest.WantViolation(t, err, tt.path)
			})
		}
		for _, doc := range []map[string]any{
			{"team": "design", "team_role": "viewer"}, {"workspace_role": "member"},
			{"role": "editor", "scope": "/brand"}, {"role": "viewer", "scope": "/"},
		} {
			doc["connection_name"], doc["group"] = "okta", "Designers"
			f.Create(t, f.Admin, api.SCIMGroupMappingKind, doc)
		}
	})
}

func TestOnlyTheOwnerLetsAGroupMakeAdmins(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		doc := map[string]any{"connection_name": "okta", "group": "Admins", "workspace_role": "admin"}
		_, err := f.TryCreate(t, f.Admin, api.SCIMGroupMappingKind, doc)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		objecttest.WantViolation(t, err, "/workspace_role")
		f.Create(t, f.Admin, api.SCIMGroupMappingKind, map[string]any{"connection_name": "okta", "group": "Admins", "workspace_role": "member"})
		_, err = f.TryPut(t, f.Admin, api.SCIMGroupMappingKind, "", doc) // nor by raising it later
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Put(t, f.Owner, api.SCIMGroupMappingKind, "", doc)
		events := f.Events(t, audit.Filter{Action: "scim_group_mapping.*"})
		if len(events) != 2 || events[0].Effect != audit.EffectWidened {
			t.Errorf("events = %+v", events)
		}
	})
}

func TestMappingAndAuthoritativeMembershipsDoNotFight(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
		set := map[string]any{"team": "design", "members": map[string]string{objecttest.MemberEmail: "viewer"}}
		f.Put(t, f.Admin, api.TeamMembershipsKind, "design", set)
		doc := map[string]any{"connection_name": "okta", "group": "Designers", "team": "design", "team_role": "viewer"}
		_, err := f.TryCreate(t, f.Admin, api.SCIMGroupMappingKind, doc)
		objecttest.WantViolation(t, err, "/team")
		set["sources"] = []string{"terraform"}
		f.Put(t, f.Admin, api.TeamMembershipsKind, "design", set)
		f.Create(t, f.Admin, api.SCIMGroupMappingKind, doc)
		set["sources"] = []string{"terraform", "manual"}
		_, err = f.TryPut(t, f.Admin, api.TeamMembershipsKind, "design", set)
		objecttest.WantViolation(t, err, "/sources")
	})
}
