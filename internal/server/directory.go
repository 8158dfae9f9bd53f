package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
)

// routeDirectory serves the directory of a provisioning connection to a SCIM server that
// runs apart from the control plane (gatehouse scim --api). The workspace is the one of
// the SCIM token, which that server forwards: nobody can name another.
func (s *Server) routeDirectory() {
	const base = "/v1/directory"
	dir := directory.New(s.Service)
	read := func(method, path, id, summary string, in any, out any, params []*huma.Param, f func(*request, *directory.Call) (any, error)) {
		o := operation{method: method, path: base + path, id: id, summary: summary, permission: vocabulary.DirectoryRead, params: params, out: s.schemaOf(out), connections: true}
		if in != nil {
			o.in = s.schemaOf(in)
		}
		s.route(o, s.called(dir, http.StatusOK, f))
	}
	write := func(method, path, id, summary string, status int, in any, out any, f func(*request, *directory.Call) (any, error)) {
		o := operation{method: method, path: base + path, id: id, summary: summary, permission: vocabulary.DirectoryWrite, in: s.schemaOf(in), status: status, connections: true}
		if out != nil {
			o.out = s.schemaOf(out)
		}
		s.route(o, s.called(dir, status, f))
	}
	read(http.MethodGet, "", "directory_connection", "The connection that a SCIM token speaks for", nil, directory.Connection{}, nil,
		func(_ *request, c *directory.Call) (any, error) { return c.Connection() })
	read(http.MethodPost, "/users/query", "query_directory_users", "A page of the people of a connection", directory.Query{}, directory.UserPage{}, nil,
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(q directory.Query) (any, error) { return c.Users(q) })
		})
	read(http.MethodPost, "/groups/query", "query_directory_groups", "A page of the groups of a connection", directory.Query{}, directory.GroupPage{}, nil,
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(q directory.Query) (any, error) { return c.Groups(q) })
		})
	read(http.MethodGet, "/users/{ref}", "get_directory_user", "A person of a connection", nil, directory.User{}, []*huma.Param{query("with_groups", "true: with the groups that hold the person.")},
		func(r *request, c *directory.Call) (any, error) {
			return c.User(r.Param("ref"), r.Query("with_groups") == "true")
		})
	read(http.MethodGet, "/groups/{ref}", "get_directory_group", "A group of a connection", nil, directory.Group{}, []*huma.Param{query("with_members", "true: with its members.")},
		func(r *request, c *directory.Call) (any, error) {
			return c.Group(r.Param("ref"), r.Query("with_members") == "true")
		})
	write(http.MethodPost, "/users", "create_directory_user", "A person joins", http.StatusCreated, directory.UserWrite{}, directory.User{},
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.UserWrite) (any, error) { return c.CreateUser(w) })
		})
	write(http.MethodPut, "/users/{ref}", "replace_directory_user", "A person changes, or leaves by becoming inactive", http.StatusOK, directory.UserWrite{}, directory.User{},
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.UserWrite) (any, error) { return c.ReplaceUser(r.Param("ref"), w) })
		})
	write(http.MethodPost, "/users/{ref}/end", "end_directory_user", "A person leaves", http.StatusNoContent, directory.Ending{}, nil,
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.Ending) (any, error) { return nil, c.EndUser(r.Param("ref"), w) })
		})
	write(http.MethodPost, "/groups", "create_directory_group", "A group comes", http.StatusCreated, directory.GroupWrite{}, directory.Group{},
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.GroupWrite) (any, error) { return c.CreateGroup(w) })
		})
	write(http.MethodPost, "/groups/{ref}/changes", "change_directory_group", "A group changes, all operations or none", http.StatusOK, directory.GroupChanges{}, directory.Group{},
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.GroupChanges) (any, error) { return c.ChangeGroup(r.Param("ref"), w) })
		})
	write(http.MethodPost, "/groups/{ref}/end", "end_directory_group", "A group goes", http.StatusNoContent, directory.Ending{}, nil,
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(w directory.Ending) (any, error) { return nil, c.EndGroup(r.Param("ref"), w) })
		})
	write(http.MethodPost, "/notices", "note_directory_request", "A request of the identity provider changed nothing", http.StatusNoContent, directory.Notice{}, nil,
		func(r *request, c *directory.Call) (any, error) {
			return with(r, func(n directory.Notice) (any, error) { return nil, c.Notice(n) })
		})
}

// called runs one call of the directory. Its answer, and a refusal as well, says whether
// the event of the request is kept already.
func (s *Server) called(dir *directory.Directory, status int, f func(*request, *directory.Call) (any, error)) func(*request) (*answer, error) {
	return func(r *request) (*answer, error) {
		call, err := dir.Call(r.ctx(), r.caller)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"with_groups", "with_members"} {
			if v := r.Query(name); v != "" && v != "true" && v != "false" {
				return nil, api.NewProblem(api.CodeMalformed, "%s is %q; write true or false.", name, clip(v, 100))
			}
		}
		out, err := f(r, call)
		if recorded := call.Recorded(); recorded != "" {
			r.SetHeader(directory.RecordedHeader, recorded)
		}
		if err != nil {
			return nil, err
		}
		if status == http.StatusNoContent {
			return &answer{status: status}, nil
		}
		return &answer{status: status, body: out}, nil
	}
}

// with reads the body of a call.
func with[T any](r *request, f func(T) (any, error)) (any, error) {
	var in T
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	return f(in)
}
