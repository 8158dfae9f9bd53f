package cedarcheck

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// MaxConditionLength bounds the text of a condition, in bytes.
const MaxConditionLength = 4000

// Checker validates policies against one schema. It is safe for concurrent use.
type Checker struct {
	validator *validate.Validator
}

// New reads a schema in Cedar's own notation.
func New(text string) (*Checker, error) {
	var s schema.Schema
	s.SetFilename("gatehouse.cedarschema")
	if err := s.UnmarshalCedar([]byte(text)); err != nil {
		return nil, fmt.Errorf("read the Cedar schema: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolve the Cedar schema: %w", err)
	}
	return &Checker{validate.New(resolved, validate.WithStrict())}, nil
}

// Policy checks a policy against the schema in strict mode.
func (c *Checker) Policy(id string, p *cedar.Policy) error {
	err := c.validator.Policy(id, (*xast.Policy)(p.AST()))
	if err == nil {
		return nil
	}
	return errors.New(shorten(err.Error()))
}

// Entity checks that an entity has every attribute of its type, and no other.
func (c *Checker) Entity(e cedar.Entity) error {
	if err := c.validator.Entity(e); err != nil {
		return fmt.Errorf("entity %s: %s", e.UID, shorten(err.Error()))
	}
	return nil
}

// Request checks that a request fits its action and that its context has every
// attribute.
func (c *Checker) Request(r cedar.Request) error {
	if err := c.validator.Request(r); err != nil {
		return fmt.Errorf("request %s: %s", r.Action, shorten(err.Error()))
	}
	return nil
}

// shorten keeps the first few distinct lines: the validator reports a mistake
// once for every action that the policy covers.
func shorten(text string) string {
	const most, longest = 3, 300
	var kept []string
	seen := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || seen[line] {
			continue
		}
		seen[line] = true
		if len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "…"
		}
		if kept = append(kept, line); len(kept) == most {
			break
		}
	}
	return strings.Join(kept, "; ")
}

// ParseCondition reads the text between the braces of a when clause: exactly one
// expression. Text that closes the brace and goes on is refused.
func ParseCondition(text string) (ast.Node, error) {
	if len(text) > MaxConditionLength {
		return ast.Node{}, fmt.Errorf("the condition is longer than %d bytes", MaxConditionLength)
	}
	if strings.TrimSpace(text) == "" {
		return ast.Node{}, errors.New("the condition is empty")
	}
	if hasChain(text) {
		return ast.Node{}, errors.New("write `x has a && x.a has b` instead of `x has a.b`")
	}
	// The line break keeps a comment at the end of the text from swallowing the brace.
	list, err := cedar.NewPolicyListFromBytes("condition", []byte("permit (principal, action, resource) when {"+text+"\n};"))
	if err != nil {
		return ast.Node{}, fmt.Errorf("the condition is not a Cedar expression: %s", shorten(err.Error()))
	}
	if len(list) != 1 {
		return ast.Node{}, errors.New("the condition must be one expression, not further policies")
	}
	p := (*xast.Policy)(list[0].AST())
	if len(p.Conditions) != 1 || p.Conditions[0].Condition != xast.ConditionWhen {
		return ast.Node{}, errors.New("the condition must be one expression without when or unless")
	}
	return ast.Node{Node: xast.NewNode(p.Conditions[0].Body)}, nil
}

// Attributes lists the names of all attributes that the policy's conditions read
// or ask for with `has`, of whatever entity or record. It is not known when the
// context is used as a value of its own, as in context == {…}.
func Attributes(p *cedar.Policy) (names []string, known bool) {
	known = true
	for _, condition := range p.AST().Conditions {
		xast.Inspect(xast.NewNode(condition.Body), func(n xast.IsNode) bool {
			var op xast.StrOpNode
			switch n := n.(type) {
			case xast.NodeTypeVariable:
				known = known && n.Name != "context"
				return false
			case xast.NodeTypeAccess:
				op = n.StrOpNode
			case xast.NodeTypeHas:
				op = n.StrOpNode
			default:
				return true
			}
			names = append(names, string(op.Value))
			_, variable := op.Arg.(xast.NodeTypeVariable)
			return !variable
		})
	}
	return names, known
}

// HasActionSet reports whether the policy's action scope is a set.
func HasActionSet(p *cedar.Policy) bool {
	_, set := p.AST().Action.(xast.ScopeTypeInSet)
	return set
}

// NarrowAction is the policy with the one action as its scope. The caller knows
// that the policy covers the action.
func NarrowAction(p *cedar.Policy, action cedar.EntityUID) *cedar.Policy {
	narrowed := *p.AST()
	narrowed.Action = xast.ScopeTypeEq{Entity: action}
	return cedar.NewPolicyFromAST(&narrowed)
}

// ActionIn reports whether the policy's action scope can match the action, given
// the groups that the action belongs to. It is how policies are sliced before
// they are evaluated.
func ActionIn(p *cedar.Policy, action cedar.EntityUID, groups cedar.EntityUIDSet) bool {
	within := func(e cedar.EntityUID) bool { return e == action || groups.Contains(e) }
	switch scope := p.AST().Action.(type) {
	case xast.ScopeTypeAll:
		return true
	case xast.ScopeTypeEq:
		return scope.Entity == action
	case xast.ScopeTypeIn:
		return within(scope.Entity)
	case xast.ScopeTypeInSet:
		for _, e := range scope.Entities {
			if within(e) {
				return true
			}
		}
		return false
	}
	// A kind of scope that this code does not know must not hide a forbid.
	return true
}
