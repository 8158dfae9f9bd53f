package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
)

// acting lets requests that the server makes itself in as a connection.
type acting struct{ caller *object.Caller }

func (a acting) Authenticate(ctx context.Context, _ string, _ *http.Request) (context.Context, error) {
	return context.WithValue(ctx, sessionKey{}, &session{caller: a.caller}), nil
}

// connectionCaller is a connection of the caller's workspace, on somebody's behalf.
func connectionCaller(by *object.Caller, connection, why string) *object.Caller {
	return &object.Caller{WorkspaceID: by.WorkspaceID, WorkspaceSlug: by.WorkspaceSlug, Kind: object.PrincipalConnection, Key: connection, Door: audit.DoorSCIM, IP: by.IP, Device: by.Device, Reason: why}
}

// door is a SCIM server for requests that the server makes itself.
func (d *Directory) door(caller *object.Caller, observer scim.Observer) (http.Handler, error) {
	return scim.New(scim.Options{Directory: d, Authenticator: acting{caller}, Observer: observer, BaseURL: "https://directory.invalid/scim/v2"})
}

// said is the answer to such a request.
type said struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *said) Header() http.Header { return s.header }
func (s *said) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
}
func (s *said) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.body.Write(b)
}

// field reads a string of the answer; "" where it has none.
func (s *said) field(name string) string {
	var m map[string]any
	if json.Unmarshal(s.body.Bytes(), &m) != nil {
		return ""
	}
	text, _ := m[name].(string)
	return text
}

// ask makes one request at a door.
func ask(ctx context.Context, door http.Handler, r provisioning.Request) (*said, error) {
	target := &url.URL{Scheme: "https", Host: "directory.invalid"}
	path, err := url.PathUnescape(r.Path)
	if err != nil || !strings.HasPrefix(r.Path, "/") {
		return nil, api.NewProblem(api.CodeMalformed, "The path %q of a request is none; write e.g. /Users.", r.Path)
	}
	target.Path, target.RawPath, target.RawQuery = "/scim/v2"+path, "/scim/v2"+r.Path, r.Query
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, api.NewProblem(api.CodeMalformed, "The request %q cannot be made.", r.Method)
	}
	req.Header.Set("Authorization", "Bearer itself")
	req.Header.Set("Content-Type", "application/scim+json")
	out := &said{header: http.Header{}}
	door.ServeHTTP(out, req)
	return out, nil
}

// Replayed is what became of a replay.
type Replayed struct {
	Event    provisioning.Event  `json:"event" doc:"The event that was replayed."`
	As       *provisioning.Event `json:"as,omitempty" doc:"The event of the replay; absent where it left none."`
	Status   int                 `json:"status" doc:"Status that the identity provider would have got, or 0 when it was replayed before."`
	Detail   string              `json:"detail,omitempty" doc:"Why it failed again."`
	Repeated bool                `json:"repeated" doc:"Whether it had been replayed before: nothing was done."`
}

// Replay does the request of a failed or held event again, as its connection. Doing it
// twice is the same as once.
func (d *Directory) Replay(ctx context.Context, by *object.Caller, id string) (*Replayed, error) {
	var e *provisioning.Event
	var request *provisioning.Request
	var since time.Time
	err := d.svc.Do(ctx, by, func(s *object.Scope) (err error) {
		since = s.Now
		if e, request, err = provisioning.BeginReplay(ctx, s, id); err != nil {
			return err
		}
		return requireConnected(ctx, s, e.Connection)
	})
	if err != nil {
		return nil, err
	}
	out := &Replayed{Event: *e}
	if request == nil {
		out.Repeated = true
		return out, d.svc.View(ctx, by, func(s *object.Scope) error {
			out.As, err = provisioning.FindEvent(ctx, s, e.ReplayedAs)
			return err
		})
	}
	door, err := d.door(connectionCaller(by, e.Connection, "replay of "+id+" by "+by.Principal()), d)
	if err != nil {
		return nil, fmt.Errorf("replaying an event: %w", err)
	}
	answer, err := ask(ctx, door, *request)
	if err != nil {
		return nil, err
	}
	out.Status = answer.status
	if answer.status >= http.StatusBadRequest {
		out.Detail = answer.field("detail")
	}
	err = d.svc.Do(context.WithoutCancel(ctx), by, func(s *object.Scope) error {
		if out.As, err = provisioning.EndReplay(ctx, s, id, answer.header.Get("X-Request-Id"), since); err != nil {
			return err
		}
		now, err := provisioning.FindEvent(ctx, s, id)
		if err == nil {
			out.Event = *now
		}
		return err
	})
	return out, err
}

// requireConnected refuses to act for a connection that has no token any longer.
func requireConnected(ctx context.Context, s *object.Scope, connection string) error {
	connected := false
	err := object.Each(ctx, s, api.SCIMTokenKind, func(t *api.SCIMToken) error {
		connected = connected || t.Connection == connection && (t.ExpiresAt == nil || t.ExpiresAt.After(s.Now))
		return nil
	})
	if err != nil || connected {
		return err
	}
	return api.NewProblem(api.CodeConflict, "Connection %q has no SCIM token that counts, so nothing is done in its name. Declare one first (gatehouse_scim_token).", connection)
}
