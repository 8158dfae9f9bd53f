package access

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/cedarcheck"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Effect is what a statement or an attribute policy does when it applies.
type Effect string

// The two effects. Deny outweighs any number of allows.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// Role is a custom role (C027): a level on the scope that it is assigned on,
// and statements.
type Role struct {
	Name       string
	BaseLevel  vocabulary.Level
	Statements []Statement
}

// Statement allows or denies permissions on paths. Without paths it covers the
// whole scope of the assignment.
type Statement struct {
	Effect      Effect
	Permissions []string
	Paths       []string
}

// AttributePolicy allows or denies permissions for every principal whose request
// meets a Cedar condition (C028).
type AttributePolicy struct {
	Name        string
	Effect      Effect
	Permissions []string
	Paths       []string
	// Condition is Cedar text; empty means always.
	Condition string
	ExpiresAt time.Time
	// ReportOnly policies change no decision; what they would have done is in
	// Decision.Reports.
	ReportOnly bool
}

// IsBuiltinRole reports whether the name is one of the five built-in item roles
// (C026, X05), and which level it means.
func IsBuiltinRole(name string) (vocabulary.Level, bool) {
	for _, l := range vocabulary.Levels() {
		if strings.EqualFold(l.RoleName(), name) {
			return l, true
		}
	}
	return vocabulary.LevelNone, false
}

// ValidateRole checks that a role can be compiled: known permissions, well-formed
// paths, a name that is not a built-in role's. It is called when a role is
// written, so that a stored role never breaks an engine.
func ValidateRole(r Role) error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	c, err := compileRole(r)
	if err != nil {
		return err
	}
	return c.validate(rules)
}

// ValidateAttributePolicy checks an attribute policy when it is written: known
// permissions, well-formed paths, and a condition that is one expression and
// refers only to what every request carries.
func ValidateAttributePolicy(p AttributePolicy) error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	c, err := compileAttributePolicy(p)
	if err != nil {
		return err
	}
	return c.validate(rules)
}

// ValidateCondition checks the condition of a grant or of a role assignment. In
// it resource is always an item; for workspace permissions it is the root.
func ValidateCondition(text string) error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	body, err := cedarcheck.ParseCondition(text)
	if err != nil {
		return err
	}
	p := ast.Permit().ActionEq(actionUID(vocabulary.AssetRead)).ResourceIs(typeItem).When(body)
	return rules.checker.Policy("condition", cedar.NewPolicyFromAST(p))
}

func (c compiled) validate(r *rules) error {
	seen := map[*entry]bool{}
	for _, bindings := range c {
		for _, b := range bindings {
			if seen[b.entry] {
				continue
			}
			seen[b.entry] = true
			if err := r.checker.Policy(string(b.id), b.whole); err != nil {
				return err
			}
		}
	}
	return nil
}

// compileRole turns each statement into at most two Cedar policies: one over
// items and one over the workspace, because their resources differ in type.
func compileRole(r Role) (compiled, error) {
	if err := vocabulary.ValidateSlug(strings.ToLower(r.Name)); err != nil {
		return nil, fmt.Errorf("role name: %w", err)
	}
	if _, taken := IsBuiltinRole(r.Name); taken {
		return nil, fmt.Errorf("role name %q is a built-in role", r.Name)
	}
	name := strings.ToLower(r.Name)
	if r.BaseLevel < vocabulary.LevelNone || r.BaseLevel > vocabulary.LevelFullAccess {
		return nil, fmt.Errorf("role %s has a base level that does not exist", name)
	}
	uid := cedar.NewEntityUID(typeRole, types.String(name))
	c := compiled{}
	for i, s := range r.Statements {
		target, err := newTarget(s.Effect, s.Permissions, s.Paths)
		if err != nil {
			return nil, fmt.Errorf("role %s, statement %d: %w", name, i+1, err)
		}
		id := fmt.Sprintf("role/%s/%d", name, i+1)
		direct := ast.Principal().In(ast.Value(cedar.NewEntityUID(typeDirectRole, types.String(name))))
		kind, text := ReasonRole, fmt.Sprintf("role %s, statement %d, allows %s", name, i+1, target)
		needs := ""
		if s.Effect == Deny {
			kind, text = ReasonDeny, fmt.Sprintf("role %s, statement %d, denies %s", name, i+1, target)
			needs = fmt.Sprintf("remove the deny from role %s or unassign the role", name)
		}
		for _, p := range target.policies(&direct) {
			e := newEntry(id+p.suffix, cedar.NewPolicyFromAST(p.ast.PrincipalIn(uid)))
			e.kind, e.text, e.needs, e.wild = kind, text, needs, p.wild
			c.add(e, p.permissions)
		}
	}
	return c, nil
}

func compileAttributePolicy(p AttributePolicy) (compiled, error) {
	if err := vocabulary.ValidateSlug(strings.ToLower(p.Name)); err != nil {
		return nil, fmt.Errorf("attribute policy name: %w", err)
	}
	name := strings.ToLower(p.Name)
	target, err := newTarget(p.Effect, p.Permissions, p.Paths)
	if err != nil {
		return nil, fmt.Errorf("attribute policy %s: %w", name, err)
	}
	var condition *ast.Node
	if p.Condition != "" {
		body, err := cedarcheck.ParseCondition(p.Condition)
		if err != nil {
			return nil, fmt.Errorf("attribute policy %s: %w", name, err)
		}
		condition = &body
	}
	kind, verb, needs := ReasonPolicy, "allows", ""
	if p.Effect == Deny {
		kind, verb = ReasonDeny, "denies"
		needs = fmt.Sprintf("meet or change the condition of attribute policy %s", name)
	}
	c := compiled{}
	for _, built := range target.policies(nil) {
		if condition != nil {
			built.ast = built.ast.When(*condition)
		}
		e := newEntry("policy/"+name+built.suffix, cedar.NewPolicyFromAST(built.ast))
		e.kind, e.needs, e.wild, e.expires = kind, needs, built.wild, p.ExpiresAt
		e.text = fmt.Sprintf("attribute policy %s %s %s", name, verb, target)
		c.add(e, built.permissions)
	}
	return c, nil
}

// target is the effect, the permissions and the paths that role statements and
// attribute policies have in common.
type target struct {
	effect           Effect
	patterns         []string
	items, workspace []string
	paths            []vocabulary.PathPattern
}

func newTarget(effect Effect, permissions, paths []string) (*target, error) {
	if effect != Allow && effect != Deny {
		return nil, fmt.Errorf("effect %q is neither allow nor deny", effect)
	}
	if len(permissions) == 0 {
		return nil, errors.New("no permissions are named")
	}
	names, err := vocabulary.ExpandAll(permissions)
	if err != nil {
		return nil, err
	}
	t := &target{effect: effect, patterns: permissions}
	for _, name := range names {
		if p, _ := vocabulary.Lookup(name); p.Scope == vocabulary.ScopeItem {
			t.items = append(t.items, name)
		} else {
			t.workspace = append(t.workspace, name)
		}
	}
	for _, text := range paths {
		p, err := vocabulary.ParsePathPattern(text)
		if err != nil {
			return nil, err
		}
		t.paths = append(t.paths, p)
	}
	return t, nil
}

// String is how explain names the target, in the author's own words.
func (t *target) String() string {
	text := strings.Join(t.patterns, ", ")
	if len(t.paths) == 0 {
		return text
	}
	var paths []string
	for _, p := range t.paths {
		paths = append(paths, p.String())
	}
	return text + " on " + strings.Join(paths, ", ")
}

// built is one Cedar policy of a target, before its principal is set.
type built struct {
	suffix      string
	ast         *ast.Policy
	permissions []string
	wild        []vocabulary.PathPattern
}

// policies writes the target as Cedar. direct, where given, is the node that is
// true when the role is held below every restriction.
func (t *target) policies(direct *ast.Node) []built {
	head := ast.Permit
	if t.effect == Deny {
		head = ast.Forbid
	}
	var out []built
	if len(t.items) > 0 {
		b := built{suffix: "/item", permissions: t.items, ast: head().ActionInSet(actionUIDs(t.items)...).ResourceIs(typeItem)}
		if where := t.where(direct); where != nil {
			b.ast = b.ast.When(*where)
		}
		for _, p := range t.paths {
			if !coversSubtree(p) {
				b.wild = append(b.wild, p)
			}
		}
		out = append(out, b)
	}
	if len(t.workspace) > 0 && t.coversRoot() {
		out = append(out, built{suffix: "/workspace", permissions: t.workspace, ast: head().ActionInSet(actionUIDs(t.workspace)...).ResourceIs(typeWorkspace)})
	}
	return out
}

// where is the condition on the resource. A deny reaches everything below its
// paths. An allow also needs that no restriction lies between the item and what
// the statement spells out, or that the role is held below the restriction (X22).
func (t *target) where(direct *ast.Node) *ast.Node {
	var any *ast.Node
	or := func(n ast.Node) {
		if any != nil {
			n = any.Or(n)
		}
		any = &n
	}
	if len(t.paths) == 0 {
		switch {
		case t.effect == Deny:
			return nil
		case direct != nil:
			return direct
		}
		open := reaches(vocabulary.RootPath)
		return &open
	}
	for _, p := range t.paths {
		covers := ast.Resource().In(ast.Value(itemUID(p.LiteralPath())))
		if !coversSubtree(p) {
			covers = ast.Resource().In(ast.Value(cedar.NewEntityUID(typePattern, types.String(p.String()))))
		}
		if t.effect == Allow {
			open := reaches(p.LiteralPath())
			if direct != nil {
				open = open.Or(*direct)
			}
			covers = covers.And(open)
		}
		or(covers)
	}
	return any
}

// reaches is true when nothing restricted lies between the path and the item.
func reaches(path string) ast.Node {
	return ast.Resource().In(ast.Value(cedar.NewEntityUID(typeUnrestricted, types.String(path))))
}

// coversSubtree reports whether the pattern is a whole subtree (/finance or
// /finance/**), which Cedar expresses as resource in Item.
func coversSubtree(p vocabulary.PathPattern) bool {
	return !p.Wild() || p.String() == strings.TrimSuffix(p.LiteralPath(), "/")+"/**"
}

// coversRoot reports whether the target speaks about the workspace itself.
func (t *target) coversRoot() bool {
	if len(t.paths) == 0 {
		return true
	}
	for _, p := range t.paths {
		if p.Covers(vocabulary.RootPath) {
			return true
		}
	}
	return false
}

func itemUID(path string) cedar.EntityUID {
	return cedar.NewEntityUID(typeItem, types.String(path))
}

func actionUIDs(names []string) []cedar.EntityUID {
	uids := make([]cedar.EntityUID, len(names))
	for i, name := range names {
		uids[i] = actionUID(name)
	}
	return uids
}
