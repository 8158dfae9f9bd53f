package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// The OpenID AuthZEN Authorization API 1.0, for applications that ask what their
// users may do. The workspace is the token's; the token needs access.explain. The
// paths are the specification's, so they stand beside the API and not in its
// document; errors are problems as everywhere else.
const (
	authzenBase      = "/access/v1/"
	authzenMetadata  = "/.well-known/authzen-configuration"
	authzenRequestID = "X-Request-ID"
	maxEvaluations   = 500
)

// authzenSubject is who (section 5.1). type is a kind of principal, or user, which
// is another word for member.
type authzenSubject struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
}

// authzenResource is what (section 5.2). type is item, a kind of item, or workspace.
type authzenResource struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
}

// authzenAction is a permission (section 5.3).
type authzenAction struct {
	Name string `json:"name"`
}

// authzenContext holds the circumstances that we know; others are ignored.
type authzenContext = checkContext

// authzenQuestion is an evaluation request, or one of several (sections 6 and 7).
type authzenQuestion struct {
	Subject  *authzenSubject  `json:"subject,omitempty"`
	Resource *authzenResource `json:"resource,omitempty"`
	Action   *authzenAction   `json:"action,omitempty"`
	Context  *authzenContext  `json:"context,omitempty"`
}

type authzenQuestions struct {
	authzenQuestion
	Evaluations []authzenQuestion `json:"evaluations"`
	Options     struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
}

type authzenDecision struct {
	Decision bool                `json:"decision"`
	Context  *authzenExplanation `json:"context,omitempty"`
}

type authzenExplanation struct {
	Level   string          `json:"level,omitempty"`
	Reasons []access.Reason `json:"reasons,omitempty"`
	Error   *authzenError   `json:"error,omitempty"`
}

type authzenError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

type authzenDecisions struct {
	Evaluations []authzenDecision `json:"evaluations"`
}

// The semantics of several evaluations (section 7.1.2.1).
const (
	executeAll          = "execute_all"
	denyOnFirstDeny     = "deny_on_first_deny"
	permitOnFirstPermit = "permit_on_first_permit"
)

func (s *Server) routeAuthZEN() {
	for path, handle := range map[string]func(*request) (*answer, error){
		"evaluation":      s.authzenEvaluate,
		"evaluations":     s.authzenEvaluateAll,
		"search/subject":  s.authzenSearchSubject,
		"search/resource": s.authzenSearchResource,
		"search/action":   s.authzenSearchAction,
	} {
		op := &huma.Operation{Method: http.MethodPost, Path: authzenBase + path}
		s.mux.HandleFunc(http.MethodPost+" "+authzenBase+path, func(w http.ResponseWriter, r *http.Request) {
			if id := r.Header.Get(authzenRequestID); id != "" && printable(id, maxIdempotencyKey) {
				w.Header().Set(authzenRequestID, id) // section 10.1.3
			}
			s.serve(humago.NewContext(op, r, w), operation{}, nil, handle)
		})
	}
	s.mux.HandleFunc("GET "+authzenMetadata, s.serveAuthZENMetadata)
}

// serveAuthZENMetadata answers what there is (section 9). It is the same for everybody.
func (s *Server) serveAuthZENMetadata(w http.ResponseWriter, _ *http.Request) {
	base := strings.TrimSuffix(s.BaseURL, "/")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + authzenBase + "evaluation",
		"access_evaluations_endpoint": base + authzenBase + "evaluations",
		"search_subject_endpoint":     base + authzenBase + "search/subject",
		"search_resource_endpoint":    base + authzenBase + "search/resource",
		"search_action_endpoint":      base + authzenBase + "search/action",
	})
}

// authzen runs f in a scope of the token's workspace, if the token may ask.
func (s *Server) authzen(r *request, into any, f func(*object.Scope) error) error {
	if r.caller.WorkspaceID == "" {
		return api.NewProblem(api.CodeForbidden, "This token belongs to no workspace. Use an API token of the workspace that the application asks about.")
	}
	raw, err := r.body()
	if err != nil {
		return err
	}
	return asMalformed(s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := scope.Require(r.ctx(), vocabulary.AccessExplain); err != nil {
			return err
		}
		if err := decodeLoosely(raw, into); err != nil {
			return err
		}
		return f(scope)
	}))
}

// decodeLoosely reads a body that may say more than we understand, as the
// specification allows for properties and context.
func decodeLoosely(raw []byte, into any) error {
	if !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		return api.NewProblem(api.CodeMalformed, "The body is not a JSON object.")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return api.NewProblem(api.CodeMalformed, "The body cannot be read: %s.", readingError(err))
	}
	return nil
}

func (s *Server) authzenEvaluate(r *request) (*answer, error) {
	var out authzenDecision
	var q authzenQuestion
	err := s.authzen(r, &q, func(scope *object.Scope) (err error) {
		out, err = q.decide(r, scope)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) authzenEvaluateAll(r *request) (*answer, error) {
	var q authzenQuestions
	var one authzenDecision
	out := authzenDecisions{Evaluations: []authzenDecision{}}
	err := s.authzen(r, &q, func(scope *object.Scope) (err error) {
		switch q.Options.Semantic {
		case "", executeAll, denyOnFirstDeny, permitOnFirstPermit:
		default:
			return api.NewProblem(api.CodeMalformed, "evaluations_semantic is %q; write %s, %s or %s.", clip(q.Options.Semantic, 100), executeAll, denyOnFirstDeny, permitOnFirstPermit)
		}
		if len(q.Evaluations) > maxEvaluations {
			return api.NewProblem(api.CodeTooLarge, "There are %d evaluations; send at most %d at once.", len(q.Evaluations), maxEvaluations)
		}
		if len(q.Evaluations) == 0 {
			one, err = q.decide(r, scope)
			return err
		}
		for i := range q.Evaluations {
			d, err := q.Evaluations[i].with(&q.authzenQuestion).decide(r, scope)
			var p *api.Problem
			if errors.As(asMalformed(err), &p) {
				d, err = authzenDecision{Context: &authzenExplanation{Error: &authzenError{p.Status, p.Detail}}}, nil
			}
			if err != nil {
				return err
			}
			out.Evaluations = append(out.Evaluations, d)
			if q.Options.Semantic == denyOnFirstDeny && !d.Decision || q.Options.Semantic == permitOnFirstPermit && d.Decision {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(q.Evaluations) == 0 { // then it is a single evaluation (section 7.1)
		return ok(one), nil
	}
	return ok(out), nil
}

// with takes what the question leaves out from the defaults (section 7.1.1).
func (q *authzenQuestion) with(defaults *authzenQuestion) *authzenQuestion {
	out := *q
	if out.Subject == nil {
		out.Subject = defaults.Subject
	}
	if out.Resource == nil {
		out.Resource = defaults.Resource
	}
	if out.Action == nil {
		out.Action = defaults.Action
	}
	if out.Context == nil {
		out.Context = defaults.Context
	}
	return &out
}

// decide answers one question. What does not exist is a denial with a reason; what
// is not a question is a problem.
func (q *authzenQuestion) decide(r *request, scope *object.Scope) (authzenDecision, error) {
	var out authzenDecision
	subject, err := q.subject(r, scope)
	if err != nil {
		return out, err
	}
	if q.Action == nil || q.Action.Name == "" {
		return out, missingEntity("action.name", "a permission, e.g. asset.read")
	}
	item, why, err := q.item(r, scope)
	if err != nil {
		return out, err
	}
	rc, err := q.circumstances(scope)
	if err != nil {
		return out, err
	}
	switch {
	case why != "":
		out.Context = &authzenExplanation{Reasons: []access.Reason{{Kind: access.ReasonMissing, Text: why}}}
		return out, nil
	case item == nil:
		d := scope.Engine().CheckWorkspace(subject, q.Action.Name, &rc)
		return authzenDecision{d.Allowed, &authzenExplanation{Reasons: d.Reasons}}, nil
	}
	d := scope.Engine().Check(subject, item, q.Action.Name, &rc)
	scope.Decided(subject, item, d)
	return authzenDecision{d.Allowed, &authzenExplanation{Level: d.Level.String(), Reasons: d.Reasons}}, nil
}

func missingEntity(name, example string) *api.Problem {
	return api.NewProblem(api.CodeMalformed, "%s is missing: write %s.", name, example)
}

// kindOfSubject is the kind of principal that a subject type means.
func kindOfSubject(kind string) string {
	if kind == "user" {
		return object.PrincipalMember
	}
	return kind
}

func (q *authzenQuestion) principal() (string, error) {
	if q.Subject == nil || q.Subject.Type == "" || q.Subject.ID == "" {
		return "", missingEntity("subject", `its type and id, e.g. {"type": "member", "id": "ann@example.com"}`)
	}
	p, err := vocabulary.NewPrincipal(vocabulary.PrincipalKind(kindOfSubject(q.Subject.Type)), q.Subject.ID)
	if err != nil {
		return "", api.NewProblem(api.CodeMalformed, "The subject is not a principal: %v.", err)
	}
	return p.String(), nil
}

func (q *authzenQuestion) subject(r *request, scope *object.Scope) (*access.Subject, error) {
	principal, err := q.principal()
	if err != nil {
		return nil, err
	}
	return subjectIn(r, scope, principal, q.Context)
}

// itemTypes are the resource types that are items.
var itemTypes = []string{"item", access.ItemProject, access.ItemFolder, access.ItemCollection, access.ItemAsset}

// item finds what the resource names: an item, or nil for the workspace. why says
// that there is no such item of the type.
func (q *authzenQuestion) item(r *request, scope *object.Scope) (item *access.Item, why string, err error) {
	if q.Resource == nil || q.Resource.Type == "" || q.Resource.ID == "" {
		return nil, "", missingEntity("resource", `its type and id, e.g. {"type": "item", "id": "/campaigns"}`)
	}
	switch {
	case q.Resource.Type == "workspace":
		if q.Resource.ID != scope.WorkspaceID && !strings.EqualFold(q.Resource.ID, scope.Slug) {
			return nil, "", object.NotFound(api.WorkspaceKind.Name, clip(q.Resource.ID, 100))
		}
		return nil, "", nil
	case !slices.Contains(itemTypes, q.Resource.Type):
		return nil, "", unknownType(q.Resource.Type)
	}
	if item, err = scope.Item(r.ctx(), q.Resource.ID); err != nil {
		return nil, "", err
	}
	if q.Resource.Type != "item" && q.Resource.Type != item.Kind {
		return nil, "there is no " + q.Resource.Type + " at " + item.Path, nil
	}
	return item, "", nil
}

func unknownType(name string) *api.Problem {
	return api.NewProblem(api.CodeMalformed, "There is no resource type %q; write workspace, %s.", clip(name, 100), strings.Join(itemTypes, ", "))
}

func (q *authzenQuestion) circumstances(scope *object.Scope) (access.RequestContext, error) {
	return (&checkRequest{Context: q.Context}).context(scope.Now)
}

// asMalformed answers an unusable attribute with 400, the only status that the
// specification has for it (section 10.1.2).
func asMalformed(err error) error {
	var p *api.Problem
	if !errors.As(err, &p) || p.Code() != api.CodeInvalid {
		return err
	}
	text := p.Detail
	for _, v := range p.Errors {
		text = strings.TrimPrefix(v.Path, "/") + ": " + v.Message + "."
	}
	return api.NewProblem(api.CodeMalformed, "%s", text)
}
