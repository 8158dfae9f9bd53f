// Package assurance answers the questions of the check catalogue (checks.yaml) from a
// snapshot of Terraform state, live objects, audit log and probes.
//
// The packages below it and the command line import it; it imports internal/api,
// internal/audit and its own drift and tfstate, and does no I/O: collect gathers a
// snapshot, evidence keeps one, report writes results. It promises that the same
// snapshot gives the same results, that what could not be collected is not_assessed
// and never pass, and that every result says what it was measured on.
package assurance
