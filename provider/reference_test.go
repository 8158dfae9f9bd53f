package provider

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The two reference configurations are applied as they are, and nothing is left to
// plan afterwards.
func TestAccReferenceConfigurationsApplyAndSettle(t *testing.T) {
	for _, name := range []string{"wikio", "wizz-cloud"} {
		t.Run(name, func(t *testing.T) {
			a := startAcceptance(t)
			a.AddWorkspace(name)
			work := t.TempDir()
			if err := os.CopyFS(work, os.DirFS(filepath.Join("..", "examples", name))); err != nil {
				t.Fatal(err)
			}
			env := append(overriddenProvider(t), "GATEHOUSE_ENDPOINT="+a.URL, "GATEHOUSE_TOKEN="+a.OwnerToken)
			for _, args := range [][]string{
				{"plan", "-input=false", "-no-color", "-var=owner=owner@example.com"},
				{"apply", "-auto-approve", "-input=false", "-no-color", "-var=owner=owner@example.com"},
				{"plan", "-detailed-exitcode", "-input=false", "-no-color", "-var=owner=owner@example.com"},
			} {
				cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
				if cli == "" {
					cli = "terraform"
				}
				cmd := exec.CommandContext(t.Context(), cli, args...)
				cmd.Dir, cmd.Env = work, env
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", args[0], err, out)
				}
			}
		})
	}
}
