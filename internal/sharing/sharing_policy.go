package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Who may change what (X08) is said by the ownerOnly tag of guest_access; the rest is
// for owner and admins (C061).
var _ = object.Register(api.SharingPolicyKind, object.Rules[*api.SharingPolicy]{
	AuthzRelevant: true,
	Default: func(context.Context, *object.Scope, string) (*api.SharingPolicy, error) {
		return DefaultPolicy()
	},
	Validate: validatePolicy,
	Effect:   policyEffect,
})

// DefaultPolicy is the secure policy of a workspace that has never set one.
func DefaultPolicy() (*api.SharingPolicy, error) {
	obj, violations, err := api.SharingPolicyKind.DecodeMap(map[string]any{})
	if err != nil {
		return nil, fmt.Errorf("making the default sharing policy: %w", err)
	}
	if len(violations) > 0 {
		return nil, api.InvalidObject(api.SharingPolicyKind.Name, "default", violations)
	}
	return obj.(*api.SharingPolicy), nil
}

// Policy reads the sharing policy in force.
func Policy(ctx context.Context, s *object.Scope) (*api.SharingPolicy, error) {
	p, err := object.Find[*api.SharingPolicy](ctx, s, api.SharingPolicyKind, api.SharingPolicyKind.Name)
	if err != nil || p != nil {
		return p, err
	}
	return DefaultPolicy()
}

// PolicyAt reads the sharing policy in force for what lies at a path, and the
// strictest of them for what lies at several.
func PolicyAt(ctx context.Context, s *object.Scope, _ ...string) (*api.SharingPolicy, error) {
	return Policy(ctx, s)
}

func validatePolicy(ctx context.Context, c *object.Change[*api.SharingPolicy]) ([]api.Violation, error) {
	var out []api.Violation
	for i, name := range c.New.GuestInviterRoles {
		if role := vocabulary.Role(name); role.Internal() {
			continue
		}
		at := fmt.Sprintf("/guest_inviter_roles/%d", i)
		if name == string(vocabulary.RoleGuest) {
			out = append(out, api.Invalid(at, "guests never invite (C016); write owner, admin, member or a custom role"))
			continue
		}
		ok, err := c.Exists(ctx, api.RoleKind, strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		if !ok {
			v := object.MissingReference(at, api.RoleKind, name)
			v.Message += "; the workspace roles owner, admin and member may be named as well"
			out = append(out, v)
		}
	}
	var was *time.Time
	if c.Old != nil {
		was = c.Old.GrandfatherUntil
	}
	if until := c.New.GrandfatherUntil; until != nil && !until.After(c.Now) && (was == nil || !was.Equal(*until)) {
		out = append(out, api.Invalid("/grandfather_until", "%s is in the past; write a time to come, or existing_shares = \"enforce\" to apply the policy to all shares now", until.UTC().Format(time.RFC3339)))
	}
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

var (
	sharingOrder    = []string{"disabled", "allowlist", "anyone"}
	linksOrder      = []string{"disabled", "allowed"}
	invitationOrder = []string{"owners", "admins", "roles", "anyone"}
	existingOrder   = []string{"enforce", "grandfather", "unaffected"}
)

// policyEffect compares attribute by attribute what may leave the workspace.
func policyEffect(was, is *api.SharingPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	t.Rank(sharingOrder, was.ExternalSharing, is.ExternalSharing)
	t.Rank(linksOrder, was.PublicLinks, is.PublicLinks)
	if was.ExternalSharing == "allowlist" || is.ExternalSharing == "allowlist" {
		t.Names(was.AllowedDomains, is.AllowedDomains)
	}
	t.Add(!object.Within(was.BlockedDomains, is.BlockedDomains), !object.Within(is.BlockedDomains, was.BlockedDomains))
	t.Closes(was.RequireLinkPassword, is.RequireLinkPassword)
	t.Number(was.DefaultLinkExpirationDays, is.DefaultLinkExpirationDays)
	t.Number(was.MaxLinkExpirationDays, is.MaxLinkExpirationDays)
	t.Opens(was.DefaultAllowDownload, is.DefaultAllowDownload)
	t.Opens(was.GuestAccess, is.GuestAccess)
	t.Rank(invitationOrder, was.GuestInvitations, is.GuestInvitations)
	if was.GuestInvitations == is.GuestInvitations {
		t.Names(was.GuestInviterRoles, is.GuestInviterRoles)
	}
	t.Number(was.GuestMaxDays, is.GuestMaxDays)
	t.Opens(was.AllowGuestUploads, is.AllowGuestUploads)
	t.Closes(was.RequireExternalApproval, is.RequireExternalApproval)
	t.Unclear(was.ApprovalPolicy != is.ApprovalPolicy)
	t.Closes(was.TrackExternalViews, is.TrackExternalViews)
	t.Rank(existingOrder, was.ExistingShares, is.ExistingShares)
	if was.ExistingShares == is.ExistingShares && !slices.Contains([]string{"unaffected", "enforce"}, is.ExistingShares) {
		t.Expiry(was.GrandfatherUntil, is.GrandfatherUntil)
	}
	return t.Effect()
}
