package client

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// limited bounds the requests in flight. A slot is held until the answer has been
// read, and not while a retry waits.
type limited struct {
	base  http.RoundTripper
	slots chan struct{}
	trace Trace
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case l.slots <- struct{}{}:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	release := sync.OnceFunc(func() { <-l.slots })
	began := time.Now()
	resp, err := l.base.RoundTrip(req)
	if l.trace != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		l.trace(req.Context(), req.Method, req.URL.Path, status, time.Since(began))
	}
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &releasing{ReadCloser: resp.Body, release: release}
	return resp, nil
}

type releasing struct {
	io.ReadCloser
	release func()
}

func (r *releasing) Close() error {
	defer r.release()
	return r.ReadCloser.Close()
}

// silent keeps the HTTP library from printing: what happened is in the error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
