package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/wire"
)

const (
	users  = "/users"
	groups = "/groups"
)

// Users lists people.
func (b *Bridge) Users(ctx context.Context, q scim.Query) (scim.Page[scim.User], error) {
	return list[scim.User](ctx, b, users, q)
}

// Groups lists groups.
func (b *Bridge) Groups(ctx context.Context, q scim.Query) (scim.Page[scim.Group], error) {
	return list[scim.Group](ctx, b, groups, q)
}

// list asks for a page. One that is too large for an answer is asked for again by halves:
// a page may always be shorter than it was asked to be.
func list[T any](ctx context.Context, b *Bridge, endpoint string, q scim.Query) (scim.Page[T], error) {
	for {
		var page wire.Page[T]
		err := b.call(ctx, client.Directory{Method: http.MethodPost, Path: endpoint + "/query", Body: wire.QueryOf(q), Reads: true}, &page)
		if !errors.Is(err, client.ErrTooLarge) || q.Count < 2 {
			return scim.Page[T](page), err
		}
		q.Count /= 2
	}
}

// User reads a person.
func (b *Bridge) User(ctx context.Context, id string, p scim.Projection) (scim.User, error) {
	var u scim.User
	err := b.call(ctx, reading(users, id, "with_groups", p.WithGroups), &u)
	return u, err
}

// Group reads a group.
func (b *Bridge) Group(ctx context.Context, id string, p scim.Projection) (scim.Group, error) {
	var g scim.Group
	err := b.call(ctx, reading(groups, id, "with_members", p.WithMembers), &g)
	return g, err
}

func reading(endpoint, id, flag string, set bool) client.Directory {
	d := client.Directory{Method: http.MethodGet, Path: endpoint + "/" + url.PathEscape(id), Reads: true}
	if set {
		d.Query = url.Values{flag: {"true"}}
	}
	return d
}

// CreateUser joins a person.
func (b *Bridge) CreateUser(ctx context.Context, u scim.User) (scim.User, error) {
	var out scim.User
	err := b.call(ctx, client.Directory{Method: http.MethodPost, Path: users, Body: wire.UserWrite{Request: request(ctx), User: u}}, &out)
	return out, err
}

// attempts bounds how often a change of a person is made again because somebody else
// changed them in between.
const attempts = 24

// UpdateUser reads a person, changes them here and replaces the version that was read:
// a concurrent change makes the control plane refuse, and the change is made again.
func (b *Bridge) UpdateUser(ctx context.Context, id string, ifMatch scim.Versions, p scim.Projection, change func(*scim.User) error) (scim.User, error) {
	for n := range attempts {
		was, err := b.User(ctx, id, scim.Projection{})
		if err != nil {
			return scim.User{}, err
		}
		if !ifMatch.Allow(was.Meta.Version) {
			return scim.User{}, scim.ErrPrecondition
		}
		version := was.Meta.Version
		if err := change(&was); err != nil {
			if errors.Is(err, scim.ErrUnchanged) {
				return b.User(ctx, id, p)
			}
			return scim.User{}, err
		}
		var out scim.User
		err = b.call(ctx, client.Directory{Method: http.MethodPut, Path: users + "/" + url.PathEscape(id),
			Body: wire.UserWrite{Request: request(ctx), User: was, IfMatch: []string{version}, WithGroups: p.WithGroups}}, &out)
		if !errors.Is(err, scim.ErrPrecondition) {
			return out, err
		}
		if err := pause(ctx, n); err != nil {
			return scim.User{}, err
		}
	}
	return scim.User{}, scim.Refuse(http.StatusConflict, "the user keeps changing; try again")
}

// pause lets those who collided come back at different times.
func pause(ctx context.Context, n int) error {
	wait := time.NewTimer(rand.N(time.Duration(n+1) * 5 * time.Millisecond)) //nolint:gosec // jitter needs no secrecy
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// DeleteUser ends a person.
func (b *Bridge) DeleteUser(ctx context.Context, id string, ifMatch scim.Versions) error {
	return b.end(ctx, users, id, ifMatch)
}

// DeleteGroup ends a group.
func (b *Bridge) DeleteGroup(ctx context.Context, id string, ifMatch scim.Versions) error {
	return b.end(ctx, groups, id, ifMatch)
}

func (b *Bridge) end(ctx context.Context, endpoint, id string, ifMatch scim.Versions) error {
	return b.call(ctx, client.Directory{Method: http.MethodPost, Path: endpoint + "/" + url.PathEscape(id) + "/end", Body: wire.Ending{Request: request(ctx), IfMatch: ifMatch}}, nil)
}

// CreateGroup stores a group.
func (b *Bridge) CreateGroup(ctx context.Context, g scim.Group) (scim.Group, error) {
	var out scim.Group
	err := b.call(ctx, client.Directory{Method: http.MethodPost, Path: groups, Body: wire.GroupWrite{Request: request(ctx), Group: g}}, &out)
	return out, err
}

// ApplyGroup changes a group in one step; the control plane reads no members for it.
func (b *Bridge) ApplyGroup(ctx context.Context, id string, ifMatch scim.Versions, ops []scim.GroupOp, p scim.Projection) (scim.Group, error) {
	var out scim.Group
	err := b.call(ctx, client.Directory{Method: http.MethodPost, Path: groups + "/" + url.PathEscape(id) + "/changes",
		Body: wire.GroupChanges{Request: request(ctx), IfMatch: ifMatch, Operations: wire.ChangesOf(ops), WithMembers: p.WithMembers}}, &out)
	return out, err
}
