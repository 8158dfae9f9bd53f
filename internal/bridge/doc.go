// Package bridge is the SCIM door apart from the control plane: it implements
// scim.Directory, Authenticator and Observer by calls of the API (/v1/directory) with
// the token that the identity provider sent. It holds no state but which tokens were
// good a moment ago, and no rule: the control plane runs the same use-cases as for the
// door inside of it. cmd/gatehouse mounts it; it imports client, api and scim.
package bridge
