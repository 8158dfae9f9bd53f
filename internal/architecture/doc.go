// Package architecture holds the tests that keep the house in order: arrows go down
// only, every room says what it is for, the provider links nothing of the server.
//
// It has no code of its own and nothing imports it. What it promises is that an
// exception to the order is written down with its reason, or fails.
package architecture
