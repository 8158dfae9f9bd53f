// Package throttle holds token buckets by name: how often a caller may do something.
// They are in memory and protect one process from one caller; fairness across replicas
// is the load balancer's, and what must hold across replicas (guesses at a password) is
// counted in the database by the room that it protects. Any room may import it. It
// forgets nothing that it promised: an empty bucket says how long to wait.
package throttle
