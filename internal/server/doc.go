// Package server is the REST door: routes, authentication of callers, limits, and
// the rendering of problems. SCIM and pages are mounted beside it.
//
// Only cmd and tests import it. It promises that every route names the permission
// that it needs, that bodies, pages and times are bounded, and that no answer of one
// workspace tells anything about another.
package server
