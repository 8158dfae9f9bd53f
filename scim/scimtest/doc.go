// Package scimtest holds what tests of SCIM need: Directory, an in-memory
// scim.Directory that is correct and small, and Run, the conformance suite,
// named by the clauses of RFC 7643, 7644 and 9865 and by what identity providers
// send. Tests import it; nothing else does. Every implementation of
// scim.Directory and every mounting of the server must pass Run.
package scimtest
