// Package tfstate reads what Terraform or OpenTofu remembers: the gatehouse_*
// resources of a state, from a file or by asking the CLI.
//
// The assurance packages and the command line import it; it imports internal/api
// only and knows no server. It promises that sensitive values never leave it, that
// resources of other providers are counted and not kept, and that its input is bounded.
package tfstate
