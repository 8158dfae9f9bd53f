package server

import (
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// authzenSearch is a search request (section 8). The page's token is the specified
// name; drafts called it next_token.
type authzenSearch struct {
	authzenQuestion
	Page struct {
		Token     string `json:"token"`
		NextToken string `json:"next_token"`
		Limit     int    `json:"limit"`
	} `json:"page"`
}

type authzenResults struct {
	Page    authzenPage `json:"page"`
	Results any         `json:"results"`
}

type authzenPage struct {
	// NextToken is empty on the last page.
	NextToken string `json:"next_token"`
	Count     int    `json:"count"`
}

func (q *authzenSearch) page() (cursor string, limit int, err error) {
	if q.Page.Limit < 0 || q.Page.Limit > api.MaxPageSize {
		return "", 0, api.NewProblem(api.CodeMalformed, "page.limit is %d; write a number from 1 to %d.", q.Page.Limit, api.MaxPageSize)
	}
	if cursor = q.Page.Token; cursor == "" {
		cursor = q.Page.NextToken
	}
	return cursor, q.Page.Limit, nil
}

func (s *Server) authzenSearchSubject(r *request) (*answer, error) {
	var q authzenSearch
	out := authzenResults{}
	err := s.authzen(r, &q, func(scope *object.Scope) error {
		if q.Subject == nil || q.Subject.Type == "" {
			return missingEntity("subject.type", "member, service_account, email or viewer")
		}
		kind := kindOfSubject(q.Subject.Type)
		if !slices.Contains([]string{"member", "service_account", "email", "viewer"}, kind) {
			return api.NewProblem(api.CodeMalformed, "There is no subject type %q to search for; write member, service_account, email or viewer.", clip(kind, 100))
		}
		if q.Action == nil || q.Action.Name == "" {
			return missingEntity("action.name", "a permission, e.g. asset.read")
		}
		item, why, err := q.item(r, scope)
		if err != nil {
			return err
		}
		found := []authzenSubject{}
		out.Results = found
		if why != "" {
			return nil
		}
		ask := inquiry.Who{Permission: q.Action.Name, Kind: kind}
		if item != nil {
			ask.Resource = item.Path
		}
		if ask.Request, err = q.circumstances(scope); err != nil {
			return err
		}
		cursor, limit, err := q.page()
		if err != nil {
			return err
		}
		page, err := inquiry.WhoCan(r.ctx(), scope, ask, cursor, limit)
		if err != nil {
			return err
		}
		for _, h := range page.Items {
			_, id, _ := strings.Cut(h.Principal, ":")
			found = append(found, authzenSubject{q.Subject.Type, id})
		}
		out = authzenResults{authzenPage{page.NextCursor, len(found)}, found}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) authzenSearchResource(r *request) (*answer, error) {
	var q authzenSearch
	var out authzenResults
	err := s.authzen(r, &q, func(scope *object.Scope) error {
		principal, err := q.principal()
		if err != nil {
			return err
		}
		if q.Action == nil || q.Action.Name == "" {
			return missingEntity("action.name", "a permission, e.g. asset.read")
		}
		if q.Resource == nil || q.Resource.Type == "" {
			return missingEntity("resource.type", "item, or a kind of item")
		}
		if !slices.Contains(itemTypes, q.Resource.Type) {
			return unknownType(q.Resource.Type)
		}
		ask := inquiry.What{Principal: principal, Permission: q.Action.Name}
		if q.Resource.Type != "item" {
			ask.Kind = q.Resource.Type
		}
		if ask.Request, err = q.circumstances(scope); err != nil {
			return err
		}
		cursor, limit, err := q.page()
		if err != nil {
			return err
		}
		page, err := inquiry.Items(r.ctx(), scope, ask, cursor, limit)
		if err != nil {
			return err
		}
		found := make([]authzenResource, 0, len(page.Items))
		for _, i := range page.Items {
			found = append(found, authzenResource{q.Resource.Type, i.Path})
		}
		out = authzenResults{authzenPage{page.NextCursor, len(found)}, found}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) authzenSearchAction(r *request) (*answer, error) {
	var q authzenSearch
	var out authzenResults
	err := s.authzen(r, &q, func(scope *object.Scope) error {
		subject, err := q.subject(r, scope)
		if err != nil {
			return err
		}
		item, why, err := q.item(r, scope)
		if err != nil {
			return err
		}
		rc, err := q.circumstances(scope)
		if err != nil {
			return err
		}
		var names []string
		switch {
		case why != "":
		case item == nil:
			names = scope.Engine().WorkspacePermissions(subject, &rc)
		default:
			names = scope.Engine().Permissions(subject, item, &rc)
		}
		found := make([]authzenAction, 0, len(names))
		for _, name := range names {
			found = append(found, authzenAction{name})
		}
		out = authzenResults{authzenPage{"", len(found)}, found} // the catalogue fits in a page
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}
