// Package provisioning holds what happens when an identity provider pushes people
// and groups: joiners, movers and leavers, what a pushed group means (mappings),
// the tokens of the bridge, and the log of what was pushed (SCIM.md; C039, X15).
// Doors import it (directory implements scim.Directory over it); it imports people,
// signin and the object pipeline. It promises that a leaver's access ends in the
// transaction of the push, that SCIM never touches what code or people gave, and
// that the Owner, break-glass accounts and the last admin survive any push.
package provisioning
