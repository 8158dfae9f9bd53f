package provider

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every example is a configuration that the real CLI accepts: names, types, values
// and what the provider checks by itself.
func TestAccExamplesAreValid(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests need TF_ACC=1: run scripts/testacc")
	}
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		cli = "terraform"
	}
	env := overriddenProvider(t)
	pages, err := filepath.Glob(filepath.Join("..", "examples", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, filepath.Join("..", "examples", "provider"))
	checked := 0
	for _, dir := range pages {
		for _, name := range []string{"resource.tf", "data-source.tf", "function.tf", "ephemeral-resource.tf", "provider.tf"} {
			example, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			checked++
			t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
				work := t.TempDir()
				files := map[string]string{"main.tf": string(example), "okta.xml": testMetadata(testCertificate(t, time.Now().AddDate(5, 0, 0)))}
				if !strings.Contains(string(example), "required_providers") {
					files["versions.tf"] = "terraform {\n  required_providers {\n    gatehouse = {\n      source = \"gatehouse-access/gatehouse\"\n    }\n  }\n}\n"
				}
				for name, text := range files {
					if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				cmd := exec.CommandContext(t.Context(), cli, "validate", "-no-color")
				cmd.Dir, cmd.Env = work, env
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
	if checked < 45 {
		t.Errorf("only %d examples were found", checked)
	}
}

// overriddenProvider builds the provider and gives the environment in which the CLI
// takes that build instead of asking a registry.
func overriddenProvider(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "terraform-provider-gatehouse"), "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, out)
	}
	config := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"registry.terraform.io/gatehouse-access/gatehouse\" = %q\n    \"registry.opentofu.org/gatehouse-access/gatehouse\" = %q\n  }\n  direct {}\n}\n", dir, dir)
	file := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "TF_CLI_CONFIG_FILE="+file, "CHECKPOINT_DISABLE=1")
}
