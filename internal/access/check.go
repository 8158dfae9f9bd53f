package access

import (
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// question is one thing to decide.
type question struct {
	subject    *Subject
	item       *Item // nil for workspace permissions
	team       string
	permission string
	request    *RequestContext
	trace      *trace
}

// Check decides whether the subject may use an item permission on the item.
func (e *Engine) Check(s *Subject, item *Item, permission string, rc *RequestContext) Decision {
	if item == nil {
		return refusal(permission, "no item was given")
	}
	return e.decide(question{subject: s, item: item, permission: permission, request: rc})
}

// CheckWorkspace decides whether the subject may use a workspace permission.
func (e *Engine) CheckWorkspace(s *Subject, permission string, rc *RequestContext) Decision {
	return e.decide(question{subject: s, permission: permission, request: rc})
}

// CheckTeam decides whether the subject may use a workspace permission on one
// team: team admins look after the membership of their own team (C018).
func (e *Engine) CheckTeam(s *Subject, team, permission string, rc *RequestContext) Decision {
	return e.decide(question{subject: s, team: team, permission: permission, request: rc})
}

// Permissions lists, sorted, everything that the subject may do on the item.
func (e *Engine) Permissions(s *Subject, item *Item, rc *RequestContext) []string {
	var names []string
	for _, p := range vocabulary.Permissions() {
		if p.Scope == vocabulary.ScopeItem && e.Check(s, item, p.Name, rc).Allowed {
			names = append(names, p.Name)
		}
	}
	return names
}

// WorkspacePermissions lists, sorted, the workspace permissions of the subject.
func (e *Engine) WorkspacePermissions(s *Subject, rc *RequestContext) []string {
	var names []string
	for _, p := range vocabulary.Permissions() {
		if p.Scope == vocabulary.ScopeWorkspace && e.CheckWorkspace(s, p.Name, rc).Allowed {
			names = append(names, p.Name)
		}
	}
	return names
}

// EffectiveLevel is the level that the tree gives the subject on the item, with
// the ceiling applied (X05). It is none when the subject may do nothing at all.
// Denies and custom statements work on permissions, not on the level: ask Check.
func (e *Engine) EffectiveLevel(s *Subject, item *Item, rc *RequestContext) vocabulary.Level {
	if item == nil {
		return vocabulary.LevelNone
	}
	a, problem := e.admit(question{subject: s, item: item, permission: vocabulary.AssetRead, request: rc})
	if problem != "" || !s.usable(rc.Time) {
		return vocabulary.LevelNone
	}
	v, err := viewOf(item)
	if err != nil {
		return vocabulary.LevelNone
	}
	r := resolver{engine: e, subject: s, self: s.Principal.String(), view: v, request: rc, action: a}
	if res := r.resolve(); res.problem == "" {
		return res.level
	}
	return vocabulary.LevelNone
}

func (e *Engine) decide(q question) Decision {
	a, problem := e.admit(q)
	if problem != "" {
		return refusal(q.permission, problem)
	}
	item := q.item
	if item == nil {
		item = e.root()
	}
	v, err := viewOf(item)
	if err != nil {
		return refusal(q.permission, err.Error())
	}
	r := resolver{engine: e, subject: q.subject, self: q.subject.Principal.String(), view: v, request: q.request, action: a, trace: q.trace}
	res := r.resolve()
	d := Decision{Permission: q.permission}
	usable := q.subject.usable(q.request.Time)
	if q.item != nil && usable && res.problem == "" {
		d.Level = res.level
	}
	if res.problem != "" {
		d.Reasons = []Reason{{Kind: ReasonError, Text: res.problem}}
		return d
	}
	if res.shut != "" {
		d.Reasons = []Reason{{Kind: ReasonSharingPolicy, Text: res.shut}}
		return d
	}
	policies := e.slice(a, res.roles, q.request)
	world, request := e.world(q, &r, &res, policies)
	decision, diagnostic := cedar.Authorize(policies, world, request)
	if q.trace != nil {
		q.trace.policies(policies, diagnostic, world, request)
	}
	if len(diagnostic.Errors) > 0 {
		// Cedar skips a policy that errs, so a broken forbid would allow.
		for _, bad := range diagnostic.Errors {
			d.Reasons = append(d.Reasons, Reason{ReasonError, string(bad.PolicyID), fmt.Sprintf("policy %s cannot be evaluated: %s", bad.PolicyID, bad.Message)})
		}
		return d
	}
	d.Allowed = decision == cedar.Allow
	d.Reasons = e.reasons(q, a, &res, policies, diagnostic)
	if reported := slice(e.reported[a.Name]).live(q.request.Time); len(reported) > 0 {
		d.Reports = e.report(q, &r, &res, reported, d.Allowed, diagnostic)
	}
	return d
}

// admit refuses questions that have no answer.
func (e *Engine) admit(q question) (*action, string) {
	if q.subject == nil || q.request == nil {
		return nil, "no subject or no request context was given"
	}
	a, ok := e.rules.actions[q.permission]
	if !ok {
		if near := vocabulary.Suggest(q.permission); near != "" {
			return nil, fmt.Sprintf("the permission is unknown; did you mean %s?", near)
		}
		return nil, "the permission is unknown"
	}
	switch {
	case q.request.Time.IsZero():
		return nil, "the request has no time"
	case q.subject.Workspace != e.workspace, q.item != nil && q.item.Workspace != e.workspace:
		return nil, "the subject, the item and the policies belong to different workspaces"
	case q.subject.Principal.IsZero():
		return nil, "the subject has no principal"
	case q.subject.Principal.Kind == vocabulary.KindOperator:
		return nil, "operators run the deployment and hold no access inside a workspace"
	case q.item == nil && a.Scope == vocabulary.ScopeItem:
		return nil, q.permission + " is checked on an item, not on the workspace"
	case q.item != nil && a.Scope == vocabulary.ScopeWorkspace:
		return nil, q.permission + " is checked on the workspace, not on an item"
	}
	return a, ""
}

// root stands for the workspace where conditions and assignments need an item.
func (e *Engine) root() *Item {
	return &Item{Workspace: e.workspace, Path: vocabulary.RootPath, Kind: "workspace", Chain: []Node{{Path: vocabulary.RootPath, Kind: "workspace"}}}
}

func (e *Engine) world(q question, r *resolver, res *resolution, policies slice) (*entities, cedar.Request) {
	reads := policies.reads()
	world := &entities{
		principal: principalEntity(q.subject, r.self, res.roles, q.request.Time, reads),
		action:    r.action.entity,
	}
	if q.item != nil {
		world.resource = itemEntity(r.view, res, policies, reads)
	} else {
		world.resource = workspaceEntity(q.subject, q.team, reads)
	}
	return world, cedar.Request{
		Principal: world.principal.UID, Action: r.action.uid, Resource: world.resource.UID,
		Context: contextRecord(q.request, q.subject.Token.allows(r.action.Permission), reads),
	}
}

// reasons turns what Cedar says into what people read.
func (e *Engine) reasons(q question, a *action, res *resolution, policies slice, diagnostic cedar.Diagnostic) []Reason {
	if len(diagnostic.Reasons) == 0 {
		return []Reason{{Kind: ReasonMissing, Text: missing(q, a, res)}}
	}
	out := make([]Reason, 0, len(diagnostic.Reasons)+1)
	for _, matched := range diagnostic.Reasons {
		p := policies.find(matched.PolicyID)
		if p == nil {
			continue
		}
		text := p.text
		if p.kind == ReasonLevel {
			if !slices.ContainsFunc(out, func(r Reason) bool { return r.ID == res.best.id && r.Kind == res.best.kind }) {
				out = append(out, Reason{res.best.kind, res.best.id, res.best.String()})
			}
			if text == "" {
				text = fmt.Sprintf("the level %s includes %s", res.level, a.Name)
			}
		}
		out = append(out, Reason{p.kind, string(p.id), text})
	}
	return out
}

// missing says what is there and what is not, when nothing allows the request.
func missing(q question, a *action, res *resolution) string {
	if q.item == nil {
		return fmt.Sprintf("neither the workspace role of %s nor a custom role allows %s", q.subject.describeRole(), a.Name)
	}
	if res.level == vocabulary.LevelNone {
		return fmt.Sprintf("nothing gives the principal a level on %s; %s needs %s", q.item.Path, a.Name, a.MinLevel)
	}
	return fmt.Sprintf("%s needs the level %s on %s; the level is %s (%s)", a.Name, a.MinLevel, q.item.Path, res.level, res.best)
}

// report evaluates the report-only policies beside the decision.
func (e *Engine) report(q question, r *resolver, res *resolution, reported slice, allowed bool, enforced cedar.Diagnostic) []Report {
	world, request := e.world(q, r, res, reported)
	// A forbid among the enforced policies stands whatever a permit would do.
	forbidden := !allowed && len(enforced.Reasons) > 0
	var out []Report
	for _, p := range reported {
		_, diagnostic := cedar.Authorize(slice{p}, world, request)
		effect := Allow
		if p.kind == ReasonDeny {
			effect = Deny
		}
		switch {
		case len(diagnostic.Errors) > 0:
			out = append(out, Report{Policy: string(p.id), Effect: effect, Changes: allowed, Error: diagnostic.Errors[0].Message})
		case len(diagnostic.Reasons) == 0:
		case effect == Deny:
			out = append(out, Report{Policy: string(p.id), Effect: effect, Changes: allowed})
		default:
			out = append(out, Report{Policy: string(p.id), Effect: effect, Changes: !allowed && !forbidden})
		}
	}
	return out
}
