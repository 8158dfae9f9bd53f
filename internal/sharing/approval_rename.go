package sharing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// RenameInApprovals makes requests, decisions and approval policies follow a member
// who has another address: nobody decides their own request by becoming another name.
func RenameInApprovals(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	was, is := "member:"+from, "member:"+to
	wasText, err := json.Marshal(was)
	if err != nil {
		return fmt.Errorf("encoding a name: %w", err)
	}
	isText, err := json.Marshal(is)
	if err != nil {
		return fmt.Errorf("encoding a name: %w", err)
	}
	// What was asked for names its maker as well, in a document.
	if _, err := s.Tx.ExecContext(ctx, `UPDATE approval_request SET requester = $1, doc = REPLACE(doc, $4, $5) WHERE workspace_id = $2 AND requester = $3`, is, s.WorkspaceID, was, string(wasText), string(isText)); err != nil {
		return fmt.Errorf("renaming who asked: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE approval_decision SET approver = $1 WHERE workspace_id = $2 AND approver = $3`, is, s.WorkspaceID, was); err != nil {
		return fmt.Errorf("renaming who decided: %w", err)
	}
	var policies []api.Object
	err = object.Each(ctx, s, api.ApprovalPolicyKind, func(p *api.ApprovalPolicy) error {
		named := false
		for i := range p.Steps {
			if j := slices.Index(p.Steps[i].Approvers, was); j >= 0 {
				p.Steps[i].Approvers[j], named = is, true
				slices.Sort(p.Steps[i].Approvers)
			}
		}
		if named {
			policies = append(policies, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.SaveDerived(ctx, api.ApprovalPolicyKind, how, policies...)
}
