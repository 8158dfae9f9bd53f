// Package wire is a scim.Directory as JSON: the requests, pages and events that cross
// when the SCIM server runs apart from the control plane (gatehouse scim --api). It is
// types and translations only. internal/bridge speaks it on one side and
// internal/provisioning/directory on the other; it promises that a query, a change or
// an error means the same on both.
package wire
