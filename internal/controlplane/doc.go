// Package controlplane assembles the control plane: database, vault, signing key,
// capabilities, doors and background jobs.
//
// cmd/gatehouse runs it, and tests start the same thing in their own process. It
// holds no rules of its own.
package controlplane
