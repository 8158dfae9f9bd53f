// Package vocabulary holds the words of access: levels, roles, the catalogue
// of permissions, principal strings and item paths. It is a leaf: anything may
// import it, the Terraform provider included, and it imports no Cedar, no SQL
// and no HTTP. It promises that a name valid here is valid everywhere, and that
// plan-time validation and the server's decision read the same table.
package vocabulary
