package provider

import (
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.SSOConnectionKind, resourceOptions{
	Description: "The `gatehouse_sso_service_provider` data source has what the identity provider must be told, and the `provider::gatehouse::saml_metadata` function reads its metadata. " +
		"Refused while single sign-on is enforced and it is the last enabled connection.",
	Check:  checkSSOConnection,
	Stable: []string{"sp_entity_id", "acs_url", "redirect_uri"},
	List:   true,
})

// checkSSOConnection checks the certificates that are known, though the rest may not
// be yet. What needs the connection as a whole, its type says.
func checkSSOConnection(doc map[string]any) []api.Violation {
	saml, ok := doc["saml"].(map[string]any)
	if !ok {
		return nil
	}
	now := time.Now()
	return checkEach(saml, "certificates", "/saml", func(text string) error { return api.CheckCertificate(text, now) })
}
