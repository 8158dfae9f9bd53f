// Package directory is the back side of the SCIM bridge: it implements
// scim.Directory, Authenticator and Observer over SQL and the joiner, mover and
// leaver use-cases of internal/provisioning, and compiles SCIM filters to SQL.
// The server mounts it; it imports scim's types, signin and provisioning. It
// promises that a filter selects what filter.Match would, with parameters only,
// and that whatever is hot (userName, externalId, e-mail, members) uses an index.
package directory
