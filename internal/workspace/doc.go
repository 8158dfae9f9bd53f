// Package workspace holds the rules of the workspace itself: its life from creation
// to closure, its one Owner, and its policies on change, residency, retention and
// audit.
//
// Doors and the operator's commands import it; it imports people and below. It
// promises exactly one Owner at any time and that no policy weakens silently.
package workspace
