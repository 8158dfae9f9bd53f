// Package secevent tells programs outside, by signed security event tokens (RFC 8417),
// when people come, change and go: SCIM events (RFC 9967), session-revoked of CAEP and
// account-disabled of RISC. It reads the sealed audit log of each workspace behind a
// cursor, queues a token for each receiver that wants the event, in one transaction with
// the cursor, and pushes them (RFC 8935). It owns the kind event_receiver and the keys.
//
// Doors and the control plane import it. It promises that no change of a person is
// missed, whichever door it came through; that a token has one jti however often it is
// sent; that what concerns one person arrives in the order in which it happened; and
// that nothing is sent to an address inside of the operator's network.
package secevent
