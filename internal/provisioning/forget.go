package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// What identity providers said about people is forgotten with them (X12): the user, the
// tombstone of one that was deleted, and the requests.
var (
	_ = object.KnownAs(knownAs)

	_ = object.Forgets("provisioning",
		object.Forgetting{
			Place: "provisioning events", Table: "provisioning_event", Key: []string{"id"}, Keep: true,
			Who: []string{"released_by", "rejected_by"}, By: []string{"target"}, Text: []string{"request", "detail", "affected"},
			Search: saidBy, Scrub: scrubEvent,
		},
		object.Forgetting{Place: "provisioned users", Table: "scim_email", Key: []string{"member_id", "position"}, Who: []string{"member_id"}, Also: []string{"value_key", "type_key"}},
		object.Forgetting{Place: "provisioned users", Table: "scim_group_member", Key: []string{"group_id", "member_id"}, Who: []string{"member_id"}, Also: []string{"withheld"}},
		object.Forgetting{Place: "provisioned users", Table: "scim_user", Key: []string{"member_id"}, Who: []string{"member_id"}, Also: []string{"user_name", "user_name_key", "external_id", "display_name", "base_role"}},
		// Others may have had the person as their manager.
		object.Forgetting{
			Place: "provisioned users", Table: "scim_user", Key: []string{"member_id"}, Keep: true, Text: []string{"doc", "folded"}, Search: saidBy,
			Scrub: func(p *object.Person, _ map[string]string, _, text string) (string, error) {
				return p.ScrubNaming(text)
			},
		},
	)

	_ = object.Impersonal("scim_user", map[string]string{"connection": "name of a connection"})
	_ = object.Impersonal("scim_email", map[string]string{"connection": "name of a connection"})
	_ = object.Impersonal("scim_group", map[string]string{"*": "names of groups, as the organisation calls them"})
	_ = object.Impersonal("provisioning_event", map[string]string{
		"connection": "name of a connection", "operation": "a word", "resource": "User or Group", "outcome": "a word",
		"request_id": "random", "replayed_as": "id of another event",
	})
)

// saidBy are the names under which an identity provider speaks of a person.
func saidBy(p *object.Person) []string {
	out := append([]string{}, p.Logins...)
	out = append(out, p.Names...)
	if p.Member != "" {
		out = append(out, p.Member)
	}
	return out
}

// scrubEvent empties what was said of the person alone, and takes them out of what was
// said of a group.
func scrubEvent(p *object.Person, row map[string]string, column, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if column == "affected" {
		return text, nil // opaque ids
	}
	about := p.Is(row["target"])
	if !about && row["resource"] != ResourceGroup {
		scrubbed, err := p.ScrubNaming(row["request"])
		if err != nil {
			return "", err
		}
		about = scrubbed != row["request"]
	}
	if about {
		return "", nil
	}
	return p.ScrubNaming(text)
}

// knownAs adds what the identity provider calls a person who was provisioned: user
// names, other addresses and full names. An address that is another member's own is
// never the person's.
func knownAs(ctx context.Context, s *object.Scope, p *object.Person) error {
	if p.Member == "" {
		if err := findTombstone(ctx, s, p); err != nil || p.Member == "" {
			return err
		}
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT user_name, display_name, doc FROM scim_user WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, p.Member)
	if err != nil {
		return fmt.Errorf("reading what a person was provisioned as: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var addresses []string
	for rows.Next() {
		var login, display, doc string
		if err := rows.Scan(&login, &display, &doc); err != nil {
			return fmt.Errorf("reading what a person was provisioned as: %w", err)
		}
		if strings.Contains(login, "@") {
			addresses = append(addresses, login)
		} else {
			p.AddLogin(login)
		}
		p.AddName(display)
		var said struct {
			Name struct {
				Formatted, GivenName, FamilyName string
			}
			Emails []struct{ Value string }
		}
		if err := json.Unmarshal([]byte(doc), &said); err != nil {
			return fmt.Errorf("reading what a person was provisioned as: %w", err)
		}
		p.AddName(said.Name.Formatted)
		p.AddName(said.Name.GivenName + " " + said.Name.FamilyName)
		for _, e := range said.Emails {
			addresses = append(addresses, e.Value)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading what a person was provisioned as: %w", err)
	}
	for _, address := range addresses {
		others, err := s.Exists(ctx, api.MemberKind, strings.ToLower(address))
		if err != nil {
			return err
		}
		if !others {
			p.AddAddress(address)
		}
	}
	return nil
}

// findTombstone finds somebody who is no member any more by what was pushed. The
// address of a member who has another one is refused: whoever erases has to know whom.
func findTombstone(ctx context.Context, s *object.Scope, p *object.Person) error {
	rows, err := s.Tx.QueryContext(ctx, `SELECT u.member_id, COALESCE(m.key, '') FROM scim_user u
		LEFT JOIN member m ON m.workspace_id = u.workspace_id AND m.id = u.member_id
		WHERE u.workspace_id = $1 AND (u.user_name_key = $2 OR u.member_id IN (SELECT e.member_id FROM scim_email e WHERE e.workspace_id = $1 AND e.value_key = $2))`, s.WorkspaceID, p.Email())
	if err != nil {
		return fmt.Errorf("looking for a person among provisioned users: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, member string
		if err := rows.Scan(&id, &member); err != nil {
			return fmt.Errorf("looking for a person among provisioned users: %w", err)
		}
		if member != "" {
			return api.NewProblem(api.CodeConflict, "%s is another address of a member. Name the person by the address that they have here: %s.", p.Email(), member)
		}
		p.Member = id
	}
	return rows.Err()
}
