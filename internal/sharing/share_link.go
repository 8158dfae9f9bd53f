package sharing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Item permissions of links.
const (
	linkRead   = "share_link.read"
	linkCreate = "share_link.create"
	linkUpdate = "share_link.update"
	linkDelete = "share_link.delete"
)

var _ = object.Register(api.ShareLinkKind, object.Rules[*api.ShareLink]{
	Table: store.Table{Name: "share_link", Extra: []string{"resource", "link_kind", "created_by", "state", "expires_at"}},
	Columns: func(l *api.ShareLink) []any {
		return []any{l.Resource, l.Kind, l.CreatedBy, storedState(l.State), store.Micros(l.ExpiresAt)}
	},
	FilterColumns: map[string]string{"resource": "resource", "created_by": "created_by"},
	Authorise:     authoriseLink,
	Visible: func(ctx context.Context, s *object.Scope, l *api.ShareLink) (bool, error) {
		if s.Caller.Principal() == l.CreatedBy {
			return true, nil
		}
		return sees(ctx, s, l.Resource, linkRead)
	},
	Validate: validateLink,
	Secrets:  takePassword,
	Prepare:  prepareLink,
	Strip:    func(l *api.ShareLink) { l.State = storedState(l.State) },
	After:    afterLink,
	Hydrate:  hydrateLinks,
	Recreate: func(l *api.ShareLink) bool { return l.State == api.LinkRevoked },
	Effect:   linkChange,
})

func authoriseLink(ctx context.Context, c *object.Change[*api.ShareLink]) error {
	if err := c.Require(ctx, api.ShareLinkKind.WritePermission()); err != nil {
		return err
	}
	switch {
	case c.Deleted:
		return need(ctx, c.Scope, c.Old.Resource, linkDelete)
	case c.Created:
		if err := need(ctx, c.Scope, c.New.Resource, linkCreate); err != nil {
			return err
		}
	default:
		if err := need(ctx, c.Scope, c.Old.Resource, linkUpdate); err != nil {
			return err
		}
		if linkEffect(c.Old, c.New) == audit.EffectNarrowed {
			return nil
		}
	}
	return mayGive(ctx, c.Scope, gift{path: c.New.Resource, at: "/level", level: levelOf(c.New.Level)})
}

func validateLink(ctx context.Context, c *object.Change[*api.ShareLink]) ([]api.Violation, error) {
	again := c.Old != nil && c.Old.State == api.LinkRevoked
	was := c.Old
	if was == nil || again {
		was = &api.ShareLink{}
	}
	fresh := c.Created || again
	out := checkExpiry(c.Scope, "/expires_at", was.ExpiresAt, c.New.ExpiresAt)
	out = append(out, checkPassword(c, was)...)
	if !fresh && linkEffect(c.Old, c.New) == audit.EffectNarrowed {
		return out, nil
	}
	item, err := checkLinkItem(ctx, c.Scope, c.New.Resource)
	if err != nil {
		return nil, err
	}
	out = append(out, item...)
	refused, err := checkLinkPolicy(ctx, c.Scope, was, c.New)
	if out = append(out, refused...); err != nil || len(out) > 0 {
		return out, err
	}
	if fresh {
		return checkLinkApproval(ctx, c.Scope, nil, c.New)
	}
	return checkLinkApproval(ctx, c.Scope, c.Old, c.New)
}

// checkLinkItem refuses links to what is not there, or is out of use.
func checkLinkItem(ctx context.Context, s *object.Scope, path string) ([]api.Violation, error) {
	out, err := checkItem(ctx, s, "/resource", path)
	if err != nil || len(out) > 0 {
		return out, err
	}
	item, err := s.Item(ctx, path)
	if err != nil {
		return nil, err
	}
	for _, n := range item.Chain {
		if n.Archived {
			return []api.Violation{api.Invalid("/resource", "%s is archived; take it out of the archive before you share it", n.Path)}, nil
		}
	}
	return nil, nil
}

// checkPassword: the version says whether there is a password, and a new version needs
// a new one. A plan may not know it yet.
func checkPassword(c *object.Change[*api.ShareLink], was *api.ShareLink) []api.Violation {
	version := c.New.PasswordWOVersion
	if version == 0 || version == was.PasswordWOVersion || c.New.PasswordWO != "" || c.DryRun {
		return nil
	}
	return []api.Violation{api.Required("/password_wo", "password_wo_version is new; give the password with it")}
}

// checkLinkPolicy is what the sharing policy in force at the item says about the parts
// of a link that are new or give more; others stay as they are (C062, X07).
func checkLinkPolicy(ctx context.Context, s *object.Scope, was, is *api.ShareLink) ([]api.Violation, error) {
	policy, err := PolicyAt(ctx, s, is.Resource)
	if err != nil {
		return nil, err
	}
	if is.ExpiresAt == nil {
		until := s.Now.AddDate(0, 0, int(policy.DefaultLinkExpirationDays))
		is.ExpiresAt = &until
	}
	out := asViolations("/kind", refuseKind(policy, is))
	if message := refuseNoPassword(policy, is); message != "" {
		out = append(out, asViolations("/password_wo", message)...)
	}
	if latest := s.Now.AddDate(0, 0, int(policy.MaxLinkExpirationDays)); is.ExpiresAt.After(latest) && (was.ExpiresAt == nil || is.ExpiresAt.After(*was.ExpiresAt)) {
		out = append(out, asViolations("/expires_at", fmt.Sprintf("%s is more than max_link_expiration_days (%d) of the sharing policy away; write %s or earlier", is.ExpiresAt.UTC().Format(time.RFC3339), policy.MaxLinkExpirationDays, latest.Format(time.RFC3339)))...)
	}
	for i, email := range is.Recipients {
		if slices.Contains(was.Recipients, email) {
			continue
		}
		message, err := refuseRecipient(ctx, s, policy, email)
		if err != nil {
			return nil, err
		}
		out = append(out, asViolations(fmt.Sprintf("/recipients/%d", i), message)...)
	}
	return out, nil
}

// refuseKind: links that anyone can open are external sharing by themselves (C052).
func refuseKind(p *api.SharingPolicy, l *api.ShareLink) string {
	switch {
	case l.Kind != api.LinkAnyone:
	case p.ExternalSharing == "disabled":
		return "anybody could open an anyone link, and the sharing policy has external_sharing = \"disabled\"; write kind = \"recipient\" and name members"
	case p.PublicLinks != "allowed":
		return "the sharing policy has public_links = \"disabled\"; write kind = \"recipient\" and name the recipients, or set it to \"allowed\""
	}
	return ""
}

// refuseNoPassword: recipients show by a code that they are who the link names, which
// is more than a password that all of them share; anyone links have nothing else.
func refuseNoPassword(p *api.SharingPolicy, l *api.ShareLink) string {
	if l.Kind == api.LinkAnyone && p.RequireLinkPassword && l.PasswordWOVersion == 0 {
		return "the sharing policy has require_link_password = true; give password_wo and password_wo_version"
	}
	return ""
}

// refuseRecipient judges one address. Members of the organisation are nobody's
// outsiders; guests and strangers are, by today's policy.
func refuseRecipient(ctx context.Context, s *object.Scope, p *api.SharingPolicy, email string) (message string, err error) {
	if err := vocabulary.ValidateEmail(email); err != nil {
		return fmt.Sprintf("%s cannot be verified by a code; write a plain address such as ann@example.com", email), nil
	}
	role, active, err := memberStanding(ctx, s, email)
	switch {
	case err != nil:
		return "", err
	case role != "" && !active:
		return email + " is suspended here; name somebody else, or reactivate the member", nil
	case role == string(vocabulary.RoleGuest):
		return refuseGuest(p, email), nil
	case role != "":
		return "", nil
	}
	return refuseDomain(p, email), nil
}

// prepareLink completes what the server decides: maker, end, download, state.
func prepareLink(ctx context.Context, c *object.Change[*api.ShareLink]) error {
	policy, err := PolicyAt(ctx, c.Scope, c.New.Resource)
	if err != nil {
		return err
	}
	if c.New.ExpiresAt == nil {
		until := c.Now.AddDate(0, 0, int(policy.DefaultLinkExpirationDays))
		c.New.ExpiresAt = &until
	}
	end := c.New.ExpiresAt.UTC().Truncate(time.Microsecond)
	c.New.ExpiresAt = &end
	if c.New.AllowDownload == nil {
		allowed := policy.DefaultAllowDownload
		c.New.AllowDownload = &allowed
	}
	c.New.PasswordSet = c.New.PasswordWOVersion > 0
	if c.Old == nil || c.Old.State == api.LinkRevoked {
		c.New.CreatedBy = c.Caller.Principal()
		return settleLink(ctx, c.Scope, nil, c.New)
	}
	c.New.ID = c.Old.ID
	if linkWaits(c.Old) {
		return settleLink(ctx, c.Scope, c.Old, c.New)
	}
	return hydrateLinks(ctx, c.Scope, []*api.ShareLink{c.New})
}

// storedState is what a link's row says; expired and exhausted are found out anew at
// each reading.
func storedState(state string) string {
	switch state {
	case api.LinkPending, api.LinkRevoked:
		return state
	}
	return api.LinkActive
}

// hydrateLinks finds out which links time or use have closed.
func hydrateLinks(ctx context.Context, s *object.Scope, links []*api.ShareLink) error {
	var counted []string
	for _, l := range links {
		if l.MaxViews > 0 {
			counted = append(counted, l.ID)
		}
	}
	uses := map[string]use{}
	if len(counted) > 0 {
		var err error
		if uses, err = usesOf(ctx, s, counted); err != nil {
			return err
		}
	}
	for _, l := range links {
		l.State = stateNow(l, uses[l.ID].visits, s.Now)
	}
	return nil
}

// stateNow is the state of a link after so many visits.
func stateNow(l *api.ShareLink, visits int64, now time.Time) string {
	state := storedState(l.State)
	switch {
	case state != api.LinkActive:
	case l.ExpiresAt != nil && !now.Before(*l.ExpiresAt):
		return api.LinkExpired
	case l.MaxViews > 0 && visits >= l.MaxViews:
		return api.LinkExhausted
	}
	return state
}

func allows(flag *bool) bool { return flag != nil && *flag }

func linkEffect(was, is *api.ShareLink) audit.Effect {
	switch {
	case was == nil || is != nil && was.State == api.LinkRevoked:
		return audit.EffectWidened
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Levels(was.Level, is.Level)
	t.Names(was.Recipients, is.Recipients)
	if is.ExpiresAt != nil { // absent, it stays or takes the default
		t.Expiry(was.ExpiresAt, is.ExpiresAt)
	}
	if is.AllowDownload != nil {
		t.Opens(allows(was.AllowDownload), allows(is.AllowDownload))
	}
	t.Opens(was.AllowComments, is.AllowComments)
	t.Closes(was.PasswordWOVersion > 0, is.PasswordWOVersion > 0)
	switch {
	case was.MaxViews == is.MaxViews:
	case is.MaxViews == 0:
		t.Add(true, false)
	case was.MaxViews == 0:
		t.Add(false, true)
	default:
		t.Number(was.MaxViews, is.MaxViews)
	}
	return t.Effect()
}
