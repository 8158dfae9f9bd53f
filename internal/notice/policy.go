package notice

import (
	"context"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // containers come without it, and the digest needs the reader's morning

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

var _ = object.Register(api.NotificationPolicyKind, object.Rules[*api.NotificationPolicy]{
	Default: func(context.Context, *object.Scope, string) (*api.NotificationPolicy, error) {
		return defaultPolicy()
	},
	Validate: func(_ context.Context, c *object.Change[*api.NotificationPolicy]) ([]api.Violation, error) {
		if _, err := zone(c.New.DigestTimezone); err != nil {
			return []api.Violation{api.Invalid("/digest_timezone", "%q is no time zone; write e.g. Europe/Berlin", c.New.DigestTimezone)}, nil
		}
		return nil, nil
	},
	Effect: func(_, _ *api.NotificationPolicy) audit.Effect { return audit.EffectNeutral },
})

func defaultPolicy() (*api.NotificationPolicy, error) {
	obj, violations, err := api.NotificationPolicyKind.DecodeMap(map[string]any{})
	if err != nil {
		return nil, fmt.Errorf("the defaults of the notification policy: %w", err)
	}
	if len(violations) > 0 {
		return nil, fmt.Errorf("the defaults of the notification policy are not acceptable: %v", violations)
	}
	return obj.(*api.NotificationPolicy), nil
}

// Policy is the notification policy of the scope's workspace.
func Policy(ctx context.Context, s *object.Scope) (*api.NotificationPolicy, error) {
	obj, err := s.Get(ctx, api.NotificationPolicyKind, api.NotificationPolicyKind.Name)
	if err != nil {
		return nil, fmt.Errorf("reading the notification policy: %w", err)
	}
	return obj.(*api.NotificationPolicy), nil
}

// zone refuses "Local", which would be the server's.
func zone(name string) (*time.Location, error) {
	if name == "Local" || name == "" {
		return nil, fmt.Errorf("no time zone: %q", name)
	}
	return time.LoadLocation(name)
}

// effective is what holds for a person: their own words over the policy's.
func effective(policy *api.NotificationPolicy, own *api.NotificationPreferences) *api.EffectivePreferences {
	out := &api.EffectivePreferences{EmailEvents: []string{}, Digest: policy.Digest}
	for _, event := range api.NotificationEvents {
		wanted, said := own.Email[event]
		if !said {
			wanted = slices.Contains(policy.EmailEvents, event)
		}
		if wanted {
			out.EmailEvents = append(out.EmailEvents, event)
		}
	}
	if own.Digest != "" {
		out.Digest = own.Digest
	}
	return out
}
