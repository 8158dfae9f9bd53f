// Package audit is the record of who did what (DESIGN.md section 7; C043-C051,
// X12): the event vocabulary, the rows written inside the caller's transaction,
// the sealer that turns committed rows into one signed Merkle log per workspace,
// and the proofs and verification over that log.
//
// Capabilities, doors and the CLI may import it; it imports only the standard
// library, internal/api and golang.org/x/mod, and it opens no database itself.
//
// It promises: an event commits or rolls back with its change; people are stored
// as pseudonyms, so erasing a person keeps every proof valid; what was sealed
// cannot be altered, removed or reordered unnoticed by a holder of a checkpoint.
package audit
