package assurance

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var (
	_ = declare("GH-SH-01", publicLinks)
	_ = declare("GH-SH-02", linkExpiry)
	_ = declare("GH-SH-03", linkPasswords)
	_ = declare("GH-SH-04", sharesAgainstPolicy)
	_ = declare("GH-SH-07", downloads)
	_ = declare("GH-SH-08", externalViews)
	_ = declare("GH-SH-09", domainLists)
	_ = declare("GH-SH-10", staleLinks)
)

// sharingRules are the sharing policy and its overrides: what is in force where.
type sharingRules struct {
	policy    *api.SharingPolicy
	overrides map[string]*api.SharingPolicyOverride
}

func sharingOf(e *evaluation) *sharingRules {
	r := &sharingRules{policy: single[api.SharingPolicy](e, api.SharingPolicyKind), overrides: map[string]*api.SharingPolicyOverride{}}
	overrides := list[api.SharingPolicyOverride](e, api.SharingPolicyOverrideKind)
	for i := range overrides {
		r.overrides[overrides[i].Path] = &overrides[i]
	}
	if r.policy == nil {
		return nil
	}
	return r
}

// at is the policy in force at a path.
func (r *sharingRules) at(path string) *api.SharingPolicy {
	p := r.policy
	for _, above := range vocabulary.PathAncestors(path) {
		if o := r.overrides[above]; o != nil {
			p = p.With(o)
		}
	}
	return p
}

// openLinks are the links that somebody can still get in by.
func openLinks(e *evaluation) []api.ShareLink {
	all := list[api.ShareLink](e, api.ShareLinkKind)
	return slices.DeleteFunc(all, func(l api.ShareLink) bool {
		return l.State != api.LinkActive && l.State != api.LinkPending || l.ExpiresAt != nil && !l.ExpiresAt.After(e.now())
	})
}

func linkName(l *api.ShareLink) string { return "share_link " + quote(l.Key) }

func publicLinks(e *evaluation) outcome {
	policy := single[api.SharingPolicy](e, api.SharingPolicyKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	projects := list[api.Project](e, api.ProjectKind)
	links := openLinks(e)
	if policy == nil || workspace == nil {
		return e.notAssessed("")
	}
	confidential := 0
	for _, p := range projects {
		if p.Classification == "confidential" {
			confidential++
		}
	}
	if workspace.Classification != "confidential" && confidential == 0 && len(e.gaps) == 0 {
		return e.notApplicable("The workspace is classified %s and none of %d projects is confidential.", workspace.Classification, len(projects))
	}
	if policy.PublicLinks != "disabled" {
		e.find("sharing_policy", "public_links is %q although content is confidential (workspace: %s, confidential projects: %d)", policy.PublicLinks, workspace.Classification, confidential)
	}
	for i := range links {
		if l := &links[i]; l.Kind == api.LinkAnyone {
			e.find(linkName(l), "anybody can open it, until %s", l.ExpiresAt.Format(time.DateOnly))
		}
	}
	return e.verdict("Public links are disabled, and none is open.")
}

const dayOfGrace = time.Hour // clocks and rounding

func linkExpiry(e *evaluation) outcome {
	rules, links := sharingOf(e), openLinks(e)
	if rules == nil {
		return e.notAssessed("")
	}
	if len(links) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No share link is open.")
	}
	for i := range links {
		l := &links[i]
		most := rules.at(l.Resource).MaxLinkExpirationDays
		switch {
		case l.ExpiresAt == nil:
			e.find(linkName(l), "it has no end")
		case l.CreatedAt == nil:
			e.gap("a share link does not say when it was made")
		case l.ExpiresAt.Sub(*l.CreatedAt) > time.Duration(most)*api.Day+dayOfGrace:
			e.find(linkName(l), "it lives for %d days, and the sharing policy allows %d there", int64(l.ExpiresAt.Sub(*l.CreatedAt)/api.Day), most)
		}
	}
	return e.verdict("Each of %s ends within what the sharing policy allows.", count(len(links), "open link"))
}

func linkPasswords(e *evaluation) outcome {
	e.covering("Links that anybody can open. Recipient links are protected by a one-time code to the address of each visitor.")
	rules, links := sharingOf(e), openLinks(e)
	if rules == nil {
		return e.notAssessed("")
	}
	asked := 0
	for i := range links {
		l := &links[i]
		if l.Kind != api.LinkAnyone || !rules.at(l.Resource).RequireLinkPassword {
			continue
		}
		asked++
		if !l.PasswordSet {
			e.find(linkName(l), "it has no password, and the sharing policy requires one there")
		}
	}
	if !rules.policy.RequireLinkPassword && asked == 0 && len(e.gaps) == 0 {
		return e.notApplicable("The sharing policy requires no password for links.")
	}
	return e.verdict("Each of %s has a password where the policy requires it.", count(asked, "link"))
}

// sharesAgainstPolicy looks at everything that is shared outside with the policy of
// today, whatever that policy does to what exists (X07).
func sharesAgainstPolicy(e *evaluation) outcome {
	rules, links, outside := sharingOf(e), openLinks(e), outsideShares(e)
	members := map[string]string{}
	for _, m := range list[api.Member](e, api.MemberKind) {
		members[strings.ToLower(m.Email)] = m.WorkspaceRole
	}
	if rules == nil {
		return e.notAssessed("")
	}
	waiting := 0
	breaks := func(object, path, owner, why string) {
		p := rules.at(path)
		if p.ExistingShares == api.ExistingGrandfather && !p.InForce(e.now()) && owner != "" {
			waiting++
			return
		}
		e.find(object, "%s", why)
	}
	for _, s := range outside {
		if why := addressBreaks(rules.at(s.path), s.email); why != "" {
			breaks(s.object, s.path, s.owner, why)
		}
	}
	for i := range links {
		l := &links[i]
		p := rules.at(l.Resource)
		for _, why := range linkBreaks(p, l) {
			breaks(linkName(l), l.Resource, l.CreatedBy, why)
		}
		for _, email := range l.Recipients {
			role, here := members[strings.ToLower(email)]
			if here && role != "guest" {
				continue
			}
			if why := addressBreaks(p, email); why != "" {
				breaks(linkName(l), l.Resource, l.CreatedBy, quote(email)+": "+why)
			}
		}
	}
	if len(links)+len(outside) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("Nothing is shared with anybody outside.")
	}
	if waiting > 0 {
		return e.verdict("Of %s, those that break today's policy (%d) have a deadline and somebody who answers for them.", count(len(links)+len(outside), "share"), waiting)
	}
	return e.verdict("%s keep today's sharing policy.", count(len(links)+len(outside), "share"))
}

func linkBreaks(p *api.SharingPolicy, l *api.ShareLink) []string {
	var out []string
	if l.Kind == api.LinkAnyone {
		if p.PublicLinks != "allowed" || p.ExternalSharing == "disabled" {
			out = append(out, "links that anybody can open are disabled")
		}
		if p.RequireLinkPassword && !l.PasswordSet {
			out = append(out, "a password is required")
		}
	}
	if l.ExpiresAt != nil && l.CreatedAt != nil && l.ExpiresAt.Sub(*l.CreatedAt) > time.Duration(p.MaxLinkExpirationDays)*api.Day+dayOfGrace {
		out = append(out, "it lives longer than is allowed")
	}
	return out
}

func downloads(e *evaluation) outcome {
	e.covering("Share links. A justification on the link is the reason; projects have no exceptions of their own.")
	policy, links := single[api.SharingPolicy](e, api.SharingPolicyKind), openLinks(e)
	if policy == nil {
		return e.notAssessed("")
	}
	if policy.DefaultAllowDownload {
		e.find("sharing_policy", "default_allow_download is true: links allow downloads unless they say otherwise")
	}
	for i := range links {
		if l := &links[i]; l.AllowDownload != nil && *l.AllowDownload && strings.TrimSpace(l.Justification) == "" {
			e.find(linkName(l), "downloads are allowed, and no justification says why")
		}
	}
	return e.verdict("Downloads are off by default, and links that allow them (of %d) say why.", len(links))
}

// externalViews: whoever looks or downloads from outside can be told from others.
func externalViews(e *evaluation) outcome {
	e.covering("The switch, and the events of visitors in the period. What an application hands in of its own is judged by what it hands in.")
	policy := single[api.SharingPolicy](e, api.SharingPolicyKind)
	events := e.events()
	if policy == nil {
		return e.notAssessed("")
	}
	if !policy.TrackExternalViews {
		e.find("sharing_policy", "track_external_views is false: nobody but readers of the audit log sees who looked")
	}
	seen := 0
	for i := range events {
		ev := &events[i]
		if ev.Actor.Kind != "viewer" || ev.Action != "share_link.viewed" && !strings.HasPrefix(ev.Action, "asset.") {
			continue
		}
		seen++
		var lacks []string
		if ev.Actor.Key == "" && ev.Target.ID == "" {
			lacks = append(lacks, "neither a person nor a link")
		}
		if ev.IP == "" {
			lacks = append(lacks, "no address")
		}
		if ev.Device == "" {
			lacks = append(lacks, "no device")
		}
		if len(lacks) > 0 {
			e.findEvent(ev, ev.Action, "it names %s", strings.Join(lacks, " and "))
		}
	}
	return e.verdict("External views are shown, and each of %s names who, from where and with what.", count(seen, "event"))
}

// share is something that is shared with one address outside.
type share struct{ object, path, email, owner string }

// outsideShares are the grants and assignments to people outside, and guests.
func outsideShares(e *evaluation) []share {
	members := list[api.Member](e, api.MemberKind)
	grants := list[api.AccessGrant](e, api.AccessGrantKind)
	assignments := list[api.RoleAssignment](e, api.RoleAssignmentKind)
	var shares []share
	guest := map[string]bool{}
	for _, m := range members {
		guest["member:"+strings.ToLower(m.Email)] = m.WorkspaceRole == "guest"
		if m.Active && m.WorkspaceRole == "guest" {
			shares = append(shares, share{"member " + quote(m.Email), vocabulary.RootPath, m.Email, ownerOf(m.ManagedBy)})
		}
	}
	outside := func(object, path, principal, owner string) {
		kind, email, _ := api.SplitPrincipal(principal)
		if kind == "email" || guest[strings.ToLower(principal)] {
			shares = append(shares, share{object, path, email, owner})
		}
	}
	for _, g := range grants {
		if g.State != api.StatePendingApproval && (g.ExpiresAt == nil || g.ExpiresAt.After(e.now())) {
			outside("access_grant "+quote(g.Key), g.Resource, g.Principal, ownerOf(g.ManagedBy))
		}
	}
	for _, a := range assignments {
		if a.ExpiresAt == nil || a.ExpiresAt.After(e.now()) {
			outside("role_assignment "+quote(a.Key), a.Scope, a.Principal, ownerOf(a.ManagedBy))
		}
	}
	return shares
}

// ownerOf is the stack that answers for an object; "" for nobody in particular.
func ownerOf(m *api.ManagedBy) string {
	if m == nil {
		return ""
	}
	return m.Stack
}

// addressBreaks is what the lists of domains say against an address outside.
func addressBreaks(p *api.SharingPolicy, email string) string {
	_, domain, _ := strings.Cut(strings.ToLower(email), "@")
	switch {
	case slices.Contains(p.BlockedDomains, domain):
		return "the domain " + domain + " is blocked"
	case p.ExternalSharing == "disabled":
		return "external sharing is disabled"
	case p.ExternalSharing == "allowlist" && !slices.Contains(p.AllowedDomains, domain):
		return "the domain " + domain + " is not on the list of allowed domains"
	}
	return ""
}

func domainLists(e *evaluation) outcome {
	e.covering("Grants and role assignments to e-mail addresses outside, guests, and the recipients of share links.")
	rules, shares, links := sharingOf(e), outsideShares(e), openLinks(e)
	members := list[api.Member](e, api.MemberKind)
	if rules == nil {
		return e.notAssessed("")
	}
	internal := map[string]bool{}
	for _, m := range members {
		internal[strings.ToLower(m.Email)] = m.WorkspaceRole != "guest"
	}
	for i := range links {
		for _, email := range links[i].Recipients {
			if !internal[strings.ToLower(email)] {
				shares = append(shares, share{object: linkName(&links[i]), path: links[i].Resource, email: email})
			}
		}
	}
	if len(shares) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("Nothing is shared with anybody outside.")
	}
	for _, s := range shares {
		if why := addressBreaks(rules.at(s.path), s.email); why != "" {
			e.find(s.object, "%s", why)
		}
	}
	return e.verdict("%d shares with people outside respect the lists of domains.", len(shares))
}

// staleLinks goes by the audit log, which records every visit whatever is shown.
func staleLinks(e *evaluation) outcome {
	links, events := openLinks(e), e.events()
	if len(links) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No share link is open.")
	}
	since := e.now().Add(-e.duration("days"))
	if e.s.Run.From.After(since) {
		e.gap("the period begins on %s, after %s; choose a longer one", e.s.Run.From.Format(time.DateOnly), since.Format(time.DateOnly))
	}
	used := map[string]bool{}
	for i := range events {
		if ev := &events[i]; ev.Action == "share_link.viewed" && ev.Time.After(since) {
			used[ev.Target.ID] = true
		}
	}
	for i := range links {
		l := &links[i]
		if !used[l.ID] && l.CreatedAt != nil && l.CreatedAt.Before(since) {
			e.find(linkName(l), "nobody has used it since %s", since.Format(time.DateOnly))
		}
	}
	return e.verdict("Each of %s was used or made within the last %s.", count(len(links), "open link"), e.params["days"])
}
