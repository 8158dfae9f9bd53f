package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/collect"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// planeFlags say which control plane a command speaks to, and as whom.
type planeFlags struct{ endpoint, token, workspace, ca string }

func (f *planeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.endpoint, "endpoint", os.Getenv("GATEHOUSE_ENDPOINT"), "URL of the control plane [GATEHOUSE_ENDPOINT]")
	c.Flags().StringVar(&f.token, "token", "", "API token; better in the environment, where no process list shows it [GATEHOUSE_TOKEN]")
	c.Flags().StringVar(&f.workspace, "workspace", os.Getenv("GATEHOUSE_WORKSPACE"), "slug of the workspace; the token's when it has one [GATEHOUSE_WORKSPACE]")
	c.Flags().StringVar(&f.ca, "ca-certificate", "", "file of CA certificates to trust beside the system's (PEM)")
}

// connect makes a client. A command that only looks gets one that refuses to write.
func (f *planeFlags) connect(readOnly bool) (*client.Client, error) {
	token := f.token
	if token == "" {
		token = os.Getenv("GATEHOUSE_TOKEN")
	}
	return f.connectAs(token, readOnly)
}

func (f *planeFlags) connectAs(token string, readOnly bool) (*client.Client, error) {
	if f.endpoint == "" {
		return nil, errors.New("no control plane is named; set GATEHOUSE_ENDPOINT or --endpoint, e.g. https://gatehouse.example.com")
	}
	if token == "" {
		return nil, errors.New("there is no token; set GATEHOUSE_TOKEN")
	}
	cfg := client.Config{Endpoint: f.endpoint, Token: token, ReadOnly: readOnly, Door: "cli", UserAgent: "gatehouse/" + version}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca-certificate: %w", err)
		}
		cfg.CACertificate = string(pem)
	}
	return client.New(cfg)
}

// connectOne is connect for a command that works in one workspace, and names it.
func (f *planeFlags) connectOne(ctx context.Context, readOnly bool) (*client.Client, string, error) {
	c, err := f.connect(readOnly)
	if err != nil {
		return nil, "", err
	}
	workspace, err := f.oneWorkspace(ctx, c)
	return c, workspace, err
}

// oneWorkspace is the workspace named, else the token's.
func (f *planeFlags) oneWorkspace(ctx context.Context, c *client.Client) (string, error) {
	if f.workspace != "" {
		return strings.ToLower(f.workspace), nil
	}
	who, err := c.WhoAmI(ctx)
	if err != nil {
		return "", err
	}
	if who.Workspace == "" {
		return "", errors.New("the token belongs to no workspace; name one with --workspace or GATEHOUSE_WORKSPACE")
	}
	return who.Workspace, nil
}

// plane lets assurance read one workspace through the API's client.
type plane struct {
	c *client.Client
	w *client.Workspace
}

func newPlane(c *client.Client, workspace string) *plane {
	return &plane{c: c, w: c.Workspace(workspace)}
}

func (p *plane) Workspace() string { return p.w.Slug() }

func (p *plane) Endpoint() string { return p.c.Endpoint() }

func (p *plane) WhoAmI(ctx context.Context) (principal, tokenID string, err error) {
	who, err := p.c.WhoAmI(ctx)
	if err != nil {
		return "", "", err
	}
	return who.Principal, who.TokenID, nil
}

func (p *plane) List(ctx context.Context, kind *api.Kind, pageSize int) ([]collect.Doc, error) {
	docs := []collect.Doc{}
	err := p.w.Each(ctx, kind, nil, pageSize, func(d client.Document) bool {
		docs = append(docs, collect.Doc(d))
		return true
	})
	return docs, err
}

func (p *plane) Get(ctx context.Context, kind *api.Kind, ref string) (collect.Doc, error) {
	d, err := p.w.Get(ctx, kind, ref)
	return collect.Doc(d), err
}

func (p *plane) Events(ctx context.Context, filter map[string]string, visit func(json.RawMessage) bool) error {
	return p.w.AuditEvents(ctx, filter, visit)
}

func (p *plane) JSON(ctx context.Context, path string, query url.Values, out any) error {
	if query == nil {
		query = url.Values{}
	}
	return p.c.GetJSON(ctx, path, query, out)
}

// hands let the canary make and revoke its credential.
type hands struct {
	flags *planeFlags
	w     *client.Workspace
}

func (h *hands) Create(ctx context.Context, kind *api.Kind, doc collect.Doc) (collect.Doc, error) {
	d, err := h.w.Create(ctx, kind, client.Document(doc), client.WriteOptions{})
	return collect.Doc(d), err
}

func (h *hands) Delete(ctx context.Context, kind *api.Kind, ref string) error {
	_, err := h.w.Delete(ctx, kind, ref, client.WriteOptions{})
	return err
}

func (h *hands) Secret(ctx context.Context, ref string) (string, error) {
	s, err := h.w.Secret(ctx, api.APITokenKind, ref, 1)
	if err != nil {
		return "", err
	}
	return s.Secret, nil
}

func (h *hands) Try(ctx context.Context, secret string) error {
	c, err := h.flags.connectAs(secret, true)
	if err != nil {
		return err
	}
	_, err = c.WhoAmI(ctx)
	return err
}

// stateFlags say where the Terraform state is.
type stateFlags struct{ file, chdir, cli string }

func (f *stateFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "state", "", "state file, or the kept output of 'terraform show -json'")
	c.Flags().StringVar(&f.chdir, "chdir", "", "folder of the configuration whose state the CLI shows; the current one when it has any")
	c.Flags().StringVar(&f.cli, "terraform", "", "terraform or tofu command; found on PATH when empty [TF_CLI]")
	c.MarkFlagsMutuallyExclusive("state", "chdir")
}

// read gives the state; nil when none was named and the current folder holds no
// configuration.
func (f *stateFlags) read(ctx context.Context) (*tfstate.State, error) {
	if f.file != "" {
		return tfstate.ReadFile(f.file)
	}
	folder := f.chdir
	if folder == "" {
		if !hasConfiguration(".") {
			return nil, nil //nolint:nilnil // no state is an answer here
		}
		folder = "."
	}
	cli, err := tfstate.FindCLI(f.cli)
	if err != nil {
		return nil, err
	}
	return tfstate.Show(ctx, cli, folder)
}

func hasConfiguration(folder string) bool {
	for _, pattern := range []string{"*.tf", "*.tf.json", "*.tofu"} {
		if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// signingKey opens the key that signs reports and evidence, or makes it.
func signingKey(path string) (audit.Key, error) {
	if path == "" {
		folder, err := os.UserConfigDir()
		if err != nil {
			return audit.Key{}, errors.New("there is no place for a signing key; name one with --key")
		}
		path = filepath.Join(folder, "gatehouse", "evidence.key")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return audit.Key{}, fmt.Errorf("making the folder of the signing key: %w", err)
	}
	return audit.LoadOrCreateKey(path, "gatehouse-evidence")
}

// keyFlag is the flag of every command that signs.
func keyFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "key", os.Getenv("GATEHOUSE_EVIDENCE_KEY"), "file of the signing key, made when it is not there; the default lies in your configuration folder [GATEHOUSE_EVIDENCE_KEY]")
}

// given leaves out the filters that were not given: they select everything.
func given(filters map[string]string) map[string]string {
	maps.DeleteFunc(filters, func(_, value string) bool { return value == "" })
	return filters
}
