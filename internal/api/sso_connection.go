package api

import (
	"strings"
	"time"
)

// SSOConnection is one identity provider (C034 to C036).
type SSOConnection struct {
	Meta
	Name                 string            `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	Protocol             string            `json:"protocol" required:"true" enum:"saml,oidc" doc:"saml or oidc."`
	Preset               string            `json:"preset" enum:"okta,entra_id,azure_ad,google_workspace,jumpcloud,onelogin,ping,generic" default:"generic" doc:"Identity provider whose defaults apply; azure_ad is the old name of entra_id (X19)."`
	Domains              []string          `json:"domains,omitempty" format:"domain" maxItems:"100" doc:"E-mail domains that sign in through this connection."`
	Enabled              bool              `json:"enabled" default:"true" doc:"Whether people may sign in through it."`
	SAML                 *SAMLSettings     `json:"saml,omitempty" doc:"SAML 2.0 settings; needed when protocol is saml."`
	OIDC                 *OIDCSettings     `json:"oidc,omitempty" doc:"OpenID Connect settings; needed when protocol is oidc."`
	AttributeMapping     map[string]string `json:"attribute_mapping,omitempty" maxItems:"50" doc:"Claim or SAML attribute by our attribute (email, display_name, groups)."`
	JIT                  *JITSettings      `json:"jit,omitempty" doc:"Creating members at their first sign-in."`
	SPEntityID           string            `json:"sp_entity_id,omitempty" readOnly:"true" doc:"Our entity id, to be entered at the identity provider."`
	ACSURL               string            `json:"acs_url,omitempty" readOnly:"true" doc:"Our assertion consumer service URL."`
	RedirectURI          string            `json:"redirect_uri,omitempty" readOnly:"true" doc:"Our OIDC redirect URI."`
	CertificatesNotAfter *time.Time        `json:"certificates_not_after,omitempty" readOnly:"true" doc:"When the first of the signing certificates expires."`
	TestedAt             *time.Time        `json:"tested_at,omitempty" readOnly:"true" doc:"Last successful test login; needed before SSO is enforced."`
}

// SAMLSettings describe a SAML 2.0 identity provider.
type SAMLSettings struct {
	MetadataURL          string   `json:"metadata_url,omitempty" format:"https_url" doc:"Where the identity provider publishes its metadata."`
	MetadataXML          string   `json:"metadata_xml,omitempty" maxLength:"262144" doc:"The metadata document itself."`
	EntityID             string   `json:"entity_id,omitempty" maxLength:"1024" doc:"Entity id of the identity provider."`
	SSOURL               string   `json:"sso_url,omitempty" format:"https_url" doc:"Its single sign-on URL."`
	Certificates         []string `json:"certificates,omitempty" ordered:"true" maxItems:"10" doc:"Its signing certificates, PEM; several during a rotation."`
	WantSignedAssertions bool     `json:"want_signed_assertions" default:"true" doc:"Refuse assertions that are not signed themselves."`
	AllowIDPInitiated    bool     `json:"allow_idp_initiated" default:"false" doc:"Accept responses that answer no request of ours."`
	NameIDFormat         string   `json:"name_id_format" enum:"email,persistent,transient,unspecified" default:"persistent" doc:"NameID format that we ask for."`
}

// OIDCSettings describe an OpenID Connect provider.
type OIDCSettings struct {
	Issuer                string   `json:"issuer" required:"true" format:"https_url" doc:"Issuer URL."`
	ClientID              string   `json:"client_id" required:"true" maxLength:"500" doc:"Client id of Gatehouse at the provider."`
	ClientSecretWO        string   `json:"client_secret_wo,omitempty" writeOnly:"true" maxLength:"2000" doc:"Client secret; write-only, never stored in state."`
	ClientSecretWOVersion int64    `json:"client_secret_wo_version,omitempty" minimum:"1" doc:"Raise it to send client_secret_wo again."`
	Scopes                []string `json:"scopes" default:"[\"openid\",\"email\",\"profile\"]" maxItems:"20" doc:"Scopes to ask for; openid is needed."`
	PKCE                  bool     `json:"pkce" default:"true" doc:"Use PKCE with S256."`
}

// JITSettings say whether a first sign-in creates a member; never an owner.
type JITSettings struct {
	Enabled     bool   `json:"enabled" default:"false" doc:"Create members at their first sign-in."`
	DefaultRole string `json:"default_role" enum:"member,guest" default:"member" doc:"Workspace role they receive."`
}

// SSOConnectionKind declares sso_connection.
var SSOConnectionKind = Declare(Kind{
	Name: "sso_connection", Plural: "sso_connections", Prefix: "sso", Security: true, Destroy: DestroyDelete,
	Doc: "An identity provider that people sign in through.",
}, func(c *SSOConnection) string { return strings.ToLower(c.Name) })
