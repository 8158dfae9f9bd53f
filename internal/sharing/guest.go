package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// SourceGuest marks the grants that follow a guest's projects. They are neither
// terraform's nor manual: an authoritative access_grants of the item leaves them to
// the guest, so that the two never undo each other.
const SourceGuest = "guest"

// MayGive refuses somebody who may not give a level on an item, as giving it by an
// access_grant would.
func MayGive(ctx context.Context, s *object.Scope, path, at, level string) error {
	if err := need(ctx, s, path, grantCreate); err != nil {
		return err
	}
	return mayGive(ctx, s, gift{path: path, at: at, level: levelOf(level)})
}

// CheckInvitation is the violations of making somebody outside a guest, or of giving
// a guest more, against the strictest of the sharing policies in force at the places
// where the guest works (C052 to C056). Who comes without projects becomes a member.
func CheckInvitation(ctx context.Context, s *object.Scope, inviter, email, at string, projects ...string) ([]api.Violation, error) {
	policy, err := PolicyAt(ctx, s, projects...)
	if err != nil {
		return nil, err
	}
	if message := refuseNewcomer(policy, email, projects); message != "" {
		return asViolations(at, message), nil
	}
	message, err := refuseInviter(ctx, s, policy, inviter)
	return asViolations(at, message), err
}

// CheckAddress is the violations of somebody outside by their address alone, whoever
// invites them.
func CheckAddress(ctx context.Context, s *object.Scope, email, at string, projects ...string) ([]api.Violation, error) {
	policy, err := PolicyAt(ctx, s, projects...)
	if err != nil {
		return nil, err
	}
	return asViolations(at, refuseNewcomer(policy, email, projects)), nil
}

// refuseNewcomer: who comes without projects comes as a member, and whether there may
// be guests does not matter to them.
func refuseNewcomer(p *api.SharingPolicy, email string, projects []string) string {
	if len(projects) == 0 {
		return refuseDomain(p, email)
	}
	return refuseAddress(p, email)
}

// CheckItem is the violation of a path at which there is no item.
func CheckItem(ctx context.Context, s *object.Scope, at, path string) ([]api.Violation, error) {
	return checkItem(ctx, s, at, path)
}
