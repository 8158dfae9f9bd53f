// Package register reads docs/capabilities.yaml, the honest list of what Gatehouse does, and checks it.
//
// It knows which ids must be there and whether the tests that an entry cites exist in this source tree.
// Imported by its own command (make capabilities) and nobody else; it imports nothing of ours.
// It promises that an entry which says works or partly names a test that a reader can run.
package register
