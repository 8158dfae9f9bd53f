// Package store keeps everything Gatehouse remembers, in SQLite or PostgreSQL,
// from one SQL text: $N parameters, int64 times in microseconds, JSON as text.
//
// Capabilities import it; it imports only api. It promises that a Write either
// happens whole or not at all, that what Write acknowledged survives a crash, and
// that every row of a workspace is read and written with its workspace id.
package store
