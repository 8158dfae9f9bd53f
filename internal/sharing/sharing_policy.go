package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Who may change what (X08) is said by the ownerOnly tag of guest_access; the rest is
// for owner and admins (C061).
var _ = object.Register(api.SharingPolicyKind, object.Rules[*api.SharingPolicy]{
	PolicyRelevant: true,
	Default: func(context.Context, *object.Scope, string) (*api.SharingPolicy, error) {
		return DefaultPolicy()
	},
	Validate: validatePolicy,
	After: func(ctx context.Context, c *object.Change[*api.SharingPolicy]) error {
		return enforceAfterChange(ctx, c.Scope, "", "the sharing policy")
	},
	Effect: policyEffect,
})

// DefaultPolicy is the secure policy of a workspace that has never set one.
func DefaultPolicy() (*api.SharingPolicy, error) { return api.DefaultSharingPolicy(), nil }

// Policy reads the sharing policy of the workspace. What lies at a path asks PolicyAt.
func Policy(ctx context.Context, s *object.Scope) (*api.SharingPolicy, error) {
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return nil, err
	}
	return sharing.Workspace(), nil
}

// PolicyAt reads the sharing policy in force for what lies at a path, and the
// strictest of them for what lies at several: the workspace's policy, tightened by the
// overrides on the way. It must not be changed.
func PolicyAt(ctx context.Context, s *object.Scope, paths ...string) (*api.SharingPolicy, error) {
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return sharing.Workspace(), nil
	}
	out := sharing.At(paths[0])
	for _, path := range paths[1:] {
		if next := sharing.At(path); next != out {
			out = out.With(next.Parts())
		}
	}
	return out, nil
}

func validatePolicy(ctx context.Context, c *object.Change[*api.SharingPolicy]) ([]api.Violation, error) {
	out, err := checkInviterRoles(ctx, c.Scope, c.New.GuestInviterRoles)
	if err != nil {
		return nil, err
	}
	var was *time.Time
	if c.Old != nil {
		was = c.Old.GrandfatherUntil
	}
	out = append(out, checkDeadline(c.Now, was, c.New.GrandfatherUntil)...)
	if name := c.New.ApprovalPolicy; name != "" {
		v, err := checkApprovalPolicy(ctx, c.Scope, name)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// checkApprovalPolicy refuses the name of a policy that is not there: shares would
// wait for an approval that nobody can give.
func checkApprovalPolicy(ctx context.Context, s *object.Scope, name string) ([]api.Violation, error) {
	const kindName = "approval_policy"
	if kind := api.KindByName(kindName); kind != nil && object.Registered(kind) {
		ok, err := s.Exists(ctx, kind, strings.ToLower(name))
		if err != nil || ok {
			return nil, err
		}
	}
	return []api.Violation{{Path: "/approval_policy", Code: api.ViolationReference, Kind: kindName, Key: strings.ToLower(name),
		Message: fmt.Sprintf("there is no approval policy %q; create it first, or leave this out: require_external_approval alone asks an admin", name)}}, nil
}

// policyEffect compares attribute by attribute what may leave the workspace.
func policyEffect(was, is *api.SharingPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	t.Rank(api.SharingOrder, was.ExternalSharing, is.ExternalSharing)
	t.Rank(api.LinksOrder, was.PublicLinks, is.PublicLinks)
	if was.ExternalSharing == "allowlist" || is.ExternalSharing == "allowlist" {
		t.Names(was.AllowedDomains, is.AllowedDomains)
	}
	t.Add(!object.Within(was.BlockedDomains, is.BlockedDomains), !object.Within(is.BlockedDomains, was.BlockedDomains))
	t.Closes(was.RequireLinkPassword, is.RequireLinkPassword)
	t.Number(was.DefaultLinkExpirationDays, is.DefaultLinkExpirationDays)
	t.Number(was.MaxLinkExpirationDays, is.MaxLinkExpirationDays)
	t.Opens(was.DefaultAllowDownload, is.DefaultAllowDownload)
	t.Opens(was.GuestAccess, is.GuestAccess)
	t.Rank(api.InvitationOrder, was.GuestInvitations, is.GuestInvitations)
	if was.GuestInvitations == is.GuestInvitations {
		t.Names(was.GuestInviterRoles, is.GuestInviterRoles)
	}
	t.Number(was.GuestMaxDays, is.GuestMaxDays)
	t.Opens(was.AllowGuestUploads, is.AllowGuestUploads)
	t.Closes(was.RequireExternalApproval, is.RequireExternalApproval)
	t.Unclear(was.ApprovalPolicy != is.ApprovalPolicy)
	t.Closes(was.TrackExternalViews, is.TrackExternalViews)
	t.Rank(api.ExistingOrder, was.ExistingShares, is.ExistingShares)
	if was.ExistingShares == is.ExistingShares && !slices.Contains([]string{"unaffected", "enforce"}, is.ExistingShares) {
		t.Expiry(was.GrandfatherUntil, is.GrandfatherUntil)
	}
	return t.Effect()
}
