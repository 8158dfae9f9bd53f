// Package people holds the rules of members, service accounts, teams and team
// memberships: who is in the workspace, and with whom.
//
// Doors and provisioning import it; it imports object and below. It promises that
// the Owner and the last administrators cannot be locked out, that a suspended
// principal loses sessions, tokens and access in the same transaction, and that
// what SCIM owns is changed by SCIM alone.
package people
