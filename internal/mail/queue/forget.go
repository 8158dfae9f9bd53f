package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// What is queued for a person goes with them (X12): letters to a member, and to an
// address. In what is on its way to others the person is masked.
var (
	_ = object.Forgets("mail",
		object.Forgetting{Place: "queued messages", Table: "delivery", Key: []string{"id"}, Who: []string{"member_id"}},
		object.Forgetting{Place: "queued messages", Table: "delivery", Key: []string{"id"}, Also: []string{"sealed"}, First: forgetSealed},
	)

	_ = object.Impersonal("delivery", map[string]string{"route": "a word", "state": "a word", "lease": "random"})
)

// forgetSealed opens what is still to be sent: there is little of it, and it is gone
// when it was sent.
func forgetSealed(ctx context.Context, s *object.Scope, p *object.Person) (int64, error) {
	waiting, err := sealed(ctx, s)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, id := range slices.Sorted(maps.Keys(waiting)) {
		text, err := s.Unseal("delivery/"+id, waiting[id])
		if err != nil {
			return 0, fmt.Errorf("opening a queued message: %w", err)
		}
		if !p.In(text) {
			continue
		}
		n++
		var letter struct {
			To string `json:"to"`
		}
		if json.Unmarshal([]byte(text), &letter) == nil && p.Is(letter.To) {
			_, err = s.Tx.ExecContext(ctx, `DELETE FROM delivery WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id)
		} else if text, err = p.Scrub(text); err == nil {
			_, err = s.Tx.ExecContext(ctx, `UPDATE delivery SET sealed = $3 WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id, s.Seal("delivery/"+id, text))
		}
		if err != nil {
			return 0, fmt.Errorf("forgetting a queued message: %w", err)
		}
	}
	return n, nil
}

// sealed reads what waits in the workspace, by id.
func sealed(ctx context.Context, s *object.Scope) (map[string]string, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, sealed FROM delivery WHERE workspace_id = $1 AND sealed <> ''`, s.WorkspaceID)
	if err != nil {
		return nil, fmt.Errorf("reading queued messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, fmt.Errorf("reading queued messages: %w", err)
		}
		out[id] = text
	}
	return out, rows.Err()
}
