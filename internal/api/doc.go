// Package api is the wire contract: the declared object kinds, requests,
// problems and paging that every door and every client share.
//
// It holds types and pure checks only (no I/O, no database, no Cedar), so the
// provider, the client and the server can all import it. A kind is described
// once, by Declare, and everything generic (routes, OpenAPI, client methods,
// resources, audit vocabulary, ownership) is derived from that description.
package api
