package review

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"

// What people said goes with them (X12); that somebody said something, and the verdict
// that a review was decided by, stay.
var (
	_ = object.Forgets("review",
		object.Forgetting{Place: "comments", Table: "item_comment", Key: []string{"id"}, Who: []string{"author", "state_by"}, Text: []string{"content"}, Keep: true,
			Own: func(s *object.Scope, _ *object.Person, row map[string]string) (map[string]any, error) {
				out := map[string]any{"content": "{}"}
				if row["deleted_at"] == "0" {
					out["deleted_at"] = s.Now.UnixMicro()
				}
				return out, nil
			}},
		object.Forgetting{Place: "verdicts", Table: "review_verdict", Key: []string{"id"}, Who: []string{"email"}, Text: []string{"body"}, Keep: true,
			Own: object.Emptied("body")},
		object.Forgetting{Place: "reviews", Table: "review_reviewer", Key: []string{"review_id", "email"}, Who: []string{"email"}, Keep: true},
		object.Forgetting{Place: "reviews", Table: "review", Key: []string{"id"}, Who: []string{"requested_by"}, Text: []string{"name", "instructions"}, Keep: true},
	)

	_ = object.Impersonal("review", map[string]string{"item_id": "opaque id", "state": "a word"})
	_ = object.Impersonal("review_reviewer", map[string]string{"verdict": "a word"})
	_ = object.Impersonal("review_verdict", map[string]string{"review_id": "opaque id", "verdict": "a word"})
	_ = object.Impersonal("item_comment", map[string]string{"item_id": "opaque id", "review_id": "opaque id", "parent_id": "opaque id", "state": "a word"})
)
