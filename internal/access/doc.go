// Package access decides: may this principal do that, here, now? It holds the
// lattice of levels and roles (X05) in Go and the rules in Cedar (builtin.cedar),
// and does no I/O: the caller loads a Subject and an Item and asks an Engine that
// was compiled for one snapshot of a workspace. Capabilities and doors may import
// it; the provider must not (it reads the vocabulary). It promises that an
// explicit deny wins, that ceilings hold whatever is assigned, and that anything
// it cannot evaluate is denied.
package access
