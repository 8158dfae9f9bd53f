package access

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/cedarcheck"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

//go:embed gatehouse.cedarschema
var schemaText string

//go:embed builtin.cedar
var builtinText string

const (
	typeAction    cedar.EntityType = "Action"
	typePrincipal cedar.EntityType = "Principal"
	typeTeam      cedar.EntityType = "Team"
	typeRole      cedar.EntityType = "Role"
	// Memberships that say how something is reached; see the schema.
	typeDirectRole   cedar.EntityType = "DirectRole"
	typeUnrestricted cedar.EntityType = "Unrestricted"
	typePattern      cedar.EntityType = "Pattern"
	typeItem         cedar.EntityType = "Item"
	typeWorkspace    cedar.EntityType = "Workspace"
)

// action is a permission prepared for evaluation.
type action struct {
	vocabulary.Permission
	uid    cedar.EntityUID
	entity cedar.Entity
	// builtin are the policies of builtin.cedar that can match the action.
	builtin slice
}

// rules are what every engine shares: the schema and the built-in policies.
type rules struct {
	schema  string
	checker *cedarcheck.Checker
	actions map[string]*action
	builtin []*entry
}

// loadRules parses and validates the embedded files once for the process.
var loadRules = sync.OnceValues(func() (*rules, error) {
	r := &rules{schema: Schema(), actions: map[string]*action{}}
	checker, err := cedarcheck.New(r.schema)
	if err != nil {
		return nil, err
	}
	r.checker = checker
	list, err := cedar.NewPolicyListFromBytes("builtin.cedar", []byte(builtinText))
	if err != nil {
		return nil, fmt.Errorf("read builtin.cedar: %w", err)
	}
	for _, p := range list {
		notes := p.Annotations()
		e := newEntry(string(notes["id"]), p)
		e.kind, e.text, e.needs = ReasonKind(notes["kind"]), string(notes["reason"]), string(notes["needs"])
		if e.id == "" || e.kind == "" {
			return nil, errors.New("builtin.cedar: a policy lacks @id or @kind")
		}
		if err := checker.Policy(string(e.id), p); err != nil {
			return nil, fmt.Errorf("builtin.cedar: %s: %w", e.id, err)
		}
		r.builtin = append(r.builtin, e)
	}
	for _, p := range vocabulary.Permissions() {
		r.actions[p.Name] = newAction(p, r.builtin)
	}
	return r, nil
})

func newAction(p vocabulary.Permission, builtin []*entry) *action {
	a := &action{Permission: p, uid: actionUID(p.Name)}
	var groups []cedar.EntityUID
	for _, g := range groupsOf(p) {
		groups = append(groups, actionUID(g))
	}
	a.entity = cedar.Entity{UID: a.uid, Parents: cedar.NewEntityUIDSet(groups...)}
	for _, e := range builtin {
		if cedarcheck.ActionIn(e.whole, a.uid, a.entity.Parents) {
			a.builtin = append(a.builtin, &binding{entry: e, action: a.uid})
		}
	}
	return a
}

func actionUID(name string) cedar.EntityUID {
	return cedar.NewEntityUID(typeAction, types.String(name))
}

// groupNames are the action groups that builtin.cedar refers to.
var groupNames = []string{
	"needs_view", "needs_comment", "needs_edit", "needs_manage", "needs_full_access",
	"governance", "frozen_when_archived", "beyond_comment", "beyond_edit",
	"for_owner", "for_admin", "for_member", "for_guest", "beyond_guest", "owner_only",
}

// groupsOf derives the groups of an action from the catalogue, so that a new
// permission falls under every rule without an edit of builtin.cedar.
func groupsOf(p vocabulary.Permission) []string {
	var groups []string
	add := func(name string, when bool) {
		if when {
			groups = append(groups, name)
		}
	}
	if p.Scope == vocabulary.ScopeItem {
		add("needs_"+p.MinLevel.String(), true)
		add("governance", p.Governance)
		add("frozen_when_archived", !p.ReadOnly() && !p.Archived)
		// Download belongs to edit but is also granted by itself (C021), and to
		// link visitors too (C068); it is no step up the ladder.
		add("beyond_comment", p.MinLevel > vocabulary.RoleViewer.Ceiling() && p.Name != vocabulary.AssetDownload)
		add("beyond_edit", p.MinLevel > vocabulary.RoleGuest.Ceiling())
		return groups
	}
	add("for_owner", p.AllowsRole(vocabulary.RoleOwner))
	add("for_admin", p.AllowsRole(vocabulary.RoleAdmin))
	add("for_member", p.AllowsRole(vocabulary.RoleMember))
	add("for_guest", p.AllowsRole(vocabulary.RoleGuest))
	add("beyond_guest", !p.AllowsRole(vocabulary.RoleGuest))
	add("owner_only", p.OwnerOnly())
	return groups
}

// Schema is the whole Cedar schema: the entity types and one action for every
// permission. Documentation and editors may show it to authors of conditions.
func Schema() string {
	var b strings.Builder
	b.WriteString(schemaText)
	b.WriteString("\n")
	for _, g := range groupNames {
		fmt.Fprintf(&b, "action %q;\n", g)
	}
	for _, p := range vocabulary.Permissions() {
		resource := typeItem
		if p.Scope == vocabulary.ScopeWorkspace {
			resource = typeWorkspace
		}
		fmt.Fprintf(&b, "action %q in [%s] appliesTo { principal: Principal, resource: %s, context: Context };\n",
			p.Name, `"`+strings.Join(groupsOf(p), `", "`)+`"`, resource)
	}
	return b.String()
}

// BuiltinPolicies is the text of the built-in policies, for people to read.
func BuiltinPolicies() string { return builtinText }
