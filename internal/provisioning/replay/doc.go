// Package replay plays a recorded stream of an identity provider against a SCIM
// server and verifies each answer. Streams are text that people can read and edit
// (examples/scim); Parse says what is wrong with one, by line.
// The CLI and tests import it; it imports nothing of ours. It promises to stop at
// the first answer that is not as recorded, and to write no token anywhere.
package replay
