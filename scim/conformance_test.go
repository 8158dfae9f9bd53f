package scim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
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
		srv := newServer(t, perToken{"secret": scimtest.NewDirectory(), "other": scimtest.NewDirectory()}, func(o *scim.Options) {
			o.Authenticator = o.Directory.(perToken)
		})
		return scimtest.Fixture{BaseURL: srv.URL + "/scim/v2", Token: "secret", Other: "other", Stranger: "other", Client: srv.Client()}
	})
}

// perToken is a directory for each token.
type perToken map[string]*scimtest.Directory

type tokenKey struct{}

func (p perToken) Authenticate(ctx context.Context, token string, _ *http.Request) (context.Context, error) {
	if p[token] == nil {
		return nil, scim.ErrUnauthorized
	}
	return context.WithValue(ctx, tokenKey{}, token), nil
}

func (p perToken) of(ctx context.Context) *scimtest.Directory {
	return p[ctx.Value(tokenKey{}).(string)]
}

func (p perToken) Users(ctx context.Context, q scim.Query) (scim.Page[scim.User], error) {
	return p.of(ctx).Users(ctx, q)
}

func (p perToken) User(ctx context.Context, id string, v scim.Projection) (scim.User, error) {
	return p.of(ctx).User(ctx, id, v)
}

func (p perToken) CreateUser(ctx context.Context, u scim.User) (scim.User, error) {
	return p.of(ctx).CreateUser(ctx, u)
}

func (p perToken) UpdateUser(ctx context.Context, id string, m scim.Versions, v scim.Projection, change func(*scim.User) error) (scim.User, error) {
	return p.of(ctx).UpdateUser(ctx, id, m, v, change)
}

func (p perToken) DeleteUser(ctx context.Context, id string, m scim.Versions) error {
	return p.of(ctx).DeleteUser(ctx, id, m)
}

func (p perToken) Groups(ctx context.Context, q scim.Query) (scim.Page[scim.Group], error) {
	return p.of(ctx).Groups(ctx, q)
}

func (p perToken) Group(ctx context.Context, id string, v scim.Projection) (scim.Group, error) {
	return p.of(ctx).Group(ctx, id, v)
}

func (p perToken) CreateGroup(ctx context.Context, g scim.Group) (scim.Group, error) {
	return p.of(ctx).CreateGroup(ctx, g)
}

func (p perToken) ApplyGroup(ctx context.Context, id string, m scim.Versions, ops []scim.GroupOp, v scim.Projection) (scim.Group, error) {
	return p.of(ctx).ApplyGroup(ctx, id, m, ops, v)
}

func (p perToken) DeleteGroup(ctx context.Context, id string, m scim.Versions) error {
	return p.of(ctx).DeleteGroup(ctx, id, m)
}

// expired is a directory whose cursors have expired.
type expired struct{ scim.Directory }

func (expired) Users(context.Context, scim.Query) (scim.Page[scim.User], error) {
	return scim.Page[scim.User]{}, &scim.Error{Status: http.StatusBadRequest, Kind: scim.ExpiredCursor, Detail: "the cursor has expired"}
}

// RFC 9865 section 2.1.
func TestExpiredCursorsAreSaidToBe(t *testing.T) {
	srv := newServer(t, expired{scimtest.NewDirectory()}, nil)
	res, body := send(t, srv, "GET", "/Users?cursor", "")
	if res.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"scimType":"expiredCursor"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
