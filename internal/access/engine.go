package access

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/cedarcheck"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// PolicySet is what an engine is compiled from: the custom roles and attribute
// policies of one workspace at one authz_version.
type PolicySet struct {
	// Workspace is the id of the workspace.
	Workspace string
	// Version is the workspace's authz_version that the set was read at.
	Version  int64
	Roles    []Role
	Policies []AttributePolicy
}

// Engine answers questions for one workspace at one authz_version. It is
// immutable and safe for concurrent use; a new version needs a new engine.
type Engine struct {
	workspace string
	version   int64
	rules     *rules
	roles     map[string]*customRole
	enforced  compiled
	reported  compiled
	// conditions of grants and assignments, compiled when first met. It cannot
	// outgrow the rows of the workspace and dies with the engine.
	conditions sync.Map
}

type customRole struct {
	name     string
	base     vocabulary.Level
	policies compiled
}

// New compiles a policy set. It fails on anything that would not pass
// ValidateRole or does not parse, naming every such role and policy.
func New(set PolicySet) (*Engine, error) {
	shared, err := loadRules()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		workspace: set.Workspace, version: set.Version, rules: shared,
		roles: make(map[string]*customRole, len(set.Roles)), enforced: compiled{}, reported: compiled{},
	}
	var problems []error
	for _, r := range set.Roles {
		name := strings.ToLower(r.Name)
		c, err := compileRole(r)
		if err == nil && e.roles[name] != nil {
			err = fmt.Errorf("role %s is defined twice", name)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		e.roles[name] = &customRole{name: name, base: r.BaseLevel, policies: c}
	}
	named := map[string]bool{}
	for _, p := range set.Policies {
		name := strings.ToLower(p.Name)
		c, err := compileAttributePolicy(p)
		if err == nil && named[name] {
			err = fmt.Errorf("attribute policy %s is defined twice", name)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		named[name] = true
		into := e.enforced
		if p.ReportOnly {
			into = e.reported
		}
		for permission, bindings := range c {
			into[permission] = append(into[permission], bindings...)
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("compile the policies of workspace %s: %w", set.Workspace, errors.Join(problems...))
	}
	return e, nil
}

// Workspace is the id of the workspace that the engine decides for.
func (e *Engine) Workspace() string { return e.workspace }

// Version is the authz_version that the engine was compiled at.
func (e *Engine) Version() int64 { return e.version }

func (e *Engine) role(name string) *customRole {
	if r := e.roles[name]; r != nil {
		return r
	}
	return e.roles[strings.ToLower(name)]
}

// slice gathers the policies that can matter: the built-in ones of the action,
// those of the roles that apply, and the enforced attribute policies. Authorize
// evaluates all that it is given, so what cannot match is left out.
func (e *Engine) slice(a *action, roles []activeRole, rc *RequestContext) slice {
	attribute := slice(e.enforced[a.Name]).live(rc.Time)
	out := make(slice, 0, len(a.builtin)+len(attribute)+4*len(roles))
	out = append(out, a.builtin...)
	for _, r := range roles {
		out = append(out, r.role.policies[a.Name]...)
	}
	return append(out, attribute...)
}

// evaluateCondition evaluates the condition of a grant or an assignment for the
// request that the resolver is working on. Roles and level are what is being
// found out, so the condition sees none.
func (e *Engine) evaluateCondition(text string, r *resolver) (bool, error) {
	p, err := e.condition(text)
	if err != nil {
		return false, err
	}
	world := &entities{
		principal: principalEntity(r.subject, r.self, nil, r.request.Time, p.reads),
		action:    r.action.entity,
		resource:  itemEntity(r.view, &resolution{owned: r.self != "" && r.view.leaf().Owner == r.self}, nil, p.reads),
	}
	decision, diagnostic := cedar.Authorize(slice{p}, world, cedar.Request{
		Principal: world.principal.UID, Action: r.action.uid, Resource: world.resource.UID,
		Context: contextRecord(r.request, r.subject.Token.allows(r.action.Permission), p.reads),
	})
	if len(diagnostic.Errors) > 0 {
		return false, errors.New(diagnostic.Errors[0].Message)
	}
	return decision == cedar.Allow, nil
}

func (e *Engine) condition(text string) (*binding, error) {
	if known, ok := e.conditions.Load(text); ok {
		return known.(*binding), nil
	}
	body, err := cedarcheck.ParseCondition(text)
	if err != nil {
		return nil, err
	}
	p := &binding{entry: newEntry("condition", cedar.NewPolicyFromAST(ast.Permit().When(body)))}
	known, _ := e.conditions.LoadOrStore(text, p)
	return known.(*binding), nil
}
