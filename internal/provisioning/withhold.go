package provisioning

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// withhold leaves out derived rows that would give somebody both duties of a rule that
// blocks (GH-AZ-04). The identity provider is not refused: its groups are as it says,
// and what they would have given is recorded as withheld.
func withhold(ctx context.Context, s *object.Scope, rows []api.Object) ([]api.Object, error) {
	gains := make([]sharing.Gain, len(rows))
	for i, o := range rows {
		switch o := o.(type) {
		case *api.TeamMembership:
			gains[i] = sharing.Gain{Principal: object.PrincipalMember + ":" + o.Principal, Team: o.Team, TeamRole: o.Role}
		case *api.RoleAssignment:
			gains[i] = sharing.Gain{Principal: o.Principal, Role: o.Role}
		}
	}
	withheld, err := sharing.Withhold(ctx, s, gains)
	if err != nil {
		return nil, err
	}
	out := make([]api.Object, 0, len(rows))
	for i, o := range rows {
		if !withheld[i] {
			out = append(out, o)
		}
	}
	return out, nil
}

// withheldRole reports whether a workspace role would break such a rule.
func withheldRole(ctx context.Context, s *object.Scope, email, role string) (bool, error) {
	withheld, err := sharing.Withhold(ctx, s, []sharing.Gain{{Principal: object.PrincipalMember + ":" + email, WorkspaceRole: role}})
	return err == nil && withheld[0], err
}
