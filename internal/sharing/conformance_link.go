package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// measureLinks measures the share links that are open, or wait for approval.
func measureLinks(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) ([]*share, string, error) {
	rows, err := placesOf(ctx, s, `SELECT id, '', key FROM share_link WHERE workspace_id = $1 AND kind = 'share_link' AND key > $2 AND state IN ('active', 'pending_approval') ORDER BY key LIMIT `+fmt.Sprint(limit), after)
	if err != nil {
		return nil, "", err
	}
	links, err := object.Many[*api.ShareLink](ctx, s, api.ShareLinkKind, rowIDs(rows))
	if err != nil {
		return nil, "", err
	}
	people, err := standings(ctx, s, links)
	if err != nil {
		return nil, "", err
	}
	var out []*share
	next := ""
	for i, row := range rows {
		if i == limit-1 {
			next = row.key
		}
		l := links[row.id]
		if l == nil || !m.within(l.Resource) || l.State != api.LinkActive && l.State != api.LinkPending {
			continue
		}
		out = append(out, &share{obj: l, name: l.Name, resource: l.Resource, recipient: strings.Join(firstFew(l.Recipients), ", "), at: row.key, gaps: linkGaps(m.Sharing.At(l.Resource), l, people, s.Now)})
	}
	return out, next, nil
}

func linkGaps(p *api.SharingPolicy, l *api.ShareLink, people map[string]standingOf, now time.Time) []gap {
	var out []gap
	add := func(attribute, remedy, format string, args ...any) {
		out = append(out, gap{ConformanceGap: api.ConformanceGap{Attribute: attribute, Remedy: remedy, Text: fmt.Sprintf(format, args...)}})
	}
	if refuseKind(p, l) != "" {
		if p.ExternalSharing == "disabled" {
			add("external_sharing", api.RemedyRevoke, "external_sharing is \"disabled\", and anybody can open the link")
		} else {
			add("public_links", api.RemedyRevoke, "public_links is \"disabled\", and anybody can open the link")
		}
	}
	if refuseNoPassword(p, l) != "" {
		// No password can be made up for those who have the link.
		add("require_link_password", api.RemedyRevoke, "require_link_password is true, and the link has no password")
	}
	out = append(out, tooLong("max_link_expiration_days", p.MaxLinkExpirationDays, l.ExpiresAt, linkSince(l), now, api.RemedyRevoke)...)
	refused := map[string][]string{} // by attribute
	texts := map[string]string{}
	var drop []string
	for _, email := range l.Recipients {
		who := people[email]
		if who.role.Internal() {
			continue
		}
		before := len(drop)
		for _, r := range p.RefusesAddress(email) {
			if r.Attribute == "guest_access" && who.role == "" {
				continue // who only looks becomes no guest
			}
			refused[r.Attribute], texts[r.Attribute] = append(refused[r.Attribute], email), r.Text
			if len(drop) == before {
				drop = append(drop, email)
			}
		}
	}
	remedy := api.RemedyDrop
	if len(drop) == len(l.Recipients) {
		remedy = api.RemedyRevoke
	}
	for _, attribute := range []string{"external_sharing", "allowed_domains", "blocked_domains", "guest_access"} {
		if emails := refused[attribute]; len(emails) > 0 {
			text := texts[attribute]
			if len(emails) > 1 {
				text += fmt.Sprintf(" (and %d more of the recipients)", len(emails)-1)
			}
			add(attribute, remedy, "%s", text)
			out[len(out)-1].drop = drop
		}
	}
	return out
}

// linkSince is when the end of a link was accepted: its creation, or its last change.
func linkSince(l *api.ShareLink) *time.Time {
	if l.CreatedAt == nil || l.UpdatedAt != nil && l.UpdatedAt.After(*l.CreatedAt) {
		return l.UpdatedAt
	}
	return l.CreatedAt
}

type standingOf struct{ role vocabulary.Role }

// standings finds out which recipients are people of the workspace, for many links.
func standings(ctx context.Context, s *object.Scope, links map[string]*api.ShareLink) (map[string]standingOf, error) {
	var emails []string
	for _, l := range links {
		emails = append(emails, l.Recipients...)
	}
	slices.Sort(emails)
	out := map[string]standingOf{}
	for part := range slices.Chunk(slices.Compact(emails), api.MaxPageSize) {
		args := make([]any, len(part))
		for i, email := range part {
			args[i] = email
		}
		rows, err := placesOf(ctx, s, `SELECT role, '', key FROM member WHERE workspace_id = $1 AND kind = 'member' AND key IN (`+store.Params(2, len(part))+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.key] = standingOf{vocabulary.Role(r.id)}
		}
	}
	return out, nil
}

// mendLinks revokes links, takes recipients off them, or lets them end earlier.
func mendLinks(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error {
	var revoke []*api.ShareLink
	how := object.How{Keep: true, Reasons: []string{reason}}
	for _, sh := range shares {
		l := sh.obj.(*api.ShareLink)
		if remedyOf(sh.gaps) == api.RemedyRevoke {
			revoke = append(revoke, l)
			continue
		}
		was := slices.Clone(l.Recipients)
		if remedyOf(sh.gaps) == api.RemedyDrop {
			for _, g := range sh.gaps {
				l.Recipients = slices.DeleteFunc(l.Recipients, func(email string) bool { return slices.Contains(g.drop, email) })
			}
			out.Trimmed++
		}
		if end := earliestEnd(sh.gaps); !end.IsZero() {
			l.ExpiresAt = &end
			if len(was) == len(l.Recipients) {
				out.Shortened++
			}
		}
		if err := s.SaveDerived(ctx, api.ShareLinkKind, how, l); err != nil {
			return err
		}
		if err := keepRecipients(ctx, s, l, was); err != nil {
			return err
		}
	}
	out.Revoked += len(revoke)
	return RevokeLinks(ctx, s, reason, revoke...)
}
