package sharing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// An override is stricter than what holds above it; what the Owner lets loosen
// replaces that, and what stands below still tightens. An item that is deleted takes
// its override along (revokeOn).
var _ = object.Register(api.SharingPolicyOverrideKind, object.Rules[*api.SharingPolicyOverride]{
	PolicyRelevant: true,
	Authorise:      authoriseOverride,
	Validate:       validateOverride,
	After: func(ctx context.Context, c *object.Change[*api.SharingPolicyOverride]) error {
		path := ""
		if c.Deleted {
			path = c.Old.Path
		} else {
			path = c.New.Path
		}
		return enforceAfterChange(ctx, c.Scope, path, "the sharing policy of "+path)
	},
	Effect: overrideEffect,
})

// maxOverrides bounds what every version of a workspace's policies reads.
const maxOverrides = 2000

// loosenPermission is the Owner's, in the built-in roles.
const loosenPermission = "sharing_policy_override.loosen"

// authoriseOverride: that allow_loosen is the Owner's alone is said by its tag; what a
// loosening override says is theirs as well.
func authoriseOverride(ctx context.Context, c *object.Change[*api.SharingPolicyOverride]) error {
	if err := c.Require(ctx, api.SharingPolicyOverrideKind.WritePermission()); err != nil {
		return err
	}
	if c.Deleted || !c.New.AllowLoosen {
		return nil
	}
	err := c.Require(ctx, loosenPermission)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeForbidden {
		return refuseAttribute("/allow_loosen", "only the workspace Owner may loosen, or change what loosens; apply this with a token of the Owner, or set allow_loosen = false")
	}
	return err
}

func validateOverride(ctx context.Context, c *object.Change[*api.SharingPolicyOverride]) ([]api.Violation, error) {
	o := c.New
	var out []api.Violation
	if c.Created {
		missing, err := checkItem(ctx, c.Scope, "/path", o.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
		var n int
		if err := c.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM object WHERE workspace_id = $1 AND kind = $2`, c.WorkspaceID, api.SharingPolicyOverrideKind.Name).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting overrides: %w", err)
		}
		if n >= maxOverrides {
			out = append(out, api.Invalid("/path", "the workspace has %d overrides, the most there may be; delete one, or put one on an item above several", n))
		}
	}
	sharing, err := c.Sharing(ctx)
	if err != nil {
		return nil, err
	}
	above := sharing.Above(o.Path)
	if !o.AllowLoosen {
		out = append(out, o.LooserThan(above)...)
	}
	for _, v := range withoutEffect(o, above) {
		v.Kind = api.SharingPolicyKind.Name
		out = append(out, v)
	}
	var was api.SharingPolicyOverride
	if c.Old != nil {
		was = *c.Old
	}
	out = append(out, checkDeadline(c.Now, was.GrandfatherUntil, o.GrandfatherUntil)...)
	roles, err := checkInviterRoles(ctx, c.Scope, o.GuestInviterRoles)
	if err != nil {
		return nil, err
	}
	out = append(out, roles...)
	if name := o.ApprovalPolicy; name != "" {
		v, err := checkApprovalPolicy(ctx, c.Scope, name)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// withoutEffect finds lists of domains that would not do what they say.
func withoutEffect(o *api.SharingPolicyOverride, above *api.SharingPolicy) []api.Violation {
	switch {
	case o.ExternalSharing == "allowlist" && len(o.AllowedDomains) == 0 && above.ExternalSharing != "allowlist":
		return asViolations("/allowed_domains", fmt.Sprintf("external_sharing is %q above %s, so there is no list to inherit; name the domains, or write external_sharing = \"disabled\" to share with nobody", above.ExternalSharing, o.Path))
	case o.ExternalSharing == "" && len(o.AllowedDomains) > 0 && above.ExternalSharing != "allowlist":
		return asViolations("/allowed_domains", fmt.Sprintf("external_sharing is %q above %s, so the list would mean nothing; write external_sharing = \"allowlist\" beside it", above.ExternalSharing, o.Path))
	}
	return nil
}

func checkDeadline(now time.Time, was, is *time.Time) []api.Violation {
	if is == nil || is.After(now) || was != nil && was.Equal(*is) {
		return nil
	}
	return []api.Violation{api.Invalid("/grandfather_until", "%s is in the past; write a time to come, or existing_shares = \"enforce\" to apply the policy to all shares now", is.UTC().Format(time.RFC3339))}
}

// checkInviterRoles refuses roles that invite nobody, or that are not there.
func checkInviterRoles(ctx context.Context, s *object.Scope, names []string) ([]api.Violation, error) {
	var out []api.Violation
	for i, name := range names {
		if role := vocabulary.Role(name); role.Internal() {
			continue
		}
		at := fmt.Sprintf("/guest_inviter_roles/%d", i)
		if name == string(vocabulary.RoleGuest) {
			out = append(out, api.Invalid(at, "guests never invite (C016); write owner, admin, member or a custom role"))
			continue
		}
		ok, err := s.Exists(ctx, api.RoleKind, strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		if !ok {
			v := object.MissingReference(at, api.RoleKind, name)
			v.Message += "; the workspace roles owner, admin and member may be named as well"
			out = append(out, v)
		}
	}
	return out, nil
}

// overrideEffect compares what an override adds to what it stands under, which is not
// at hand: as if that were the loosest of policies.
func overrideEffect(was, is *api.SharingPolicyOverride) audit.Effect {
	if was == nil {
		was = &api.SharingPolicyOverride{}
	}
	if is == nil {
		is = &api.SharingPolicyOverride{}
	}
	if was.AllowLoosen != is.AllowLoosen || was.AllowLoosen && !slices.Equal(was.Said(), is.Said()) {
		return audit.EffectUnknown // it depends on what stands above, now and later
	}
	return policyEffect(loosest().With(was), loosest().With(is))
}

// loosest is the policy that forbids nothing.
func loosest() *api.SharingPolicy {
	return &api.SharingPolicy{
		ExternalSharing: "anyone", PublicLinks: "allowed", DefaultLinkExpirationDays: 3650, MaxLinkExpirationDays: 3650, DefaultAllowDownload: true,
		GuestAccess: true, GuestInvitations: "anyone", GuestMaxDays: 3650, AllowGuestUploads: true, ExistingShares: api.ExistingUnaffected,
	}
}
