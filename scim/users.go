package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// users is the endpoint of User.
type users struct{ s *Server }

func (users) resource() *schema.Resource { return schema.User }

func (users) projection(sel selection) Projection {
	return Projection{WithGroups: sel.wants("groups")}
}

func (e users) get(c *call, id string) (reply, error) {
	sel := newSelection(schema.User, c.params)
	u, err := e.s.Directory.User(c.ctx, id, e.projection(sel))
	if err != nil {
		return reply{}, err
	}
	if unchanged(c, u.Meta.Version) {
		return reply{status: http.StatusNotModified, version: u.Meta.Version}, nil
	}
	return e.reply(c, http.StatusOK, u, sel), nil
}

func (e users) version(c *call, id string) (string, error) {
	u, err := e.s.Directory.User(c.ctx, id, Projection{})
	return u.Meta.Version, err
}

func (e users) reply(c *call, status int, u User, sel selection) reply {
	c.event.ResourceID = u.ID
	r := reply{status: status, version: u.Meta.Version, self: location(c.base, schema.User, u.ID), write: func(w io.Writer) error { return writeUser(w, c.base, u, sel) }}
	if status == http.StatusCreated {
		r.location = r.self
	}
	return r
}

func (e users) create(c *call, body map[string]any) (reply, error) {
	doc, ignored, err := patch.Normalise(schema.User, body)
	if err != nil {
		return reply{}, err
	}
	c.ignore(ignored)
	u, err := userFrom(doc)
	if err != nil {
		return reply{}, err
	}
	if u, err = e.s.Directory.CreateUser(c.ctx, u); err != nil {
		return reply{}, err
	}
	return e.reply(c, http.StatusCreated, u, newSelection(schema.User, c.params)), nil
}

func (e users) replace(c *call, id string, body map[string]any) (reply, error) {
	doc, ignored, err := patch.Normalise(schema.User, body)
	if err != nil {
		return reply{}, err
	}
	c.ignore(ignored)
	given, err := userFrom(doc)
	if err != nil {
		return reply{}, err
	}
	return e.update(c, id, func(u *User) error {
		next := given
		// RFC 7644 §3.5.1 leaves open what an absent attribute means. Whether a
		// person may sign in, and by what the client finds them again, must not
		// hang on an omission.
		if next.Active == nil {
			next.Active = u.Active
		}
		if _, cleared := patch.Member(body, "externalId"); !cleared && next.ExternalID == "" {
			next.ExternalID = u.ExternalID
		}
		return keep(u, next)
	})
}

func (e users) patch(c *call, id string, body map[string]any) (reply, error) {
	ops, err := patch.Parse(body, e.s.Limits.PatchOperations)
	if err != nil {
		return reply{}, err
	}
	return e.update(c, id, func(u *User) error {
		doc, err := u.Document()
		if err != nil {
			return err
		}
		ignored, err := patch.Apply(schema.User, doc, ops)
		if err != nil {
			return err
		}
		c.ignore(ignored)
		next, err := userFrom(doc)
		if err != nil {
			return err
		}
		if u.Active != nil && next.Active == nil {
			return Invalid("active must be true or false")
		}
		return keep(u, next)
	})
}

func (e users) update(c *call, id string, change func(*User) error) (reply, error) {
	sel := newSelection(schema.User, c.params)
	u, err := e.s.Directory.UpdateUser(c.ctx, id, c.ifMatch, e.projection(sel), change)
	if err != nil {
		return reply{}, err
	}
	return e.reply(c, http.StatusOK, u, sel), nil
}

// keep stores next in u, except for what only the directory changes.
func keep(u *User, next User) error {
	next.ID, next.Meta, next.Groups, next.Schemas = u.ID, u.Meta, u.Groups, u.Schemas
	before, err := written(*u)
	if err != nil {
		return err
	}
	after, err := written(next)
	if err != nil {
		return err
	}
	if next.Password == "" && bytes.Equal(before, after) {
		return ErrUnchanged
	}
	*u = next
	return nil
}

// written is what clients write of a user, for comparison.
func written(u User) ([]byte, error) {
	u.Groups, u.Schemas, u.Meta = nil, nil, Meta{}
	if u.Enterprise != nil {
		e := *u.Enterprise
		if e.Manager != nil {
			e.Manager = &Manager{Value: e.Manager.Value}
		}
		u.Enterprise = &e
	}
	b, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("compare user: %w", err)
	}
	return b, nil
}

func (e users) remove(c *call, id string) (reply, error) {
	if err := e.s.Directory.DeleteUser(c.ctx, id, c.ifMatch); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (e users) list(c *call, q Query, sel selection) (listing, error) {
	page, err := e.s.Directory.Users(c.ctx, q)
	if err != nil {
		return listing{}, err
	}
	return listing{
		total: page.Total, count: len(page.Resources), next: page.Next, prev: page.Previous,
		write:    func(w io.Writer, i int) error { return writeUser(w, c.base, page.Resources[i], sel) },
		document: func(i int) (map[string]any, error) { return page.Resources[i].Document() },
	}, nil
}

// writeUser writes a user as clients see it.
func writeUser(w io.Writer, base string, u User, sel selection) error {
	u.Schemas = []string{schema.UserURN}
	u.Meta = u.Meta.rendered(base, schema.User, u.ID)
	if u.Enterprise != nil {
		u.Schemas = append(u.Schemas, schema.EnterpriseURN)
		if m := u.Enterprise.Manager; m != nil && m.Value != "" {
			e, m := *u.Enterprise, *m
			m.Ref = location(base, schema.User, m.Value)
			e.Manager, u.Enterprise = &m, &e
		}
	}
	if len(u.Groups) > 0 {
		u.Groups = append([]GroupRef(nil), u.Groups...)
		for i := range u.Groups {
			u.Groups[i].Ref = location(base, schema.Group, u.Groups[i].Value)
		}
	}
	return writeJSON(w, &u, sel)
}
