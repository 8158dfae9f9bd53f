package assurance

import (
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var (
	_ = declare("GH-SH-01", publicLinks)
	_ = declare("GH-SH-09", domainLists)
)

func publicLinks(e *evaluation) outcome {
	policy := single[api.SharingPolicy](e, api.SharingPolicyKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	projects := list[api.Project](e, api.ProjectKind)
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
	if e.served("share_links") {
		e.gap("this version does not read share links")
	} else {
		e.covering("The policy. This server has no share links, so none can be active.")
	}
	return e.verdict("Public links are disabled.")
}

func domainLists(e *evaluation) outcome {
	e.covering("Grants and role assignments to e-mail addresses outside, and guests. Share links are not available in this version.")
	policy := single[api.SharingPolicy](e, api.SharingPolicyKind)
	members := list[api.Member](e, api.MemberKind)
	grants := list[api.AccessGrant](e, api.AccessGrantKind)
	assignments := list[api.RoleAssignment](e, api.RoleAssignmentKind)
	if policy == nil {
		return e.notAssessed("")
	}
	type share struct{ object, email string }
	var shares []share
	guest := map[string]bool{}
	for _, m := range members {
		guest["member:"+strings.ToLower(m.Email)] = m.WorkspaceRole == "guest"
		if m.Active && m.WorkspaceRole == "guest" {
			shares = append(shares, share{"member " + quote(m.Email), m.Email})
		}
	}
	outside := func(object, principal string) {
		kind, email, _ := api.SplitPrincipal(principal)
		if kind == "email" || guest[strings.ToLower(principal)] {
			shares = append(shares, share{object, email})
		}
	}
	for _, g := range grants {
		if g.ExpiresAt == nil || g.ExpiresAt.After(e.now()) {
			outside("access_grant "+quote(g.Key), g.Principal)
		}
	}
	for _, a := range assignments {
		if a.ExpiresAt == nil || a.ExpiresAt.After(e.now()) {
			outside("role_assignment "+quote(a.Key), a.Principal)
		}
	}
	if len(shares) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("Nothing is shared with anybody outside.")
	}
	for _, s := range shares {
		_, domain, _ := strings.Cut(strings.ToLower(s.email), "@")
		switch {
		case slices.Contains(policy.BlockedDomains, domain):
			e.find(s.object, "the domain %s is blocked", domain)
		case policy.ExternalSharing == "disabled":
			e.find(s.object, "external sharing is disabled")
		case policy.ExternalSharing == "allowlist" && !slices.Contains(policy.AllowedDomains, domain):
			e.find(s.object, "the domain %s is not on the list of allowed domains", domain)
		}
	}
	return e.verdict("%d shares with people outside respect the lists of domains.", len(shares))
}
