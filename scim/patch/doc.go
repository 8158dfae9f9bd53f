// Package patch reads what clients send (POST and PUT bodies, PATCH operations,
// RFC 7644 §3.3, §3.5) and applies it to a resource in its JSON shape. It is
// lenient on input as identity providers need it and strict in what it leaves
// behind: canonical names, typed values, at most one primary, nothing unknown.
// It imports schema, filter and fault only. Operations apply in order; on an
// error the caller throws the document away, so nothing is half-applied.
package patch
