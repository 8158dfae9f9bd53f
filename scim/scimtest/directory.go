package scimtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Directory is an in-memory scim.Directory: one lock, one connection, every rule
// in its plainest form. A userName that exists inactive is reactivated.
type Directory struct {
	mu     sync.Mutex
	serial int
	users  []*userRecord // in the order of creation
	groups []*groupRecord
	reads  int
}

type userRecord struct {
	serial int
	user   scim.User
}

type groupRecord struct {
	serial  int
	group   scim.Group
	order   []string // member ids as they came
	members map[string]string
}

var _ scim.Directory = (*Directory)(nil)

// NewDirectory returns an empty directory.
func NewDirectory() *Directory { return &Directory{} }

// MemberReads counts how often members of a group were read: a change of one
// member must not.
func (d *Directory) MemberReads() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reads
}

// next returns a serial number, and a stamp that no two changes share.
func (d *Directory) next() (int, time.Time) {
	d.serial++
	return d.serial, time.Now().UTC().Truncate(time.Microsecond)
}

func version(serial int) string { return fmt.Sprintf("v%d", serial) }

// User returns one user.
func (d *Directory) User(_ context.Context, id string, p scim.Projection) (scim.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.user(id)
	if err != nil {
		return scim.User{}, err
	}
	return d.showUser(r, p)
}

func (d *Directory) user(id string) (*userRecord, error) {
	for _, r := range d.users {
		if r.user.ID == id {
			return r, nil
		}
	}
	return nil, scim.ErrNotFound
}

// showUser returns a copy with what the directory computes.
func (d *Directory) showUser(r *userRecord, p scim.Projection) (scim.User, error) {
	u, err := clone(r.user)
	if err != nil {
		return u, err
	}
	if p.WithGroups {
		for _, g := range d.groups {
			if _, in := g.members[u.ID]; in {
				u.Groups = append(u.Groups, scim.GroupRef{Value: g.group.ID, Display: g.group.DisplayName, Type: "direct"})
			}
		}
	}
	if u.Enterprise != nil && u.Enterprise.Manager != nil {
		if m, err := d.user(u.Enterprise.Manager.Value); err == nil {
			u.Enterprise.Manager.DisplayName = m.user.DisplayName
		}
	}
	return u, nil
}

// clone copies in depth. The password is not stored.
func clone[T any](v T) (T, error) {
	var out T
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// CreateUser stores a user or reactivates one.
func (d *Directory) CreateUser(_ context.Context, u scim.User) (scim.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, err := clone(u)
	if err != nil {
		return u, err
	}
	if u.Active == nil {
		yes := true
		u.Active = &yes
	}
	for _, r := range d.users {
		if filter.Fold(r.user.UserName) == filter.Fold(u.UserName) && !r.user.IsActive() {
			u.ID, u.Meta = r.user.ID, r.user.Meta
			return d.storeUser(r, u, scim.Projection{WithGroups: true})
		}
	}
	if err := d.uniqueUser(u); err != nil {
		return u, err
	}
	serial, now := d.next()
	u.ID, u.Meta = fmt.Sprintf("user_%08d", serial), scim.Meta{Created: now, LastModified: now, Version: version(serial)}
	u.Groups, u.Password = nil, ""
	r := &userRecord{serial: serial, user: u}
	d.users = append(d.users, r)
	return d.showUser(r, scim.Projection{})
}

func (d *Directory) uniqueUser(u scim.User) error {
	for _, r := range d.users {
		if r.user.ID == u.ID {
			continue
		}
		if filter.Fold(r.user.UserName) == filter.Fold(u.UserName) {
			return scim.Conflict("userName %q is taken", u.UserName)
		}
		if u.ExternalID != "" && r.user.ExternalID == u.ExternalID {
			return scim.Conflict("externalId %q is taken", u.ExternalID)
		}
	}
	return nil
}

func (d *Directory) storeUser(r *userRecord, u scim.User, p scim.Projection) (scim.User, error) {
	serial, now := d.next()
	u.Meta.LastModified, u.Meta.Version = now, version(serial)
	u.Groups, u.Password = nil, ""
	r.user = u
	return d.showUser(r, p)
}

// UpdateUser changes a user.
func (d *Directory) UpdateUser(_ context.Context, id string, ifMatch scim.Versions, p scim.Projection, change func(*scim.User) error) (scim.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.user(id)
	if err != nil {
		return scim.User{}, err
	}
	if !ifMatch.Allow(r.user.Meta.Version) {
		return scim.User{}, scim.ErrPrecondition
	}
	u, err := d.showUser(r, scim.Projection{WithGroups: true})
	if err != nil {
		return u, err
	}
	switch err := change(&u); {
	case errors.Is(err, scim.ErrUnchanged):
		return d.showUser(r, p)
	case err != nil:
		return scim.User{}, err
	}
	if err := d.uniqueUser(u); err != nil {
		return scim.User{}, err
	}
	return d.storeUser(r, u, p)
}

// DeleteUser removes a user and its memberships.
func (d *Directory) DeleteUser(_ context.Context, id string, ifMatch scim.Versions) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.user(id)
	if err != nil {
		return err
	}
	if !ifMatch.Allow(r.user.Meta.Version) {
		return scim.ErrPrecondition
	}
	d.users = slices.DeleteFunc(d.users, func(o *userRecord) bool { return o == r })
	d.forget(id)
	return nil
}

// forget ends the memberships of a user or group.
func (d *Directory) forget(id string) {
	for _, g := range d.groups {
		if g.leave(id) {
			d.touch(g)
		}
	}
}

// Users lists users.
func (d *Directory) Users(_ context.Context, q scim.Query) (scim.Page[scim.User], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := make([]row[scim.User], 0, len(d.users))
	for _, r := range d.users {
		u, err := d.showUser(r, scim.Projection{WithGroups: true})
		if err != nil {
			return scim.Page[scim.User]{}, err
		}
		doc, err := u.Document()
		if err != nil {
			return scim.Page[scim.User]{}, err
		}
		if !q.WithGroups {
			u.Groups = nil
		}
		rows = append(rows, row[scim.User]{serial: r.serial, doc: doc, value: u})
	}
	return page(schema.User, rows, q)
}

// row is a candidate of a list.
type row[T any] struct {
	serial int
	doc    map[string]any
	value  T
	key    string
	keyed  bool
}

// mark is a place in a sorted list, the content of a cursor.
type mark struct {
	Serial int
	Key    string
	Keyed  bool
}

func page[T any](r *schema.Resource, rows []row[T], q scim.Query) (scim.Page[T], error) {
	kept := rows[:0]
	for _, row := range rows {
		if q.Filter != nil && !filter.Match(q.Filter, row.doc) {
			continue
		}
		if !q.SortBy.IsZero() {
			row.key, row.keyed = filter.SortKey(r, row.doc, q.SortBy)
		}
		kept = append(kept, row)
	}
	less := func(a, b mark) int {
		c := 0
		switch {
		case a.Keyed && b.Keyed:
			c = strings.Compare(a.Key, b.Key)
		case a.Keyed:
			c = -1
		case b.Keyed:
			c = 1
		}
		if q.Descending {
			c = -c
		}
		if c == 0 {
			c = a.Serial - b.Serial
		}
		return c
	}
	at := func(r row[T]) mark { return mark{r.serial, r.key, r.keyed} }
	slices.SortFunc(kept, func(a, b row[T]) int { return less(at(a), at(b)) })

	out := scim.Page[T]{Total: len(kept)}
	from := min(q.StartIndex-1, len(kept))
	if q.ByCursor && q.Cursor != "" {
		var m mark
		if err := json.Unmarshal([]byte(q.Cursor), &m); err != nil {
			return out, &scim.Error{Status: http.StatusBadRequest, Kind: scim.InvalidCursor, Detail: "not a cursor"}
		}
		from = 0
		for from < len(kept) && less(at(kept[from]), m) <= 0 {
			from++
		}
	}
	to := min(from+q.Count, len(kept))
	for _, r := range kept[from:to] {
		out.Resources = append(out.Resources, r.value)
	}
	if q.ByCursor && to < len(kept) && to > from {
		b, err := json.Marshal(at(kept[to-1]))
		if err != nil {
			return out, err
		}
		out.Next = string(b)
	}
	return out, nil
}
