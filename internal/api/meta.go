package api

import "time"

// Meta is what every declared object carries beside its own attributes.
type Meta struct {
	// ID is opaque and sortable by creation, e.g. "team_01j9…".
	ID string `json:"id,omitempty" doc:"Opaque, sortable identifier." readonly:"true"`
	// Key is the natural key that people write: a slug, an e-mail, a path.
	Key string `json:"key,omitempty" doc:"Natural key (slug, e-mail or path)." readonly:"true"`
	// ETag changes with every change of the object; it is what If-Match compares.
	ETag string `json:"etag,omitempty" doc:"Version tag for If-Match." readonly:"true"`
	// ManagedBy says which door owns the object's configuration.
	ManagedBy *ManagedBy `json:"managed_by,omitempty" doc:"Who owns the configuration of this object." readonly:"true"`
	CreatedAt *time.Time `json:"created_at,omitempty" doc:"Creation time (RFC 3339, UTC)." readonly:"true"`
	UpdatedAt *time.Time `json:"updated_at,omitempty" doc:"Time of the last change (RFC 3339, UTC)." readonly:"true"`
}

// GetMeta gives generic code access to the common part of any declared object.
func (m *Meta) GetMeta() *Meta { return m }

// Object is any declared object: a pointer to a struct that embeds Meta.
type Object interface {
	GetMeta() *Meta
}

// Manager kinds.
const (
	ManagedByTerraform = "terraform"
	ManagedBySCIM      = "scim"
	ManagedByManual    = "manual"
	ManagedBySystem    = "system"
)

// ManagedBy is the ownership stamp of an object (RESOURCES.md section 0).
type ManagedBy struct {
	Kind          string         `json:"kind" enum:"terraform,scim,manual,system" doc:"Which door owns the object."`
	Stack         string         `json:"stack,omitempty" doc:"Terraform stack or SCIM connection that owns the object."`
	At            *time.Time     `json:"at,omitempty" doc:"When ownership was last stamped."`
	ChangeContext *ChangeContext `json:"change_context,omitempty" doc:"Where the owning change came from."`
}

// ChangeContext is carried by every write that Terraform makes.
type ChangeContext struct {
	Commit      string `json:"commit,omitempty" doc:"Commit that the change was applied from."`
	PullRequest string `json:"pull_request,omitempty" doc:"Pull request that was approved."`
	RunURL      string `json:"run_url,omitempty" doc:"CI run."`
	Author      string `json:"author,omitempty" doc:"Author of the change."`
	Approver    string `json:"approver,omitempty" doc:"Approver of the change."`
}

// IsZero reports whether nothing is known about where a change came from.
func (c *ChangeContext) IsZero() bool { return c == nil || *c == ChangeContext{} }
