package assurance

import (
	"time"
)

// Status is the outcome of a check (CHECKS.md, result model).
type Status string

// The statuses.
const (
	Pass          Status = "pass"           // true over a complete population
	Fail          Status = "fail"           // evaluated and false
	NotAssessed   Status = "not_assessed"   // could not be measured, or not completely
	NotApplicable Status = "not_applicable" // its precondition is false
	Attested      Status = "attested"       // a person states it; nothing was measured
	Excepted      Status = "excepted"       // fails, and an exception that has not ended covers it
)

// ReportSchema names the form of results.
const ReportSchema = "gatehouse-results/1"

// Report is the outcome of an evaluation.
type Report struct {
	Schema    string `json:"schema"`
	Catalogue struct {
		Version    string            `json:"version"`
		Digest     string            `json:"digest"`
		Frameworks map[string]string `json:"frameworks"`
	} `json:"catalogue"`
	Run Run `json:"run"`
	// Options are what the evaluation was told beside the snapshot.
	Options Options        `json:"options"`
	Counts  map[Status]int `json:"counts"`
	Results []Result       `json:"results"`
}

// Options qualify an evaluation.
type Options struct {
	// Checks names the checks that count for the exit code; empty selects all that
	// this version measures.
	Checks []string `json:"checks,omitempty"`
	// Parameters replace thresholds, by check and name: GH-ID-04.days.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Result is the outcome of one check.
type Result struct {
	ID       string `json:"id"`
	Question string `json:"question"`
	Severity string `json:"severity"`
	Tier     int    `json:"tier"`
	Class    string `json:"class"`
	Rule     string `json:"rule"`
	Status   Status `json:"status"`
	// Selected results decide the exit code.
	Selected bool   `json:"selected"`
	Summary  string `json:"summary"`
	// Covers says which part of the rule was measured; empty for all of it.
	Covers     string              `json:"covers,omitempty"`
	Findings   []Finding           `json:"findings,omitempty"`
	Parameters map[string]string   `json:"parameters,omitempty"`
	Controls   map[string][]string `json:"controls,omitempty"`
	// Measured is what the result rests on; nil when nothing was measured.
	Measured    *Measurement `json:"measured,omitempty"`
	Exception   *Exception   `json:"exception,omitempty"`
	Attestation *Attestation `json:"attestation,omitempty"`
}

// Finding is one thing that breaks the rule, or is worth an auditor's look.
type Finding struct {
	Object string `json:"object"`
	Detail string `json:"detail"`
	Event  string `json:"event,omitempty"`
}

// Measurement is the completeness and accuracy information of a result.
type Measurement struct {
	AsOf   time.Time `json:"as_of"`
	From   time.Time `json:"period_from"`
	To     time.Time `json:"period_to"`
	Window string    `json:"window"` // point_in_time or period
	Server string    `json:"server_version"`
	// Collector is who collected, with which program.
	Collector   string       `json:"collector"`
	Tool        string       `json:"tool"`
	Populations []Population `json:"populations"`
	// AuditFrom and AuditTo are the places in the audit log that were read.
	AuditFrom int64 `json:"audit_from,omitempty"`
	AuditTo   int64 `json:"audit_to,omitempty"`
}

// Population is one set of things that was looked at.
type Population struct {
	Name        string `json:"name"`
	Query       string `json:"query"`
	Count       int    `json:"count"`
	SecondQuery string `json:"second_query,omitempty"`
	SecondCount *int   `json:"second_count,omitempty"`
	Complete    bool   `json:"complete"`
	Digest      string `json:"digest"`
}

// ExitCode is 0 when every selected check passes, is attested, excepted or does not
// apply; 1 when one could not be assessed; 2 when one fails.
func (r *Report) ExitCode() int {
	failed, unknown := false, false
	for i := range r.Results {
		if !r.Results[i].Selected {
			continue
		}
		failed = failed || r.Results[i].Status == Fail
		unknown = unknown || r.Results[i].Status == NotAssessed
	}
	switch {
	case unknown:
		return 1
	case failed:
		return 2
	}
	return 0
}

// SelectedCounts counts the selected results by status.
func (r *Report) SelectedCounts() map[Status]int {
	out := map[Status]int{}
	for i := range r.Results {
		if r.Results[i].Selected {
			out[r.Results[i].Status]++
		}
	}
	return out
}
