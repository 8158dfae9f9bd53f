package sharing

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// C028: policies over principal, item and request. They are compiled into the engine
// of their workspace, so a stored one must never fail to compile.
var _ = object.Register(api.AttributePolicyKind, object.Rules[*api.AttributePolicy]{
	PolicyRelevant: true,
	Authorise:      authoriseAttributePolicy,
	Validate:       validateAttributePolicy,
	Effect:         attributePolicyEffect,
})

// maxAttributePolicies bounds what a decision may have to evaluate: unlike roles, all
// of the policies about a permission apply to everyone.
const maxAttributePolicies = 200

// authoriseAttributePolicy: who may write policies without being owner or admin could
// otherwise allow themselves everything.
func authoriseAttributePolicy(ctx context.Context, c *object.Change[*api.AttributePolicy]) error {
	if err := c.Require(ctx, api.AttributePolicyKind.WritePermission()); err != nil || c.Deleted || c.New.Effect != string(access.Allow) {
		return err
	}
	as := &api.Role{Name: c.New.Name, Statements: []api.RoleStatement{{Effect: c.New.Effect, Permissions: c.New.Permissions, Paths: c.New.Paths}}}
	return mayGive(ctx, c.Scope, gift{path: vocabulary.RootPath, at: "/permissions", role: as})
}

func validateAttributePolicy(ctx context.Context, c *object.Change[*api.AttributePolicy]) ([]api.Violation, error) {
	var was api.AttributePolicy
	if c.Old != nil {
		was = *c.Old
	}
	out := checkExpiry(c.Scope, "/expires_at", was.ExpiresAt, c.New.ExpiresAt)
	policy := object.AccessAttributePolicy(c.New)
	if err := access.ValidateAttributePolicy(policy); err != nil {
		at := "/condition"
		if c.New.Condition == "" {
			at = "/permissions"
		}
		return append(out, conditionViolation(at, c.New.Condition, err)), nil
	}
	if c.Created {
		var n int
		if err := c.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM object WHERE workspace_id = $1 AND kind = $2`, c.WorkspaceID, api.AttributePolicyKind.Name).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting attribute policies: %w", err)
		}
		if n >= maxAttributePolicies {
			out = append(out, api.Invalid("/name", "the workspace has %d attribute policies, the most there may be; delete one, or join those with the same condition", n))
		}
	}
	locked, err := locksOut(ctx, c.Scope, policy)
	return append(out, locked...), err
}

// locksOut refuses a deny that the caller, asking as they ask now, could never take
// back: not even the Owner is above an explicit deny.
func locksOut(ctx context.Context, s *object.Scope, policy access.AttributePolicy) ([]api.Violation, error) {
	if policy.ReportOnly || policy.Effect != access.Deny || s.Caller.Kind == object.PrincipalSystem || s.Caller.Kind == object.PrincipalConnection {
		return nil, nil
	}
	engine, err := access.New(access.PolicySet{Workspace: s.WorkspaceID, Policies: []access.AttributePolicy{policy}})
	if err != nil {
		return nil, err
	}
	subject, err := s.Subject(ctx, s.Caller.Principal())
	if err != nil {
		return nil, err
	}
	// What the caller holds does not matter to a deny, and the engine knows no roles.
	own := *subject
	own.Assignments, own.Grants, own.Token = nil, nil, nil
	rc := access.RequestContext{Time: s.Now, TokenID: s.Caller.TokenID}
	rc.IP, _ = netip.ParseAddr(s.Caller.IP)
	if s.Caller.TokenID != "" {
		rc.Authenticator = "token"
	}
	for _, permission := range []string{api.AttributePolicyKind.ReadPermission(), api.AttributePolicyKind.WritePermission()} {
		for _, reason := range engine.CheckWorkspace(&own, permission, &rc).Reasons {
			if reason.Kind == access.ReasonDeny || reason.Kind == access.ReasonError {
				return []api.Violation{{Path: "/permissions", Code: string(api.CodeLockout),
					Message: fmt.Sprintf("denies %s to this very request, so you could not take the policy back; name the permissions without attribute_policy.*, or write a condition that your own requests do not meet", permission)}}, nil
			}
		}
	}
	return nil, nil
}

func attributePolicyEffect(was, is *api.AttributePolicy) audit.Effect {
	was, is = inForce(was), inForce(is)
	var t object.Tally
	switch {
	case was != nil && is != nil && was.Effect == is.Effect:
		if is.Effect == string(access.Deny) {
			was, is = is, was // the more a deny covers, the less is allowed
		}
		t.Names(covered(was), covered(is))
		t.Expiry(was.ExpiresAt, is.ExpiresAt)
		t.Condition(was.Condition, is.Condition)
	default:
		if was != nil {
			t.Add(was.Effect == string(access.Deny), was.Effect == string(access.Allow))
		}
		if is != nil {
			t.Add(is.Effect == string(access.Allow), is.Effect == string(access.Deny))
		}
	}
	return t.Effect()
}

// inForce is nil for a policy that decides nothing.
func inForce(p *api.AttributePolicy) *api.AttributePolicy {
	if p == nil || p.Mode == api.PolicyReportOnly {
		return nil
	}
	return p
}

// covered lists what a policy is about, one term for each permission and path.
func covered(p *api.AttributePolicy) []string {
	return terms(&api.Role{Statements: []api.RoleStatement{{Effect: p.Effect, Permissions: p.Permissions, Paths: p.Paths}}}, access.Effect(p.Effect))
}
