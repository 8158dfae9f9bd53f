package signin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

type doc = map[string]any

// world is the fixture, reached under an address of its own.
type world struct {
	*objecttest.Fixture
	t *testing.T
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Service.BaseURL = "https://gatehouse.example.com"
		test(t, &world{f, t})
	})
}

func certificate(t *testing.T, notAfter time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp.example.com"}, NotBefore: notAfter.AddDate(-3, 0, 0), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func samlDoc(name string, certificates ...string) doc {
	return doc{"name": name, "protocol": "saml", "preset": "okta", "saml": doc{"entity_id": "https://idp.example.com", "sso_url": "https://idp.example.com/sso", "certificates": certificates}}
}

func oidcDoc(name string) doc {
	return doc{"name": name, "protocol": "oidc", "preset": "google_workspace", "oidc": doc{"issuer": "https://accounts.example.com", "client_id": "gatehouse", "client_secret_wo": "s3cret-value"}}
}

func (w *world) connection(d doc) *api.SSOConnection {
	w.t.Helper()
	return w.Put(w.t, w.Admin, api.SSOConnectionKind, "", d).(*api.SSOConnection)
}

// testLogin is what the test login of a connection records when it has succeeded.
func (w *world) testLogin(name string) {
	w.t.Helper()
	if err := w.tryTestLogin(w.Admin, name); err != nil {
		w.t.Fatalf("recording the test login of %q: %v", name, err)
	}
}

func (w *world) tryTestLogin(by *object.Caller, name string) error {
	return w.Service.Do(context.Background(), by, func(s *object.Scope) error {
		return signin.RecordTestLogin(context.Background(), s, name)
	})
}

func (w *world) login(by *object.Caller, d doc) error {
	w.t.Helper()
	_, err := w.TryPut(w.t, by, api.LoginPolicyKind, "", d)
	return err
}

func (w *world) remove(kind *api.Kind, ref string) error {
	return w.Service.Delete(context.Background(), w.Admin, kind, ref, object.WriteOptions{})
}

func wantWords(t *testing.T, message string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("message %q does not say %q", message, word)
		}
	}
}

func wantLockout(t *testing.T, err error, path string, words ...string) {
	t.Helper()
	objecttest.WantProblem(t, err, api.CodeLockout)
	v := objecttest.WantViolation(t, err, path)
	wantWords(t, v.Message, words...)
}

// C037, C038: turning SSO on is refused when nobody could sign in afterwards.
func TestSSOIsEnforcedOnlyWhenSomebodyCouldSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		on := doc{"enforce_sso": true}
		wantLockout(t, w.login(w.Admin, on), "/enforce_sso", "no SSO connection", "gatehouse_sso_connection", "test login")
		w.connection(samlDoc("corp", certificate(t, time.Now().AddDate(0, 0, 30))))
		wantLockout(t, w.login(w.Admin, on), "/enforce_sso", `"corp" has no successful test login`)
		d := samlDoc("corp", certificate(t, time.Now().AddDate(0, 0, 30)))
		d["enabled"] = false
		w.connection(d)
		wantLockout(t, w.login(w.Admin, on), "/enforce_sso", `"corp" is not enabled`)
		objecttest.WantProblem(t, w.tryTestLogin(w.Admin, "corp"), api.CodeConflict)
		d["enabled"] = true
		w.connection(d)
		w.testLogin("corp")
		w.Advance(31 * 24 * time.Hour)
		wantLockout(t, w.login(w.Admin, on), "/enforce_sso", "no valid certificate", "renew")
		w.Advance(-31 * 24 * time.Hour)
		if err := w.login(w.Admin, on); err != nil {
			t.Fatalf("enforcing with a tested connection: %v", err)
		}
		// What is in force is not undone by an expiry: other settings still change.
		w.Advance(31 * 24 * time.Hour)
		if err := w.login(w.Admin, doc{"enforce_sso": true, "max_failed_attempts": 5}); err != nil {
			t.Errorf("changing another setting afterwards: %v", err)
		}
	})
}

func TestWhoEnforcesSSOCouldSignInThemselves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := oidcDoc("corp")
		d["domains"] = []string{"other.example"}
		w.connection(d)
		w.testLogin("corp")
		wantLockout(t, w.login(w.Admin, doc{"enforce_sso": true}), "/enforce_sso", objecttest.AdminEmail, `Add "example.com" to domains`, "exempt_principals")
		for name, try := range map[string]func() error{
			"exempt": func() error {
				return w.dry(w.Admin, doc{"enforce_sso": true, "exempt_principals": []string{objecttest.AdminEmail}})
			},
			"owner":           func() error { return w.dry(w.Owner, doc{"enforce_sso": true}) },
			"service account": func() error { return w.dry(w.machine(), doc{"enforce_sso": true}) },
		} {
			if err := try(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		d["domains"] = []string{"other.example", "example.com"}
		w.connection(d)
		if err := w.login(w.Admin, doc{"enforce_sso": true}); err != nil {
			t.Errorf("covered by a domain: %v", err)
		}
	})
}

func (w *world) dry(by *object.Caller, d doc) error {
	w.t.Helper()
	_, err := w.Service.Put(context.Background(), by, api.LoginPolicyKind, "", objecttest.JSON(w.t, d), object.WriteOptions{DryRun: true})
	return err
}

func (w *world) machine() *object.Caller {
	w.t.Helper()
	w.Put(w.t, w.Owner, api.ServiceAccountKind, "ci", doc{"name": "ci", "owner": objecttest.OwnerEmail, "workspace_role": "admin"})
	c := *w.Admin
	c.Kind, c.Key, c.ID = object.PrincipalServiceAccount, "ci", "sva_ci"
	return &c
}

// X02: the exempt are known people of the organisation.
func TestExemptPrincipalsAreActiveMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Put(t, w.Owner, api.MemberKind, "sam@example.com", doc{"email": "sam@example.com", "active": false})
		err := w.login(w.Admin, doc{"exempt_principals": []string{"sam@example.com", "ann@example.com"}})
		if v := objecttest.WantViolation(t, err, "/exempt_principals/0"); v.Code != api.ViolationReference || v.Key != "ann@example.com" {
			t.Errorf("violation = %+v", v)
		}
		wantWords(t, objecttest.WantViolation(t, err, "/exempt_principals/1").Message, "suspended", "active member")
		if err := w.login(w.Admin, doc{"exempt_principals": []string{objecttest.MemberEmail}}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPasswordsAreDisabledOnlyWhenThereIsAnotherWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		off := doc{"password_login": "disabled"}
		wantLockout(t, w.login(w.Admin, off), "/password_login", "no SSO connection", `password_login = "disabled"`)
		w.connection(oidcDoc("corp"))
		w.testLogin("corp")
		if err := w.login(w.Admin, off); err != nil {
			t.Fatal(err)
		}
		p := objecttest.WantProblem(t, w.remove(api.SSOConnectionKind, "corp"), api.CodeLockout)
		wantWords(t, p.Detail, "cannot be deleted", "password_login")
	})
}

func TestTheLastUsableConnectionStaysWhileSSOIsEnforced(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := certificate(t, time.Now().AddDate(0, 6, 0))
		w.connection(samlDoc("corp", first))
		w.testLogin("corp")
		if err := w.login(w.Admin, doc{"enforce_sso": true}); err != nil {
			t.Fatal(err)
		}
		p := objecttest.WantProblem(t, w.remove(api.SSOConnectionKind, "corp"), api.CodeLockout)
		wantWords(t, p.Detail, `"corp" cannot be deleted`, "enforce_sso", "another connection")

		off := samlDoc("corp", first)
		off["enabled"] = false
		_, err := w.TryPut(t, w.Admin, api.SSOConnectionKind, "", off)
		wantLockout(t, err, "/enabled", "cannot be disabled")
		second := certificate(t, time.Now().AddDate(1, 0, 0))
		_, err = w.TryPut(t, w.Admin, api.SSOConnectionKind, "", samlDoc("corp", second))
		wantLockout(t, err, "/saml", "untested", "beside the present one")
		_, err = w.TryPut(t, w.Admin, api.SSOConnectionKind, "", oidcDoc("corp"))
		wantLockout(t, err, "/protocol", "cannot be changed")

		// A rotation: both certificates, then the new one alone after a test login.
		both := w.connection(samlDoc("corp", first, second))
		if both.TestedAt == nil {
			t.Error("a certificate was added and the test login was forgotten")
		}
		w.testLogin("corp")
		if only := w.connection(samlDoc("corp", second)); only.TestedAt == nil {
			t.Error("the certificate that was there at the test no longer counts")
		}

		// With another usable connection, this one may go.
		w.connection(oidcDoc("spare"))
		objecttest.WantProblem(t, w.remove(api.SSOConnectionKind, "corp"), api.CodeLockout)
		w.testLogin("spare")
		w.Delete(t, w.Admin, api.SSOConnectionKind, "corp")
		objecttest.WantProblem(t, w.remove(api.SSOConnectionKind, "spare"), api.CodeLockout)
		if err := w.login(w.Admin, doc{"enforce_sso": false}); err != nil {
			t.Fatal(err)
		}
		w.Delete(t, w.Admin, api.SSOConnectionKind, "spare")
	})
}

func TestATestLoginCountsForTheSettingsItWasMadeWith(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.connection(oidcDoc("corp"))
		w.testLogin("corp")
		owned := w.Put(t, objecttest.Stack(w.Admin, "prod"), api.SSOConnectionKind, "", oidcDoc("corp")).(*api.SSOConnection)
		if owned.TestedAt == nil {
			t.Fatal("writing the same settings forgot the test login")
		}
		w.testLogin("corp")
		after := w.Get(t, w.Admin, api.SSOConnectionKind, "corp").(*api.SSOConnection)
		if after.ManagedBy.Stack != "prod" || after.ETag == owned.ETag {
			t.Errorf("after a test login: managed by %+v, etag %q", after.ManagedBy, after.ETag)
		}
		moved := oidcDoc("corp")
		moved["oidc"].(doc)["issuer"] = "https://elsewhere.example.com"
		if c := w.connection(moved); c.TestedAt != nil {
			t.Error("the test login of another issuer counts")
		}
		objecttest.WantProblem(t, w.tryTestLogin(w.Member, "corp"), api.CodeForbidden)
		objecttest.WantProblem(t, w.tryTestLogin(w.Admin, "none"), api.CodeNotFound)
		// Nobody writes tested_at themselves.
		d := oidcDoc("sneaky")
		d["tested_at"] = time.Now().Format(time.RFC3339)
		if c := w.connection(d); c.TestedAt != nil {
			t.Error("tested_at was taken from the document")
		}
	})
}

func TestAConnectionTellsWhatTheIdentityProviderNeeds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := time.Now().AddDate(0, 3, 0).UTC().Truncate(time.Second), time.Now().AddDate(2, 0, 0)
		w.connection(samlDoc("corp", certificate(t, second), certificate(t, first)))
		c := w.Get(t, w.Admin, api.SSOConnectionKind, "corp").(*api.SSOConnection)
		if c.SPEntityID != "https://gatehouse.example.com/sso/acme/corp/saml/metadata" || c.ACSURL != "https://gatehouse.example.com/sso/acme/corp/saml/acs" || c.RedirectURI != "" {
			t.Errorf("addresses = %q, %q, %q", c.SPEntityID, c.ACSURL, c.RedirectURI)
		}
		if c.CertificatesNotAfter == nil || !c.CertificatesNotAfter.Equal(first) {
			t.Errorf("certificates_not_after = %v, want %v", c.CertificatesNotAfter, first)
		}
		o := w.connection(oidcDoc("google"))
		if o.RedirectURI != "https://gatehouse.example.com/sso/acme/google/oidc/callback" || o.SPEntityID != "" {
			t.Errorf("addresses = %q, %q", o.RedirectURI, o.SPEntityID)
		}
		if o.OIDC.ClientSecretWO != "" {
			t.Error("the client secret was answered")
		}
		for _, e := range w.Events(t, audit.Filter{}) {
			if strings.Contains(string(e.After)+string(e.Before), "s3cret-value") {
				t.Errorf("the client secret is in the audit event %s", e.Action)
			}
		}
		// Two identity providers are never told the same address.
		if a, b := signin.ServiceProviderOf("https://x.example", "acme", "a"), signin.ServiceProviderOf("https://x.example", "acme", "b"); a.RedirectURI == b.RedirectURI || a.ACSURL == b.ACSURL {
			t.Error("two connections share an address")
		}
	})
}

func TestADomainBelongsToOneConnection(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := oidcDoc("corp")
		d["domains"] = []string{"example.com"}
		w.connection(d)
		e := oidcDoc("other")
		e["domains"] = []string{"a.example", "example.com"}
		_, err := w.TryPut(t, w.Admin, api.SSOConnectionKind, "", e)
		wantWords(t, objecttest.WantViolation(t, err, "/domains/1").Message, `"corp"`, "remove it there first")
		w.connection(d) // its own domains are no conflict
		// Another workspace may have a connection for the same domain.
		_, other := w.NewWorkspace(t, "globex", "gus@globex.example")
		w.Put(t, other, api.SSOConnectionKind, "", d)
		_, err = w.Service.Get(context.Background(), other, api.SSOConnectionKind, "other")
		objecttest.WantProblem(t, err, api.CodeNotFound)
	})
}

// C034.
func TestSSONeedsTheEnterprisePlan(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.WorkspaceKind, "", doc{"slug": "acme", "name": "Acme", "plan": "team"})
		_, err := w.TryPut(t, w.Admin, api.SSOConnectionKind, "", oidcDoc("corp"))
		v := objecttest.WantViolation(t, err, "/enabled")
		if v.Code != "plan" {
			t.Errorf("code = %q", v.Code)
		}
		wantWords(t, v.Message, `has "team"`, `plan = "enterprise"`)
		d := oidcDoc("corp")
		d["enabled"] = false
		w.connection(d)
		_, err = w.TryPut(t, w.Admin, api.SSOConnectionKind, "", oidcDoc("corp"))
		objecttest.WantViolation(t, err, "/enabled")
	})
}

// X19: the old name is kept as it was written and means the same.
func TestAzureADIsKeptAsWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := oidcDoc("corp")
		d["preset"] = "azure_ad"
		if c := w.connection(d); c.Preset != "azure_ad" || api.CanonicalPreset(c.Preset) != "entra_id" {
			t.Errorf("preset = %q", c.Preset)
		}
	})
}

func TestMembersNeitherReadNorWriteSignInSettings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, kind := range []*api.Kind{api.LoginPolicyKind, api.MFAPolicyKind, api.SessionPolicyKind} {
			_, err := w.Service.Get(context.Background(), w.Member, kind, "")
			objecttest.WantProblem(t, err, api.CodeForbidden)
			_, err = w.TryPut(t, w.Member, kind, "", doc{})
			objecttest.WantProblem(t, err, api.CodeForbidden)
		}
	})
}

func TestDefaultsAreSecure(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.Get(t, w.Admin, api.MFAPolicyKind, "").(*api.MFAPolicy)
		if m.Requirement != "all_users" || m.SMSFallback || len(m.PrivilegedMethods) != 1 || m.PrivilegedMethods[0] != "webauthn" {
			t.Errorf("mfa default = %+v", m)
		}
		s := w.Get(t, w.Admin, api.SessionPolicyKind, "").(*api.SessionPolicy)
		if s.Privileged == nil || s.Privileged.AbsoluteTimeout != "12h" || s.Privileged.IdleTimeout != "30m" { // GH-AU-06
			t.Errorf("session default = %+v", s)
		}
		l := w.Get(t, w.Admin, api.LoginPolicyKind, "").(*api.LoginPolicy)
		if l.EnforceSSO || l.InviteLinks || l.AutoJoin != "off" || l.MaxFailedAttempts != 10 {
			t.Errorf("login default = %+v", l)
		}
	})
}

// C040 to C042, X18: combinations that would promise more than they do.
func TestPoliciesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cases := []struct {
			name string
			kind *api.Kind
			doc  doc
			at   string
			says string
		}{
			{"roles without roles", api.MFAPolicyKind, doc{"requirement": "roles"}, "/roles", `["owner", "admin"]`},
			{"risk without triggers", api.MFAPolicyKind, doc{"requirement": "risk_based"}, "/risk_triggers", "new_device"},
			{"no method for the privileged", api.MFAPolicyKind, doc{"privileged_methods": []string{}}, "/privileged_methods", "webauthn"},
			{"SMS for the privileged", api.MFAPolicyKind, doc{"allowed_methods": []string{"totp", "webauthn", "sms"}, "privileged_methods": []string{"sms"}}, "/privileged_methods/0", "totp, webauthn"},
			{"method that is not allowed", api.MFAPolicyKind, doc{"allowed_methods": []string{"totp"}}, "/privileged_methods", "add it there or remove it here"},
			{"fallback that is not allowed", api.MFAPolicyKind, doc{"sms_fallback": true}, "/sms_fallback", `"sms" in allowed_methods`},
			{"grace without end", api.MFAPolicyKind, doc{"grace_period": "91d"}, "/grace_period", "90d"},
			{"idle beyond absolute", api.SessionPolicyKind, doc{"absolute_timeout": "1h"}, "/idle_timeout", "absolute_timeout (1h)"},
			{"too long", api.SessionPolicyKind, doc{"absolute_timeout": "31d"}, "/absolute_timeout", "30d"},
			{"privileged beyond all", api.SessionPolicyKind, doc{"absolute_timeout": "6h"}, "/privileged/absolute_timeout", "absolute_timeout (6h)"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				_, err := w.TryPut(t, w.Admin, c.kind, "", c.doc)
				wantWords(t, objecttest.WantViolation(t, err, c.at).Message, c.says)
			})
		}
	})
}

func TestDriftSaysWhetherSignInWidened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.connection(oidcDoc("corp"))
		w.testLogin("corp")
		jit := oidcDoc("corp")
		jit["jit"] = doc{"enabled": true}
		w.connection(jit)
		disabled := oidcDoc("corp")
		disabled["enabled"] = false
		w.connection(disabled)
		w.wantEffects(api.SSOConnectionKind, audit.EffectWidened, audit.EffectNeutral, audit.EffectWidened, audit.EffectNarrowed)

		for _, d := range []doc{{"max_failed_attempts": 5}, {"max_failed_attempts": 5, "exempt_principals": []string{objecttest.AdminEmail}}, {"max_failed_attempts": 5, "invite_links": true}, {"max_failed_attempts": 5}} {
			if err := w.login(w.Admin, d); err != nil {
				t.Fatal(err)
			}
		}
		w.wantEffects(api.LoginPolicyKind, audit.EffectNarrowed, audit.EffectWidened, audit.EffectWidened, audit.EffectNarrowed)

		w.Put(t, w.Admin, api.MFAPolicyKind, "", doc{"requirement": "risk_based", "risk_triggers": []string{"new_device"}})
		w.Put(t, w.Admin, api.MFAPolicyKind, "", doc{"requirement": "risk_based", "risk_triggers": []string{"new_device", "new_ip"}})
		w.Put(t, w.Admin, api.MFAPolicyKind, "", doc{"requirement": "all_users", "grace_period": "1d", "applies_to_sso": "require_local"})
		w.wantEffects(api.MFAPolicyKind, audit.EffectWidened, audit.EffectNarrowed, audit.EffectNarrowed)

		w.Put(t, w.Admin, api.SessionPolicyKind, "", doc{"idle_timeout": "1h"})
		w.Put(t, w.Admin, api.SessionPolicyKind, "", doc{"idle_timeout": "1h", "privileged": doc{"idle_timeout": "1h"}})
		w.Put(t, w.Admin, api.SessionPolicyKind, "", doc{"idle_timeout": "1h", "privileged": doc{"idle_timeout": "1h"}, "revoke_on": []string{"role_change"}})
		w.wantEffects(api.SessionPolicyKind, audit.EffectNarrowed, audit.EffectWidened, audit.EffectWidened)
	})
}

func (w *world) wantEffects(kind *api.Kind, want ...audit.Effect) {
	w.t.Helper()
	var got []audit.Effect
	for _, e := range w.Events(w.t, audit.Filter{}) {
		if e.Target.Kind == kind.Name {
			got = append(got, e.Effect)
		}
	}
	if len(got) != len(want) {
		w.t.Fatalf("effects of %s = %v, want %v", kind.Name, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.t.Errorf("effect %d of %s = %s, want %s", i+1, kind.Name, got[i], want[i])
		}
	}
}
