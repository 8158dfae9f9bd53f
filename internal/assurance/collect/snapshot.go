package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Options say what to collect.
type Options struct {
	Tool string // name and version of the program that collects
	// From is the beginning of the period; the log is read from here to now.
	From time.Time
	// State is the Terraform state to compare with, nil for none.
	State *tfstate.State
	// Canary makes, uses and revokes a credential (GH-AZ-06); nil leaves it out.
	Canary Hands
	// LogKey is the public key of the audit log, known beforehand; the server's
	// statement is used when empty.
	LogKey string
	// Proofs is how many events are proved at most.
	Proofs   int
	Register *assurance.Register
	// Drift is a report made earlier, nil to compare now when there is a state.
	Drift       *drift.Report
	DriftSigned bool
	Now         func() time.Time
}

// Bounds of one snapshot. What is beyond them makes it incomplete, and says so.
const (
	maxEvents       = 200_000
	maxProvisioning = 100_000
	maxExpired      = 50
	rounds          = 3
	// secondPage is a page size that is no divisor of the first: another walk.
	secondPage = 97
)

// Snapshot collects everything that checks are evaluated on. An error is returned only
// when nothing can be collected; what fails on its own is noted where it belongs.
func Snapshot(ctx context.Context, p Plane, o Options) (*assurance.Snapshot, error) {
	principal, token, err := p.WhoAmI(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking who the token is: %w", err)
	}
	workspace, err := p.Get(ctx, api.WorkspaceKind, "")
	if err != nil {
		return nil, fmt.Errorf("reading workspace %q: %w", p.Workspace(), err)
	}
	s := &assurance.Snapshot{Run: assurance.Run{Workspace: p.Workspace(), WorkspaceID: text(workspace, "id"), Endpoint: p.Endpoint(), Collector: principal, TokenID: token, Tool: o.Tool},
		State: stateOf(o.State, p.Workspace()), Register: o.Register, Probes: []assurance.Probe{}}
	s.Routes, s.Run.Server = routes(ctx, p)
	if o.Canary != nil {
		s.Probes = append(s.Probes, canary(ctx, p, o.Canary, o.Now))
	}
	for range rounds {
		began := o.Now()
		s.Objects, s.Trash = objects(ctx, p), trash(ctx, p)
		s.Run.AsOf = o.Now().UTC().Truncate(time.Microsecond)
		s.Run.From, s.Run.To = o.From.UTC().Truncate(time.Second), s.Run.AsOf
		s.Events = events(ctx, p, s.Run.From, s.Run.To)
		if !changedSince(s.Events.Items, began) {
			break // the objects are those that the log speaks of
		}
	}
	s.People = people(ctx, p, s.Run.To)
	s.Provisioning = provisioning(ctx, p, s.Run.From)
	s.Probes = append(s.Probes, expired(ctx, p, s, o.Now)...)
	s.Log = logEvidence(ctx, p, s, o)
	s.Drift, s.DriftSigned = o.Drift, o.DriftSigned
	if s.Drift == nil && s.State != nil {
		now := s.Run.AsOf
		s.Drift, err = Drift(ctx, func(string) Plane { return p }, s.State, DriftOptions{Workspace: p.Workspace(), Unmanaged: drift.UnmanagedPrivileged, Now: now})
		if err != nil {
			return nil, err
		}
		// It is made here and signed with the whole snapshot.
		s.DriftSigned = true
	}
	return s, ctx.Err()
}

// stateOf keeps the resources of the workspace.
func stateOf(s *tfstate.State, workspace string) *tfstate.State {
	if s == nil {
		return nil
	}
	out := *s
	out.Resources = []tfstate.Resource{}
	for _, r := range s.Resources {
		if r.Workspace == workspace {
			out.Resources = append(out.Resources, r)
		}
	}
	return &out
}

func text(d Doc, name string) string {
	s, _ := d[name].(string)
	return s
}

// objects reads every kind, collections twice: the second walk, in pages of another
// size, counts.
func objects(ctx context.Context, p Plane) map[string]assurance.Collection {
	out := map[string]assurance.Collection{}
	for _, k := range api.Kinds() {
		if k.View {
			continue // a reading of other kinds' objects
		}
		out[k.Name] = collection(ctx, p, k)
	}
	return out
}

func collection(ctx context.Context, p Plane, k *api.Kind) assurance.Collection {
	c := assurance.Collection{Query: "GET " + under(p, "/"+k.Plural), Items: []map[string]any{}}
	if k.Singleton {
		c.Query = "GET " + under(p, "/"+k.Name)
		if k == api.WorkspaceKind {
			c.Query = "GET " + under(p, "")
		}
		doc, err := p.Get(ctx, k, "")
		switch {
		case isCode(err, api.CodeNotFound):
			c.Complete, c.NotServed = true, true
		case err != nil:
			c.Error = reason(err)
		default:
			c.Complete, c.Items = true, append(c.Items, doc)
		}
		return c
	}
	docs, err := p.List(ctx, k, api.MaxPageSize)
	if isCode(err, api.CodeNotFound) {
		c.Complete, c.NotServed = true, true
		return c
	}
	if err != nil {
		c.Error = reason(err)
		return c
	}
	c.Items = append(c.Items, docs...)
	again, err := p.List(ctx, k, secondPage)
	if err != nil {
		c.Error = "the second count: " + reason(err)
		return c
	}
	n := len(again)
	c.Complete, c.SecondQuery, c.SecondCount = true, fmt.Sprintf("%s?limit=%d, counted to the end", c.Query, secondPage), &n
	return c
}

// changedSince reports whether an object changed after a moment.
func changedSince(events []audit.Event, began time.Time) bool {
	for i := range events {
		if events[i].Time.After(began) && len(events[i].Before)+len(events[i].After) > 0 {
			return true
		}
	}
	return false
}

// sealing is how long the sealer is waited for.
const (
	sealingTries = 12
	sealingPause = 500 * time.Millisecond
)

// events reads the audit log of the period, and again until what was read is sealed.
func events(ctx context.Context, p Plane, from, to time.Time) assurance.EventLog {
	filter := map[string]string{"from": from.Format(time.RFC3339Nano), "to": to.Format(time.RFC3339Nano), "order": "asc"}
	var log assurance.EventLog
	for range sealingTries {
		log = eventLog(ctx, p, filter)
		n := len(log.Items)
		if !log.Complete || n == 0 || allSealed(log.Items) {
			return log
		}
		select {
		case <-ctx.Done():
			return log
		case <-time.After(sealingPause):
		}
	}
	return log
}

func allSealed(events []audit.Event) bool {
	for i := range events {
		if events[i].Seq == 0 {
			return false
		}
	}
	return true
}

// people reads everything that was ever recorded about members.
func people(ctx context.Context, p Plane, to time.Time) assurance.EventLog {
	return eventLog(ctx, p, map[string]string{"target_kind": api.MemberKind.Name, "to": to.Format(time.RFC3339Nano), "order": "asc"})
}

func eventLog(ctx context.Context, p Plane, filter map[string]string) assurance.EventLog {
	query := url.Values{}
	for name, value := range filter {
		query.Set(name, value)
	}
	log := assurance.EventLog{Query: "GET " + under(p, "/audit_events") + "?" + query.Encode(), Items: []audit.Event{}}
	var bad error
	err := p.Events(ctx, filter, func(raw json.RawMessage) bool {
		var e audit.Event
		if bad = json.Unmarshal(raw, &e); bad != nil {
			return false
		}
		log.Items = append(log.Items, e)
		return len(log.Items) <= maxEvents
	})
	switch {
	case err != nil:
		log.Error = reason(err)
	case bad != nil:
		log.Error = "an event cannot be read: " + bad.Error()
	case len(log.Items) > maxEvents:
		log.Items = log.Items[:maxEvents]
		log.Error = fmt.Sprintf("the period has more than %d events; choose a shorter one", maxEvents)
	default:
		log.Complete = true
	}
	return log
}

// provisioning reads what identity providers pushed since a moment.
func provisioning(ctx context.Context, p Plane, from time.Time) assurance.ProvisioningLog {
	log := assurance.ProvisioningLog{Query: "GET " + under(p, "/provisioning_events"), Items: []assurance.ProvisioningEvent{}}
	query := url.Values{"limit": {fmt.Sprint(api.MaxPageSize)}}
	for {
		var page api.Page[assurance.ProvisioningEvent]
		if err := p.JSON(ctx, under(p, "/provisioning_events"), query, &page); err != nil {
			log.Error = reason(err)
			return log
		}
		for _, e := range page.Items {
			if e.Time.Before(from) {
				log.Complete = true
				return log
			}
			log.Items = append(log.Items, e)
		}
		switch {
		case page.NextCursor == "":
			log.Complete = true
			return log
		case len(log.Items) > maxProvisioning || page.NextCursor == query.Get("cursor"):
			log.Error = fmt.Sprintf("the period has more than %d events; choose a shorter one", maxProvisioning)
			return log
		}
		query.Set("cursor", page.NextCursor)
	}
}

// maxTrash bounds what is read of the trash.
const maxTrash = 100_000

// trash reads what is in the trash.
func trash(ctx context.Context, p Plane) *assurance.Collection {
	c := &assurance.Collection{Query: "GET " + under(p, "/trash"), Items: []map[string]any{}}
	query := url.Values{"limit": {fmt.Sprint(api.MaxPageSize)}}
	for {
		var page api.Page[map[string]any]
		if err := p.JSON(ctx, under(p, "/trash"), query, &page); err != nil {
			c.Error = reason(err)
			return c
		}
		c.Items = append(c.Items, page.Items...)
		switch {
		case page.NextCursor == "":
			c.Complete = true
			return c
		case len(c.Items) > maxTrash || page.NextCursor == query.Get("cursor"):
			c.Error = fmt.Sprintf("more than %d items are in the trash", maxTrash)
			return c
		}
		query.Set("cursor", page.NextCursor)
	}
}

// routes reads the operations and the version from the server's OpenAPI document.
func routes(ctx context.Context, p Plane) (assurance.Routes, string) {
	out := assurance.Routes{Items: []assurance.Route{}}
	var doc struct {
		Info  struct{ Version string }
		Paths map[string]map[string]json.RawMessage
	}
	if err := p.JSON(ctx, "/openapi.json", nil, &doc); err != nil {
		out.Error = reason(err)
		return out, "unknown"
	}
	for _, path := range sortedKeys(doc.Paths) {
		for _, method := range sortedKeys(doc.Paths[path]) {
			var op struct {
				Permission  string          `json:"x-gatehouse-permission"`
				OperationID json.RawMessage `json:"operationId"`
			}
			if json.Unmarshal(doc.Paths[path][method], &op) != nil || op.OperationID == nil {
				continue // parameters and summaries stand beside the operations
			}
			out.Items = append(out.Items, assurance.Route{Method: method, Path: path, Permission: op.Permission})
		}
	}
	return out, doc.Info.Version
}
