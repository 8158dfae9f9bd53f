package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// C055, C094: who must agree before something leaves the workspace. It takes the lock
// of the workspace, so that a policy that is named is not deleted meanwhile.
var _ = object.Register(api.ApprovalPolicyKind, object.Rules[*api.ApprovalPolicy]{
	AuthzRelevant: true,
	Validate:      validateApprovalPolicy,
	Destroy:       destroyApprovalPolicy,
	Effect:        approvalPolicyEffect,
})

func validateApprovalPolicy(ctx context.Context, c *object.Change[*api.ApprovalPolicy]) ([]api.Violation, error) {
	out := checkCondition("/auto_approve_when", c.New.AutoApproveWhen)
	for i, step := range c.New.Steps {
		at := fmt.Sprintf("/steps/%d", i)
		out = append(out, checkCondition(at+"/when", step.When)...)
		able, known := int64(0), true
		for j, a := range step.Approvers {
			v, counts, err := checkApprover(ctx, c.Scope, fmt.Sprintf("%s/approvers/%d", at, j), a)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out = append(out, *v)
			}
			able, known = able+counts, known && counts > 0
		}
		// Teams and roles fill and empty; people who are named do not by themselves.
		if known && able < step.MinApprovals {
			out = append(out, api.Invalid(at+"/min_approvals", "is %d, and only %d can approve this step; name more approvers, or ask for fewer", step.MinApprovals, able))
		}
	}
	return out, nil
}

// checkApprover is the violation of an approver who can never approve. It answers how
// many people are meant where that is known, 0 where it is not.
func checkApprover(ctx context.Context, s *object.Scope, at, approver string) (*api.Violation, int64, error) {
	kind, key, _ := api.SplitPrincipal(approver)
	refuse := func(v api.Violation) (*api.Violation, int64, error) { return &v, 0, nil }
	switch kind {
	case "role":
		if vocabulary.Role(key) == vocabulary.RoleOwner {
			return nil, 1, nil
		}
		if vocabulary.Role(key).Internal() {
			return nil, 0, nil
		}
		if _, builtin := access.IsBuiltinRole(key); builtin {
			return refuse(api.Invalid(at, "%s is a level on items, not a role of people; write role:owner, role:admin, role:member or the name of a custom role", key))
		}
		ok, err := s.Exists(ctx, api.RoleKind, key)
		if err != nil || ok {
			return nil, 0, err
		}
		return refuse(missingRole(at, key))
	case object.PrincipalMember:
		m, err := object.Find[*api.Member](ctx, s, api.MemberKind, key)
		switch {
		case err != nil:
			return nil, 0, err
		case m == nil:
			return refuse(object.MissingReference(at, api.MemberKind, key))
		case !m.Active:
			return refuse(api.Invalid(at, "%s is suspended and cannot approve; name an active member, or a role", key))
		case m.WorkspaceRole == string(vocabulary.RoleGuest):
			return refuse(api.Invalid(at, "%s is a guest, and guests approve nothing; name a member of the organisation", key))
		}
		return nil, 1, nil
	case object.PrincipalServiceAccount:
		a, err := object.Find[*api.ServiceAccount](ctx, s, api.ServiceAccountKind, key)
		switch {
		case err != nil:
			return nil, 0, err
		case a == nil:
			return refuse(object.MissingReference(at, api.ServiceAccountKind, key))
		case !a.Active:
			return refuse(api.Invalid(at, "%s is suspended and cannot approve; name an active service account, or a role", key))
		}
		return nil, 1, nil
	case "team":
		ok, err := s.Exists(ctx, api.TeamKind, key)
		if err != nil || ok {
			return nil, 0, err
		}
		return refuse(object.MissingReference(at, api.TeamKind, key))
	}
	return nil, 0, nil // groups come and go with the identity provider
}

// destroyApprovalPolicy refuses while shares are sent through the policy.
func destroyApprovalPolicy(ctx context.Context, c *object.Change[*api.ApprovalPolicy]) (*api.ApprovalPolicy, error) {
	policy, err := Policy(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(policy.ApprovalPolicy, c.Old.Name) {
		return nil, api.NewProblem(api.CodeReferenced, "External shares go through the approval policy %q (approval_policy of the sharing policy). Name another one there first, or leave it out.", c.Old.Name)
	}
	rows, err := store.Objects.List(ctx, c.Tx, c.WorkspaceID, "sharing_policy_override", "", 1, store.Condition{Field: "approval_policy", Value: c.Old.Name})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return nil, api.NewProblem(api.CodeReferenced, "The sharing policy override of %s sends external shares through the approval policy %q. Name another one there first, or leave it out.", rows[0].Key, c.Old.Name)
}

func approvalPolicyEffect(was, is *api.ApprovalPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown // it decides where it is named
	}
	var t object.Tally
	t.Closes(was.RequesterCannotApprove, is.RequesterCannotApprove)
	switch {
	case was.AutoApproveWhen == is.AutoApproveWhen:
	case was.AutoApproveWhen == "":
		t.Add(true, false)
	case is.AutoApproveWhen == "":
		t.Add(false, true)
	default:
		t.Unclear(true)
	}
	for i := range max(len(was.Steps), len(is.Steps)) {
		switch {
		case i >= len(is.Steps):
			t.Add(true, false)
		case i >= len(was.Steps):
			t.Add(false, true)
		default:
			old, next := was.Steps[i], is.Steps[i]
			t.Names(old.Approvers, next.Approvers)
			t.Number(next.MinApprovals, old.MinApprovals)
			t.Unclear(old.When != next.When)
		}
	}
	return t.Effect()
}
