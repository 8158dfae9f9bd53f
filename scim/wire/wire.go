package wire

import (
	"encoding/json"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Request is the SCIM request that a call serves, for the log of events.
type Request struct {
	ID      string          `json:"id" maxLength:"64" doc:"Id that the answer carries in X-Request-Id."`
	Parent  string          `json:"parent,omitempty" maxLength:"64" doc:"Id of the bulk request that held this operation."`
	Time    time.Time       `json:"time" doc:"When it was received (RFC 3339, UTC)."`
	Method  string          `json:"method" maxLength:"20" doc:"HTTP method."`
	Path    string          `json:"path" maxLength:"4096" doc:"Path below the base URL."`
	Query   string          `json:"query,omitempty" maxLength:"4096" doc:"Query string."`
	Body    json.RawMessage `json:"body,omitempty" doc:"Body of a write, passwords redacted."`
	Ignored []string        `json:"ignored,omitempty" maxItems:"64" doc:"What the client sent in vain."`
}

// RequestOf writes a request.
func RequestOf(r scim.Request, ignored []string) Request {
	out := Request{ID: r.ID, Parent: r.Parent, Time: r.Time, Method: r.Method, Path: r.Path, Query: r.Query, Ignored: ignored}
	if json.Valid(r.Body) {
		out.Body = r.Body
	}
	return out
}

// SCIM reads a request.
func (r Request) SCIM() scim.Request {
	return scim.Request{ID: r.ID, Parent: r.Parent, Time: r.Time, Method: r.Method, Path: r.Path, Query: r.Query, Body: r.Body}
}

// Query asks for a page of users or groups.
type Query struct {
	Filter      *filter.Tree `json:"filter,omitempty" doc:"Which ones; absent for all."`
	SortBy      string       `json:"sort_by,omitempty" doc:"Attribute to sort by."`
	Descending  bool         `json:"descending,omitempty"`
	StartIndex  int          `json:"start_index,omitempty" doc:"First resource of the page, from 1."`
	Count       int          `json:"count,omitempty" minimum:"0" maximum:"1000" doc:"Resources on the page; 0 asks for the total alone."`
	ByCursor    bool         `json:"by_cursor,omitempty" doc:"Page by cursor (RFC 9865)."`
	Cursor      string       `json:"cursor,omitempty" maxLength:"4096" doc:"next of the page before; absent for the first."`
	WithMembers bool         `json:"with_members,omitempty"`
	WithGroups  bool         `json:"with_groups,omitempty"`
}

// QueryOf writes a query.
func QueryOf(q scim.Query) Query {
	return Query{Filter: filter.TreeOf(q.Filter), SortBy: q.SortBy.String(), Descending: q.Descending, StartIndex: q.StartIndex, Count: q.Count,
		ByCursor: q.ByCursor, Cursor: q.Cursor, WithMembers: q.WithMembers, WithGroups: q.WithGroups}
}

// maxCount is the largest page, as the server's default limits have it.
const maxCount = 1000

// SCIM reads a query on a resource type. Across types, what the type does not have has
// become a constant already.
func (q Query) SCIM(r *schema.Resource) (scim.Query, error) {
	out := scim.Query{Descending: q.Descending, StartIndex: max(q.StartIndex, 1), Count: min(max(q.Count, 0), maxCount), ByCursor: q.ByCursor, Cursor: q.Cursor,
		Projection: scim.Projection{WithMembers: q.WithMembers, WithGroups: q.WithGroups}}
	n, err := q.Filter.Node()
	if err != nil {
		return out, err
	}
	if n != nil {
		if out.Filter, err = filter.Resolve(n, r); err != nil {
			return out, err
		}
	}
	if q.SortBy == "" {
		return out, nil
	}
	path, ok := filter.ParseName(q.SortBy)
	at, found := filter.Locate(r, path)
	if !ok || !found || at.Attribute == nil || at.Attribute.Returned == schema.Never || at.Sub == nil && at.Attribute.Type == schema.Complex {
		return out, scim.Invalid("%s cannot be sorted by %q", r.Name, q.SortBy)
	}
	out.SortBy = at.Path
	return out, nil
}

// Page is a page of users or groups.
type Page[T any] struct {
	Resources []T    `json:"resources" nullable:"false"`
	Total     int    `json:"total" doc:"Every match, on all pages."`
	Next      string `json:"next,omitempty" doc:"Cursor of the next page."`
	Previous  string `json:"previous,omitempty" doc:"Cursor of the page before."`
}

// PageOf writes a page.
func PageOf[T any](p scim.Page[T]) Page[T] {
	if p.Resources == nil {
		p.Resources = []T{}
	}
	return Page[T](p)
}

// UserWrite creates a user or, with a version, replaces what one says.
type UserWrite struct {
	Request    Request   `json:"request"`
	User       scim.User `json:"user"`
	IfMatch    []string  `json:"if_match,omitempty" maxItems:"100" doc:"Versions that may be replaced; absent for any."`
	WithGroups bool      `json:"with_groups,omitempty"`
}

// GroupWrite creates a group.
type GroupWrite struct {
	Request Request    `json:"request"`
	Group   scim.Group `json:"group"`
}

// GroupChanges changes a group, all operations or none.
type GroupChanges struct {
	Request     Request       `json:"request"`
	IfMatch     []string      `json:"if_match,omitempty" maxItems:"100"`
	Operations  []GroupChange `json:"operations" maxItems:"5000" nullable:"false"`
	WithMembers bool          `json:"with_members,omitempty"`
}

// GroupChange is one change of a group.
type GroupChange struct {
	Op      string        `json:"op" enum:"set_display_name,set_external_id,add_members,remove_members,replace_members,remove_all_members"`
	Text    string        `json:"text,omitempty"`
	Members []scim.Member `json:"members,omitempty"`
}

var kinds = map[scim.GroupOpKind]string{
	scim.SetDisplayName: "set_display_name", scim.SetExternalID: "set_external_id", scim.AddMembers: "add_members",
	scim.RemoveMembers: "remove_members", scim.ReplaceMembers: "replace_members", scim.RemoveAllMembers: "remove_all_members",
}

// ChangesOf writes the changes of a group.
func ChangesOf(ops []scim.GroupOp) []GroupChange {
	out := make([]GroupChange, len(ops))
	for i, o := range ops {
		out[i] = GroupChange{Op: kinds[o.Kind], Text: o.Text, Members: o.Members}
	}
	return out
}

// SCIM reads the changes of a group.
func (c GroupChanges) SCIM() ([]scim.GroupOp, error) {
	out := make([]scim.GroupOp, len(c.Operations))
	for i, o := range c.Operations {
		op := scim.GroupOp{Text: o.Text, Members: o.Members}
		for kind, name := range kinds {
			if name == o.Op {
				op.Kind = kind
			}
		}
		var err error
		if out[i], err = op.Normalise(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Ending ends a user or a group.
type Ending struct {
	Request Request  `json:"request"`
	IfMatch []string `json:"if_match,omitempty" maxItems:"100"`
}

// Connection is who a SCIM token speaks for.
type Connection struct {
	Workspace  string `json:"workspace" doc:"Id of the workspace."`
	Connection string `json:"connection" doc:"Name of the provisioning connection."`
}

// Notice is a request that changed nothing, or more about one that did.
type Notice struct {
	Request      Request `json:"request"`
	ResourceType string  `json:"resource_type,omitempty" maxLength:"40"`
	ResourceID   string  `json:"resource_id,omitempty" maxLength:"256"`
	Status       int     `json:"status" doc:"HTTP status of the answer."`
	Kind         string  `json:"kind,omitempty" maxLength:"40" doc:"scimType of an error."`
	Detail       string  `json:"detail,omitempty" maxLength:"2000" doc:"What the client was told."`
	Recorded     string  `json:"recorded,omitempty" enum:"whole,partly" doc:"Whether the change left its event already: whole, or without what was ignored."`
}

// NoticeOf writes an event.
func NoticeOf(e scim.Event, recorded string) Notice {
	return Notice{Request: RequestOf(e.Request, e.Ignored), ResourceType: e.ResourceType, ResourceID: e.ResourceID, Status: e.Status, Kind: string(e.Kind), Detail: e.Detail, Recorded: recorded}
}

// SCIM reads an event.
func (n Notice) SCIM() scim.Event {
	return scim.Event{Request: n.Request.SCIM(), ResourceType: n.ResourceType, ResourceID: n.ResourceID, Status: n.Status, Kind: scim.Kind(n.Kind), Detail: n.Detail, Ignored: n.Request.Ignored}
}

// Recorded is the header in which an answer says whether the change left its event:
// whole, or partly where what was ignored is still to be told.
const Recorded = "Gatehouse-Recorded"

// The values of Recorded.
const (
	Whole  = "whole"
	Partly = "partly"
)
