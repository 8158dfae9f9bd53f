package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// Bounds of a simulation: it holds the database while it runs.
const (
	maxSimulated = 2000
	maxTold      = 1000 // gains, and losses, that an answer lists
)

// Simulated is a change of a directory that is not made: requests as an identity
// provider would send them.
type Simulated struct {
	Connection string     `json:"connection" doc:"Provisioning connection that would send them."`
	Requests   []Supposed `json:"requests" minItems:"1" maxItems:"2000" nullable:"false" doc:"SCIM requests in their order."`
}

// Supposed is one request.
type Supposed struct {
	Method string          `json:"method" enum:"POST,PUT,PATCH,DELETE" doc:"HTTP method."`
	Path   string          `json:"path" maxLength:"4096" doc:"Path below the base URL, e.g. /Users. ${name} stands for the id of what an earlier request made."`
	Body   json.RawMessage `json:"body,omitempty" doc:"Body of the request."`
	As     string          `json:"as,omitempty" maxLength:"64" doc:"Name for the id of what the request makes."`
}

// Outcome is what would become of one request.
type Outcome struct {
	Status    int                     `json:"status" doc:"Status that the identity provider would get."`
	Operation string                  `json:"operation,omitempty" doc:"What it would mean: join, leave, …"`
	Outcome   string                  `json:"outcome" doc:"applied, quarantined, failed or ignored."`
	Detail    string                  `json:"detail,omitempty" doc:"What would be done, or why not."`
	Affected  []provisioning.Affected `json:"affected,omitempty" doc:"Of a held change: who would lose access by it."`
}

// Standing is something that somebody would have, or have no longer.
type Standing struct {
	Principal string `json:"principal" doc:"E-mail of the member."`
	What      string `json:"what" doc:"Membership of the workspace or of a team, role, grant or share link."`
}

// Simulation is what would come of it all.
type Simulation struct {
	Requests []Outcome  `json:"requests" nullable:"false" doc:"What would become of each request."`
	Held     int        `json:"held" doc:"Requests that would be held for a human decision."`
	Failed   int        `json:"failed" doc:"Requests that would be refused."`
	Gains    []Standing `json:"gains" nullable:"false" doc:"Who would gain what, at most 1000."`
	Losses   []Standing `json:"losses" nullable:"false" doc:"Who would lose what, at most 1000."`
	Gained   int        `json:"gained" doc:"Gains in all."`
	Lost     int        `json:"lost" doc:"Losses in all."`
}

// inside runs use-cases in one transaction that is never kept.
type inside struct{ scope *object.Scope }

func (i inside) View(ctx context.Context, c *object.Caller, f func(*object.Scope) error) error {
	return i.scope.Nested(ctx, c, f)
}

func (i inside) Do(ctx context.Context, c *object.Caller, f func(*object.Scope) error) error {
	return i.scope.Nested(ctx, c, f)
}

// Simulate makes requests as a connection would, one after the other, in a transaction
// that is rolled back, and tells who would gain and lose by them.
func (d *Directory) Simulate(ctx context.Context, by *object.Caller, in Simulated) (*Simulation, error) {
	if n := len(in.Requests); n == 0 || n > maxSimulated {
		return nil, api.NewProblem(api.CodeInvalid, "There are %d requests; simulate 1 to %d at a time.", n, maxSimulated)
	}
	var out *Simulation
	err := d.svc.Try(ctx, by, func(s *object.Scope) error {
		if err := s.Require(ctx, "provisioning_event.read"); err != nil {
			return err
		}
		if err := requireConnected(ctx, s, in.Connection); err != nil {
			return err
		}
		out = &Simulation{Requests: []Outcome{}, Gains: []Standing{}, Losses: []Standing{}}
		before, err := standings(ctx, s)
		if err != nil {
			return err
		}
		door, err := (&Directory{svc: d.svc, run: inside{s}, gate: d.gate}).door(connectionCaller(by, in.Connection, ""), nil)
		if err != nil {
			return fmt.Errorf("simulating: %w", err)
		}
		names := map[string]string{}
		for n, r := range in.Requests {
			o, err := suppose(ctx, s, door, r, names)
			if err != nil {
				return fmt.Errorf("request %d: %w", n+1, err)
			}
			out.add(*o)
		}
		after, err := standings(ctx, s)
		if err != nil {
			return err
		}
		out.compare(before, after)
		return nil
	})
	return out, err
}

func (o *Simulation) add(r Outcome) {
	o.Requests = append(o.Requests, r)
	switch r.Outcome {
	case provisioning.OutcomeQuarantined:
		o.Held++
	case provisioning.OutcomeFailed:
		o.Failed++
	}
}

// suppose makes one request.
func suppose(ctx context.Context, s *object.Scope, door http.Handler, r Supposed, names map[string]string) (*Outcome, error) {
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method) {
		return nil, api.NewProblem(api.CodeInvalid, "A request has the method %q; simulate POST, PUT, PATCH and DELETE.", r.Method)
	}
	request := provisioning.Request{Method: r.Method}
	var query bool
	fill := func(text string) string {
		for name, id := range names {
			text = strings.ReplaceAll(text, "${"+name+"}", id)
		}
		return text
	}
	if request.Path, request.Query, query = strings.Cut(fill(r.Path), "?"); query && request.Query == "" {
		request.Query = "="
	}
	if len(r.Body) > 0 {
		request.Body = json.RawMessage(fill(string(r.Body)))
	}
	answer, err := ask(ctx, door, request)
	if err != nil {
		return nil, err
	}
	if r.As != "" && answer.status < http.StatusBadRequest {
		names[r.As] = answer.field("id")
	}
	out := &Outcome{Status: answer.status, Outcome: provisioning.OutcomeIgnored}
	if answer.status >= http.StatusBadRequest {
		out.Outcome, out.Detail = provisioning.OutcomeFailed, answer.field("detail")
	}
	e, err := provisioning.EventOfRequest(ctx, s, answer.header.Get("X-Request-Id"), s.Now)
	if err != nil || e == nil {
		return out, err
	}
	out.Operation, out.Outcome, out.Detail, out.Affected = e.Operation, e.Outcome, e.Detail, e.Affected
	return out, nil
}

// standings is what each member has, by id: whoever is renamed keeps it.
func standings(ctx context.Context, s *object.Scope) (map[string]map[string]string, error) {
	ids, out := map[string]string{}, map[string]map[string]string{}
	err := pairs(ctx, s, `SELECT id, key, role FROM member WHERE workspace_id = $1 AND kind = 'member' AND active = 1`, func(id, email, role string) {
		ids[email] = id
		out[id] = map[string]string{"member as " + role: email}
	}, s.WorkspaceID)
	if err != nil {
		return nil, err
	}
	for _, q := range []struct{ text, what, prefix string }{
		{`SELECT principal, team, role FROM team_membership WHERE workspace_id = $1`, "team %s as %s", ""},
		{`SELECT principal, role, scope FROM role_assignment WHERE workspace_id = $1`, "role %s on %s", object.PrincipalMember + ":"},
		{`SELECT principal, resource, CASE WHEN level = '' THEN role ELSE level END FROM access_grant WHERE workspace_id = $1`, "grant on %s of %s", object.PrincipalMember + ":"},
		{`SELECT created_by, resource, id FROM share_link WHERE workspace_id = $1 AND state <> 'revoked'`, "share link on %s (%s)", object.PrincipalMember + ":"},
	} {
		err := pairs(ctx, s, q.text, func(principal, a, b string) {
			email := strings.TrimPrefix(principal, q.prefix)
			if id := ids[email]; id != "" {
				out[id][fmt.Sprintf(q.what, a, b)] = email
			}
		}, s.WorkspaceID)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *Simulation) compare(before, after map[string]map[string]string) {
	missing := func(from, in map[string]map[string]string) []Standing {
		out := []Standing{}
		for id, had := range from {
			for what, email := range had {
				if _, still := in[id][what]; !still {
					out = append(out, Standing{Principal: email, What: what})
				}
			}
		}
		slices.SortFunc(out, func(a, b Standing) int {
			return strings.Compare(a.Principal+"\x00"+a.What, b.Principal+"\x00"+b.What)
		})
		return out
	}
	o.Losses, o.Gains = missing(before, after), missing(after, before)
	o.Lost, o.Gained = len(o.Losses), len(o.Gains)
	o.Losses, o.Gains = o.Losses[:min(o.Lost, maxTold)], o.Gains[:min(o.Gained, maxTold)]
}
