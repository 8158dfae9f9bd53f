// Package collect gathers from a running control plane what assurance works on: live
// objects, the audit log with its proofs, what identity providers pushed, probes.
//
// The command line imports it and gives it a Plane, which internal/client is behind;
// it imports the assurance packages and below. It promises that what could not be
// read is named and never left out, that it changes nothing unless the canary is
// asked for, and that the canary leaves no credential behind.
package collect
