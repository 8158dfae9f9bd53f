package assurance

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// measure evaluates one check. It looks at the snapshot only through the evaluation,
// which notes what was looked at and what was not there.
type measure func(e *evaluation) outcome

type outcome struct {
	status  Status
	summary string
}

// measures are the checks that this version measures, by id. The check_*.go files add
// theirs.
var measures = map[string]measure{}

func declare(id string, m measure) bool {
	if measures[id] != nil {
		panic("assurance: check declared twice: " + id)
	}
	measures[id] = m
	return true
}

// Evaluate answers every question of the catalogue on a snapshot. It is pure: the
// same snapshot and options give the same report.
func Evaluate(s *Snapshot, o Options) (*Report, error) {
	cat := TheCatalogue()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &Report{Schema: ReportSchema, Run: s.Run, Options: o, Counts: map[Status]int{}, Results: make([]Result, 0, len(cat.Checks))}
	r.Catalogue.Version, r.Catalogue.Digest, r.Catalogue.Frameworks = cat.Version, CatalogueDigest(), cat.Frameworks
	for _, check := range cat.Checks {
		if check.ID == metaCheck {
			continue // it is about the other results
		}
		r.add(evaluateOne(s, check, o, nil))
	}
	if check, ok := cat.Find(metaCheck); ok {
		r.add(evaluateOne(s, check, o, r.Results))
	}
	for i := range r.Results {
		r.Counts[r.Results[i].Status]++
	}
	return r, nil
}

func (r *Report) add(res Result) { r.Results = append(r.Results, res) }

// Validate says which check or parameter there is not.
func (o Options) Validate() error {
	cat := TheCatalogue()
	for _, id := range o.Checks {
		if check, ok := cat.Find(id); !ok || check.ID != id {
			return fmt.Errorf("there is no check %q; list them with `gatehouse check list`", id)
		}
	}
	for name, value := range o.Parameters {
		id, param, _ := strings.Cut(name, ".")
		if _, known := defaults[id][param]; !known {
			return fmt.Errorf("the check %s has no parameter %q", id, param)
		}
		if _, err := parseParameter(value); err != nil {
			return fmt.Errorf("the parameter %s: %w", name, err)
		}
	}
	return nil
}

// selects tells whether a check counts for the exit code. What needs a canary counts
// by default only when the canary was asked for: a token that may only read cannot.
func (o Options) selects(s *Snapshot, id string) bool {
	if len(o.Checks) > 0 {
		return slices.Contains(o.Checks, id)
	}
	if id == "GH-AZ-06" && !slices.ContainsFunc(s.Probes, func(p Probe) bool { return p.Name == ProbeRevocation }) {
		return false
	}
	return Measured(id)
}

func evaluateOne(s *Snapshot, check Check, o Options, others []Result) Result {
	res := Result{ID: check.ID, Question: check.Question, Severity: check.Severity, Tier: check.Tier, Class: check.Class,
		Rule: check.Rule, Controls: check.Controls, Selected: o.selects(s, check.ID)}
	m := measures[check.ID]
	if m == nil {
		res.Status, res.Summary = NotAssessed, "Not measured by this version."
	} else {
		e := &evaluation{s: s, id: check.ID, options: o, others: others, window: "point_in_time"}
		e.parameters()
		out := m(e)
		if len(e.gaps) > 0 {
			// Never pass on what was not seen, and never fail on it either.
			out = outcome{NotAssessed, "Could not be assessed: " + strings.Join(e.gaps, "; ") + "."}
		}
		res.Status, res.Summary, res.Covers, res.Findings, res.Parameters = out.status, out.summary, e.covers, e.findings, e.params
		res.Measured = e.measurement()
	}
	applyRegister(s, &res)
	return res
}

// applyRegister lets people's statements stand where they may: an attestation for
// what was not measured, an exception for what fails.
func applyRegister(s *Snapshot, res *Result) {
	if a := s.Register.attestationFor(res.ID); a != nil && res.Status == NotAssessed && (res.Class == "attested" || !Measured(res.ID)) {
		res.Attestation = a
		if a.ExpiresAt.After(s.Run.AsOf) {
			res.Status = Attested
			res.Summary = fmt.Sprintf("%s stated on %s: %s", a.Author, a.Date.Format(time.DateOnly), a.Statement)
		} else {
			res.Summary = fmt.Sprintf("The statement of %s of %s ended on %s.", a.Author, a.Date.Format(time.DateOnly), a.ExpiresAt.Format(time.DateOnly))
		}
	}
	if e := s.Register.exceptionFor(res.ID); e != nil && res.Status == Fail {
		res.Exception = e
		if e.ExpiresAt.After(s.Run.AsOf) {
			res.Status = Excepted
			res.Summary += fmt.Sprintf(" Excepted until %s by %s: %s", e.ExpiresAt.Format(time.DateOnly), e.Approver, e.Reason)
		} else {
			res.Summary += fmt.Sprintf(" The exception by %s ended on %s.", e.Approver, e.ExpiresAt.Format(time.DateOnly))
		}
	}
}

// evaluation is the state of evaluating one check.
type evaluation struct {
	s       *Snapshot
	id      string
	options Options
	others  []Result

	params   map[string]string
	covers   string
	findings []Finding
	gaps     []string

	window             string
	populations        []Population
	auditFrom, auditTo int64
}

func (e *evaluation) pass(format string, args ...any) outcome {
	return outcome{Pass, fmt.Sprintf(format, args...)}
}

func (e *evaluation) notAssessed(format string, args ...any) outcome {
	return outcome{NotAssessed, fmt.Sprintf(format, args...)}
}

func (e *evaluation) notApplicable(format string, args ...any) outcome {
	return outcome{NotApplicable, fmt.Sprintf(format, args...)}
}

// verdict is fail with the findings, or pass.
func (e *evaluation) verdict(format string, args ...any) outcome {
	if len(e.findings) == 0 {
		return e.pass(format, args...)
	}
	return outcome{Fail, count(len(e.findings), "finding") + "."}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (e *evaluation) find(object, format string, args ...any) {
	e.findings = append(e.findings, Finding{Object: object, Detail: fmt.Sprintf(format, args...)})
}

func (e *evaluation) findEvent(ev *audit.Event, object, format string, args ...any) {
	e.findings = append(e.findings, Finding{Object: object, Detail: fmt.Sprintf(format, args...), Event: ev.ID})
}

func (e *evaluation) gap(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(e.gaps, text) {
		e.gaps = append(e.gaps, text)
	}
}

func (e *evaluation) now() time.Time { return e.s.Run.AsOf }

// covering says which part of the rule is measured.
func (e *evaluation) covering(text string) { e.covers = text }

// list gives the live objects of a kind and notes the population.
func list[T any](e *evaluation, kind *api.Kind) []T {
	c, ok := e.s.Objects[kind.Name]
	if !ok {
		e.gap("%s were not collected", strings.ReplaceAll(kind.Plural, "_", " "))
		return nil
	}
	e.populations = append(e.populations, Population{Name: kind.Name, Query: c.Query, Count: len(c.Items), SecondQuery: c.SecondQuery,
		SecondCount: c.SecondCount, Complete: c.Complete, Digest: Digest(c.Items)})
	if !c.Complete {
		e.gap("%s could not be read completely (%s)", strings.ReplaceAll(kind.Plural, "_", " "), c.Error)
		return nil
	}
	if wrong := c.reconciled(); wrong != "" {
		e.gap("%s: %s", strings.ReplaceAll(kind.Plural, "_", " "), wrong)
	}
	raw, err := json.Marshal(c.Items)
	if err != nil {
		e.gap("%s could not be read (%v)", kind.Plural, err)
		return nil
	}
	var out []T
	if err := json.Unmarshal(raw, &out); err != nil {
		e.gap("%s could not be read (%v)", kind.Plural, err)
	}
	return out
}

// single gives a singleton; nil when the server has none.
func single[T any](e *evaluation, kind *api.Kind) *T {
	all := list[T](e, kind)
	if len(all) == 0 {
		if len(e.gaps) == 0 {
			e.gap("the workspace has no %s", strings.ReplaceAll(kind.Name, "_", " "))
		}
		return nil
	}
	return &all[0]
}

// events gives the audit events of the period.
func (e *evaluation) events() []audit.Event {
	e.window = "period"
	return e.eventLog("audit_events", e.s.Events)
}

// people gives the audit events about members since the log began.
func (e *evaluation) people() []audit.Event {
	return e.eventLog("audit_events of people", e.s.People)
}

func (e *evaluation) eventLog(name string, log EventLog) []audit.Event {
	p := Population{Name: name, Query: log.Query, Count: len(log.Items), Complete: log.Complete, Digest: Digest(log.Items)}
	from, to := sequence(log.Items)
	if name == "audit_events" && from > 0 {
		// Places in the log are given without gaps, so they count on their own.
		second := int(to - from + 1)
		for i := range log.Items {
			if log.Items[i].Seq == 0 {
				second++ // waits for the sealer
			}
		}
		p.SecondQuery, p.SecondCount = "places in the sealed log, from first to last", &second
	}
	e.populations = append(e.populations, p)
	if from > 0 && (e.auditFrom == 0 || from < e.auditFrom) {
		e.auditFrom = from
	}
	e.auditTo = max(e.auditTo, to)
	if !log.Complete {
		e.gap("the audit log could not be read completely (%s)", log.Error)
		return nil
	}
	return log.Items
}

// provisioning gives what identity providers pushed in the period.
func (e *evaluation) provisioning() []ProvisioningEvent {
	log := e.s.Provisioning
	e.window = "period"
	e.populations = append(e.populations, Population{Name: "provisioning_events", Query: log.Query, Count: len(log.Items), Complete: log.Complete, Digest: Digest(log.Items)})
	if !log.Complete {
		e.gap("the provisioning log could not be read completely (%s)", log.Error)
		return nil
	}
	return log.Items
}

// state gives the resources of a type in the state; ok is false without a state.
func (e *evaluation) hasState() bool {
	if e.s.State == nil {
		e.gap("no Terraform state was given (--state or --chdir)")
		return false
	}
	e.populations = append(e.populations, Population{Name: "terraform_state", Query: e.s.State.Source, Count: len(e.s.State.Resources), Complete: true, Digest: Digest(e.s.State.Resources)})
	return true
}

func (e *evaluation) measurement() *Measurement {
	if len(e.populations) == 0 {
		return nil
	}
	run := e.s.Run
	return &Measurement{AsOf: run.AsOf, From: run.From, To: run.To, Window: e.window, Server: run.Server,
		Collector: run.Collector, Tool: run.Tool, Populations: e.populations, AuditFrom: e.auditFrom, AuditTo: e.auditTo}
}

// defaults are the thresholds of the catalogue, by check and name.
var defaults = map[string]map[string]string{
	"GH-ID-04": {"days": "30d"},
	"GH-ID-07": {"min": "2", "max": "5"},
	"GH-LC-01": {"h": "24h"},
	"GH-LC-03": {"p95": "60s", "max": "1h"},
	"GH-LC-07": {"h": "24h"},
	"GH-LC-08": {"days": "180d"},
	"GH-LC-09": {"max": "0.25"},
	"GH-AU-06": {"abs": "12h", "idle": "30m"},
	"GH-AU-08": {"days": "90d"},
	"GH-AZ-03": {"days": "90d"},
	"GH-AZ-05": {"days": "180d"},
	"GH-AZ-06": {"s": "1s"},
	"GH-AL-02": {"days": "365"},
	"GH-CM-01": {"h": "24h"},
	"GH-CM-02": {"pct": "95"},
	"GH-CM-04": {"h": "72h"},
	"GH-DP-05": {"days": "30"},
	"GH-SH-10": {"days": "90d"},
}

func (e *evaluation) parameters() {
	if len(defaults[e.id]) == 0 {
		return
	}
	e.params = map[string]string{}
	for name, value := range defaults[e.id] {
		if given, ok := e.options.Parameters[e.id+"."+name]; ok {
			value = given
		}
		e.params[name] = value
	}
}

// parseParameter reads a number or a duration; validate has seen it before.
func parseParameter(s string) (float64, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n, nil
	}
	d, err := api.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor a duration such as 30d", s)
	}
	return float64(d), nil
}

func (e *evaluation) number(name string) int64 { return int64(e.ratio(name)) }

func (e *evaluation) ratio(name string) float64 {
	n, _ := parseParameter(e.params[name])
	return n
}

func (e *evaluation) duration(name string) time.Duration { return time.Duration(e.number(name)) }

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
