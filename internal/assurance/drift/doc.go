// Package drift compares what Terraform state says with what the control plane
// holds, attribute by attribute, and says who made the difference.
//
// The assurance packages and the command line import it; it imports internal/api,
// internal/audit and tfstate, and does no I/O. It promises that a report says "in
// sync" only when everything could be looked at, and that what widens access is
// called that.
package drift
