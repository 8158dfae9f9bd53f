package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Join brings a person in: as a new member, or as the identity that they have here
// already. Who they are is decided by externalId, then by what this connection said
// before, then by e-mail where the connection has claimed the domain, and by nothing
// else: an e-mail that the identity provider merely asserts takes nobody over.
func Join(ctx context.Context, s *object.Scope, p Person, e *Event) (*Identity, error) {
	if err := requireConnection(ctx, s); err != nil {
		return nil, err
	}
	// First, because it takes the lock that looking for identities relies on.
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	e.Operation, e.Resource = OperationJoin, ResourceUser
	found, err := recognise(ctx, s, &p)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if err := allowRehire(ctx, s, &p); err != nil {
			return nil, err
		}
		e.Operation, e.Target = OperationRejoin, found.ID
		e.Detail = "the identity that left came back"
		return found, rejoin(ctx, s, found, &p)
	}
	m, linked, err := memberFor(ctx, s, &p)
	if err != nil {
		return nil, err
	}
	e.Target = m.ID
	if linked {
		e.Detail = "linked to the member with the same verified e-mail"
	}
	// The member's own event says what was created or linked, and by which connection.
	i := &Identity{ID: m.ID}
	return i, i.save(ctx, s, &p, true)
}

// traces are what a connection knows of somebody: who has the userName, who has or
// had the externalId, and whom it deleted by the userName or by the e-mail.
type traces struct{ named, known, gone, goneByEmail *Identity }

const fromMine = ` FROM scim_user WHERE workspace_id = $1 AND connection = $2 AND `

// TracesStatement looks for a person in all four ways at once: every joiner asks.
const TracesStatement = `SELECT 0 AS way, ` + identityColumns + fromMine + `user_name_key = $3 AND deleted_at = 0
	UNION ALL SELECT * FROM (SELECT 1 AS way, ` + identityColumns + fromMine + `external_id = $4 AND external_id <> '' ORDER BY deleted_at, updated_at DESC LIMIT 1) known
	UNION ALL SELECT * FROM (SELECT 2 AS way, ` + identityColumns + fromMine + `user_name_key = $3 AND deleted_at <> 0 ORDER BY deleted_at DESC LIMIT 1) gone
	UNION ALL SELECT 3 AS way, ` + identityColumns + fromMine + `deleted_at <> 0 AND member_id = (SELECT id FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $5)`

// tracesOf reads them.
func tracesOf(ctx context.Context, s *object.Scope, p *Person) (*traces, error) {
	rows, err := s.Tx.QueryContext(ctx, TracesStatement,
		s.WorkspaceID, s.Caller.Key, Fold(p.UserName), p.ExternalID, p.address())
	if err != nil {
		return nil, fmt.Errorf("looking for a provisioned person: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var t traces
	ways := []**Identity{&t.named, &t.known, &t.gone, &t.goneByEmail}
	for rows.Next() {
		var way int
		i, err := scanIdentity(rows, &way)
		if err != nil {
			return nil, err
		}
		*ways[way] = i
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("looking for a provisioned person: %w", err)
	}
	return &t, nil
}

// recognise finds the identity of a person who was provisioned before and is gone.
// It is an error when the identity is in use.
func recognise(ctx context.Context, s *object.Scope, p *Person) (*Identity, error) {
	t, err := tracesOf(ctx, s, p)
	if err != nil {
		return nil, err
	}
	named, known := t.named, t.known
	switch {
	case named != nil && named.Active:
		return nil, taken("userName", p.UserName)
	case known == nil:
	case named != nil && known.ID != named.ID:
		return nil, taken("userName", p.UserName)
	case known.Active && !known.deleted:
		return nil, taken("externalId", p.ExternalID)
	default:
		return known, nil
	}
	if named == nil {
		named = t.gone
	}
	if named == nil {
		named = t.goneByEmail
	}
	if named == nil {
		return nil, nil
	}
	// The name was somebody's. It is the same person unless the identity provider
	// says otherwise, and then only the owner of the mailbox may come back.
	if named.ExternalID == "" || p.ExternalID == "" || named.ExternalID == p.ExternalID {
		return named, nil
	}
	claimed, err := claims(ctx, s, p.address())
	if err != nil {
		return nil, err
	}
	if !claimed {
		return nil, api.NewProblem(api.CodeConflict, "The userName %q belonged to the person with externalId %q, and connection %q has not claimed the domain of the address. Use another userName, or claim the domain in the SSO connection of the same name.", clip(p.UserName, 100), clip(named.ExternalID, 100), s.Caller.Key)
	}
	return named, nil
}

// rejoin gives a person back the identity they had, never a second one.
func rejoin(ctx context.Context, s *object.Scope, i *Identity, p *Person) error {
	was, verb, before := i.Active && !i.deleted, "updated", i.Doc
	m, err := memberOf(ctx, s, i.ID)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("the member of provisioned person %s is missing", i.ID)
	}
	if m, err = follow(ctx, s, i, m, p); err != nil {
		return err
	}
	if i.deleted {
		verb, before, i.CreatedAt = "restored", "{}", s.Now
		if _, err := s.Tx.ExecContext(ctx, `UPDATE scim_user SET created_at = $3 WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, i.ID, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("storing a provisioned person: %w", err)
		}
	}
	if err := i.save(ctx, s, p, false); err != nil {
		return err
	}
	i.deleted = false
	if p.Active && !was {
		if err := comeBack(ctx, s, i, m.Email); err != nil {
			return err
		}
	}
	return recordUser(s, verb, i, m.Key, audit.EffectWidened, before)
}

// comeBack reactivates the member and applies what the groups give.
func comeBack(ctx context.Context, s *object.Scope, i *Identity, email string) error {
	if err := people.Reactivate(ctx, s, email, "the identity provider brought them back"); err != nil {
		return err
	}
	if err := recompute(ctx, s, s.Caller.Key, []string{i.ID}); err != nil {
		return err
	}
	return weighNames(ctx, s, ofReturners, "", []string{i.ID})
}

// memberFor makes the member of a new person, or links the one whose verified e-mail
// the person has.
func memberFor(ctx context.Context, s *object.Scope, p *Person) (m *api.Member, linked bool, err error) {
	email := p.address()
	if email == "" {
		email = placeholder(s)
	} else if m, err = memberOf(ctx, s, email); err != nil {
		return nil, false, err
	}
	if m != nil {
		return m, true, link(ctx, s, m, p)
	}
	m = &api.Member{Email: email, WorkspaceRole: string(vocabulary.RoleMember), DisplayName: p.shownName(), Active: p.Active, Source: api.ManagedBySCIM, Connection: s.Caller.Key, ExternalID: clip(p.ExternalID, maxExternalID)}
	if !p.Active {
		now := s.Now
		m.SuspendedAt = &now
	}
	return m, false, s.SaveDerived(ctx, api.MemberKind, scimOwned(s.Caller.Key), m)
}

// link lets a connection take over the identity attributes of a member who exists.
func link(ctx context.Context, s *object.Scope, m *api.Member, p *Person) error {
	other, err := identity(ctx, s, "member_id = $2", m.ID)
	if err != nil {
		return err
	}
	claimed, err := claims(ctx, s, m.Email)
	if err != nil {
		return err
	}
	if claimed && other != nil && other.deleted {
		// Another connection provisioned this person once and let go of them.
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM scim_user WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, m.ID); err != nil {
			return fmt.Errorf("taking a person over from another connection: %w", err)
		}
		other = nil
	}
	if other != nil || !claimed {
		return api.NewProblem(api.CodeConflict, "There is a member %s already. Connection %q may take the identity over only when the SSO connection of the same name has claimed the domain, and no other connection provisions it.", m.Email, s.Caller.Key)
	}
	if m.WorkspaceRole == string(vocabulary.RoleGuest) {
		if m.Active {
			return api.NewProblem(api.CodeConflict, "%s is a guest here, and guests are never an identity provider's. Destroy the gatehouse_guest first; the same identity then comes in as a member.", m.Email)
		}
		m.WorkspaceRole = string(vocabulary.RoleMember) // who was a guest once joins the organisation
	}
	was := m.Active
	if !was && p.Active {
		if err := allowRehire(ctx, s, p); err != nil {
			return err
		}
	}
	if was && !p.Active {
		// Whoever is linked inactive leaves in the same moment.
		if err := protect(ctx, s, s.Caller.Key, m.ID, m); err != nil {
			return err
		}
		if err := people.Suspend(ctx, s, m.Email, "inactive at the identity provider"); err != nil {
			return hold(err, OperationJoin, m.ID, m.Email)
		}
		if m, err = memberOf(ctx, s, m.ID); err != nil {
			return err
		}
	}
	m.DisplayName, m.ExternalID, m.Connection = p.shownName(), clip(p.ExternalID, maxExternalID), s.Caller.Key
	if err := s.SaveDerived(ctx, api.MemberKind, object.How{Verb: "linked", Effect: audit.EffectNeutral, Reasons: []string{"verified e-mail in a domain that the connection has claimed"}}, m); err != nil {
		return err
	}
	if !was && p.Active {
		return people.Reactivate(ctx, s, m.Email, "the identity provider brought them back")
	}
	return nil
}

// claims reports whether the connection of the same name may speak for the domain of
// an address.
func claims(ctx context.Context, s *object.Scope, email string) (bool, error) {
	_, domain, ok := strings.Cut(email, "@")
	if !ok {
		return false, nil
	}
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.SSOConnectionKind.Name, s.Caller.Key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var c api.SSOConnection
	if err := json.Unmarshal([]byte(row.Doc), &c); err != nil {
		return false, fmt.Errorf("reading SSO connection %s: %w", row.Key, err)
	}
	return c.Enabled && slices.Contains(c.Domains, domain), nil
}

// scimOwned is how rows are kept that a connection brought about.
func scimOwned(connection string) object.How {
	return object.How{Manager: api.ManagedBySCIM, Stack: connection}
}
