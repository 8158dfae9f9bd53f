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
		object.Forgetting{Place: "queued messages", Table: "delivery", Key: []string{"id"}, Also: []string{"sealed"}, First: forgetSealed, Found: findSealed},
	)

	_ = object.Impersonal("delivery", map[string]string{"route": "a word", "state": "a word", "lease": "random"})
)

// forgetSealed takes the person out of what is still to be sent.
func forgetSealed(ctx context.Context, s *object.Scope, p *object.Person) (int64, error) {
	naming, err := namingQueued(ctx, s, p)
	if err != nil {
		return 0, err
	}
	for _, id := range slices.Sorted(maps.Keys(naming)) {
		text := naming[id]
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
	return int64(len(naming)), nil
}

// findSealed shows that there are messages, and not what they say: they are to others, or
// hold what opens something.
func findSealed(ctx context.Context, s *object.Scope, p *object.Person) ([]map[string]any, error) {
	naming, err := namingQueued(ctx, s, p)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, id := range slices.Sorted(maps.Keys(naming)) {
		out = append(out, map[string]any{"id": id, "state": "queued"})
	}
	return out, nil
}

// namingQueued opens what is still to be sent, and answers what names a person: there is
// little of it, and it is gone when it was sent.
func namingQueued(ctx context.Context, s *object.Scope, p *object.Person) (map[string]string, error) {
	waiting, err := sealed(ctx, s)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for id, text := range waiting {
		opened, err := s.Unseal("delivery/"+id, text)
		if err != nil {
			return nil, fmt.Errorf("opening a queued message: %w", err)
		}
		if p.In(opened) {
			out[id] = opened
		}
	}
	return out, nil
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
