package workspace_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// C047: changed settings of workspace and team name who changed which field.
func TestChangedSettingsAreInTheAuditLogFieldByField(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.WorkspaceKind, "", acme(doc{"classification": "confidential", "closure_days": 14}))
		f.Put(t, f.Admin, api.RetentionPolicyKind, "", doc{"trash_days": 7})
		f.Create(t, f.Admin, api.TeamKind, doc{"slug": "design", "name": "Design"})
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "default_level": "edit"})
		for action, c := range map[string]struct {
			by     string
			family audit.Family
			paths  []string
		}{
			"workspace.updated":        {objecttest.OwnerEmail, audit.FamilySettings, []string{"/classification", "/closure_days", "/name"}},
			"retention_policy.updated": {objecttest.AdminEmail, audit.FamilyPolicy, []string{"/trash_days"}},
			"team.updated":             {objecttest.AdminEmail, audit.FamilySettings, []string{"/default_level"}},
		} {
			t.Run(action, func(t *testing.T) {
				events := f.Events(t, audit.Filter{Action: action, Family: c.family})
				if len(events) != 1 || events[0].Actor.Key != c.by || events[0].Time.IsZero() {
					t.Fatalf("events = %+v, want one by %s", events, c.by)
				}
				changes, err := audit.Diff(events[0].Before, events[0].After)
				if err != nil {
					t.Fatal(err)
				}
				var paths []string
				for _, change := range changes {
					paths = append(paths, change.Path)
				}
				if diff := cmp.Diff(c.paths, paths); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
			})
		}
	})
}
