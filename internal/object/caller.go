package object

import (
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Principal kinds of callers beside those that documents can name.
const (
	PrincipalMember         = "member"
	PrincipalServiceAccount = "service_account"
	PrincipalConnection     = "connection" // the SCIM side of an identity provider
	PrincipalOperator       = "operator"
	PrincipalSystem         = "system"
	PrincipalViewer         = "viewer" // who came through a share link
)

// Caller is who makes a request, through which door, with which credential. Doors
// fill it in; use-cases decide by it.
type Caller struct {
	WorkspaceID   string // "" for an operator outside of any workspace
	WorkspaceSlug string

	Kind string // Principal… constant
	ID   string
	Key  string // e-mail, slug or connection name

	TokenID  string
	Scopes   []string // permission patterns of the token; nil is everything
	ReadOnly bool

	Door      audit.Door
	IP        string
	Device    string
	RequestID string

	Stack         string // Terraform stack that writes, "" for others
	ChangeContext *api.ChangeContext
	Reason        string // why a code-owned object is edited by hand

	// Link is what a viewer's share link gives; nil for everybody else. A viewer has
	// that and nothing more.
	Link *LinkGrant

	saw *sighting // versions read with the credential; nil when they were not
}

// Principal is the caller's name on the wire, e.g. member:ann@example.com.
func (c *Caller) Principal() string { return c.Kind + ":" + c.Key }

// LinkGrant is the access that a visit through a share link has.
type LinkGrant struct {
	ID            string // of the share_link
	Resource      string
	Level         vocabulary.Level
	AllowDownload bool
	ExpiresAt     time.Time // of the visit, at the latest that of the link
}

// ViewerSubject is a viewer as the decision knows one (C017): an outsider with one
// grant. What else the same address may have been given is for its owner to sign in to.
func ViewerSubject(workspaceID, key string, link *LinkGrant) (*access.Subject, error) {
	p, err := vocabulary.NewPrincipal(vocabulary.KindViewer, key)
	if err != nil {
		return nil, fmt.Errorf("naming a viewer: %w", err)
	}
	subj := &access.Subject{Workspace: workspaceID, Principal: p, Role: vocabulary.RoleViewer, Active: link != nil, External: true}
	if link != nil {
		subj.ExpiresAt = link.ExpiresAt
		subj.Grants = map[string][]access.Grant{link.Resource: {{ID: link.ID, Level: link.Level, Source: p, ExpiresAt: link.ExpiresAt, AllowDownload: link.AllowDownload}}}
	}
	return subj, nil
}

// manager is the ownership that this caller's writes leave behind.
func (c *Caller) manager() (kind, stack string) {
	switch {
	case c.Kind == PrincipalConnection:
		return api.ManagedBySCIM, c.Key
	case c.Kind == PrincipalSystem:
		return api.ManagedBySystem, ""
	case c.Stack != "":
		return api.ManagedByTerraform, c.Stack
	}
	return api.ManagedByManual, ""
}

// Source is the door by which a membership or grant came to be: terraform, scim,
// manual or system.
func (c *Caller) Source() string {
	kind, _ := c.manager()
	return kind
}

// System is the caller of the product's own work (bootstrap, expiry, sealing).
func System(workspaceID string) *Caller {
	return &Caller{WorkspaceID: workspaceID, Kind: PrincipalSystem, ID: "system", Key: "system", Door: audit.DoorSystem}
}
