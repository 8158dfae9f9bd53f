// Package provider is the Terraform provider: it turns declared kinds into
// resources, data sources, functions and ephemeral resources.
//
// One engine serves every kind (engine*.go, from api.Kind and its fields); what is
// special about a kind is in resource_<kind>.go. It imports internal/api,
// internal/client and internal/access/vocabulary, never the server: the binary
// links no SQL, SAML or Cedar. It promises that nothing secret reaches the state,
// that a refresh writes nothing, and that mistakes are told at plan, at the
// attribute, in words that say what to write instead.
package provider
