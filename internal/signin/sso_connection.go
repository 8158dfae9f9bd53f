package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Certificates and settings are checked by the type. As for the login policy, the
// bump is for its lock: the last usable connection is counted under it.
var _ = object.Register(api.SSOConnectionKind, object.Rules[*api.SSOConnection]{
	AuthzRelevant: true,
	Validate:      validateConnection,
	Prepare: func(_ context.Context, c *object.Change[*api.SSOConnection]) error {
		return prepareConnection(c)
	},
	Hydrate: func(_ context.Context, s *object.Scope, all []*api.SSOConnection) error {
		for _, c := range all {
			addresses(c, s.BaseURL(), s.Slug)
		}
		return nil
	},
	Destroy: func(ctx context.Context, c *object.Change[*api.SSOConnection]) (*api.SSOConnection, error) {
		return nil, keepSignIn(ctx, c.Scope, c.Old, nil)
	},
	Effect: connectionEffect,
})

const planEnterprise = "enterprise"

func validateConnection(ctx context.Context, c *object.Change[*api.SSOConnection]) ([]api.Violation, error) {
	var out []api.Violation
	if c.New.Enabled && (c.Created || !c.Old.Enabled) {
		v, err := checkPlan(ctx, c.Scope)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	claimed, err := checkDomains(ctx, c.Scope, c.New)
	if err != nil {
		return nil, err
	}
	if out = append(out, claimed...); c.Created || len(out) > 0 {
		return out, nil
	}
	next := *c.New
	next.TestedAt = testedStill(c.Old, c.New)
	return nil, keepSignIn(ctx, c.Scope, c.Old, &next)
}

// checkPlan: SSO is part of the enterprise plan (C034), the default where the operator
// sells none.
func checkPlan(ctx context.Context, s *object.Scope) ([]api.Violation, error) {
	w, err := object.Find[*api.Workspace](ctx, s, api.WorkspaceKind, s.Slug)
	if err != nil || w == nil || w.Plan == planEnterprise {
		return nil, err
	}
	return []api.Violation{{Path: "/enabled", Code: "plan", Message: fmt.Sprintf("single sign-on needs the plan %q and this workspace has %q; set plan = %q on its gatehouse_workspace first, or write enabled = false until then", planEnterprise, w.Plan, planEnterprise)}}, nil
}

// checkDomains: a domain leads to one connection, or people would be sent to another
// organisation's identity provider.
func checkDomains(ctx context.Context, s *object.Scope, c *api.SSOConnection) ([]api.Violation, error) {
	if len(c.Domains) == 0 {
		return nil, nil
	}
	all, err := connections(ctx, s)
	if err != nil {
		return nil, err
	}
	var out []api.Violation
	for i, domain := range c.Domains {
		for _, other := range all {
			if other.Name != c.Name && slices.Contains(other.Domains, domain) {
				out = append(out, api.Invalid(fmt.Sprintf("/domains/%d", i), "%s belongs to the connection %q already; remove it there first, or leave it out here", domain, other.Name))
			}
		}
	}
	return out, nil
}

// keepSignIn refuses to take away the last connection that people can sign in
// through, while the login policy leaves them no other way.
func keepSignIn(ctx context.Context, s *object.Scope, was, is *api.SSOConnection) error {
	if Unusable(was, s.Now) != "" {
		return nil // it was of no use before: this change is not what locks anybody out
	}
	if is != nil && Unusable(is, s.Now) == "" {
		return nil
	}
	policy, err := LoginPolicy(ctx, s)
	if err != nil {
		return err
	}
	if !policy.EnforceSSO && policy.PasswordLogin != "disabled" {
		return nil
	}
	all, err := connections(ctx, s)
	if err != nil {
		return err
	}
	good, _ := usable(slices.DeleteFunc(all, func(c *api.SSOConnection) bool { return c.Name == was.Name }), s.Now)
	if len(good) > 0 {
		return nil
	}
	setting := "enforces SSO (enforce_sso)"
	if !policy.EnforceSSO {
		setting = "disables passwords (password_login)"
	}
	const advice = "Make another connection and run its test login first, or change the login policy before this."
	switch {
	case is == nil:
		return lockout("", fmt.Sprintf("The connection %q cannot be deleted: the login policy %s, and it is the last one people can sign in through. %s", was.Name, setting, advice))
	case !is.Enabled:
		return lockout("/enabled", fmt.Sprintf("The connection %q cannot be disabled: the login policy %s, and it is the last one people can sign in through. %s", was.Name, setting, advice))
	}
	at := "/" + is.Protocol
	if is.Protocol != was.Protocol {
		at = "/protocol"
	}
	return lockout(at, fmt.Sprintf("The identity provider of %q cannot be changed: the login policy %s, it is the last connection people can sign in through, and the new settings are untested. For a new certificate, add it to certificates beside the present one. %s", was.Name, setting, advice))
}

// testedStill is the test login that still counts after a change: of the same identity
// provider, of which a certificate that was there at the test is still trusted.
func testedStill(was, is *api.SSOConnection) *time.Time {
	if was.Protocol != is.Protocol {
		return nil
	}
	switch {
	case was.OIDC != nil && is.OIDC != nil:
		if was.OIDC.Issuer != is.OIDC.Issuer || was.OIDC.ClientID != is.OIDC.ClientID {
			return nil
		}
	case was.SAML != nil && is.SAML != nil:
		if !sameProvider(was.SAML, is.SAML) {
			return nil
		}
	default:
		return nil
	}
	return was.TestedAt
}

func sameProvider(was, is *api.SAMLSettings) bool {
	if was.MetadataURL != "" || is.MetadataURL != "" {
		return was.MetadataURL == is.MetadataURL
	}
	a, err1 := was.Resolve()
	b, err2 := is.Resolve()
	if err1 != nil || err2 != nil || a.EntityID != b.EntityID || a.SSOURL != b.SSOURL {
		return false
	}
	return slices.ContainsFunc(b.Certificates, func(text string) bool {
		return slices.ContainsFunc(a.Certificates, func(old string) bool { return strings.TrimSpace(old) == strings.TrimSpace(text) })
	})
}

func prepareConnection(c *object.Change[*api.SSOConnection]) error {
	addresses(c.New, c.BaseURL(), c.Slug)
	c.New.TestedAt = nil
	if c.Old != nil {
		c.New.TestedAt = testedStill(c.Old, c.New)
	}
	c.New.CertificatesNotAfter = nil
	if c.New.SAML == nil {
		return nil
	}
	m, err := c.New.SAML.Resolve()
	if err != nil {
		return fmt.Errorf("reading the identity provider of %q: %w", c.New.Name, err)
	}
	if !m.NotAfter.IsZero() {
		c.New.CertificatesNotAfter = &m.NotAfter
	}
	return nil
}

// ServiceProvider is what an identity provider must be told about Gatehouse.
type ServiceProvider struct {
	EntityID    string // also where the metadata is published
	ACSURL      string
	RedirectURI string
}

// ServiceProviderOf gives each connection addresses of its own, so that an answer of
// one identity provider is never taken for another's (mix-up). It is known before the
// connection is made, since both sides need the other's addresses first.
func ServiceProviderOf(baseURL, workspace, connection string) ServiceProvider {
	if baseURL == "" {
		return ServiceProvider{}
	}
	at := func(parts ...string) string {
		return strings.TrimSuffix(baseURL, "/") + "/sso/" + url.PathEscape(workspace) + "/" + url.PathEscape(connection) + "/" + strings.Join(parts, "/")
	}
	return ServiceProvider{EntityID: at("saml", "metadata"), ACSURL: at("saml", "acs"), RedirectURI: at("oidc", "callback")}
}

func addresses(c *api.SSOConnection, baseURL, workspace string) {
	sp := ServiceProviderOf(baseURL, workspace, c.Name)
	c.SPEntityID, c.ACSURL, c.RedirectURI = "", "", ""
	if c.Protocol == "oidc" {
		c.RedirectURI = sp.RedirectURI
		return
	}
	c.SPEntityID, c.ACSURL = sp.EntityID, sp.ACSURL
}

// RecordTestLogin notes that somebody signed in through the connection, as a test and
// with every check: what enforcing SSO needs (C037). The connection keeps its owner;
// only what the server computes has changed.
func RecordTestLogin(ctx context.Context, s *object.Scope, connection string) error {
	if err := s.Require(ctx, api.SSOConnectionKind.WritePermission()); err != nil {
		return err
	}
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.SSOConnectionKind.Name, strings.ToLower(connection))
	if errors.Is(err, store.ErrNotFound) {
		return object.NotFound(api.SSOConnectionKind.Name, connection)
	}
	if err != nil {
		return err
	}
	var c api.SSOConnection
	if err := json.Unmarshal([]byte(row.Doc), &c); err != nil {
		return fmt.Errorf("reading the connection %q: %w", connection, err)
	}
	if !c.Enabled {
		return api.NewProblem(api.CodeConflict, "The connection %q is not enabled, so a test login through it proves nothing. Enable it first.", c.Name)
	}
	now := s.Now
	c.TestedAt = &now
	doc, err := json.Marshal(&c)
	if err != nil {
		return fmt.Errorf("encoding the connection %q: %w", connection, err)
	}
	was := row.Version
	row.Doc, row.Version, row.UpdatedAt = string(doc), was+1, now
	if err := store.Objects.Update(ctx, s.Tx, row, was); err != nil {
		return fmt.Errorf("recording the test login of %q: %w", connection, err)
	}
	return s.Record("sso_connection.tested", audit.Target{Kind: api.SSOConnectionKind.Name, ID: row.ID, Key: row.Key}, audit.EffectNeutral, nil, nil)
}

func connectionEffect(was, is *api.SSOConnection) audit.Effect {
	switch {
	case was == nil && is == nil:
		return audit.EffectNeutral
	case was == nil:
		return opened(is, audit.EffectWidened)
	case is == nil:
		return opened(was, audit.EffectNarrowed)
	}
	var t object.Tally
	t.Opens(was.Enabled, is.Enabled)
	t.Names(was.Domains, is.Domains)
	if (len(was.Domains) == 0) != (len(is.Domains) == 0) {
		t.Unclear(true) // none means all
	}
	t.Opens(was.JIT != nil && was.JIT.Enabled, is.JIT != nil && is.JIT.Enabled)
	if a, b := was.SAML, is.SAML; a != nil && b != nil {
		t.Opens(a.AllowIDPInitiated, b.AllowIDPInitiated)
		t.Closes(a.WantSignedAssertions, b.WantSignedAssertions)
		t.Names(a.Certificates, b.Certificates)
		t.Unclear(a.EntityID != b.EntityID || a.SSOURL != b.SSOURL || a.MetadataURL != b.MetadataURL || a.MetadataXML != b.MetadataXML)
	}
	if a, b := was.OIDC, is.OIDC; a != nil && b != nil {
		t.Closes(a.PKCE, b.PKCE)
		t.Unclear(a.Issuer != b.Issuer || a.ClientID != b.ClientID)
	}
	t.Unclear(was.Protocol != is.Protocol || !reflect.DeepEqual(was.AttributeMapping, is.AttributeMapping))
	return t.Effect()
}

// opened is the effect of a connection coming or going: none while it is disabled.
func opened(c *api.SSOConnection, effect audit.Effect) audit.Effect {
	if !c.Enabled {
		return audit.EffectNeutral
	}
	return effect
}
