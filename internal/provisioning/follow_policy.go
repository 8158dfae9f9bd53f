package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// What the attributes of a provisioning policy do; the ratio is in breaker.go, and whom
// it protects in protect.

// allowRehire refuses somebody who left, where the policy says so. Activating the
// account that exists is no rehire: the identity provider knows whom it means.
func allowRehire(ctx context.Context, s *object.Scope, p *Person) error {
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil || policy.Rehire != "refuse" {
		return err
	}
	return api.NewProblem(api.CodeConflict, "The userName %q belongs to somebody who left, and the provisioning policy of %q refuses rehires (rehire). Activate the account that exists, or use another userName; for an account that was deleted, the policy has to allow it (rehire = \"reactivate\").", clip(p.UserName, 100), s.Caller.Key)
}

// checkRename holds a change of somebody's e-mail, where the policy says so. A first
// real address in the place of a placeholder takes nothing from anybody.
func checkRename(ctx context.Context, s *object.Scope, i *Identity, m *api.Member, email string) error {
	if strings.HasSuffix(m.Key, ".invalid") {
		return nil
	}
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil || policy.EmailChange != "hold" {
		return err
	}
	if ok, err := released(ctx, s, OperationRename, i.ID); ok || err != nil {
		return err
	}
	return &Held{Operation: OperationRename, Resource: ResourceUser, Target: i.ID, Key: m.Email, releasable: true,
		Why: api.NewProblem(api.CodeForbidden, "The e-mail of %s would become %s, and the provisioning policy of %q holds changes of e-mail (email_change) for a human decision.", m.Email, email, s.Caller.Key)}
}

// handLinksOver gives the links of a leaver to the manager whom the identity provider
// names, where the policy says so; what is not handed over is revoked with the rest.
func handLinksOver(ctx context.Context, s *object.Scope, i *Identity, m *api.Member) error {
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil || policy.LinkHandling != "transfer_to_manager" {
		return err
	}
	manager, err := managerOf(ctx, s, i)
	if err != nil || manager == nil {
		return err
	}
	_, err = sharing.TransferLinks(ctx, s, object.PrincipalMember+":"+m.Email, object.PrincipalMember+":"+manager.Email,
		m.Email+" left, and the provisioning policy hands links to the manager")
	return err
}

// managerOf is the active member, other than a guest, who is the manager of a person of
// this connection; nil when there is none.
func managerOf(ctx context.Context, s *object.Scope, i *Identity) (*api.Member, error) {
	var doc struct {
		Enterprise struct {
			Manager struct {
				Value string `json:"value"`
			} `json:"manager"`
		} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	}
	if json.Unmarshal([]byte(i.Doc), &doc) != nil || doc.Enterprise.Manager.Value == "" || doc.Enterprise.Manager.Value == i.ID {
		return nil, nil
	}
	boss, err := identity(ctx, s, "member_id = $2 AND connection = $3 AND deleted_at = 0", doc.Enterprise.Manager.Value, s.Caller.Key)
	if err != nil || boss == nil || !boss.Active {
		return nil, err
	}
	m, err := memberOf(ctx, s, boss.ID)
	if err != nil || m == nil || !m.Active || m.WorkspaceRole == string(vocabulary.RoleGuest) {
		return nil, err
	}
	return m, nil
}

// renameMember gives a member another address wherever they are named, also as whom the
// policy of a connection protects.
func renameMember(ctx context.Context, s *object.Scope, from, to string) error {
	if err := people.Rename(ctx, s, from, to); err != nil {
		return err
	}
	var policies []api.Object
	err := object.Each(ctx, s, api.ProvisioningPolicyKind, func(p *api.ProvisioningPolicy) error {
		if i := slices.Index(p.ProtectedPrincipals, from); i >= 0 {
			p.ProtectedPrincipals[i] = to
			slices.Sort(p.ProtectedPrincipals)
			policies = append(policies, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.SaveDerived(ctx, api.ProvisioningPolicyKind, object.How{Keep: true, Effect: audit.EffectNeutral, Reasons: []string{from + " is now " + to}}, policies...)
}

// nameMachines lists the service accounts that a leaver answers for: they go on working,
// and somebody else has to answer for them (GH-ID-08).
func nameMachines(ctx context.Context, s *object.Scope, m *api.Member) error {
	var names []string
	err := object.Each(ctx, s, api.ServiceAccountKind, func(a *api.ServiceAccount) error {
		names = append(names, a.Name)
		return nil
	}, store.Condition{Field: "owner", Value: m.Email})
	if err != nil || len(names) == 0 {
		return err
	}
	return s.Record("provisioning.review_suggested", audit.Target{Kind: api.MemberKind.Name, ID: m.ID, Key: m.Email}, audit.EffectNeutral, nil, nil,
		"left and answers for service accounts: "+strings.Join(names[:min(len(names), maxNamed)], ", "))
}

// maxNamed bounds what one event lists.
const maxNamed = 50

// forgotten is the address of whom nothing else is kept. Its domain receives no mail
// (RFC 2606).
const forgotten = "@forgotten.invalid"

// forget removes the identity of a leaver: nobody comes back as them. What names them
// (items and machines they answered for, links, reviews, comments) keeps a name that is
// nobody's: whoever has the address later is somebody else and inherits nothing.
func forget(ctx context.Context, s *object.Scope, id string) error {
	m, err := memberOf(ctx, s, id)
	if err != nil || m == nil {
		return err
	}
	if err := renameMember(ctx, s, m.Email, strings.ReplaceAll(m.ID, "_", "-")+forgotten); err != nil {
		return err
	}
	if m, err = memberOf(ctx, s, id); err != nil {
		return err
	}
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM scim_user WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, id); err != nil {
		return fmt.Errorf("removing a provisioned person: %w", err)
	}
	return s.RemoveDerived(ctx, api.MemberKind, object.How{Verb: "deleted", Reasons: []string{"the identity provider deleted the account, and the provisioning policy removes the identity"}}, m)
}

// meetUnknown makes a team of a group that nobody mapped, where the policy says so, and
// reports whether it did. A team that exists is somebody's: no group becomes it by name.
func meetUnknown(ctx context.Context, s *object.Scope, g *Group, e *Event) (bool, error) {
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil || policy.UnknownGroup != "create_team" {
		return false, err
	}
	slug := slugOf(g.DisplayName)
	taken := slug == ""
	if !taken {
		if taken, err = s.Exists(ctx, api.TeamKind, slug); err != nil {
			return false, err
		}
	}
	mapping := &api.SCIMGroupMapping{Connection: s.Caller.Key, Group: g.DisplayName, Team: slug, TeamRole: string(vocabulary.TeamViewer), OnGroupDeleted: "revoke"}
	if taken || strings.TrimSpace(g.DisplayName) != g.DisplayName || len(g.DisplayName) > maxMappedName {
		e.Detail = "the group became no team: its name gives none, or one that exists; declare a mapping"
		return false, nil
	}
	how := scimOwned(s.Caller.Key)
	how.Reasons = []string{"a group without a mapping, and the provisioning policy makes teams of them"}
	team := &api.Team{Slug: slug, Name: clip(g.DisplayName, maxShownName), Description: "Made of the group that connection " + s.Caller.Key + " pushed."}
	if err := s.SaveDerived(ctx, api.TeamKind, how, team); err != nil {
		return false, err
	}
	if err := s.SaveDerived(ctx, api.SCIMGroupMappingKind, how, mapping); err != nil {
		return false, err
	}
	e.Detail = "made team " + slug + " of the group"
	return true, nil
}

// maxMappedName is the longest name that a mapping holds.
const maxMappedName = 255

// maxSlug is the longest slug.
const maxSlug = 63

// slugOf makes a slug of a name: letters and digits of ASCII, hyphens for the rest.
func slugOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := strings.Trim(b.String()[:min(b.Len(), maxSlug)], "-")
	return slug
}
