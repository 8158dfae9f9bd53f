package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// identityProvider pushes as connection okta and answers ids.
func (a *acceptance) identityProvider(t *testing.T) func(method, path, body string) (id string) {
	t.Helper()
	at := a.client.Workspace(a.Workspace)
	token, err := at.Create(t.Context(), api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "main"}, client.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := at.Secret(t.Context(), api.SCIMTokenKind, token.ID(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return func(method, path, body string) (id string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL+"/scim/v2"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret.Secret)
		req.Header.Set("Content-Type", "application/scim+json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var u struct{ ID, Detail string }
		if err := json.NewDecoder(res.Body).Decode(&u); err != nil || res.StatusCode >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %v %s", method, path, res.StatusCode, err, u.Detail)
		}
		return u.ID
	}
}

// TestAccARenamedMemberIsNeverReplaced: an identity provider calls somebody otherwise who
// is declared by e-mail. The plan shows it as drift in place and tells what to write; the
// person, what they hold and their credentials stay, whatever is applied in between.
func TestAccARenamedMemberIsNeverReplaced(t *testing.T) {
	a := startAcceptance(t)
	at, push := a.client.Workspace(a.Workspace), a.identityProvider(t)
	id := push("POST", "/Users", `{"userName":"ann@example.com"}`)
	member := func(name, email, role string) string {
		return a.config(fmt.Sprintf("resource \"gatehouse_member\" %q {\n  email          = %q\n  workspace_role = %q\n}\n", name, email, role))
	}
	same := func(email, role string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			m, err := at.Get(t.Context(), api.MemberKind, id)
			if err != nil {
				return err
			}
			if m.Key() != email || m["active"] != true || m["workspace_role"] != role {
				return fmt.Errorf("the member is %v", m)
			}
			return nil
		}
	}
	const address = "gatehouse_member.ann"
	inPlace := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}}
	moved := fmt.Sprintf("moved {\n  from = %s\n  to   = gatehouse_member.ann_ott\n}\n", address)
	run(t,
		resource.TestStep{ResourceName: address, Config: member("ann", "ann@example.com", "member"), ImportState: true, ImportStateId: "ann@example.com", ImportStatePersist: true},
		resource.TestStep{Config: member("ann", "ann@example.com", "member"), Check: same("ann@example.com", "member")},
		resource.TestStep{
			PreConfig: func() {
				push("PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"ann.ott@example.com"}]}`)
			},
			Config: member("ann", "ann@example.com", "member"), ConfigPlanChecks: inPlace, ExpectNonEmptyPlan: true, Check: same("ann.ott@example.com", "member"),
		},
		// Other changes go on while the old address stands.
		resource.TestStep{Config: member("ann", "ann@example.com", "admin"), ConfigPlanChecks: inPlace, ExpectNonEmptyPlan: true, Check: same("ann.ott@example.com", "admin")},
		// Another address without a moved block would end them in between.
		resource.TestStep{Config: member("ann_ott", "ann.ott@example.com", "admin"), ExpectError: regexp.MustCompile(`(?s)moved block|exists already`)},
		resource.TestStep{Config: member("ann_ott", "ann.ott@example.com", "admin") + moved, Check: same("ann.ott@example.com", "admin"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		planOnly(resource.TestStep{Config: member("ann_ott", "ann.ott@example.com", "admin") + moved}),
	)
}

// What names the person by the old address is refused at plan, before anything is taken,
// and is as declared as soon as the new one is written.
func TestAccReferencesToARenamedMemberAreRefusedAtPlan(t *testing.T) {
	a := startAcceptance(t)
	at, push := a.client.Workspace(a.Workspace), a.identityProvider(t)
	id := push("POST", "/Users", `{"userName":"ann@example.com"}`)
	config := func(email string) string {
		return a.config(fmt.Sprintf("resource \"gatehouse_member\" \"ann\" {\n  email = %q\n}\n", email) + designTeam +
			"resource \"gatehouse_team_membership\" \"ann\" {\n  team = gatehouse_team.design.slug\n  principal = gatehouse_member.ann.email\n  role = \"viewer\"\n}\n")
	}
	still := func(*terraform.State) error {
		_, err := at.Get(t.Context(), api.TeamMembershipKind, "design/ann.ott@example.com")
		return err
	}
	run(t,
		resource.TestStep{ResourceName: "gatehouse_member.ann", Config: config("ann@example.com"), ImportState: true, ImportStateId: "ann@example.com", ImportStatePersist: true},
		resource.TestStep{Config: config("ann@example.com")},
		resource.TestStep{
			PreConfig: func() {
				push("PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"ann.ott@example.com"}]}`)
			},
			Config: config("ann@example.com"), ExpectError: regexp.MustCompile(`(?s)no member "ann@example.com"`),
		},
		resource.TestStep{Config: config("ann.ott@example.com"), Check: still,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	)
}
