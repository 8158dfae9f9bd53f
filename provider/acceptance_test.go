package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"golang.org/x/tools/txtar"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// The acceptance tests run the real CLI against a real control plane in this
// process. They need TF_ACC=1; scripts/testacc sets it and finds a CLI.

// acceptance is one control plane and how to reach it.
type acceptance struct {
	*servertest.Instance
	client *client.Client
}

func startAcceptance(t *testing.T) *acceptance {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests need TF_ACC=1: run scripts/testacc")
	}
	inst := servertest.Start(t)
	c, err := client.New(client.Config{Endpoint: inst.URL, Token: inst.OwnerToken})
	if err != nil {
		t.Fatal(err)
	}
	return &acceptance{inst, c}
}

// providerBlock configures the provider for a stack; extra goes into the block.
func (a *acceptance) providerBlock(token, stack, extra string) string {
	return fmt.Sprintf("provider \"gatehouse\" {\n  endpoint  = %q\n  token     = %q\n  workspace = %q\n  stack     = %q\n%s\n}\n\n", a.URL, token, a.Workspace, stack, extra)
}

// config is a configuration of the owner's, in the stack "acceptance".
func (a *acceptance) config(body string) string {
	return a.providerBlock(a.OwnerToken, "acceptance", "") + body
}

func factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){"gatehouse": providerserver.NewProtocol6WithError(New("test")())}
}

// fixture is testdata/acceptance/<kind>.txtar: the resource is called "test"; key
// and ignore are headers.
type fixture struct{ key, ignore, create, update string }

func readFixture(t *testing.T, kind string) fixture {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("testdata", "acceptance", kind+".txtar"))
	if err != nil {
		t.Fatalf("every kind has an acceptance fixture: %v", err)
	}
	var f fixture
	for _, line := range strings.Split(string(ar.Comment), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "key":
			f.key = value
		case "ignore":
			f.ignore = value
		}
	}
	for _, file := range ar.Files {
		switch file.Name {
		case "create.tf":
			f.create = string(file.Data)
		case "update.tf":
			f.update = string(file.Data)
		}
	}
	return f
}

func TestEveryKindHasAnAcceptanceFixture(t *testing.T) {
	for _, kind := range api.Kinds() {
		f := readFixture(t, kind.Name)
		for name, text := range map[string]string{"create.tf": f.create, "update.tf": f.update} {
			if !strings.Contains(text, fmt.Sprintf("resource \"gatehouse_%s\" \"test\"", kind.Name)) {
				t.Errorf("%s.txtar: %s has no gatehouse_%s.test", kind.Name, name, kind.Name)
			}
		}
	}
}

// Every resource: create, an empty plan, update, an empty plan, import, destroy.
// The test framework itself plans after each apply, with and without a refresh, and
// fails when a plan is not empty.
func TestAccEveryResourceLivesItsWholeLife(t *testing.T) {
	for _, d := range definitionsByName() {
		t.Run(d.kind.Name, func(t *testing.T) {
			a := startAcceptance(t)
			f := readFixture(t, d.kind.Name)
			address := d.typeName() + ".test"
			id := a.Workspace
			if !d.kind.Singleton {
				id += "/" + f.key
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(),
				CheckDestroy:             func(*terraform.State) error { return a.checkEnded(d, f.key) },
				Steps: []resource.TestStep{
					{Config: a.config(f.create), Check: resource.TestCheckResourceAttrSet(address, "id"),
						ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
					{Config: a.config(f.update), Check: a.checkOwned(d, f.key),
						ConfigPlanChecks: resource.ConfigPlanChecks{
							PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)},
							PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
						}},
					{ResourceName: address, ImportState: true, ImportStateId: id, ImportStateVerify: true, ImportStateVerifyIgnore: strings.Split(f.ignore, ",")},
				},
			})
		})
	}
}

// checkOwned asserts that what Terraform wrote is stamped with its stack.
func (a *acceptance) checkOwned(d *definition, key string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		doc, err := a.client.Workspace(a.Workspace).Get(context.Background(), d.kind, key)
		if err != nil {
			return err
		}
		owner, _ := doc["managed_by"].(map[string]any)
		if owner["kind"] != api.ManagedByTerraform || owner["stack"] != "acceptance" {
			return fmt.Errorf("%s is managed by %v", d.label(key), owner)
		}
		return nil
	}
}

// checkEnded asserts what is left after a destroy, by the kind's destroy code.
func (a *acceptance) checkEnded(d *definition, key string) error {
	doc, err := a.client.Workspace(a.Workspace).Get(context.Background(), d.kind, key)
	owner, _ := doc["managed_by"].(map[string]any)
	switch d.kind.Destroy {
	case api.DestroyKeep:
		if err != nil || owner["kind"] == api.ManagedByTerraform {
			return fmt.Errorf("kept %s is managed by %v: %v", d.label(key), owner, err)
		}
		return nil
	case api.DestroySuspend:
		if err != nil || doc["active"] != false {
			return fmt.Errorf("suspended %s: active %v, %v", d.label(key), doc["active"], err)
		}
		return nil
	case api.DestroyClose:
		if err != nil || doc["state"] != "closing" {
			return fmt.Errorf("closed %s: state %v, %v", d.label(key), doc["state"], err)
		}
		return nil
	}
	if d.kind.View {
		if entries := len(entriesOf(doc, "members")) + len(entriesOf(doc, "grants")); entries > 0 {
			return fmt.Errorf("%s still has %d entries", d.label(key), entries)
		}
		return nil
	}
	if !client.IsNotFound(err) && doc["revoked_at"] == nil {
		return fmt.Errorf("%s still exists: %v, %v", d.label(key), doc, err)
	}
	return nil
}

// expectError is a step that must fail with words that help.
func expectError(config string, words ...string) resource.TestStep {
	pattern := make([]string, len(words))
	for i, w := range words {
		pattern[i] = strings.ReplaceAll(regexp.QuoteMeta(w), " ", `\s+(│\s+)?`)
	}
	return resource.TestStep{Config: config, ExpectError: regexp.MustCompile("(?s)" + strings.Join(pattern, ".*"))}
}
