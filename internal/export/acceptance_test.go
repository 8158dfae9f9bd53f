package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// cli is a real Terraform or OpenTofu in a folder with an export.
type cli struct {
	t         *testing.T
	path, dir string
	env       []string
}

// newCLI builds the provider from this tree and writes the export beside a CLI
// configuration that uses it.
func newCLI(t *testing.T, w *world, r *Result) *cli {
	t.Helper()
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	for _, name := range []string{"terraform", "tofu"} {
		if found, err := exec.LookPath(name); path == "" && err == nil {
			path = found
		}
	}
	if path == "" && os.Getenv("GATEHOUSE_REQUIRE_COMPONENTS") == "1" {
		t.Fatal("there is no terraform or tofu, and GATEHOUSE_REQUIRE_COMPONENTS=1")
	}
	if path == "" {
		t.Skip("needs terraform or tofu on PATH, or TF_ACC_TERRAFORM_PATH")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "terraform-provider-gatehouse"), ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, out)
	}
	rc := filepath.Join(bin, "cli.tfrc")
	if err := os.WriteFile(rc, fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n", providerSource, bin), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cli{t: t, path: path, dir: t.TempDir()}
	if err := r.Write(c.dir); err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TF_") && !strings.HasPrefix(v, "GATEHOUSE_") {
			c.env = append(c.env, v)
		}
	}
	c.env = append(c.env, "TF_CLI_CONFIG_FILE="+rc, "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "GATEHOUSE_ENDPOINT="+w.URL, "GATEHOUSE_TOKEN="+w.OwnerToken)
	return c
}

// run runs a command that must end with the exit code.
func (c *cli) run(code int, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.path, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("%s ended with %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

// contains looks for text in all files of the folder, the state among them.
func (c *cli) contains(text string) (file string) {
	c.t.Helper()
	err := filepath.WalkDir(c.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(text)) {
			file = d.Name()
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return file
}

// live is everything that the workspace holds, to be compared.
func (w *world) live() map[string][]client.Document {
	w.t.Helper()
	out := map[string][]client.Document{}
	for _, kind := range ordered() {
		docs, err := read(w.t.Context(), w.w, kind)
		if err != nil {
			w.t.Fatal(err)
		}
		out[kind.Name] = docs
	}
	return out
}

const noChange = 0

// The promise of an export: a plan of it imports everything and changes nothing,
// whatever texts the workspace holds.
func TestExportPlansAsImportsAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.fill()
	before := w.live()
	r := w.export(Options{})
	c := newCLI(t, w, r)

	c.run(0, "fmt", "-check", "-diff")
	c.run(0, "validate")
	plan := c.run(2, "plan", "-no-color", "-detailed-exitcode")
	if want := fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", r.Resources); !strings.Contains(plan, want) {
		t.Fatalf("the plan is not %q:\n%s", want, plan)
	}
	for _, kind := range ordered() {
		if !strings.Contains(r.file("imports.tf"), "to = gatehouse_"+kind.Name+".") {
			t.Errorf("no %s is exported; the fixture has to have one", kind.Name)
		}
	}
	for _, row := range []string{"team_membership.leads_ann", "team_membership.leads_member", "access_grant.campaigns_leads", "access_grant.campaigns_ci"} {
		if !strings.Contains(plan, "gatehouse_"+row+" will be imported") {
			t.Errorf("%s, which a view of Terraform's made, is not imported", row)
		}
	}
	c.run(0, "apply", "-no-color", "-auto-approve")
	c.run(noChange, "plan", "-no-color", "-detailed-exitcode")
	if diff := cmp.Diff(before, w.live()); diff != "" {
		t.Errorf("taking the workspace over has changed it:\n%s", diff)
	}
	for i, secret := range w.secrets {
		if file := c.contains(secret); file != "" {
			t.Errorf("secret %d is in %s", i, file)
		}
	}
	if diff := cmp.Diff(r, w.export(Options{}), cmp.Comparer(func(a, b *api.Kind) bool { return a == b })); diff != "" {
		t.Errorf("a second export differs:\n%s", diff)
	}

	// The import blocks have done their work, and the placeholders are usable.
	if err := os.Remove(filepath.Join(c.dir, "imports.tf")); err != nil {
		t.Fatal(err)
	}
	c.uncomment("variables.tf", regexp.MustCompile(`(?m)^# (variable|  type|  ephemeral|})`))
	c.uncomment("signin.tf", regexp.MustCompile(`(?m)^    # (client_secret_wo)`))
	c.env = append(c.env, "TF_VAR_sso_connection_entra_client_secret=another battery staple")
	c.env = append(c.env, "TF_VAR_share_link_finance_q_1_q1_x_for_the_agency_password=unused")
	c.env = append(c.env, "TF_VAR_event_receiver_idp_authorization_header=unused", "TF_VAR_notification_channel_siem_url=unused", "TF_VAR_notification_channel_siem_secret=unused")
	c.run(noChange, "plan", "-no-color", "-detailed-exitcode")
	if file := c.contains("another battery staple"); file != "" {
		t.Errorf("the secret of the variable is in %s", file)
	}

	w.claimAll(c)
	rest := w.export(Options{UnmanagedOnly: true})
	if rest.Resources != 0 {
		t.Errorf("%d resources are exported as unmanaged after all were claimed:\n%s", rest.Resources, rest.file("imports.tf"))
	}
}

// uncomment takes the comment off what a person is told to uncomment.
func (c *cli) uncomment(name string, pattern *regexp.Regexp) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	raw, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	out := pattern.ReplaceAll(raw, []byte("$1"))
	if bytes.Equal(out, raw) {
		c.t.Fatalf("%s has no placeholder:\n%s", name, raw)
	}
	if err := os.WriteFile(path, out, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// claimAll stamps what is in the state with the stack of the export, as `gatehouse
// claim` does.
func (w *world) claimAll(c *cli) {
	w.t.Helper()
	var state struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Type   string
					Values struct{ ID string }
				}
			} `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(c.run(0, "show", "-json")), &state); err != nil {
		w.t.Fatal(err)
	}
	var refs []client.Ref
	for _, r := range state.Values.RootModule.Resources {
		refs = append(refs, client.Ref{Kind: strings.TrimPrefix(r.Type, "gatehouse_"), ID: r.Values.ID})
	}
	done, err := w.w.Claim(w.t.Context(), w.Workspace, refs, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range done.Refused {
		doc, err := w.w.Get(w.t.Context(), api.KindByName(r.Kind), r.ID)
		if owner, _ := doc["managed_by"].(map[string]any); err != nil || owner["kind"] != api.ManagedBySystem {
			w.t.Errorf("%s %s cannot be claimed: %s (%v)", r.Kind, r.ID, r.Reason, err)
		}
	}
}
