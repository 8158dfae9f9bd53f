package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// personKind is what the audit log calls somebody who is erased or asked about.
const personKind = "person"

var (
	_ = object.KnownAs(nameMember)

	_ = object.Impersonal("invitation_token", map[string]string{"*": "hashes by opaque ids"})
)

// Erase makes the workspace forget a person (C088, X12), in one transaction: members
// who left, guests, visitors of links, people who were invited. What has to stay names
// erased:<ref>, and so does the audit log, where the events themselves stay. Whoever
// still has an account leaves first. Erasing somebody of whom nothing is held changes
// nothing.
func Erase(ctx context.Context, s *object.Scope, in api.PersonRequest) (*api.Erasure, error) {
	p, err := personOf(ctx, s, in, vocabulary.PersonErase)
	if err != nil {
		return nil, err
	}
	// First, because whoever comes back meanwhile is another person.
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	if err := refuseErasure(ctx, s, p); err != nil {
		return nil, err
	}
	out := &api.Erasure{Places: []api.ErasedPlace{}}
	known, err := s.InLog(ctx, p)
	if err != nil {
		return nil, err
	}
	if known == 0 {
		// The log need not learn of somebody whom nothing here names.
		if held, err := s.Holdings(ctx, p); err != nil || len(held) == 0 {
			return out, err
		}
	}
	if p.Token, err = s.Pseudonym(ctx, p.Email()); err != nil {
		return nil, err
	}
	ended, err := endings(ctx, s, p)
	if err != nil {
		return nil, err
	}
	if err := leave(ctx, s, p); err != nil {
		return nil, err
	}
	forgotten, err := s.Forget(ctx, p)
	if err != nil {
		return nil, err
	}
	note := func(place string, n int64) {
		if n == 0 {
			return
		}
		out.Total += n
		if i := slices.IndexFunc(out.Places, func(h api.ErasedPlace) bool { return h.Place == place }); i >= 0 {
			out.Places[i].Count += n
			return
		}
		out.Places = append(out.Places, api.ErasedPlace{Place: place, Count: n})
	}
	for _, h := range ended {
		note(h.Place, h.Count)
	}
	for _, h := range forgotten {
		note(h.Place, h.Count)
	}
	cut, err := cutFromLog(ctx, s, p)
	if err != nil {
		return nil, err
	}
	note("names in the audit log", cut)
	if !s.DryRun { // what is rolled back may be another one
		out.ErasedAs = p.Token
	}
	// The log keeps no documents of somebody who is nobody any more.
	counts := make([]string, len(out.Places))
	for n, place := range out.Places {
		counts[n] = fmt.Sprintf("%s: %d", place.Place, place.Count)
	}
	return out, s.Record(audit.ActionPersonErased, audit.Target{Kind: personKind, Key: p.Token}, audit.EffectNarrowed, nil, nil, counts...)
}

// endings counts the memberships, grants and roles that leave takes away, which nobody
// finds afterwards.
func endings(ctx context.Context, s *object.Scope, p *object.Person) ([]api.ErasedPlace, error) {
	var memberships, grants, roles int
	for _, address := range p.Addresses {
		ms, err := rowsWhere[*api.TeamMembership](ctx, s, api.TeamMembershipKind, "principal", address)
		if err != nil {
			return nil, err
		}
		gs, err := rowsWhere[*api.AccessGrant](ctx, s, api.AccessGrantKind, "principal", object.PrincipalMember+":"+address)
		if err != nil {
			return nil, err
		}
		rs, err := rowsWhere[*api.RoleAssignment](ctx, s, api.RoleAssignmentKind, "principal", object.PrincipalMember+":"+address)
		if err != nil {
			return nil, err
		}
		memberships, grants, roles = memberships+len(ms), grants+len(gs), roles+len(rs)
	}
	return []api.ErasedPlace{{Place: "team memberships", Count: int64(memberships)}, {Place: "access grants", Count: int64(grants)}, {Place: "role assignments", Count: int64(roles)}}, nil
}

// leave ends what the person can still do by links and grants that name the address:
// it is as if they had been suspended with everything.
func leave(ctx context.Context, s *object.Scope, p *object.Person) error {
	for _, address := range p.Addresses {
		id := address
		if p.Member != "" {
			id = p.Member
		}
		if err := endEverything(ctx, s, object.PrincipalMember+":"+address, id, "the person was erased"); err != nil {
			return err
		}
	}
	return nil
}

// cutFromLog ends what the audit log knows, unless the audit policy keeps it.
func cutFromLog(ctx context.Context, s *object.Scope, p *object.Person) (int64, error) {
	policy := api.AuditPolicy{PseudonymiseOnErasure: true}
	if err := readDoc(ctx, s, api.AuditPolicyKind, &policy); err != nil {
		return 0, err
	}
	if !policy.PseudonymiseOnErasure {
		return 0, nil
	}
	return s.EraseFromLog(ctx, p)
}

// personOf is the person of an address, with all that the rooms know them by.
func personOf(ctx context.Context, s *object.Scope, in api.PersonRequest, permission string) (*object.Person, error) {
	if err := s.Require(ctx, permission); err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject(personKind, in.Email, violations)
	}
	p := &object.Person{Addresses: []string{in.Email}}
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, in.Email)
	if err != nil {
		return nil, err
	}
	if m != nil {
		p.Member = m.ID
	}
	if err := s.Tx.QueryRowContext(ctx, `SELECT key FROM member WHERE workspace_id = $1 AND role = 'owner'`, s.WorkspaceID).Scan(&p.Heir); err != nil {
		return nil, fmt.Errorf("reading the Owner: %w", err)
	}
	if err := s.Identify(ctx, p); err != nil {
		return nil, err
	}
	return p, ownNames(ctx, s, p)
}

// nameMember adds the name of the member, and the addresses that they had before.
func nameMember(ctx context.Context, s *object.Scope, p *object.Person) error {
	if p.Member == "" {
		return nil
	}
	obj, err := s.Get(ctx, api.MemberKind, p.Member)
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Code() == api.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	p.AddName(obj.(*api.Member).DisplayName)
	renamed, _, err := s.AuditEvents(ctx, audit.Filter{Action: "member.renamed", TargetID: p.Member, Limit: api.MaxPageSize})
	if err != nil {
		return err
	}
	for _, e := range renamed {
		for _, doc := range []json.RawMessage{e.Before, e.After} {
			var was api.Member
			if len(doc) == 0 || json.Unmarshal(doc, &was) != nil {
				continue
			}
			taken, err := s.Exists(ctx, api.MemberKind, was.Email)
			if err != nil {
				return err
			}
			if !taken {
				p.AddAddress(was.Email)
			}
		}
	}
	return nil
}

// ownNames leaves only names that nobody else here bears.
func ownNames(ctx context.Context, s *object.Scope, p *object.Person) error {
	var own []string
	for _, name := range p.Names {
		others := 0
		err := object.Each(ctx, s, api.MemberKind, func(m *api.Member) error {
			if m.ID != p.Member {
				others++
			}
			return nil
		}, store.Condition{Field: "display_name", Value: name})
		if err != nil {
			return err
		}
		if others == 0 {
			own = append(own, name)
		}
	}
	p.Names = own
	return nil
}

// refuseErasure says why a person has to stay, for now.
func refuseErasure(ctx context.Context, s *object.Scope, p *object.Person) error {
	m, err := object.Find[*api.Member](ctx, s, api.MemberKind, p.Email())
	if err != nil {
		return err
	}
	if m != nil && m.WorkspaceRole == roleOwner {
		return api.NewProblem(api.CodeLockout, "%s is the workspace Owner and cannot be erased. Hand the ownership over first (gatehouse_workspace_owner).", m.Email)
	}
	exempt, err := exemptPrincipals(ctx, s)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.Addresses, func(a string) bool { return exempt[a] }) {
		return api.NewProblem(api.CodeLockout, "%s is a declared break-glass account (login_policy.exempt_principals) and cannot be erased. Take the account out of the login policy first.", p.Email())
	}
	if m != nil && m.Active {
		return api.NewProblem(api.CodeConflict, "%s is an active %s of the workspace. Whoever is erased leaves first: deactivate them at the identity provider, or suspend the member or the guest.", m.Email, m.WorkspaceRole)
	}
	var offer api.WorkspaceOwner
	if err := readDoc(ctx, s, api.WorkspaceOwnerKind, &offer); err != nil {
		return err
	}
	if offer.PendingPrincipal != "" && p.Is(offer.PendingPrincipal) {
		return api.NewProblem(api.CodeConflict, "The ownership of the workspace is offered to %s. Withdraw the offer first (gatehouse_workspace_owner).", p.Email())
	}
	return s.MayErase(ctx, p)
}

// mostEvents bounds how many events of the audit log an export has.
const mostEvents = 2000

// nobody stands in the record of an export that found nothing.
const nobody = "nobody"

// Export reads everything that the workspace holds about a person. It is recorded: who
// was asked about, and by whom.
func Export(ctx context.Context, s *object.Scope, in api.PersonRequest) (*api.PersonExport, error) {
	p, err := personOf(ctx, s, in, vocabulary.PersonExport)
	if err != nil {
		return nil, err
	}
	out := &api.PersonExport{Email: p.Email(), Workspace: s.Slug, At: s.Now, Places: []api.HeldPlace{}}
	held, err := s.Holdings(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		out.Places = append(out.Places, api.HeldPlace{Place: h.Place, Entries: h.Rows})
	}
	events, more, err := eventsOf(ctx, s, p)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 {
		out.Places = append(out.Places, api.HeldPlace{Place: "audit events", Entries: events})
	}
	out.Incomplete = more
	target := audit.Target{Kind: personKind, ID: p.Member, Key: p.Email()}
	known, err := s.InLog(ctx, p)
	if err != nil {
		return nil, err
	}
	if known == 0 && len(out.Places) == 0 {
		// Whoever checks an erasure asks again: the address must not come back with the record.
		target = audit.Target{Kind: personKind, Key: nobody}
	}
	return out, s.Record("person.exported", target, audit.EffectNeutral, nil, nil)
}

// eventsOf are the events of the audit log that the person caused or that are about
// them, the newest of each first.
func eventsOf(ctx context.Context, s *object.Scope, p *object.Person) (out []map[string]any, more bool, err error) {
	seen := map[string]bool{}
	for _, address := range p.Addresses {
		for _, filter := range []audit.Filter{{Actor: address}, {TargetKey: address}} {
			filter.Limit = api.MaxPageSize
			for n := 0; ; {
				events, next, err := s.AuditEvents(ctx, filter)
				if err != nil {
					return nil, false, err
				}
				for _, e := range events {
					if seen[e.ID] {
						continue
					}
					seen[e.ID] = true
					raw, err := json.Marshal(e)
					if err != nil {
						return nil, false, fmt.Errorf("writing an event: %w", err)
					}
					var entry map[string]any
					if err := json.Unmarshal(raw, &entry); err != nil {
						return nil, false, fmt.Errorf("writing an event: %w", err)
					}
					out = append(out, entry)
				}
				if n += len(events); next == "" || n >= mostEvents {
					more = more || next != ""
					break
				}
				filter.Cursor = next
			}
		}
	}
	return out, more, nil
}
