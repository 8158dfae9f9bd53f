// Package objecttest gives tests of declared objects a real store on each engine, a
// workspace with an owner, an admin and a member, and callers for them.
//
// Tests of capabilities and doors import it; nothing else may. It promises a fresh
// database for every test, and to fail rather than skip where the engine is required.
package objecttest
