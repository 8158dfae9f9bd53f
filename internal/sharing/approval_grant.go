package sharing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Grants to people outside wait for approval where the sharing policy wants it (C055):
// the row is there, in the state pending_approval, and no decision sees it.
var _ = OnApproval(api.AccessGrantKind.Name, Approvable{
	Waits:    func(o api.Object) bool { return waits(o.(*api.AccessGrant)) },
	Activate: activateGrant,
	Remove: func(ctx context.Context, s *object.Scope, o api.Object, reason string) error {
		return s.RemoveDerived(ctx, api.AccessGrantKind, object.How{Effect: audit.EffectNeutral, Reasons: []string{reason}}, o)
	},
})

func waits(g *api.AccessGrant) bool { return g.State == api.StatePendingApproval }

func stateOf(g *api.AccessGrant) string {
	if g.State == "" {
		return api.StateActive
	}
	return g.State
}

// inEffect is nil for a grant that gives nothing.
func inEffect(g *api.AccessGrant) *api.AccessGrant {
	if g == nil || waits(g) {
		return nil
	}
	return g
}

// askForGrant asks for what a grant gives to people outside: whom it names, or the
// guests in the team or group that it names.
func askForGrant(g *api.AccessGrant, outside []string) Ask {
	kind, key, _ := api.SplitPrincipal(g.Principal)
	what := g.Level
	if g.Role != "" {
		what = "the role " + g.Role
	}
	summary := fmt.Sprintf("give %s to %s on %s", what, key, g.Resource)
	if kind == principalTeam || kind == principalGroup {
		summary = fmt.Sprintf("give %s to the %s %s on %s, in which %s from outside", what, kind, key, g.Resource, are(outside))
	}
	return Ask{Purpose: PurposeShare, Summary: summary, Kind: api.AccessGrantKind, Paths: []string{g.Resource}, Outside: outside}
}

// checkApproval refuses what cannot wait: to widen a share that is in effect would
// take it away until somebody approves, and a request that nobody could approve.
func checkApproval(ctx context.Context, s *object.Scope, was, is *api.AccessGrant, at string) ([]api.Violation, error) {
	outside, err := outsideThrough(ctx, s, is.Principal)
	if err != nil || len(outside) == 0 {
		return nil, err
	}
	ask := askForGrant(is, outside)
	state, err := StateFor(ctx, s, ask)
	if err != nil || state == api.StateActive {
		return nil, err
	}
	if inEffect(was) == nil {
		return CheckApprovable(ctx, s, ask, at)
	}
	return []api.Violation{{Path: at, Code: api.ViolationSharingPolicy, Message: "sharing more with people outside needs approval (require_external_approval in the sharing policy), and the access there is would have to wait as well; leave it, or revoke the grant and make it again with what it shall give, e.g. terraform apply -replace: then it waits for the approval"}}, nil
}

// settle decides the state of a grant that is about to be written. A change that gives
// neither more nor less leaves what waits waiting.
func settle(ctx context.Context, s *object.Scope, was, is *api.AccessGrant) error {
	outside, err := outsideThrough(ctx, s, is.Principal)
	if err != nil {
		return err
	}
	switch {
	case len(outside) == 0, inEffect(was) != nil:
		is.State = api.StateActive
	case was != nil && grantEffect(was, is) == audit.EffectNeutral:
		is.State = was.State
	default:
		is.State, err = StateFor(ctx, s, askForGrant(is, outside))
	}
	return err
}

// followRequest makes the request for approval follow a grant that was written.
func followRequest(ctx context.Context, s *object.Scope, was, is *api.AccessGrant) error {
	switch {
	case is == nil || !waits(is):
		if was == nil || !waits(was) {
			return nil
		}
		reason := "the share was removed"
		if is != nil {
			reason = "shared by " + s.Caller.Principal() + ", who needs no approval"
		}
		return CloseRequest(ctx, s, api.AccessGrantKind, was.ID, reason)
	case was != nil && waits(was) && grantEffect(was, is) == audit.EffectNeutral:
		return nil
	}
	outside, err := outsideThrough(ctx, s, is.Principal)
	if err != nil {
		return err
	}
	_, err = OpenRequest(ctx, s, askForGrant(is, outside), is)
	return err
}

// activateGrant checks again what was checked when it was asked: the policy, the item
// and the people may be others by now.
func activateGrant(ctx context.Context, s *object.Scope, o api.Object, by Approved) error {
	g := *o.(*api.AccessGrant)
	out, err := checkItem(ctx, s, "/resource", g.Resource)
	if err != nil {
		return err
	}
	h, err := findHolder(ctx, s, g.Principal)
	if err != nil {
		return err
	}
	switch {
	case h.missing != nil:
		out = append(out, object.MissingReference("/principal", h.missing, h.key))
	case h.guest:
		refused, err := checkOutsideFor(ctx, s, h, g.Resource, "/principal", by.Requester)
		if err != nil {
			return err
		}
		out = append(out, refused...)
	}
	out = append(out, checkExpiry(s, "/expires_at", nil, g.ExpiresAt)...)
	if more, err := checkStillMayGive(ctx, s, &g, by.Requester); err != nil || more != nil {
		out = append(out, more...)
		if err != nil {
			return err
		}
	}
	if len(out) > 0 {
		return api.InvalidObject(api.AccessGrantKind.Name, g.Key, out)
	}
	g.State = api.StateActive
	if err := s.SaveDerived(ctx, api.AccessGrantKind, by.How(), &g); err != nil {
		return err
	}
	if err := Separate(ctx, s, api.AccessGrantKind, g.Key, gainOf(&g, "/principal")); err != nil {
		return err
	}
	return tellGrant(ctx, s, nil, &g, by.Requester)
}

// checkStillMayGive: whoever asked may have lost the access that they wanted to share.
func checkStillMayGive(ctx context.Context, s *object.Scope, g *api.AccessGrant, requester string) ([]api.Violation, error) {
	as, err := s.As(ctx, requester)
	if err != nil {
		return nil, err
	}
	at := gift{path: g.Resource, at: "/level"}
	if g.Role != "" {
		at.at = "/role"
	}
	err = need(ctx, as, g.Resource, grantCreate)
	if err == nil {
		err = mayGrant(ctx, as, at, g.Level, g.Role)
	}
	if p := problemOf(err); p != nil && p.Code() == api.CodeForbidden {
		return []api.Violation{api.Invalid("/principal", "%s, who asked, may not give this any more: %s", requester, strings.TrimPrefix(p.Detail, "You may not do this"))}, nil
	}
	return nil, err
}

func problemOf(err error) *api.Problem {
	var p *api.Problem
	errors.As(err, &p)
	return p
}
