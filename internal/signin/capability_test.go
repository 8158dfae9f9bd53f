package signin_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// C003, C048: a client secret is in no row of the database as it is, and what changed
// on the connection is in the log without it.
func TestClientSecretIsInNoRowOfTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.connection(oidcDoc("corp"))
		changed := oidcDoc("corp")
		changed["domains"] = []string{"example.com"}
		changed["oidc"].(doc)["client_secret_wo"] = "an0ther-secret"
		changed["oidc"].(doc)["client_secret_wo_version"] = 2
		w.connection(changed)
		for table, rows := range objecttest.Dump(t, w.DB) {
			for _, row := range rows {
				if strings.Contains(row, "s3cret-value") || strings.Contains(row, "an0ther-secret") {
					t.Errorf("%s holds the secret: %s", table, row)
				}
			}
		}
		events := w.Events(t, audit.Filter{Family: audit.FamilySSO})
		if len(events) != 2 || events[0].Action != "sso_connection.created" || events[1].Action != "sso_connection.updated" || events[1].Actor.Key != objecttest.AdminEmail {
			t.Fatalf("events = %+v", events)
		}
		changes, err := audit.Diff(events[1].Before, events[1].After)
		if err != nil {
			t.Fatal(err)
		}
		var domains bool
		for _, c := range changes {
			domains = domains || c.Path == "/domains"
		}
		if !domains {
			t.Errorf("the change of domains is not in the log: %+v", changes)
		}
	})
}
