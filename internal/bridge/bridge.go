package bridge

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/wire"
)

// Bridge is the directory behind a control plane's API.
type Bridge struct {
	client *client.Client
	log    *slog.Logger
	tokens tokens
}

var (
	_ scim.Directory     = (*Bridge)(nil)
	_ scim.Authenticator = (*Bridge)(nil)
	_ scim.Observer      = (*Bridge)(nil)
)

// New makes a bridge over a forwarding client.
func New(c *client.Client, log *slog.Logger) *Bridge {
	return &Bridge{client: c, log: log, tokens: tokens{good: map[[sha256.Size]byte]time.Time{}}}
}

// goodFor is how long a token that counted is believed without asking. Every call of the
// directory carries it and is decided anew, so a token that was revoked reads and
// changes nothing; only the description of the service (/Schemas, …) is told to it.
const (
	goodFor   = 10 * time.Second
	maxTokens = 1000
)

// tokens are digests of those that counted a moment ago, each with the address that it
// came from: a token may be good from one network only.
type tokens struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]time.Time
}

func (t *tokens) counted(digest [sha256.Size]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.good[digest]) < goodFor
}

func (t *tokens) note(digest [sha256.Size]byte, good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !good {
		delete(t.good, digest)
		return
	}
	if len(t.good) >= maxTokens {
		clear(t.good)
	}
	t.good[digest] = time.Now()
}

// session is one HTTP request: the client with its token, and which of its operations
// left their event already.
type session struct {
	client *client.Client
	digest [sha256.Size]byte

	mu       sync.Mutex
	recorded map[string]string
}

type sessionKey struct{}

// Authenticate asks the control plane whether the token counts where the request comes
// from. Each call says that address, and nothing of what the request itself claims.
func (b *Bridge) Authenticate(ctx context.Context, token string, r *http.Request) (context.Context, error) {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return nil, scim.ErrUnauthorized // no token of ours, and not fit for a header
		}
	}
	address := addressOf(r)
	s := &session{client: b.client.As(token).For(address), digest: sha256.Sum256([]byte(address + " " + token)), recorded: map[string]string{}}
	ctx = context.WithValue(ctx, sessionKey{}, s)
	if b.tokens.counted(s.digest) {
		return ctx, nil
	}
	if err := b.call(ctx, client.Directory{Method: http.MethodGet, Reads: true}, &wire.Connection{}); err != nil {
		// Tokens of people and machines are not for this door.
		if refused := (*scim.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			return nil, scim.ErrUnauthorized
		}
		return nil, err
	}
	b.tokens.note(s.digest, true)
	return ctx, nil
}

// addressOf is where a request comes from; "" where that is no address.
func addressOf(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return from.Addr().Unmap().WithZone("").String()
}

// call makes one call with the token of the request under way. Problems come back as
// the answers of the protocol that they were.
func (b *Bridge) call(ctx context.Context, d client.Directory, out any) error {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return scim.ErrUnauthorized
	}
	answered, err := s.client.CallDirectory(ctx, d, out)
	if r, ok := scim.RequestFrom(ctx); ok && answered.Recorded != "" {
		s.mu.Lock()
		s.recorded[r.ID] = answered.Recorded
		s.mu.Unlock()
	}
	if client.IsCode(err, api.CodeUnauthenticated) {
		b.tokens.note(s.digest, false)
	}
	return faultOf(err, answered.RetryAfter)
}

// faultOf turns a problem into the answer of the protocol that it was on the other side
// (directory.problemOf). What is none of those becomes a bare 500, or 503 when the
// control plane cannot be reached: identity providers come again then.
func faultOf(err error, retryAfter time.Duration) error {
	p := client.ProblemOf(err)
	if p == nil {
		return err
	}
	switch p.Code() {
	case api.CodeUnauthenticated:
		return scim.ErrUnauthorized
	case api.CodeUnavailable:
		return &scim.Error{Status: http.StatusServiceUnavailable, Detail: "the control plane cannot be reached", RetryAfter: max(retryAfter, 5*time.Second), Cause: err}
	case api.CodeRateLimited:
		return &scim.Error{Status: http.StatusTooManyRequests, Detail: "too many requests", RetryAfter: max(retryAfter, time.Second), Cause: err}
	case api.CodeMalformed, api.CodeForbidden, api.CodeNotFound, api.CodeConflict, api.CodePreconditionFailed, api.CodeTooLarge:
		f := &scim.Error{Status: p.Status, Detail: p.Detail, Cause: err}
		if len(p.Errors) == 1 && p.Errors[0].Path == "" {
			f.Kind = scim.Kind(p.Errors[0].Code)
		}
		return f
	}
	return err
}

// request describes the SCIM request under way to the control plane.
func request(ctx context.Context) wire.Request {
	r, _ := scim.RequestFrom(ctx)
	return wire.RequestOf(r, scim.IgnoredFrom(ctx))
}

// Observe tells the control plane about requests that changed nothing, for its log of
// events. Reads are told only when they were refused, as inside of it.
func (b *Bridge) Observe(ctx context.Context, e scim.Event) {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return // nobody whose event it could be
	}
	if e.Status >= http.StatusInternalServerError && !errors.Is(e.Err, context.Canceled) { // who hung up failed nothing here
		b.log.ErrorContext(ctx, "SCIM request failed", "request", e.Request.ID, "error", e.Err)
	}
	s.mu.Lock()
	recorded := s.recorded[e.Request.ID]
	s.mu.Unlock()
	switch {
	case recorded == wire.Whole, recorded == wire.Partly && len(e.Ignored) == 0:
		return
	case recorded == "" && !worthTelling(e):
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noticeTimeout)
	defer cancel()
	if err := b.call(ctx, client.Directory{Method: http.MethodPost, Path: "/notices", Body: wire.NoticeOf(e, recorded)}, nil); err != nil {
		b.log.ErrorContext(ctx, "telling of a provisioning request", "request", e.Request.ID, "error", err)
	}
}

// noticeTimeout bounds what a notice may cost the request that it is about.
const noticeTimeout = 5 * time.Second

// worthTelling leaves out what would leave no event: reads that were answered.
func worthTelling(e scim.Event) bool {
	return e.Status != http.StatusUnauthorized && (e.Request.Method != http.MethodGet || e.Status >= http.StatusBadRequest && e.Status != http.StatusNotFound)
}
