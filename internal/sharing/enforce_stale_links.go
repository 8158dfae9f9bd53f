package sharing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Stale says which links nobody needs any more.
type Stale struct {
	Resource   string // this item and what is below it; all when empty
	UnusedDays int64  // no visit for so many days; 0 does not ask
	Expired    bool   // their end has passed
	MakerGone  bool   // who made them is no active member or service account any more
}

// mostStaleDays bounds UnusedDays.
const mostStaleDays = 3650

// RevokeStaleLinks revokes links that nobody needs any more (C073, C117): for good,
// with the visits under way, and an audit event each. It stops after a bounded number;
// Complete says whether something is left.
func RevokeStaleLinks(ctx context.Context, s *object.Scope, q Stale) (*api.StaleLinks, error) {
	if err := q.authorise(ctx, s); err != nil {
		return nil, err
	}
	// The lock first: two calls would otherwise revoke the same links.
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	out := &api.StaleLinks{Items: []api.StaleLink{}}
	revoke := map[string][]*api.ShareLink{}
	for after := ""; out.Revoked < maxEnforcedByChange; {
		rows, err := placesOf(ctx, s, `SELECT id, '', key FROM share_link WHERE workspace_id = $1 AND kind = 'share_link' AND key > $2 AND state IN ('active', 'pending_approval') ORDER BY key LIMIT `+fmt.Sprint(api.MaxPageSize), after)
		if err != nil {
			return nil, err
		}
		if err := q.judge(ctx, s, rows, revoke, out); err != nil {
			return nil, err
		}
		if len(rows) < api.MaxPageSize {
			out.Complete = true
			break
		}
		after = rows[len(rows)-1].key
	}
	texts := map[string]string{
		api.StaleUnused:    fmt.Sprintf("nobody used the link for %d days", q.UnusedDays),
		api.StaleExpired:   "the link had expired",
		api.StaleMakerGone: "who made the link is not here any more",
	}
	for _, reason := range []string{api.StaleMakerGone, api.StaleExpired, api.StaleUnused} {
		if err := RevokeLinks(ctx, s, texts[reason], revoke[reason]...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (q *Stale) authorise(ctx context.Context, s *object.Scope) error {
	if err := s.Require(ctx, api.ShareLinkKind.WritePermission()); err != nil {
		return err
	}
	if q.UnusedDays < 0 || q.UnusedDays > mostStaleDays {
		return api.InvalidObject("stale_links", "", []api.Violation{api.Invalid("/unused_days", "%d is out of range; write a number from 1 to %d", q.UnusedDays, mostStaleDays)})
	}
	if q.UnusedDays == 0 && !q.Expired && !q.MakerGone {
		return api.InvalidObject("stale_links", "", []api.Violation{api.Required("", "say which links are stale: unused_days, expired, maker_gone, or several of them")})
	}
	on := vocabulary.RootPath
	if q.Resource != "" {
		norm, message := api.Normalise("path", q.Resource)
		if message != "" {
			return api.InvalidObject("stale_links", "", []api.Violation{api.Invalid("/resource", "%s", message)})
		}
		q.Resource, on = norm, norm
	}
	return s.RequireOn(ctx, on, linkDelete)
}

// judge sorts the links of a page by why they are stale.
func (q *Stale) judge(ctx context.Context, s *object.Scope, rows []row, revoke map[string][]*api.ShareLink, out *api.StaleLinks) error {
	ids := rowIDs(rows)
	links, err := object.Many[*api.ShareLink](ctx, s, api.ShareLinkKind, ids)
	if err != nil || len(ids) == 0 {
		return err
	}
	used, err := usesOf(ctx, s, ids)
	if err != nil {
		return err
	}
	gone, err := goneMakers(ctx, s, links)
	if err != nil {
		return err
	}
	for _, id := range ids {
		l := links[id]
		if l == nil || q.Resource != "" && !vocabulary.ScopeContains(q.Resource, l.Resource) {
			continue
		}
		out.Looked++
		last := time.UnixMicro(used[id].lastAt).UTC()
		reason := q.reasonOf(s.Now, l, used[id], gone[l.CreatedBy])
		if reason == "" {
			continue
		}
		out.Revoked++
		revoke[reason] = append(revoke[reason], l)
		if len(out.Items) >= api.DefaultPageSize {
			continue
		}
		item := api.StaleLink{ID: l.ID, Key: l.Key, Name: l.Name, Resource: l.Resource, CreatedBy: l.CreatedBy, Reason: reason}
		policy, err := PolicyAt(ctx, s, l.Resource)
		if err != nil {
			return err
		}
		if used[id].lastAt > 0 && policy.TrackExternalViews {
			item.LastAccess = last.Format(time.RFC3339)
		}
		out.Items = append(out.Items, item)
	}
	return nil
}

func (q *Stale) reasonOf(now time.Time, l *api.ShareLink, u use, makerGone bool) string {
	switch {
	case q.MakerGone && makerGone:
		return api.StaleMakerGone
	case q.Expired && l.ExpiresAt != nil && !now.Before(*l.ExpiresAt):
		return api.StaleExpired
	case q.UnusedDays == 0:
		return ""
	}
	// A link that was changed since was meant to be used.
	quiet := now.AddDate(0, 0, -int(q.UnusedDays))
	if time.UnixMicro(u.lastAt).Before(quiet) && (l.CreatedAt == nil || l.CreatedAt.Before(quiet)) && (l.UpdatedAt == nil || l.UpdatedAt.Before(quiet)) {
		return api.StaleUnused
	}
	return ""
}

// goneMakers finds out who of the makers of links is no active member or service
// account any more.
func goneMakers(ctx context.Context, s *object.Scope, links map[string]*api.ShareLink) (map[string]bool, error) {
	makers := map[string]bool{}
	for _, l := range links {
		kind, _, _ := api.SplitPrincipal(l.CreatedBy)
		if kind == object.PrincipalMember || kind == object.PrincipalServiceAccount {
			makers[l.CreatedBy] = true
		}
	}
	names := make([]string, 0, len(makers))
	for name := range makers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		subject, err := s.Subject(ctx, name)
		if err != nil {
			return nil, err
		}
		makers[name] = !subject.Active
	}
	return makers, nil
}
