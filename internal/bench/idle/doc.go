// Package idle makes a provider that does nothing out of a real one: the same schemas
// and the same plugin framework, and resources that read, plan and change nothing. It
// is the floor of the plan measurements; bench and tests may import it.
package idle
