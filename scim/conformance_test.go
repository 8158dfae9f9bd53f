package scim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/scimtest"
)

// tokens is an Authenticator of fixed tokens.
type tokens map[string]bool

func (t tokens) Authenticate(ctx context.Context, token string, _ *http.Request) (context.Context, error) {
	if !t[token] {
		return nil, scim.ErrUnauthorized
	}
	return ctx, nil
}

func newServer(t testing.TB, dir scim.Directory, change func(*scim.Options)) *httptest.Server {
	t.Helper()
	o := scim.Options{Directory: dir, Authenticator: tokens{"secret": true}}
	if change != nil {
		change(&o)
	}
	s, err := scim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv
}

func TestServerPassesTheConformanceSuite(t *testing.T) {
	scimtest.Run(t, func(t *testing.T) scimtest.Fixture {
		srv := newServer(t, scimtest.NewDirectory(), nil)
		return scimtest.Fixture{BaseURL: srv.URL + "/scim/v2", Token: "secret", Client: srv.Client()}
	})
}
