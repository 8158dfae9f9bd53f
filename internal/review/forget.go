package review

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Forget deletes everything that was said about an item, for good: it goes with the
// item when the trash is emptied.
func Forget(ctx context.Context, s *object.Scope, itemID string) error {
	for _, text := range []string{
		`DELETE FROM review_verdict WHERE workspace_id = $1 AND review_id IN (SELECT id FROM review WHERE workspace_id = $1 AND item_id = $2)`,
		`DELETE FROM review_reviewer WHERE workspace_id = $1 AND review_id IN (SELECT id FROM review WHERE workspace_id = $1 AND item_id = $2)`,
		`DELETE FROM review WHERE workspace_id = $1 AND item_id = $2`,
		`DELETE FROM item_comment WHERE workspace_id = $1 AND item_id = $2`,
	} {
		if _, err := s.Tx.ExecContext(ctx, text, s.WorkspaceID, itemID); err != nil {
			return fmt.Errorf("deleting what was said about an item: %w", err)
		}
	}
	return nil
}

// Rename lets what a person said and was asked follow them to another address.
func Rename(ctx context.Context, s *object.Scope, from, to string) error {
	was, is := object.PrincipalMember+":"+from, object.PrincipalMember+":"+to
	for _, change := range []struct{ text, was, is string }{
		{`UPDATE review SET requested_by = $1 WHERE workspace_id = $2 AND requested_by = $3`, was, is},
		{`UPDATE item_comment SET author = $1 WHERE workspace_id = $2 AND author = $3`, was, is},
		{`UPDATE item_comment SET state_by = $1 WHERE workspace_id = $2 AND state_by = $3 AND state_by <> ''`, was, is},
		{`UPDATE review_verdict SET email = $1 WHERE workspace_id = $2 AND email = $3`, from, to},
	} {
		if _, err := s.Tx.ExecContext(ctx, change.text, change.is, s.WorkspaceID, change.was); err != nil {
			return fmt.Errorf("renaming who said something: %w", err)
		}
	}
	// Whoever was named under both addresses is named once.
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM review_reviewer WHERE workspace_id = $1 AND email = $2 AND review_id IN (SELECT review_id FROM review_reviewer WHERE workspace_id = $1 AND email = $3)`, s.WorkspaceID, from, to); err != nil {
		return fmt.Errorf("renaming a reviewer: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE review_reviewer SET email = $1 WHERE workspace_id = $2 AND email = $3`, to, s.WorkspaceID, from); err != nil {
		return fmt.Errorf("renaming a reviewer: %w", err)
	}
	return nil
}
