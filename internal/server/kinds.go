package server

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// routeKinds gives every declared kind its routes; there are no others for a kind.
func (s *Server) routeKinds() {
	for _, k := range api.Kinds() {
		if !object.Registered(k) || k == api.WorkspaceKind {
			continue
		}
		base := "/v1/workspaces/{workspace}/" + k.Plural
		if k.Singleton {
			s.routeObject(k, "/v1/workspaces/{workspace}/"+k.Name)
			continue
		}
		s.routeCollection(k, base)
		s.routeObject(k, base+"/{ref}")
	}
}

var writeParams = []*huma.Param{
	query("dry_run", "true runs everything and keeps nothing."),
	header("If-Match", "Only when the object's ETag is this one."),
	header("If-None-Match", "* only makes the object and changes none that exists."),
	header("Gatehouse-Stack", "Terraform stack that writes; it becomes the owner."),
	header("Gatehouse-Adopt", "true takes over what exists and no code owns."),
	header("Gatehouse-Reason", "Why a code-owned object is edited by hand."),
	header("Gatehouse-Change-Context", "JSON: commit, pull_request, run_url, author, approver."),
}

func query(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: "string"}}
}

func header(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: doc, Schema: &huma.Schema{Type: "string"}}
}

func (s *Server) routeCollection(k *api.Kind, path string) {
	schema := s.kindSchema(k)
	params := pageParams()
	var filters []string
	for _, f := range k.Fields() {
		if f.Filter {
			filters = append(filters, f.Name)
			params = append(params, query(f.Name, "Only objects whose "+f.Name+" is this."))
		}
	}
	s.route(operation{method: http.MethodGet, path: path, id: "list_" + k.Plural, summary: "List " + k.Plural, permission: k.ReadPermission(), params: params, out: pageOf(schema)},
		func(r *request) (*answer, error) {
			filter := map[string]string{}
			for _, name := range filters {
				if v := r.Query(name); v != "" {
					filter[name] = v
				}
			}
			limit, err := limitOf(r.Query("limit"))
			if err != nil {
				return nil, err
			}
			page, err := s.Service.List(r.ctx(), r.caller, k, filter, r.Query("cursor"), limit)
			if err != nil {
				return nil, err
			}
			return ok(page), nil
		})
	s.route(operation{method: http.MethodPost, path: path, id: "create_" + k.Name, summary: "Create: " + k.Doc, permission: k.WritePermission(), status: http.StatusCreated,
		params: append([]*huma.Param{header("Idempotency-Key", "Repeating a request with the same key repeats the answer, not the change.")}, writeParams...), in: schema, out: schema},
		func(r *request) (*answer, error) {
			options, err := r.writeOptions()
			if err != nil {
				return nil, err
			}
			doc, err := r.body()
			if err != nil {
				return nil, err
			}
			res, err := s.Service.Create(r.ctx(), r.caller, k, doc, options)
			if err != nil {
				return nil, err
			}
			return written(res), nil
		})
}

func (s *Server) routeObject(k *api.Kind, path string) {
	schema := s.kindSchema(k)
	s.route(operation{method: http.MethodGet, path: path, id: "get_" + k.Name, summary: k.Doc, permission: k.ReadPermission(), params: []*huma.Param{header("If-None-Match", "304 when the object's ETag is this one.")}, out: schema},
		func(r *request) (*answer, error) {
			obj, err := s.read(r, k)
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusOK, body: obj, etag: obj.GetMeta().ETag}, nil
		})
	s.route(operation{method: http.MethodPut, path: path, id: "put_" + k.Name, summary: "Set: " + k.Doc, permission: k.WritePermission(), params: writeParams, in: schema, out: schema, mayCreate: true},
		func(r *request) (*answer, error) {
			options, err := r.writeOptions()
			if err != nil {
				return nil, err
			}
			doc, err := r.body()
			if err != nil {
				return nil, err
			}
			res, err := s.Service.Put(r.ctx(), r.caller, k, refOf(k, r), doc, options)
			if err != nil {
				return nil, err
			}
			return written(res), nil
		})
	s.route(operation{method: http.MethodDelete, path: path, id: "delete_" + k.Name, summary: "Destroy (" + string(k.Destroy) + "): " + k.Doc, permission: k.WritePermission(), params: writeParams, status: http.StatusNoContent},
		func(r *request) (*answer, error) {
			options, err := r.writeOptions()
			if err != nil {
				return nil, err
			}
			if err := s.Service.Delete(r.ctx(), r.caller, k, refOf(k, r), options); err != nil {
				return nil, err
			}
			return &answer{status: http.StatusNoContent}, nil
		})
}

func (s *Server) read(r *request, k *api.Kind) (api.Object, error) {
	if k == api.WorkspaceKind && r.caller.Kind == object.PrincipalOperator {
		return s.workspaceForOperator(r)
	}
	return s.Service.Get(r.ctx(), r.caller, k, refOf(k, r))
}

func refOf(k *api.Kind, r *request) string {
	if k.Singleton {
		return k.Name
	}
	// net/http has unescaped the segment, once: keys may hold % themselves.
	return r.Param("ref")
}

func written(res *object.Result) *answer {
	a := &answer{status: http.StatusOK, body: res.Object, etag: res.Object.GetMeta().ETag}
	if res.Created {
		a.status = http.StatusCreated
	}
	return a
}

func pageParams() []*huma.Param {
	return []*huma.Param{query("cursor", "next_cursor of the page before."), query("limit", "Objects per page, at most "+strconv.Itoa(api.MaxPageSize)+".")}
}

// pageThrough answers a page of a list that is whole in memory; all of it when no
// limit is given.
func pageThrough[T any](r *request, all []T) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	from := 0
	if c := r.Query("cursor"); c != "" {
		if from, err = strconv.Atoi(c); err != nil || from < 1 || from > len(all) {
			return nil, api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
		}
	}
	page := api.Page[T]{Items: append([]T{}, all[from:]...)}
	if limit > 0 && len(page.Items) > limit {
		page.Items, page.NextCursor = page.Items[:limit], strconv.Itoa(from+limit)
	}
	return ok(page), nil
}

func limitOf(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > api.MaxPageSize {
		return 0, api.NewProblem(api.CodeMalformed, "limit is %q; write a number from 1 to %d.", clip(s, 100), api.MaxPageSize)
	}
	return n, nil
}
