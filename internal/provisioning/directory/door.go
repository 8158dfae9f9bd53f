package directory

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/wire"
)

// What crosses the wire, for the REST door, which knows no SCIM.
type (
	Query        = wire.Query
	UserPage     = wire.Page[scim.User]
	GroupPage    = wire.Page[scim.Group]
	User         = scim.User
	Group        = scim.Group
	UserWrite    = wire.UserWrite
	GroupWrite   = wire.GroupWrite
	GroupChanges = wire.GroupChanges
	Ending       = wire.Ending
	Connection   = wire.Connection
	Notice       = wire.Notice
)

// RecordedHeader is the header that carries Call.Recorded.
const RecordedHeader = wire.Recorded

// A Call is one use of the directory by a SCIM server that runs apart from it. The
// caller is the connection whose token that server forwards; everything else is what
// a Server in this process would do: same use-cases, same events, same refusals.
type Call struct {
	dir     *Directory
	ctx     context.Context
	session *session
	request string
}

// Call begins one. It answers a forbidden problem for anybody but a connection.
func (d *Directory) Call(ctx context.Context, caller *object.Caller) (*Call, error) {
	if caller.Kind != object.PrincipalConnection {
		return nil, api.NewProblem(api.CodeForbidden, "Only the SCIM token of a provisioning connection opens the directory. Declare people and groups by their kinds, or read directory_groups.")
	}
	c := *caller
	c.Door = audit.DoorSCIM
	s := &session{caller: &c}
	return &Call{dir: d, ctx: context.WithValue(ctx, sessionKey{}, s), session: s}, nil
}

// serves says which SCIM request the call is part of.
func (c *Call) serves(r wire.Request) {
	c.request = r.ID
	c.ctx = scim.WithRequest(c.ctx, r.SCIM(), r.Ignored)
}

// Recorded says whether the call left the event of its request: "" if it did not.
func (c *Call) Recorded() string {
	switch has, whole := c.session.has(c.request); {
	case whole:
		return wire.Whole
	case has:
		return wire.Partly
	}
	return ""
}

// Connection says who the token speaks for.
func (c *Call) Connection() (*Connection, error) {
	err := c.dir.view(c.ctx, func(*object.Scope) error { return nil })
	return &Connection{Workspace: c.session.caller.WorkspaceID, Connection: c.session.caller.Key}, problemOf(err)
}

// Users lists users.
func (c *Call) Users(in Query) (*UserPage, error) {
	q, err := in.SCIM(schema.User)
	if err != nil {
		return nil, problemOf(err)
	}
	page, err := c.dir.Users(c.ctx, q)
	out := wire.PageOf(page)
	return &out, problemOf(err)
}

// User reads a user.
func (c *Call) User(id string, withGroups bool) (*User, error) {
	u, err := c.dir.User(c.ctx, id, scim.Projection{WithGroups: withGroups})
	return &u, problemOf(err)
}

// CreateUser joins a person.
func (c *Call) CreateUser(in UserWrite) (*User, error) {
	c.serves(in.Request)
	u, err := in.User.Normalise()
	if err == nil {
		u, err = c.dir.CreateUser(c.ctx, u)
	}
	return &u, problemOf(err)
}

// ReplaceUser changes a person to what is given.
func (c *Call) ReplaceUser(id string, in UserWrite) (*User, error) {
	c.serves(in.Request)
	next, err := in.User.Normalise()
	if err != nil {
		return nil, problemOf(err)
	}
	u, err := c.dir.UpdateUser(c.ctx, id, in.IfMatch, scim.Projection{WithGroups: in.WithGroups}, func(u *scim.User) error {
		next.ID, next.Meta, next.Schemas = u.ID, u.Meta, u.Schemas
		if next.Active == nil {
			next.Active = u.Active
		}
		*u = next
		return nil
	})
	return &u, problemOf(err)
}

// EndUser ends a person.
func (c *Call) EndUser(id string, in Ending) error {
	c.serves(in.Request)
	return problemOf(c.dir.DeleteUser(c.ctx, id, in.IfMatch))
}

// Groups lists groups.
func (c *Call) Groups(in Query) (*GroupPage, error) {
	q, err := in.SCIM(schema.Group)
	if err != nil {
		return nil, problemOf(err)
	}
	page, err := c.dir.Groups(c.ctx, q)
	out := wire.PageOf(page)
	return &out, problemOf(err)
}

// Group reads a group.
func (c *Call) Group(id string, withMembers bool) (*Group, error) {
	g, err := c.dir.Group(c.ctx, id, scim.Projection{WithMembers: withMembers})
	return &g, problemOf(err)
}

// CreateGroup stores a group.
func (c *Call) CreateGroup(in GroupWrite) (*Group, error) {
	c.serves(in.Request)
	g, err := in.Group.Normalise()
	if err == nil {
		g, err = c.dir.CreateGroup(c.ctx, g)
	}
	return &g, problemOf(err)
}

// ChangeGroup changes a group, all operations or none.
func (c *Call) ChangeGroup(id string, in GroupChanges) (*Group, error) {
	c.serves(in.Request)
	ops, err := in.SCIM()
	if err != nil {
		return nil, problemOf(err)
	}
	g, err := c.dir.ApplyGroup(c.ctx, id, in.IfMatch, ops, scim.Projection{WithMembers: in.WithMembers})
	return &g, problemOf(err)
}

// EndGroup ends a group.
func (c *Call) EndGroup(id string, in Ending) error {
	c.serves(in.Request)
	return problemOf(c.dir.DeleteGroup(c.ctx, id, in.IfMatch))
}

// Notice keeps the event of a request that changed nothing.
func (c *Call) Notice(in Notice) error {
	c.serves(in.Request)
	if in.Recorded != "" {
		c.session.mark(in.Request.ID, in.Recorded == wire.Whole)
	}
	err := c.dir.svc.View(c.ctx, c.session.caller, func(s *object.Scope) error { return s.Require(c.ctx, vocabulary.DirectoryWrite) })
	if err != nil {
		return err
	}
	c.dir.Observe(c.ctx, in.SCIM())
	return nil
}

// problemOf turns an answer of the protocol into a problem: its status, its text, and
// its scimType as the code of the one error. internal/bridge turns it back.
func problemOf(err error) error {
	var f *scim.Error
	if !errors.As(err, &f) {
		return err
	}
	code := map[int]api.Code{
		http.StatusBadRequest: api.CodeMalformed, http.StatusUnauthorized: api.CodeUnauthenticated, http.StatusForbidden: api.CodeForbidden,
		http.StatusNotFound: api.CodeNotFound, http.StatusConflict: api.CodeConflict, http.StatusPreconditionFailed: api.CodePreconditionFailed,
		http.StatusRequestEntityTooLarge: api.CodeTooLarge, http.StatusTooManyRequests: api.CodeRateLimited,
	}[f.Status]
	if code == "" {
		code = api.CodeInternal
	}
	p := api.NewProblem(code, "%s", f.Detail)
	p.Status = f.Status
	if f.Kind != "" {
		p.Errors = []api.Violation{{Code: string(f.Kind), Message: f.Detail}}
	}
	return p
}
