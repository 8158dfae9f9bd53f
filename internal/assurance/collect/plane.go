package collect

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
)

// Doc is an object as it is on the wire.
type Doc = drift.Doc

// Plane is one workspace of a control plane, as a reader sees it. Failures are
// *api.Problem where the server answered.
type Plane interface {
	Workspace() string
	Endpoint() string
	// WhoAmI names the principal and the token that reads.
	WhoAmI(ctx context.Context) (principal, tokenID string, err error)
	List(ctx context.Context, kind *api.Kind, pageSize int) ([]Doc, error)
	Get(ctx context.Context, kind *api.Kind, ref string) (Doc, error)
	// Events visits audit events, the newest first unless the filter says otherwise.
	Events(ctx context.Context, filter map[string]string, visit func(json.RawMessage) bool) error
	// JSON reads an address of the server.
	JSON(ctx context.Context, path string, query url.Values, out any) error
}

// Hands is what the canary needs beside reading: the right to make a machine account.
type Hands interface {
	Create(ctx context.Context, kind *api.Kind, doc Doc) (Doc, error)
	Delete(ctx context.Context, kind *api.Kind, ref string) error
	// Secret gives out the secret of an API token.
	Secret(ctx context.Context, ref string) (string, error)
	// Try uses a secret once; the error is an *api.Problem when it is refused.
	Try(ctx context.Context, secret string) error
}

// isCode reports whether an error is a problem of a class.
func isCode(err error, code api.Code) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Code() == code
}

// reason is an error in one line for a report: what the server said, without the
// address it was asked at.
func reason(err error) string {
	var p *api.Problem
	if errors.As(err, &p) {
		return string(p.Code()) + ": " + p.Detail
	}
	return err.Error()
}

// under is an address below the workspace.
func under(p Plane, path string) string {
	return "/v1/workspaces/" + url.PathEscape(p.Workspace()) + path
}
