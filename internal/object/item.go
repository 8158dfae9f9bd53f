package object

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
)

// DecideOn decides an item permission for the caller, without the narrowing that its
// token's scopes put on it. It is for rules whose kind permission, which the token
// must include, was required already: a token for access_grant.* need not list the
// atoms that giving access takes on the item as well.
func (s *Scope) DecideOn(ctx context.Context, path, permission string) (access.Decision, error) {
	item, err := s.Item(ctx, path)
	if err != nil {
		return access.Decision{}, err
	}
	return s.decide(ctx, permission, func(e *access.Engine, subj *access.Subject, rc *access.RequestContext) access.Decision {
		own := *subj
		own.Token = nil
		d := e.Check(&own, item, permission, rc)
		s.Decided(subj, item, d)
		return d
	})
}

// BaseURL is where identity providers reach this server, "" when not configured.
func (s *Scope) BaseURL() string { return s.svc.BaseURL }
