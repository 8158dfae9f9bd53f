// Package object is the one shape of every declared object's life: authorise,
// validate, change, audit and outbox, in one transaction, for every kind alike.
//
// Capabilities register their Rules here and call nothing above; doors call Service.
// It promises that a refused change leaves nothing behind, that an accepted one has
// its audit row, and that a dry run is the real thing rolled back.
package object
