package scim

import (
	"io"
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// groups is the endpoint of Group.
type groups struct{ s *Server }

func (groups) resource() *schema.Resource { return schema.Group }

func (groups) projection(sel selection) Projection {
	return Projection{WithMembers: sel.wants("members")}
}

func (e groups) get(c *call, id string) (reply, error) {
	sel := newSelection(schema.Group, c.params)
	g, err := e.s.Directory.Group(c.ctx, id, e.projection(sel))
	if err != nil {
		return reply{}, err
	}
	if unchanged(c, g.Meta.Version) {
		return reply{status: http.StatusNotModified, version: g.Meta.Version}, nil
	}
	return e.reply(c, http.StatusOK, g, sel), nil
}

func (e groups) version(c *call, id string) (string, error) {
	g, err := e.s.Directory.Group(c.ctx, id, Projection{})
	return g.Meta.Version, err
}

func (e groups) reply(c *call, status int, g Group, sel selection) reply {
	c.event.ResourceID = g.ID
	r := reply{status: status, version: g.Meta.Version, self: location(c.base, schema.Group, g.ID), write: func(w io.Writer) error { return writeGroup(w, c.base, g, sel) }}
	if status == http.StatusCreated {
		r.location = r.self
	}
	return r
}

// read normalises the body of a POST or PUT.
func (e groups) read(c *call, body map[string]any, contradiction Kind) (Group, error) {
	doc, ignored, err := patch.Normalise(schema.Group, body)
	if err != nil {
		return Group{}, err
	}
	c.ignore(ignored)
	g, err := fromDocument[Group](doc)
	if err != nil {
		return Group{}, err
	}
	g.Members, err = distinct(g.Members, contradiction)
	return g, err
}

// distinct returns every member once, by id. A client may send a $ref alone; one that
// contradicts the value is called contradiction.
func distinct(members []Member, contradiction Kind) ([]Member, error) {
	seen := make(map[string]bool, len(members))
	out := make([]Member, 0, len(members))
	for _, m := range members {
		var err error
		if m.Value, err = named(m.Value, m.Ref, contradiction); err != nil {
			return nil, err
		}
		if m.Value == "" || len(m.Value) > maxID {
			return nil, Invalid("a member needs the id of a user or group as its value")
		}
		if !seen[m.Value] {
			seen[m.Value] = true
			out = append(out, Member{Value: m.Value, Type: memberType(m.Type)})
		}
	}
	return out, nil
}

// memberType keeps the canonical spelling; what the client calls otherwise the
// directory looks up by id.
func memberType(t string) string {
	switch t {
	case schema.User.Name, schema.Group.Name:
		return t
	}
	return ""
}

func (e groups) create(c *call, body map[string]any) (reply, error) {
	g, err := e.read(c, body, InvalidValue)
	if err != nil {
		return reply{}, err
	}
	if g, err = e.s.Directory.CreateGroup(c.ctx, g); err != nil {
		return reply{}, err
	}
	return e.reply(c, http.StatusCreated, g, newSelection(schema.Group, c.params)), nil
}

func (e groups) replace(c *call, id string, body map[string]any) (reply, error) {
	g, err := e.read(c, body, Mutability) // RFC 7644 §3.5.1: what is immutable must match
	if err != nil {
		return reply{}, err
	}
	ops := []GroupOp{{Kind: SetDisplayName, Text: g.DisplayName}}
	if _, cleared := patch.Member(body, "externalId"); cleared || g.ExternalID != "" {
		ops = append(ops, GroupOp{Kind: SetExternalID, Text: g.ExternalID})
	}
	// RFC 7644 §3.5.1 leaves open what absent members mean. A PUT built from
	// ?excludedAttributes=members must not empty the group; "members": [] does.
	if _, given := patch.Member(body, "members"); given || len(g.Members) > 0 {
		ops = append(ops, replaceMembers(g.Members))
	}
	sel := newSelection(schema.Group, c.params)
	g, err = e.s.Directory.ApplyGroup(c.ctx, id, c.ifMatch, ops, e.projection(sel))
	if err != nil {
		return reply{}, err
	}
	return e.reply(c, http.StatusOK, g, sel), nil
}

// patch changes a group. The answer is 204 unless the client asks for attributes
// (RFC 7644 §3.5.2), so that a change of one member never reads the others.
func (e groups) patch(c *call, id string, body map[string]any) (reply, error) {
	ops, err := patch.Parse(body, e.s.Limits.PatchOperations)
	if err != nil {
		return reply{}, err
	}
	changes, ignored, err := groupChanges(ops)
	if err != nil {
		return reply{}, err
	}
	c.ignore(ignored)
	sel := newSelection(schema.Group, c.params)
	p := Projection{}
	if sel.limited {
		p = e.projection(sel)
	}
	g, err := e.apply(c, id, changes, p)
	if err != nil {
		return reply{}, err
	}
	if sel.limited {
		return e.reply(c, http.StatusOK, g, sel), nil
	}
	return reply{status: http.StatusNoContent, version: g.Meta.Version}, nil
}

func (e groups) remove(c *call, id string) (reply, error) {
	if err := e.s.Directory.DeleteGroup(c.ctx, id, c.ifMatch); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (e groups) list(c *call, q Query, sel selection) (listing, error) {
	page, err := e.s.Directory.Groups(c.ctx, q)
	if err != nil {
		return listing{}, err
	}
	return listing{
		total: page.Total, count: len(page.Resources), next: page.Next, prev: page.Previous,
		write:    func(w io.Writer, i int) error { return writeGroup(w, c.base, page.Resources[i], sel) },
		document: func(i int) (map[string]any, error) { return page.Resources[i].Document() },
	}, nil
}
