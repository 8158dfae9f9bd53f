package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// checkOutside refuses access for people outside that the sharing policy does not
// allow (C052 to C056). It is asked about new shares and about those that are changed
// to give more; others stay as they are (C062, X07). The policy is the one in force
// at the path.
func checkOutside(ctx context.Context, s *object.Scope, h holder, path, at string) ([]api.Violation, error) {
	if !h.guest {
		return nil, nil
	}
	return checkOutsideFor(ctx, s, h, path, at, s.Caller.Principal())
}

// checkOutsideFor is checkOutside for what somebody else asked for.
func checkOutsideFor(ctx context.Context, s *object.Scope, h holder, path, at, inviter string) ([]api.Violation, error) {
	policy, err := PolicyAt(ctx, s, path)
	if err != nil {
		return nil, err
	}
	if h.kind == object.PrincipalMember {
		return asViolations(at, refuseGuest(policy, h.key)), nil
	}
	role, err := memberRole(ctx, s, h.key)
	if err != nil {
		return nil, err
	}
	if role != "" {
		return []api.Violation{api.Invalid(at, "%s has an account here; write member:%s", h.key, h.key)}, nil
	}
	if message := refuseAddress(policy, h.key); message != "" {
		return asViolations(at, message), nil
	}
	message, err := refuseInviter(ctx, s, policy, inviter)
	return asViolations(at, message), err
}

func asViolations(at, message string) []api.Violation {
	if message == "" {
		return nil
	}
	return []api.Violation{{Path: at, Code: api.ViolationSharingPolicy, Message: message}}
}

// refuseGuest: what a guest receives is a new share, whatever the policy was when the
// guest was let in (C062).
func refuseGuest(p *api.SharingPolicy, email string) string {
	if !p.GuestAccess {
		return fmt.Sprintf("%s is a guest, and the sharing policy has guest_access = false; choose a member, or ask the Owner to allow guests", email)
	}
	return refuseAddress(p, email)
}

// refuseAddress: people without an account, by where their mail goes.
func refuseAddress(p *api.SharingPolicy, email string) string {
	domain := domainOf(email)
	switch {
	case p.ExternalSharing == "disabled":
		return fmt.Sprintf("%s is outside the workspace, and the sharing policy has external_sharing = \"disabled\"; choose a member, or set it to \"allowlist\" or \"anyone\"", email)
	case slices.Contains(p.BlockedDomains, domain):
		return fmt.Sprintf("%s is in blocked_domains of the sharing policy; choose somebody else, or take the domain out of the list", domain)
	case p.ExternalSharing == "allowlist" && !slices.Contains(p.AllowedDomains, domain):
		return fmt.Sprintf("%s is not in allowed_domains of the sharing policy (external_sharing = \"allowlist\"); add the domain there first, or choose somebody else", domain)
	case !p.GuestAccess:
		return fmt.Sprintf("%s would become a guest, and the sharing policy has guest_access = false; choose a member, or ask the Owner to allow guests", email)
	}
	return ""
}

// refuseInviter: giving access to an e-mail address invites its owner, so it takes
// what inviting takes (C053). Whether somebody must approve (C055) is asked later.
func refuseInviter(ctx context.Context, s *object.Scope, p *api.SharingPolicy, inviter string) (string, error) {
	name, err := roleOf(ctx, s, inviter)
	if err != nil {
		return "", err
	}
	role := vocabulary.Role(name)
	switch p.GuestInvitations {
	case "owners":
		if role != vocabulary.RoleOwner {
			return "only the Owner may invite people outside (guest_invitations = \"owners\" in the sharing policy); ask the Owner to give this access", nil
		}
	case "admins":
		if !role.Governs() {
			return "only owner and admins may invite people outside (guest_invitations = \"admins\" in the sharing policy); ask an admin to give this access", nil
		}
	case "roles":
		ok, err := holdsAny(ctx, s, inviter, name, p.GuestInviterRoles)
		if err != nil {
			return "", err
		}
		if !ok {
			return fmt.Sprintf("only holders of %s may invite people outside (guest_inviter_roles of the sharing policy); ask one of them to give this access", strings.Join(p.GuestInviterRoles, ", ")), nil
		}
	}
	return "", nil
}

// roleOf is the workspace role of who invites.
func roleOf(ctx context.Context, s *object.Scope, inviter string) (string, error) {
	if inviter == s.Caller.Principal() {
		return s.Role(ctx)
	}
	subject, err := s.Subject(ctx, inviter)
	if err != nil || !subject.Active {
		return "", err
	}
	return string(subject.Role), nil
}

// holdsAny reports whether somebody holds one of the roles on the workspace.
func holdsAny(ctx context.Context, s *object.Scope, inviter, role string, names []string) (bool, error) {
	if slices.Contains(names, role) {
		return true, nil
	}
	if kind, _, _ := api.SplitPrincipal(inviter); kind != object.PrincipalMember && kind != object.PrincipalServiceAccount {
		return false, nil
	}
	subject, err := s.Subject(ctx, inviter)
	if err != nil {
		return false, err
	}
	for _, a := range subject.Assignments {
		live := a.ExpiresAt.IsZero() || a.ExpiresAt.After(s.Now)
		// A condition is about one request on one item; holding a role is not.
		if live && a.Condition == "" && a.Scope == vocabulary.RootPath && slices.Contains(names, strings.ToLower(a.Role)) {
			return true, nil
		}
	}
	return false, nil
}

func domainOf(email string) string {
	return email[strings.LastIndexByte(email, '@')+1:]
}
