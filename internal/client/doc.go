// Package client speaks the control plane's REST API.
//
// The provider and the command line use it; it imports only internal/api. It is
// generic over the declared kinds, bounds everything it reads, retries only what
// is safe to repeat, returns failures as *api.Problem, and never writes the token
// to a log or an error. Snapshot serves many reads from few requests.
package client
