// Package signin is how people and machines prove who they are: API tokens and their
// secrets, login, MFA and session policies, SSO connections.
//
// Doors and other capabilities import it; it imports the object pipeline. It promises
// that secrets are stored as hashes or sealed, are shown once, and stop counting on
// the request after they were revoked.
package signin
