package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// WhoAmI describes the caller.
type WhoAmI struct {
	Principal     string   `json:"principal"`
	PrincipalID   string   `json:"principal_id"`
	Workspace     string   `json:"workspace"`
	WorkspaceRole string   `json:"workspace_role"`
	TokenID       string   `json:"token_id"`
	Scopes        []string `json:"scopes"`
	ReadOnly      bool     `json:"read_only"`
	Permissions   []string `json:"permissions"`
}

// WhoAmI asks who the token is and what it may do.
func (c *Client) WhoAmI(ctx context.Context) (*WhoAmI, error) {
	var out WhoAmI
	if _, err := c.send(ctx, call{method: http.MethodGet, path: "/v1/whoami"}, &out); err != nil {
		return nil, fmt.Errorf("asking who the token is: %w", err)
	}
	return &out, nil
}

// items reads a catalogue that fits one answer, whether or not it is paged.
func items[T any](ctx context.Context, c *Client, path, what string) ([]T, error) {
	var out []T
	err := eachPage(ctx, c, path, url.Values{}, api.MaxPageSize, func(t T) bool {
		out = append(out, t)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return out, nil
}

// Regions lists the regions where data may be stored.
func (c *Client) Regions(ctx context.Context) ([]api.Region, error) {
	return items[api.Region](ctx, c, "/v1/regions", "the regions")
}

// Permission is one atom of the catalogue.
type Permission struct {
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Scope          string   `json:"scope"`
	MinLevel       string   `json:"min_level"`
	WorkspaceRoles []string `json:"workspace_roles"`
	ReadOnly       bool     `json:"read_only"`
}

// Permissions lists the catalogue of permissions.
func (c *Client) Permissions(ctx context.Context) ([]Permission, error) {
	return items[Permission](ctx, c, "/v1/permissions", "the permissions")
}

// Role is a built-in or custom role with what it gives.
type Role struct {
	Name        string              `json:"name"`
	BuiltIn     bool                `json:"built_in"`
	Description string              `json:"description"`
	BaseLevel   string              `json:"base_level"`
	Permissions []string            `json:"permissions"`
	Statements  []api.RoleStatement `json:"statements"`
}

// Roles lists built-in and custom roles with their permissions written out.
func (w *Workspace) Roles(ctx context.Context) ([]Role, error) {
	return items[Role](ctx, w.c, w.root()+"/roles_catalogue", "the roles")
}

// ListWorkspaces lists the workspaces that the caller can see.
func (c *Client) ListWorkspaces(ctx context.Context) ([]Document, error) {
	return items[Document](ctx, c, "/v1/workspaces", "the workspaces")
}

// CreateWorkspace makes a workspace; the document carries owner, an e-mail. It
// takes an operator's token.
func (c *Client) CreateWorkspace(ctx context.Context, doc Document, opts WriteOptions) (Document, error) {
	return c.Workspace("").write(ctx, opts.call(http.MethodPost, "/v1/workspaces", doc), "creating", api.WorkspaceKind, "")
}

// Ref names one object of a workspace.
type Ref struct {
	Kind string `json:"kind"`
	Ref  string `json:"ref,omitempty"`
	ID   string `json:"id,omitempty"`
}

// ReadObject is one answer of BatchRead; Object is nil when there is none.
type ReadObject struct {
	Kind   string   `json:"kind"`
	Ref    string   `json:"ref"`
	Object Document `json:"object"`
}

// BatchRead reads many objects, in as few requests as the server allows.
func (w *Workspace) BatchRead(ctx context.Context, refs []Ref) ([]ReadObject, error) {
	out := make([]ReadObject, 0, len(refs))
	for start := 0; start < len(refs); start += api.MaxPageSize {
		part := refs[start:min(start+api.MaxPageSize, len(refs))]
		var answer struct {
			Objects []ReadObject `json:"objects"`
		}
		in := call{method: http.MethodPost, path: w.root() + "/batch_read", reads: true, body: map[string]any{"objects": part}}
		if _, err := w.c.send(ctx, in, &answer); err != nil {
			return nil, fmt.Errorf("reading %d objects: %w", len(part), err)
		}
		out = append(out, answer.Objects...)
	}
	return out, nil
}

// Refusal says why an object was neither claimed nor released.
type Refusal struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Claimed says what became of a claim.
type Claimed struct {
	Claimed int       `json:"claimed"`
	Refused []Refusal `json:"refused"`
}

// Claim stamps ownership of a stack on objects that it holds in state.
func (w *Workspace) Claim(ctx context.Context, stack string, objects []Ref, change *api.ChangeContext) (*Claimed, error) {
	var out Claimed
	if err := w.ownership(ctx, "claim", stack, objects, change, false, &out); err != nil {
		return nil, fmt.Errorf("claiming %d objects for stack %q: %w", len(objects), stack, err)
	}
	return &out, nil
}

// Released says what became of a release.
type Released struct {
	Released int       `json:"released"`
	Refused  []Refusal `json:"refused"`
}

// Release lets go of objects that a stack owns, so that another one may import or
// adopt them; a dry run says what would be released.
func (w *Workspace) Release(ctx context.Context, stack string, objects []Ref, change *api.ChangeContext, dryRun bool) (*Released, error) {
	var out Released
	if err := w.ownership(ctx, "release", stack, objects, change, dryRun, &out); err != nil {
		return nil, fmt.Errorf("releasing %d objects of stack %q: %w", len(objects), stack, err)
	}
	return &out, nil
}

func (w *Workspace) ownership(ctx context.Context, verb, stack string, objects []Ref, change *api.ChangeContext, dryRun bool, out any) error {
	body := map[string]any{"stack": stack, "objects": objects}
	if !change.IsZero() {
		body["change_context"] = change
	}
	in := call{method: http.MethodPost, path: w.root() + "/ownership/" + verb, safe: true, body: body}
	if dryRun {
		in.query = url.Values{"dry_run": {"true"}}
	}
	_, err := w.c.send(ctx, in, out)
	return err
}

// RecordExport notes that the workspace's data was exported now.
func (w *Workspace) RecordExport(ctx context.Context) error {
	in := call{method: http.MethodPost, path: w.root() + "/exports"}
	if _, err := w.c.send(ctx, in, nil); err != nil {
		return fmt.Errorf("noting the export: %w", err)
	}
	return nil
}

// Secret is a credential that is told once. It has no String method on purpose:
// nothing should print it.
type Secret struct {
	Secret    string     `json:"secret"`
	Rotation  int64      `json:"rotation"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Secret asks for the value of a SCIM or API token. For a SCIM token the same
// rotation gives the same value while it is current; a higher one rotates.
func (w *Workspace) Secret(ctx context.Context, kind *api.Kind, ref string, rotation int64) (*Secret, error) {
	var out Secret
	in := call{method: http.MethodPost, path: w.object(kind, ref) + "/secrets", safe: true, body: map[string]any{"rotation": rotation}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("asking for the secret of %s %q: %w", kind.Name, ref, err)
	}
	return &out, nil
}

// CheckRequest asks whether a principal may do something.
type CheckRequest struct {
	Principal  string        `json:"principal"`
	Resource   string        `json:"resource"`
	Permission string        `json:"permission"`
	Context    *CheckContext `json:"context,omitempty"`
}

// CheckContext is the supposed situation of the request.
type CheckContext struct {
	IP            string     `json:"ip,omitempty"`
	Country       string     `json:"country,omitempty"`
	DeviceKnown   *bool      `json:"device_known,omitempty"`
	MFAAgeSeconds *int64     `json:"mfa_age_seconds,omitempty"`
	Authenticator string     `json:"authenticator,omitempty"`
	Time          *time.Time `json:"time,omitempty"`
}

// Reason is one link of the chain that led to a decision.
type Reason struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Decision answers a CheckRequest.
type Decision struct {
	Allowed bool     `json:"allowed"`
	Level   string   `json:"level"`
	Reasons []Reason `json:"reasons"`
}

// Check asks for one decision, with its reasons.
func (w *Workspace) Check(ctx context.Context, req CheckRequest) (*Decision, error) {
	var out Decision
	in := call{method: http.MethodPost, path: w.root() + "/access/check", reads: true, body: req}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("checking %s of %s on %s: %w", req.Permission, req.Principal, req.Resource, err)
	}
	return &out, nil
}

// EffectiveAccess is what a principal may do on an item in all.
type EffectiveAccess struct {
	Principal   string   `json:"principal"`
	Resource    string   `json:"resource"`
	Level       string   `json:"level"`
	Permissions []string `json:"permissions"`
	Reasons     []Reason `json:"reasons"`
}

// Effective asks for everything that a principal may do on an item.
func (w *Workspace) Effective(ctx context.Context, principal, resource string) (*EffectiveAccess, error) {
	var out EffectiveAccess
	in := call{method: http.MethodGet, path: w.root() + "/access/effective", query: url.Values{"principal": {principal}, "resource": {resource}}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("reading the access of %s on %s: %w", principal, resource, err)
	}
	return &out, nil
}

// AuditEvents visits audit events that match the filters, newest or oldest first as
// the server orders them, until visit returns false.
func (w *Workspace) AuditEvents(ctx context.Context, filters map[string]string, visit func(json.RawMessage) bool) error {
	if err := eachPage(ctx, w.c, w.root()+"/audit_events", queryOf(filters), api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("reading audit events: %w", err)
	}
	return nil
}

// SSOServiceProvider is what an identity provider needs to know about us.
type SSOServiceProvider struct {
	EntityID    string `json:"entity_id"`
	ACSURL      string `json:"acs_url"`
	RedirectURI string `json:"redirect_uri"`
	MetadataURL string `json:"metadata_url"`
}

// SSOServiceProvider reads our side of a connection.
func (w *Workspace) SSOServiceProvider(ctx context.Context, connection string) (*SSOServiceProvider, error) {
	var out SSOServiceProvider
	in := call{method: http.MethodGet, path: w.root() + "/sso_service_provider", query: url.Values{"connection": {connection}}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("reading the service provider side of connection %q: %w", connection, err)
	}
	return &out, nil
}

// SCIMServiceProvider is what a provisioning client needs to know about us.
type SCIMServiceProvider struct {
	BaseURL        string   `json:"base_url"`
	Schemas        []string `json:"schemas"`
	Authentication string   `json:"authentication"`
}

// SCIMServiceProvider reads where and how to provision.
func (w *Workspace) SCIMServiceProvider(ctx context.Context) (*SCIMServiceProvider, error) {
	var out SCIMServiceProvider
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.root() + "/scim_service_provider"}, &out); err != nil {
		return nil, fmt.Errorf("reading the SCIM service provider: %w", err)
	}
	return &out, nil
}

// GetJSON reads any other address below /v1 into out; the command line uses it for
// audit proofs and the like.
func (c *Client) GetJSON(ctx context.Context, path string, query url.Values, out any) error {
	if _, err := c.send(ctx, call{method: http.MethodGet, path: path, query: query}, out); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// PostJSON sends body, which may be nil, to any other address below /v1 and reads the
// answer into out.
func (c *Client) PostJSON(ctx context.Context, path string, body, out any) error {
	if _, err := c.send(ctx, call{method: http.MethodPost, path: path, body: body}, out); err != nil {
		return fmt.Errorf("sending to %s: %w", path, err)
	}
	return nil
}
