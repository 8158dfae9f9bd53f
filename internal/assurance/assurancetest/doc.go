// Package assurancetest makes a sound snapshot for tests: one on which every measured
// check passes, with a real sealed log. Tests break one thing in it and see what is
// said.
//
// Only tests import it.
package assurancetest
