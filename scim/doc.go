// Package scim is the SCIM 2.0 protocol (RFC 7643, 7644, 9865): HTTP, schemas,
// filters, PATCH, Bulk. It knows no database and no rule of the product: it
// speaks to a Directory, is told who calls by an Authenticator, and tells an
// Observer what happened. Doors (server, cmd) mount it, capabilities implement
// Directory; it imports only its own subpackages. It promises a SCIM answer to
// any input, in bounded time and memory, with nothing half-applied.
package scim
