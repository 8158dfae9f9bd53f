// Package vault seals the few secrets that must be kept to be used (client secrets
// of identity providers) and derives credentials that must be given out again.
//
// Capabilities and the object pipeline import it; it imports nothing of ours. It
// promises AES-256-GCM with a fresh nonce and the secret's place as associated data,
// so that a ciphertext moved to another row does not open.
package vault
