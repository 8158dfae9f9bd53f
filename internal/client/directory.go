package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// ErrTooLarge is returned, wrapped, for an answer beyond the bound of a client.
var ErrTooLarge = errors.New("the answer is too large")

// As is the client with somebody's token, for one who forwards it. The token travels in
// the Authorization header of its calls and is kept nowhere else.
func (c *Client) As(token string) *Client {
	out := *c
	out.as = token
	return &out
}

// For is the client with the address of whom it forwards for. The control plane believes
// it where it trusts this process (gatehouse serve --trusted-proxies), and nowhere else.
func (c *Client) For(address string) *Client {
	out := *c
	out.from = address
	return &out
}

// Directory is one call of the directory of a provisioning connection (/v1/directory):
// what a SCIM server that runs apart from the control plane speaks.
type Directory struct {
	Method string
	Path   string // below /v1/directory, escaped
	Query  url.Values
	Body   any
	Reads  bool // changes nothing, so that it may be repeated
}

// Answered is what the headers of an answer say.
type Answered struct {
	Recorded   string        // Gatehouse-Recorded
	RetryAfter time.Duration // of a refusal
}

// CallDirectory makes a call, and decodes the answer into out, which may be nil.
func (c *Client) CallDirectory(ctx context.Context, d Directory, out any) (Answered, error) {
	resp, err := c.send(ctx, call{method: d.Method, path: "/v1/directory" + d.Path, query: d.Query, body: d.Body, reads: d.Reads && d.Method != http.MethodGet}, out)
	if resp == nil {
		return Answered{}, err
	}
	return Answered{Recorded: resp.Header().Get("Gatehouse-Recorded"), RetryAfter: retryAfter(resp, time.Now())}, err
}
