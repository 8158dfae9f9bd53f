// Package fault holds the one error type that a SCIM client ever sees: an HTTP
// status, a scimType keyword (RFC 7644 §3.12, RFC 9865 §2.1) and a sentence.
// It is a leaf: filter, patch and the server build such errors, directories
// return them (through the names that package scim re-exports). Anything else
// that reaches a client is answered as a bare 500 whose cause stays inside.
package fault
