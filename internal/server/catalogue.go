package server

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// anyone marks routes that every authenticated caller may use.
const anyone = "authenticated"

type whoami struct {
	Principal     string   `json:"principal"`
	PrincipalID   string   `json:"principal_id,omitempty"`
	Workspace     string   `json:"workspace,omitempty"`
	WorkspaceID   string   `json:"workspace_id,omitempty"`
	WorkspaceRole string   `json:"workspace_role,omitempty"`
	TokenID       string   `json:"token_id,omitempty"`
	Scopes        []string `json:"scopes" nullable:"false"`
	ReadOnly      bool     `json:"read_only"`
	Permissions   []string `json:"permissions" nullable:"false"`
}

type permissionEntry struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Scope       string   `json:"scope" enum:"item,workspace"`
	MinLevel    string   `json:"min_level,omitempty"`
	Roles       []string `json:"workspace_roles,omitempty" nullable:"false"`
	ReadOnly    bool     `json:"read_only" doc:"Using it changes nothing; read-only tokens may."`
}

type roleEntry struct {
	Name        string              `json:"name"`
	BuiltIn     bool                `json:"built_in"`
	Description string              `json:"description,omitempty"`
	BaseLevel   string              `json:"base_level,omitempty"`
	Statements  []api.RoleStatement `json:"statements,omitempty" nullable:"false"`
	Permissions []string            `json:"permissions" nullable:"false" doc:"What base_level includes; statements add and deny by path."`
}

type serviceProvider struct {
	EntityID    string `json:"entity_id"`
	ACSURL      string `json:"acs_url"`
	RedirectURI string `json:"redirect_uri"`
	MetadataURL string `json:"metadata_url"`
}

type scimServiceProvider struct {
	BaseURL        string   `json:"base_url"`
	Schemas        []string `json:"schemas" nullable:"false"`
	Authentication string   `json:"authentication"`
}

func (s *Server) routeCatalogues() {
	s.route(operation{method: http.MethodGet, path: "/v1/whoami", id: "whoami", summary: "Who the token stands for and what it may do", permission: anyone, out: s.schemaOf(whoami{})}, s.whoami)
	s.route(operation{method: http.MethodGet, path: "/v1/regions", id: "list_regions", summary: "Regions in service and planned", permission: anyone, params: pageParams(), out: pageOf(s.schemaOf(api.Region{}))},
		func(r *request) (*answer, error) { return pageThrough(r, api.Regions()) })
	s.route(operation{method: http.MethodGet, path: "/v1/permissions", id: "list_permissions", summary: "The catalogue of permissions", permission: anyone, params: pageParams(), out: pageOf(s.schemaOf(permissionEntry{}))},
		func(r *request) (*answer, error) { return pageThrough(r, permissionEntries()) })
	s.route(operation{method: http.MethodGet, path: "/v1/workspaces/{workspace}/roles_catalogue", id: "list_roles_catalogue", summary: "Built-in and custom roles", permission: api.RoleKind.ReadPermission(), params: pageParams(), out: pageOf(s.schemaOf(roleEntry{}))}, s.rolesCatalogue)
	s.route(operation{method: http.MethodGet, path: "/v1/workspaces/{workspace}/sso_service_provider", id: "sso_service_provider", summary: "What to enter at the identity provider", permission: api.SSOConnectionKind.ReadPermission(),
		params: []*huma.Param{query("connection", "Name of the SSO connection.")}, out: s.schemaOf(serviceProvider{})}, s.ssoServiceProvider)
	s.route(operation{method: http.MethodGet, path: "/v1/workspaces/{workspace}/scim_service_provider", id: "scim_service_provider", summary: "Where and how to push SCIM", permission: api.SCIMTokenKind.ReadPermission(), out: s.schemaOf(scimServiceProvider{})}, s.scimServiceProvider)
}

func (s *Server) whoami(r *request) (*answer, error) {
	c := r.caller
	out := whoami{Principal: c.Principal(), Workspace: c.WorkspaceSlug, WorkspaceID: c.WorkspaceID, TokenID: c.TokenID, ReadOnly: c.ReadOnly, Scopes: append([]string{}, c.Scopes...), Permissions: []string{}}
	if c.WorkspaceID == "" {
		return ok(out), nil
	}
	err := s.Service.View(r.ctx(), c, func(scope *object.Scope) error {
		out.Workspace = scope.Slug
		role, err := scope.Role(r.ctx())
		if err != nil {
			return err
		}
		out.WorkspaceRole = role
		kind := map[string]*api.Kind{object.PrincipalMember: api.MemberKind, object.PrincipalServiceAccount: api.ServiceAccountKind}[c.Kind]
		if kind == nil {
			return nil
		}
		self, err := scope.Get(r.ctx(), kind, c.Key)
		if err != nil {
			return err
		}
		out.PrincipalID = self.GetMeta().ID
		for _, p := range vocabulary.Permissions() {
			if p.Scope == vocabulary.ScopeWorkspace && scope.Require(r.ctx(), p.Name) == nil {
				out.Permissions = append(out.Permissions, p.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func permissionEntries() []permissionEntry {
	var out []permissionEntry
	for _, p := range vocabulary.Permissions() {
		e := permissionEntry{Name: p.Name, Description: p.Description, Scope: "workspace", ReadOnly: p.ReadOnly()}
		if p.Scope == vocabulary.ScopeItem {
			e.Scope, e.MinLevel = "item", p.MinLevel.String()
		}
		for _, r := range p.WorkspaceRoles {
			e.Roles = append(e.Roles, string(r))
		}
		out = append(out, e)
	}
	return out
}

func (s *Server) rolesCatalogue(r *request) (*answer, error) {
	var all []roleEntry
	for _, l := range vocabulary.Levels() {
		all = append(all, roleEntry{Name: strings.ToLower(l.RoleName()), BuiltIn: true, BaseLevel: l.String(), Description: "Built-in role: the level " + l.String() + ".", Permissions: vocabulary.PermissionsOfLevel(l)})
	}
	err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := scope.Require(r.ctx(), api.RoleKind.ReadPermission()); err != nil {
			return err
		}
		return object.Each(r.ctx(), scope, api.RoleKind, func(role *api.Role) error {
			e := roleEntry{Name: role.Name, Description: role.Description, BaseLevel: role.BaseLevel, Permissions: []string{}, Statements: role.Statements}
			if role.BaseLevel != "" {
				l, err := vocabulary.ParseLevel(role.BaseLevel)
				if err != nil {
					return err
				}
				e.Permissions = vocabulary.PermissionsOfLevel(l)
			}
			all = append(all, e)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return pageThrough(r, all)
}

func (s *Server) ssoServiceProvider(r *request) (*answer, error) {
	name := r.Query("connection")
	if name == "" {
		return nil, api.NewProblem(api.CodeMalformed, "Say which SSO connection: ?connection=name.")
	}
	obj, err := s.Service.Get(r.ctx(), r.caller, api.SSOConnectionKind, name)
	if err != nil {
		return nil, err
	}
	c := obj.(*api.SSOConnection)
	return ok(serviceProvider{EntityID: c.SPEntityID, ACSURL: c.ACSURL, RedirectURI: c.RedirectURI, MetadataURL: c.SPEntityID}), nil
}

func (s *Server) scimServiceProvider(r *request) (*answer, error) {
	err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		return scope.Require(r.ctx(), api.SCIMTokenKind.ReadPermission())
	})
	if err != nil {
		return nil, err
	}
	return ok(scimServiceProvider{BaseURL: s.BaseURL + "/scim/v2", Authentication: "oauthbearertoken", Schemas: []string{
		"urn:ietf:params:scim:schemas:core:2.0:User",
		"urn:ietf:params:scim:schemas:core:2.0:Group",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
	}}), nil
}
