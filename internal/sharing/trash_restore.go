package sharing

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

const itemRestore = "item.restore"

// Restore takes an item back from the trash, with what was given on it. Grants of those
// who have gone since, and those that could not be given today, do not come back; the
// answer names them. Whoever restores owns the item's declaration.
func Restore(ctx context.Context, s *object.Scope, id string) (*api.Restored, error) {
	if err := s.Active(ctx); err != nil {
		return nil, err
	}
	e, err := authorised(ctx, s, id, itemRestore)
	if err != nil {
		return nil, err
	}
	// Takes the lock that the checks below rely on; then the entry is claimed.
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	if err := takeOut(ctx, s, e); err != nil {
		return nil, err
	}
	if err := placeIsFree(ctx, s, e); err != nil {
		return nil, err
	}
	item, err := e.item(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &api.Restored{ID: e.id, Kind: e.kind, Path: e.path, LeftOut: []api.LeftOut{}}
	switch i := item.Object.(type) {
	case *api.Project:
		err = bringProject(ctx, s, i)
	case *api.Collection:
		err = e.bringCollection(ctx, s, i, out)
	case *api.Asset:
		i.LegalHold = i.LegalHold || e.held
		err = dropOwner(ctx, s, item.Kind, &i.Owner, out)
	}
	if err != nil {
		return nil, err
	}
	how := object.How{Effect: audit.EffectWidened, Reasons: []string{"taken back from the trash"}}
	if err := s.PutBack(ctx, item.Kind, how, item); err != nil {
		return nil, err
	}
	switch i := item.Object.(type) {
	case *api.Asset:
		err = e.rejoinCollections(ctx, s, i.Path, out)
	case *api.Collection:
		err = keepReferences(ctx, s, i.Path, nil, i.AssetIDs)
	}
	if err != nil {
		return nil, err
	}
	if err := e.bringGiven(ctx, s, out); err != nil {
		return nil, err
	}
	return out, s.ClearShelf(ctx, e.id)
}

// authorised reads an entry that the caller may use a permission on. To those who could
// not put it back it does not exist.
func authorised(ctx context.Context, s *object.Scope, id, permission string) (*entry, error) {
	e, err := findEntry(ctx, s, id)
	if err != nil {
		return nil, err
	}
	seen, err := e.seen(ctx, s)
	if err != nil {
		return nil, err
	}
	if !seen {
		return nil, noEntry(id)
	}
	leaf, err := e.node(ctx, s)
	if err != nil {
		return nil, err
	}
	return e, s.RequireAbout(ctx, leaf, permission)
}

// takeOut claims an entry: of two that restore or purge it, one finds it.
func takeOut(ctx context.Context, s *object.Scope, e *entry) error {
	res, err := s.Tx.ExecContext(ctx, `DELETE FROM trash WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, e.id)
	if err != nil {
		return fmt.Errorf("taking %s out of the trash: %w", e.path, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return noEntry(e.id)
	}
	return nil
}

// placeIsFree refuses to restore an item to where another one is, or where there is
// nothing to lie in any longer.
func placeIsFree(ctx context.Context, s *object.Scope, e *entry) error {
	is, err := itemKind(ctx, s, e.path)
	if err != nil {
		return err
	}
	if is != "" {
		return api.NewProblem(api.CodeConflict, "There is %s at %s now, so the %s from the trash cannot come back there. Delete the newer one first, or leave this one in the trash.", withArticle(is), e.path, e.kind)
	}
	parent := vocabulary.ParentPath(e.path)
	if parent == vocabulary.RootPath {
		return nil
	}
	switch is, err = itemKind(ctx, s, parent); {
	case err != nil:
		return err
	case is == "":
		return api.NewProblem(api.CodeConflict, "The %s %s lay in %s, which is not there any longer. Restore or create %s first.", e.kind, e.path, parent, parent)
	case is == api.CollectionKind.Name || is == api.AssetKind.Name:
		return api.NewProblem(api.CodeConflict, "The %s %s lay in %s, and there is %s now, in which nothing lies.", e.kind, e.path, parent, withArticle(is))
	}
	return nil
}

// bringProject makes sure that a project comes back to a team and an owner who are here.
func bringProject(ctx context.Context, s *object.Scope, p *api.Project) error {
	ok, err := s.Exists(ctx, api.TeamKind, p.Team)
	if err != nil {
		return err
	}
	if !ok {
		return api.NewProblem(api.CodeConflict, "The project %s belongs to the team %q, which is not there any longer. Create the team first.", p.Path, p.Team)
	}
	refused, err := CheckTeamGets(ctx, s, p.Team, "/team", p.Path)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		return api.NewProblem(api.CodeConflict, "The project %s cannot come back to its team %q: it %s.", p.Path, p.Team, refused[0].Message)
	}
	if gone, err := ownerIsGone(ctx, s, api.ProjectKind, p.Owner); err != nil || !gone {
		return err
	}
	p.Owner, err = workspaceOwner(ctx, s)
	return err
}

// ownerIsGone reports whether somebody could not own an item today.
func ownerIsGone(ctx context.Context, s *object.Scope, kind *api.Kind, email string) (bool, error) {
	if email == "" {
		return false, nil
	}
	refused, err := checkOwner(ctx, s, kind, email)
	if err != nil {
		return false, err
	}
	role, err := memberRole(ctx, s, email)
	return role == "" || len(refused) > 0, err
}

// bringCollection keeps those assets of a collection that are still the same ones.
func (e *entry) bringCollection(ctx context.Context, s *object.Scope, c *api.Collection, out *api.Restored) error {
	var still []string
	for _, ref := range e.refs.Of {
		id, err := itemID(ctx, s, ref.Path)
		if err != nil {
			return err
		}
		if id != ref.ID {
			out.LeftOut = append(out.LeftOut, api.LeftOut{Kind: api.AssetKind.Name, Key: ref.Path, Reason: "the asset that the collection showed is not there any longer"})
			continue
		}
		in, err := s.CollectionsOf(ctx, ref.Path)
		if err != nil {
			return err
		}
		if len(in) >= maxCollections {
			out.LeftOut = append(out.LeftOut, api.LeftOut{Kind: api.AssetKind.Name, Key: ref.Path, Reason: fmt.Sprintf("the asset is in %d collections already, and that is the most", maxCollections)})
			continue
		}
		still = append(still, ref.Path)
	}
	c.AssetIDs = still
	return dropOwner(ctx, s, api.CollectionKind, &c.Owner, out)
}

// dropOwner leaves an item without its owner where that one has gone.
func dropOwner(ctx context.Context, s *object.Scope, kind *api.Kind, owner *string, out *api.Restored) error {
	gone, err := ownerIsGone(ctx, s, kind, *owner)
	if err != nil || !gone {
		return err
	}
	out.LeftOut = append(out.LeftOut, api.LeftOut{Kind: api.MemberKind.Name, Key: *owner, Reason: "the owner is not there any longer, is suspended or is a guest now; nobody owns it"})
	*owner = ""
	return nil
}

// rejoinCollections puts an asset back into the collections that it was in, where they
// are still the same ones.
func (e *entry) rejoinCollections(ctx context.Context, s *object.Scope, asset string, out *api.Restored) error {
	how := object.How{Keep: true, Reasons: []string{"the asset " + asset + " was restored"}}
	for _, ref := range e.refs.In {
		c, err := object.Find[*api.Collection](ctx, s, api.CollectionKind, ref.Path)
		if err != nil {
			return err
		}
		if c == nil || c.ID != ref.ID || len(c.AssetIDs) >= maxAssetsShown {
			out.LeftOut = append(out.LeftOut, api.LeftOut{Kind: api.CollectionKind.Name, Key: ref.Path, Reason: "the collection that the asset was in is not there any longer, or is full"})
			continue
		}
		had := slices.Clone(c.AssetIDs)
		c.AssetIDs = slices.Insert(c.AssetIDs, min(ref.At, len(c.AssetIDs)), asset)
		if err := keepReferences(ctx, s, c.Path, had, c.AssetIDs); err != nil {
			return err
		}
		if err := s.SaveDerived(ctx, api.CollectionKind, how, c); err != nil {
			return err
		}
	}
	return nil
}

// bringGiven puts back what was given on the item, but for what could not be given
// today.
func (e *entry) bringGiven(ctx context.Context, s *object.Scope, out *api.Restored) error {
	how := object.How{Effect: audit.EffectWidened, Reasons: []string{"the item " + e.path + " was taken back from the trash"}}
	var gains []Gain
	for _, on := range givenKinds {
		all, err := s.OnShelf(ctx, on.kind, e.id)
		if err != nil {
			return err
		}
		var back []*object.Shelved
		for _, o := range all {
			reason, err := on.comesBack(ctx, s, o)
			if err != nil {
				return err
			}
			if reason != "" {
				out.LeftOut = append(out.LeftOut, api.LeftOut{Kind: on.kind.Name, Key: o.Object.GetMeta().Key, Reason: reason})
				continue
			}
			back = append(back, o)
			switch g := o.Object.(type) {
			case *api.AccessGrant:
				gains = append(gains, gainOf(g, ""))
			case *api.RoleAssignment:
				gains = append(gains, Gain{Principal: g.Principal, Role: g.Role})
			}
		}
		if err := s.PutBack(ctx, on.kind, how, back...); err != nil {
			return err
		}
		if on.policy && len(back) > 0 {
			if err := s.BumpPolicies(ctx); err != nil {
				return err
			}
		}
	}
	if len(gains) == 0 {
		return nil
	}
	return Separate(ctx, s, api.AccessGrantKind, e.path, gains...)
}

func (on givenOn) comesBack(ctx context.Context, s *object.Scope, o *object.Shelved) (string, error) {
	if o.ManagedBySCIM() {
		return "the identity provider gives it; it returns with the next change of the group there", nil
	}
	if on.back == nil {
		return "", nil
	}
	return on.back(ctx, s, o)
}

// grantComesBack asks of a grant what would be asked of a new one: that its holder and
// its role are there, and that the sharing policy of today allows it.
func grantComesBack(ctx context.Context, s *object.Scope, o *object.Shelved) (string, error) {
	g := o.Object.(*api.AccessGrant)
	refused, err := checkGrant(ctx, s, nil, g, grantPaths{principal: "/principal", level: "/level", role: "/role"})
	if err != nil {
		return "", err
	}
	return holderComesBack(ctx, s, g.Principal, g.Resource, refused)
}

func assignmentComesBack(ctx context.Context, s *object.Scope, o *object.Shelved) (string, error) {
	a := o.Object.(*api.RoleAssignment)
	as := &api.AccessGrant{Resource: a.Scope, Principal: a.Principal, Role: a.Role, ExpiresAt: a.ExpiresAt}
	refused, err := checkGrant(ctx, s, nil, as, grantPaths{principal: "/principal", level: "/role", role: "/role"})
	if err != nil {
		return "", err
	}
	return holderComesBack(ctx, s, a.Principal, a.Scope, refused)
}

// holderComesBack: somebody who was suspended lost everything, what is in the trash too.
// Guests may have joined a team meanwhile.
func holderComesBack(ctx context.Context, s *object.Scope, principal, path string, refused []api.Violation) (string, error) {
	if len(refused) > 0 {
		return refused[0].Message, nil
	}
	if kind, key, _ := api.SplitPrincipal(principal); kind == principalTeam || kind == principalGroup {
		guests, err := outsideThrough(ctx, s, principal)
		if err != nil {
			return "", err
		}
		if len(guests) > 0 {
			places, _, err := waiting(ctx, s, []string{path}, guests)
			if err != nil {
				return "", err
			}
			if len(places) > 0 {
				return fmt.Sprintf("%s from outside in the %s %s, and sharing outside needs approval; give it again, then it waits for one", are(guests), kind, key), nil
			}
		}
	}
	subject, err := s.Subject(ctx, principal)
	if err != nil {
		return "", err
	}
	if !subject.Active {
		return principal + " is suspended", nil
	}
	return "", nil
}

// overrideComesBack: one that loosens takes the Owner, as when it was written.
func overrideComesBack(ctx context.Context, s *object.Scope, o *object.Shelved) (string, error) {
	if !o.Object.(*api.SharingPolicyOverride).AllowLoosen {
		return "", nil
	}
	role, err := s.Role(ctx)
	if err != nil || vocabulary.Role(role) == vocabulary.RoleOwner {
		return "", err
	}
	return "it loosens the sharing policy, which only the Owner may do", nil
}
