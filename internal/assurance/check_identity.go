package assurance

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var (
	_ = declare("GH-ID-02", ssoEnforced)
	_ = declare("GH-ID-04", signingCertificates)
	_ = declare("GH-ID-05", hardenedConnections)
	_ = declare("GH-ID-07", administrators)
	_ = declare("GH-ID-08", uniqueIdentities)
)

func ssoEnforced(e *evaluation) outcome {
	e.covering("The policy and the recorded sign-ins. Which members hold a password is told by the policy alone (password_login), because the server does not list authenticators.")
	policy := single[api.LoginPolicy](e, api.LoginPolicyKind)
	members := list[api.Member](e, api.MemberKind)
	events := e.events()
	if policy == nil || len(e.gaps) > 0 {
		return e.notAssessed("The login policy could not be read.")
	}
	exempt := map[string]bool{}
	for _, m := range members {
		if m.WorkspaceRole == "owner" || slices.Contains(policy.ExemptPrincipals, strings.ToLower(m.Email)) {
			exempt[strings.ToLower(m.Email)] = true
		}
	}
	if !policy.EnforceSSO {
		e.find("login_policy", "enforce_sso is false, so %s may sign in without single sign-on", count(len(members)-len(exempt), "member"))
	}
	for i := range events {
		ev := &events[i]
		if ev.Action == "auth.succeeded" && signInMethod(ev.After) == "password" && !exempt[strings.ToLower(ev.Actor.Key)] && policy.EnforceSSO && policy.UpdatedAt != nil && ev.Time.After(*policy.UpdatedAt) {
			e.findEvent(ev, "member "+quote(ev.Actor.Key), "signed in with a password on %s although single sign-on is enforced", ev.Time.Format(time.DateOnly))
		}
	}
	if len(e.findings) == 0 && policy.PasswordLogin != "disabled" {
		return e.notAssessed("Single sign-on is enforced, but password_login is %q and the server does not tell which members hold a password; password_login = \"disabled\" settles it.", policy.PasswordLogin)
	}
	return e.verdict("Single sign-on is enforced for %s, passwords are off, and %s may do without (the Owner and declared ones).", count(len(members)-len(exempt), "member"), count(len(exempt), "account"))
}

// signInMethod reads how somebody signed in from the document of a sign-in event.
func signInMethod(doc json.RawMessage) string {
	var d struct {
		Method string `json:"method"`
	}
	if len(doc) == 0 || json.Unmarshal(doc, &d) != nil {
		return ""
	}
	return d.Method
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

func signingCertificates(e *evaluation) outcome {
	connections := list[api.SSOConnection](e, api.SSOConnectionKind)
	looked := 0
	for i := range connections {
		c := &connections[i]
		if !c.Enabled || c.Protocol != "saml" || c.SAML == nil {
			continue
		}
		looked++
		object := "sso_connection " + quote(c.Name)
		certificates, err := certificatesOf(c.SAML)
		switch {
		case err != nil:
			e.gap("the certificates of %s cannot be read (%v)", object, err)
		case len(certificates) == 0 && c.CertificatesNotAfter != nil:
			e.checkExpiry(object, *c.CertificatesNotAfter)
			e.gap("%s names a metadata URL only; the keys behind it are not in the snapshot", object)
		case len(certificates) == 0:
			e.gap("%s has no certificate that could be read", object)
		}
		for _, cert := range certificates {
			e.checkCertificate(object, cert)
		}
	}
	if looked == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No SAML connection is enabled.")
	}
	return e.verdict("Every signing certificate of %s is valid for at least %s and strong enough.", count(looked, "SAML connection"), e.params["days"])
}

// certificatesOf reads the PEM certificates of a connection, from the list or from its
// metadata document.
func certificatesOf(s *api.SAMLSettings) ([]*x509.Certificate, error) {
	texts := s.Certificates
	if len(texts) == 0 && s.MetadataXML != "" {
		metadata, err := api.ParseSAMLMetadata([]byte(s.MetadataXML))
		if err != nil {
			return nil, err
		}
		texts = metadata.Certificates
	}
	var out []*x509.Certificate
	for _, text := range texts {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, fmt.Errorf("a certificate is not PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a certificate does not parse: %w", err)
		}
		out = append(out, cert)
	}
	return out, nil
}

func (e *evaluation) checkExpiry(object string, notAfter time.Time) {
	switch left := notAfter.Sub(e.now()); {
	case left <= 0:
		e.find(object, "a signing certificate expired on %s", notAfter.UTC().Format(time.DateOnly))
	case left < e.duration("days"):
		e.find(object, "a signing certificate expires on %s, in less than %s", notAfter.UTC().Format(time.DateOnly), e.params["days"])
	}
}

var weakSignatures = []x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}

func (e *evaluation) checkCertificate(object string, cert *x509.Certificate) {
	e.checkExpiry(object, cert.NotAfter)
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			e.find(object, "a signing key is RSA with %d bits; 2048 are the least", key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if key.Curve.Params().BitSize < 256 {
			e.find(object, "a signing key is on a curve of %d bits; 256 are the least", key.Curve.Params().BitSize)
		}
	}
	if slices.Contains(weakSignatures, cert.SignatureAlgorithm) {
		e.find(object, "a certificate is signed with %s; SHA-256 is the least", cert.SignatureAlgorithm)
	}
}

func hardenedConnections(e *evaluation) outcome {
	e.covering("The configuration. That audience, recipient, InResponseTo, clock skew, nonce and redirect URI are checked at each sign-in is not configurable and not measured here.")
	connections := list[api.SSOConnection](e, api.SSOConnectionKind)
	looked := 0
	for i := range connections {
		c := &connections[i]
		if !c.Enabled {
			continue
		}
		looked++
		object := "sso_connection " + quote(c.Name)
		if s := c.SAML; c.Protocol == "saml" && s != nil {
			if !s.WantSignedAssertions {
				e.find(object, "saml.want_signed_assertions is false")
			}
			if s.AllowIDPInitiated {
				e.find(object, "saml.allow_idp_initiated is true, so answers to no request are accepted")
			}
		}
		if o := c.OIDC; c.Protocol == "oidc" && o != nil {
			if !strings.HasPrefix(o.Issuer, "https://") {
				e.find(object, "oidc.issuer is not https")
			}
			if !o.PKCE {
				e.find(object, "oidc.pkce is false")
			}
			if !slices.Contains(o.Scopes, "openid") {
				e.find(object, "oidc.scopes has no openid, so there is no ID token to check")
			}
		}
	}
	if looked == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No SSO connection is enabled.")
	}
	return e.verdict("Asked of %s: signed answers to requests of ours.", count(looked, "enabled connection"))
}

func administrators(e *evaluation) outcome {
	e.covering("Active accounts are counted. Whether each could sign in today (connection reachable, factor enrolled) is not tried.")
	members := list[api.Member](e, api.MemberKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	owners, admins := 0, 0
	for _, m := range members {
		switch {
		case !m.Active:
		case m.WorkspaceRole == "owner":
			owners++
		case m.WorkspaceRole == "admin":
			admins++
		}
	}
	least, most := e.number("min"), e.number("max")
	if workspace != nil {
		least = max(least, workspace.MinAdmins)
	}
	if owners != 1 {
		e.find("workspace", "has %d active Owners; there is exactly one", owners)
	}
	if n := int64(owners + admins); n < least {
		e.find("workspace", "%d people can administer it; %d are the least", n, least)
	} else if n > most {
		e.find("workspace", "%d people can administer it; %d are the most", n, most)
	}
	return e.verdict("The Owner and %s are active: between %d and %d people can administer.", count(admins, "admin"), least, most)
}

func uniqueIdentities(e *evaluation) outcome {
	e.covering("Identifiers and owners. Whether several people use one account cannot be seen from its records.")
	members := list[api.Member](e, api.MemberKind)
	accounts := list[api.ServiceAccount](e, api.ServiceAccountKind)
	active, byEmail, byExternal := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, m := range members {
		if !m.Active {
			continue
		}
		email := strings.ToLower(m.Email)
		active[email] = m.WorkspaceRole != "guest"
		byEmail[email]++
		if m.ExternalID != "" {
			byExternal[m.Connection+"\x00"+m.ExternalID]++
		}
	}
	for _, email := range sortedKeys(byEmail) {
		if byEmail[email] > 1 {
			e.find("member "+quote(email), "%d active identities have this e-mail", byEmail[email])
		}
	}
	for _, id := range sortedKeys(byExternal) {
		if byExternal[id] > 1 {
			_, external, _ := strings.Cut(id, "\x00")
			e.find("external id "+quote(external), "%d active identities have it", byExternal[id])
		}
	}
	machines := 0
	for _, a := range accounts {
		if !a.Active {
			continue
		}
		machines++
		if !active[strings.ToLower(a.Owner)] {
			e.find("service_account "+quote(a.Name), "its owner %s is not an active member", a.Owner)
		}
	}
	return e.verdict("%d active people have identifiers of their own; active service accounts, each with an active owner: %d.", len(byEmail), machines)
}
