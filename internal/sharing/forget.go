package sharing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Who visited links, asked for approval and gave it is forgotten with them (X12). How
// often a link was used, and how requests were decided, stays.
var (
	_ = object.ObjectsToErasure(refuseHeld)

	_ = object.Forgets("sharing",
		object.Forgetting{Place: "requests for approval", Table: "approval_request", First: withdrawFor},
		object.Forgetting{Place: "requests for approval", Table: "approval_request", Key: []string{"id"}, Who: []string{"requester"}, Text: []string{"doc"}, Keep: true, Own: withoutOrigin},
		object.Forgetting{Place: "approvals", Table: "approval_decision", Key: []string{"request_id", "approver"}, Who: []string{"approver"}, Text: []string{"comment"}, Keep: true,
			Own: object.Emptied("comment")},
		object.Forgetting{Place: "recipients of links", Table: "link_recipient", Key: []string{"link_id", "email"}, First: leaveRecipients, Who: []string{"email"}},
		object.Forgetting{Place: "visits", Table: "link_session", Key: []string{"hash"}, Who: []string{"viewer"}, Also: []string{"link_id"}},
		object.Forgetting{Place: "visits", Table: "link_view", Key: []string{"link_id", "session_hash", "resource"}, Who: []string{"viewer"}, Keep: true},
		object.Forgetting{Place: "visits", Table: "link_code", Key: []string{"link_id", "email"}, Who: []string{"email"}, Also: []string{"code_hash"}},
		object.Forgetting{Place: "visits", Table: "link_throttle", Key: []string{"subject"}, Text: []string{"subject"}},
		object.Forgetting{Place: "trash", Table: "trash", Key: []string{"id"}, Who: []string{"trashed_by"}, Text: []string{"name"}, Keep: true},
	)

	_ = object.Impersonal("approval_request", map[string]string{"state": "a word", "object_kind": "a word", "object_id": "opaque id"})
	_ = object.Impersonal("approval_decision", map[string]string{"verdict": "a word"})
	_ = object.Impersonal("link_token", map[string]string{"*": "hashes by opaque ids"})
	_ = object.Impersonal("link_password", map[string]string{"*": "hashes by opaque ids"})
	_ = object.Impersonal("link_use", map[string]string{"*": "counters by opaque ids"})
	_ = object.Impersonal("link_gone", map[string]string{"*": "opaque ids"})
	_ = object.Impersonal("collection_asset", map[string]string{"*": "paths, which cannot hold an address"})
	_ = object.Impersonal("trash", map[string]string{"kind": "a word", "path": "a path, which cannot hold an address", "parent_id": "opaque id", "refs": "opaque ids and paths"})
)

// refuseHeld keeps a person while something that names them is under legal hold, an asset
// or what lies in the trash: what is held is held as it is.
func refuseHeld(ctx context.Context, s *object.Scope, p *object.Person) error {
	held := map[string]string{} // paths, by the ids of items and of their reviews, and by path
	for _, text := range []string{
		`SELECT id || ' ' || path FROM trash WHERE workspace_id = $1 AND legal_hold = 1`,
		`SELECT r.id || ' ' || t.path FROM review r JOIN trash t ON t.workspace_id = r.workspace_id AND t.id = r.item_id WHERE r.workspace_id = $1 AND t.legal_hold = 1`,
		`SELECT id || ' ' || key FROM item WHERE workspace_id = $1 AND kind = 'asset' AND doc LIKE '%"legal_hold":true%'`,
		`SELECT key || ' ' || key FROM item WHERE workspace_id = $1 AND kind = 'asset' AND doc LIKE '%"legal_hold":true%'`,
		`SELECT r.id || ' ' || i.key FROM review r JOIN item i ON i.workspace_id = r.workspace_id AND i.id = r.item_id WHERE r.workspace_id = $1 AND i.kind = 'asset' AND i.doc LIKE '%"legal_hold":true%'`,
	} {
		found, err := textsOf(ctx, s, text, s.WorkspaceID)
		if err != nil {
			return err
		}
		for _, line := range found {
			id, path, _ := strings.Cut(line, " ")
			held[id] = path
		}
	}
	if len(held) == 0 {
		return nil
	}
	all, err := s.Holdings(ctx, p)
	if err != nil {
		return err
	}
	for _, h := range all {
		for _, row := range h.Rows {
			if path := underHold(row, held); path != "" {
				return api.NewProblem(api.CodeReferenced, "%s is under legal hold and names the person (%s). Release it first, or ask whoever put it under hold.", path, h.Place)
			}
		}
	}
	return nil
}

// underHold is the path of the item under legal hold that an entry belongs to, "" for none.
func underHold(row map[string]any, held map[string]string) string {
	for _, column := range []string{"id", "shelf", "item_id", "review_id", "resource"} {
		if id, ok := row[column].(string); ok && held[id] != "" {
			return held[id]
		}
	}
	raw, _ := row["document"].(json.RawMessage)
	var doc struct{ Resource, Scope string }
	if json.Unmarshal(raw, &doc) != nil {
		return ""
	}
	return held[doc.Resource] + held[doc.Scope]
}

// withdrawFor ends what waits for approval because of the person: what they asked for,
// and what others would give them.
func withdrawFor(ctx context.Context, s *object.Scope, p *object.Person) (int64, error) {
	ids, err := textsOf(ctx, s, `SELECT id FROM approval_request WHERE workspace_id = $1 AND state = 'pending' ORDER BY id`, s.WorkspaceID)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		q, err := loadRequest(ctx, s, id)
		if err != nil {
			return 0, err
		}
		others := len(q.Outside) == 0 || slices.ContainsFunc(q.Outside, func(email string) bool { return !p.Is(email) })
		if others && !p.Is(q.requester) && !p.In(q.objectKey) {
			continue
		}
		if err := q.remove(ctx, s, "a person was erased"); err != nil {
			return 0, err
		}
		if err := q.close(ctx, s, api.ApprovalWithdrawn, ""); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// withoutOrigin takes out of a request of the person from where they asked.
func withoutOrigin(_ *object.Scope, p *object.Person, row map[string]string) (map[string]any, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(row["doc"]), &doc); err != nil {
		return nil, fmt.Errorf("reading a request for approval: %w", err)
	}
	delete(doc, "ip")
	delete(doc, "token")
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encoding a request for approval: %w", err)
	}
	text, err := p.Scrub(string(raw))
	return map[string]any{"doc": text}, err
}

// leaveRecipients takes the person off the links that name them. A link for nobody else
// is revoked.
func leaveRecipients(ctx context.Context, s *object.Scope, p *object.Person) (int64, error) {
	seen := map[string]bool{}
	for _, address := range p.Addresses {
		ids, err := textsOf(ctx, s, `SELECT link_id FROM link_recipient WHERE workspace_id = $1 AND email = $2 ORDER BY link_id`, s.WorkspaceID, address)
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			l, err := object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, id)
			if err != nil {
				return 0, err
			}
			if l == nil {
				continue
			}
			l.Recipients = slices.DeleteFunc(l.Recipients, p.Is)
			if len(l.Recipients) == 0 {
				if err := RevokeLinks(ctx, s, "its recipient was erased", l); err != nil {
					return 0, err
				}
			}
			how := object.How{Keep: true, Effect: audit.EffectNarrowed, Reasons: []string{"a person was erased"}}
			if err := s.SaveDerived(ctx, api.ShareLinkKind, how, l); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}
