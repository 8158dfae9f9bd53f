package provider

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// controlPlane is what Configure hands to everything else: the client, what was
// read, what is planned, and how careful to be.
type controlPlane struct {
	// client is nil while the configuration is not known yet; pending says why.
	client   *client.Client
	pending  string
	snapshot *client.Snapshot
	// workspace is the provider's default; workspacePending while it is not known.
	workspace        string
	workspacePending bool
	guards           guards
	memory           *memory
}

// guards say how careful a plan is (RESOURCES.md section 1).
type guards struct {
	// lockout is "error" or "warning".
	lockout string
	// maxRemovalRatio is the largest share of live entries that one plan may remove.
	maxRemovalRatio float64
	// freeRemovals may always be removed, so that small teams stay editable.
	freeRemovals int64
	// dryRun asks the server about every planned change.
	dryRun bool
}

// ready reports whether the control plane can be asked, and says so when not.
func (p *controlPlane) ready(diags *diag.Diagnostics) bool {
	switch {
	case p == nil:
		diags.AddError("The provider is not configured", "Terraform asked for an object before it configured the provider. This is a mistake in the provider; please report it.")
		return false
	case p.client == nil:
		diags.AddError("The provider is not configured yet", p.pending)
		return false
	}
	return true
}

// inWorkspace names the workspace to use: the given one or the provider's.
func (p *controlPlane) inWorkspace(given string) string {
	if given != "" {
		return given
	}
	if p == nil {
		return ""
	}
	return p.workspace
}

// wrote makes later reads see a write.
func (p *controlPlane) wrote() { p.snapshot.Evict() }

func (p *controlPlane) at(workspace string) *client.Workspace { return p.client.Workspace(workspace) }

func missingWorkspace(diags *diag.Diagnostics) {
	diags.AddError("No workspace is named", "Set workspace on this block, on the provider, or in GATEHOUSE_WORKSPACE.")
}

// memory holds what this plan walk is going to create and destroy, so that a
// reference to an object of the same plan is no missing reference. Providers do
// not see addresses: it is keyed by kind and key.
type memory struct {
	mu       sync.Mutex
	creates  map[memoryKey]bool
	destroys map[memoryKey]bool
	changes  map[memoryKey]bool // policies, by kind
}

type memoryKey struct{ workspace, kind, key string }

func newMemory() *memory {
	return &memory{creates: map[memoryKey]bool{}, destroys: map[memoryKey]bool{}, changes: map[memoryKey]bool{}}
}

// familyOf groups the kinds that are referred to by the same keys: a path may name
// any item, and an e-mail may name a member of any role.
func familyOf(kind string) string {
	switch kind {
	case "project", "folder", "collection", "asset", "item":
		return "item"
	case "guest", "member", "email":
		return "member"
	}
	return kind
}

func keyOf(workspace, kind, key string) memoryKey {
	return memoryKey{strings.ToLower(workspace), familyOf(kind), strings.ToLower(key)}
}

func (m *memory) create(workspace, kind, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.creates[keyOf(workspace, kind, key)] = true
}

func (m *memory) destroy(workspace, kind, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.destroys[keyOf(workspace, kind, key)] = true
}

func (m *memory) change(workspace, kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes[keyOf(workspace, kind, "")] = true
}

// awaits reports whether a violation may be gone by the apply: it names what this same
// plan makes, or a policy that this same plan sets.
func (m *memory) awaits(workspace string, v api.Violation) bool {
	if v.Code == api.ViolationSharingPolicy {
		m.mu.Lock()
		defer m.mu.Unlock()
		// An override is measured against what stands above it, not against itself.
		return m.changes[keyOf(workspace, api.SharingPolicyKind.Name, "")] || v.Kind != api.SharingPolicyKind.Name && m.changes[keyOf(workspace, api.SharingPolicyOverrideKind.Name, "")]
	}
	return v.Code == api.ViolationReference && m.willCreate(workspace, v.Kind, v.Key)
}

func (m *memory) willCreate(workspace, kind, key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.creates[keyOf(workspace, kind, key)]
}

func (m *memory) willDestroy(workspace, kind, key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.destroys[keyOf(workspace, kind, key)]
}

// get reads one object, from the snapshot where that is possible.
func (p *controlPlane) get(ctx context.Context, workspace string, r *definition, ref string) (client.Document, error) {
	return p.snapshot.Get(ctx, workspace, r.kind, ref)
}
