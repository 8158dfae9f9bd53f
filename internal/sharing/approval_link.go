package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Links that lead outside wait for approval where the sharing policy wants it (C055).
// Their URL can be made meanwhile and opens nothing.
var _ = OnApproval(api.ShareLinkKind.Name, Approvable{
	Waits:    func(o api.Object) bool { return linkWaits(o.(*api.ShareLink)) },
	Activate: activateLink,
	Remove: func(ctx context.Context, s *object.Scope, o api.Object, reason string) error {
		return removeLinks(ctx, s, object.How{Effect: audit.EffectNeutral, Reasons: []string{reason}}, o.(*api.ShareLink))
	},
})

func linkWaits(l *api.ShareLink) bool { return l != nil && l.State == api.LinkPending }

// linkChange is the effect of a change of a link: one that waits gives nothing.
func linkChange(was, is *api.ShareLink) audit.Effect {
	if linkWaits(was) {
		was = nil
	}
	if linkWaits(is) {
		is = nil
	}
	if was == nil && is == nil {
		return audit.EffectNeutral
	}
	return linkEffect(was, is)
}

// askForLink is what a link asks for; nil where everybody it names is of the
// organisation.
func askForLink(ctx context.Context, s *object.Scope, l *api.ShareLink) (*Ask, error) {
	a := &Ask{Purpose: PurposeShare, Kind: api.ShareLinkKind, Paths: []string{l.Resource}}
	if l.Kind == api.LinkAnyone {
		a.Outside = []string{"anyone"}
	}
	for _, email := range l.Recipients {
		role, _, err := memberStanding(ctx, s, email)
		if err != nil {
			return nil, err
		}
		if role == "" || role == "guest" {
			a.Outside = append(a.Outside, email)
		}
	}
	if len(a.Outside) == 0 {
		return nil, nil
	}
	a.Summary = fmt.Sprintf("let %s %s %s by the link %q", strings.Join(firstFew(a.Outside), ", "), l.Level, l.Resource, l.Name)
	return a, nil
}

// checkLinkApproval refuses what cannot wait: giving more by a link that is open, and
// a request that nobody could approve. was is nil for a new link.
func checkLinkApproval(ctx context.Context, s *object.Scope, was, is *api.ShareLink) ([]api.Violation, error) {
	ask, err := askForLink(ctx, s, is)
	if err != nil || ask == nil {
		return nil, err
	}
	state, err := StateFor(ctx, s, *ask)
	if err != nil || state == api.StateActive {
		return nil, err
	}
	if was == nil || linkWaits(was) {
		return CheckApprovable(ctx, s, *ask, "/resource")
	}
	if effect := linkEffect(was, is); effect != audit.EffectWidened && effect != audit.EffectUnknown {
		return nil, nil
	}
	return asViolations("/resource", "sharing more with people outside needs approval (require_external_approval in the sharing policy), and the link there is would have to wait as well; make another link, which waits by itself"), nil
}

// settleLink decides whether a link waits: one that is new, or that waits already and
// would give more or less.
func settleLink(ctx context.Context, s *object.Scope, was, is *api.ShareLink) error {
	if was != nil && linkEffect(was, is) == audit.EffectNeutral {
		is.State = was.State
		return nil
	}
	is.State = api.LinkActive
	ask, err := askForLink(ctx, s, is)
	if err != nil || ask == nil {
		return err
	}
	is.State, err = StateFor(ctx, s, *ask)
	return err
}

// followLinkRequest makes the request for approval follow a link that was written.
func followLinkRequest(ctx context.Context, s *object.Scope, was, is *api.ShareLink) error {
	switch {
	case !linkWaits(is):
		if !linkWaits(was) {
			return nil
		}
		return CloseRequest(ctx, s, api.ShareLinkKind, was.ID, "the link was changed or removed by "+s.Caller.Principal())
	case linkWaits(was) && linkEffect(was, is) == audit.EffectNeutral:
		return nil
	}
	ask, err := askForLink(ctx, s, is)
	if err != nil || ask == nil {
		return err
	}
	_, err = OpenRequest(ctx, s, *ask, is)
	return err
}

// activateLink checks again what was checked when it was asked.
func activateLink(ctx context.Context, s *object.Scope, o api.Object, by Approved) error {
	l := *o.(*api.ShareLink)
	out := checkExpiry(s, "/expires_at", nil, l.ExpiresAt)
	item, err := checkLinkItem(ctx, s, l.Resource)
	if err != nil {
		return err
	}
	refused, err := checkLinkPolicy(ctx, s, &api.ShareLink{}, &l)
	if err != nil {
		return err
	}
	out = append(append(out, item...), refused...)
	as, err := s.As(ctx, by.Requester)
	if err != nil {
		return err
	}
	if err = need(ctx, as, l.Resource, linkCreate); err == nil {
		err = mayGive(ctx, as, gift{path: l.Resource, at: "/level", level: levelOf(l.Level)})
	}
	if p := problemOf(err); p != nil && p.Code() == api.CodeForbidden {
		out, err = append(out, api.Invalid("/resource", "%s, who asked, may not share this any more", by.Requester)), nil
	}
	if err != nil {
		return err
	}
	if len(out) > 0 {
		return api.InvalidObject(api.ShareLinkKind.Name, l.Key, out)
	}
	l.State = api.LinkActive
	if err := s.SaveDerived(ctx, api.ShareLinkKind, by.How(), &l); err != nil {
		return err
	}
	return tellRecipients(ctx, s, &l, "", by.Requester)
}
