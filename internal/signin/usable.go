package signin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Unusable says why nobody could sign in through a connection, in words; "" when
// people can. A connection counts when it is enabled, a test login has succeeded with
// its present settings, and the identity provider still has a certificate that counts.
func Unusable(c *api.SSOConnection, now time.Time) string {
	switch {
	case !c.Enabled:
		return "is not enabled"
	case c.TestedAt == nil:
		return "has no successful test login with its present settings"
	case c.SAML != nil:
		return expiredProvider(c.SAML, now)
	}
	return ""
}

// expiredProvider: during a rotation one certificate that counts is enough.
func expiredProvider(s *api.SAMLSettings, now time.Time) string {
	m, err := s.Resolve()
	if err != nil {
		return "has settings that cannot be read"
	}
	for _, text := range m.Certificates {
		if cert, err := api.ParseCertificate(text); err == nil && cert.NotAfter.After(now) {
			return ""
		}
	}
	if len(m.Certificates) == 0 {
		return "" // metadata_url: what it publishes was good enough for the test login
	}
	return fmt.Sprintf("has no valid certificate (the last expired on %s)", m.NotAfter.Format(time.DateOnly))
}

// connections reads every connection of the workspace.
func connections(ctx context.Context, s *object.Scope) ([]*api.SSOConnection, error) {
	var all []*api.SSOConnection
	err := object.Each(ctx, s, api.SSOConnectionKind, func(c *api.SSOConnection) error {
		all = append(all, c)
		return nil
	})
	return all, err
}

// usable keeps the connections that people can sign in through, and says of the
// others why not.
func usable(all []*api.SSOConnection, now time.Time) (good []*api.SSOConnection, others []string) {
	for _, c := range all {
		if why := Unusable(c, now); why != "" {
			others = append(others, fmt.Sprintf("%q %s", c.Name, why))
			continue
		}
		good = append(good, c)
	}
	return good, others
}

// covers reports whether an e-mail address may sign in through one of the
// connections: those without domains take everybody.
func covers(good []*api.SSOConnection, email string) bool {
	domain := email[strings.LastIndexByte(email, '@')+1:]
	return slices.ContainsFunc(good, func(c *api.SSOConnection) bool {
		return len(c.Domains) == 0 || slices.Contains(c.Domains, domain)
	})
}

// lockout is the refusal of a change after which nobody, or not the caller, could
// sign in. at is the attribute to change instead.
func lockout(at, detail string) *api.Problem {
	p := api.NewProblem(api.CodeLockout, "%s", detail)
	p.Errors = []api.Violation{{Path: at, Code: string(api.CodeLockout), Message: detail}}
	return p
}
