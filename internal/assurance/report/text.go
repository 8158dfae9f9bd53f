package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
)

// Formats that results can be written in.
var Formats = []string{"text", "json", "markdown", "junit"}

// Write writes a report in a format.
func Write(w io.Writer, r *assurance.Report, format string) error {
	switch format {
	case "text":
		return Text(w, r)
	case "json":
		return JSON(w, r)
	case "markdown":
		return Markdown(w, r)
	case "junit":
		return JUnit(w, r)
	}
	return fmt.Errorf("there is no format %q; use one of %s", format, strings.Join(Formats, ", "))
}

// order of statuses: what needs somebody first.
var order = []assurance.Status{assurance.Fail, assurance.NotAssessed, assurance.Excepted, assurance.Attested, assurance.Pass, assurance.NotApplicable}

var severities = []string{"critical", "high", "medium", "low"}

// Words for statuses, as people read them.
var words = map[assurance.Status]string{
	assurance.Pass: "pass", assurance.Fail: "FAIL", assurance.NotAssessed: "not assessed",
	assurance.NotApplicable: "not applicable", assurance.Attested: "attested", assurance.Excepted: "excepted",
}

// sorted gives the results that satisfy a condition, the most pressing first.
func sorted(r *assurance.Report, keep func(*assurance.Result) bool) []assurance.Result {
	var out []assurance.Result
	for i := range r.Results {
		if keep(&r.Results[i]) {
			out = append(out, r.Results[i])
		}
	}
	slices.SortStableFunc(out, func(a, b assurance.Result) int {
		return cmp.Or(slices.Index(order, a.Status)-slices.Index(order, b.Status), slices.Index(severities, a.Severity)-slices.Index(severities, b.Severity), strings.Compare(a.ID, b.ID))
	})
	return out
}

func selected(res *assurance.Result) bool   { return res.Selected }
func unselected(res *assurance.Result) bool { return !res.Selected }

// Text writes one line per result, with findings below.
func Text(w io.Writer, r *assurance.Report) error {
	var b bytes.Buffer
	for _, res := range sorted(r, selected) {
		fmt.Fprintf(&b, "%-14s  %s  %-8s  %s\n", words[res.Status], res.ID, res.Severity, res.Question)
		fmt.Fprintf(&b, "%16s%s\n", "", res.Summary)
		if res.Covers != "" && res.Status == assurance.Pass {
			fmt.Fprintf(&b, "%16smeasured part: %s\n", "", res.Covers)
		}
		for n, f := range res.Findings {
			if n == 10 {
				fmt.Fprintf(&b, "%16s… and %d more\n", "", len(res.Findings)-n)
				break
			}
			fmt.Fprintf(&b, "%16s- %s: %s%s\n", "", f.Object, f.Detail, event(f))
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString(Summary(r) + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

func event(f assurance.Finding) string {
	if f.Event == "" {
		return ""
	}
	return " (event " + f.Event + ")"
}

// Summary counts the selected results in one line.
func Summary(r *assurance.Report) string {
	counts := r.SelectedCounts()
	var parts []string
	for _, s := range order {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], strings.ToLower(words[s])))
		}
	}
	text := fmt.Sprintf("Workspace %q as of %s: %s.", r.Run.Workspace, r.Run.AsOf.UTC().Format(time.RFC3339), strings.Join(parts, ", "))
	if rest := len(r.Results) - total(counts); rest > 0 {
		text += fmt.Sprintf(" %d more checks of the catalogue are not measured by this version or were not selected.", rest)
	}
	return text
}

func total(counts map[assurance.Status]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// JSON writes the report as it is.
func JSON(w io.Writer, r *assurance.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

var cellEscapes = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", ">", "&gt;", "`", "'", "*", `\*`, "_", `\_`)

// Markdown writes a table for a pull request or a summary of a CI job.
func Markdown(w io.Writer, r *assurance.Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "### Checks of workspace %q\n\n%s\n\n| status | check | severity | question | outcome |\n|---|---|---|---|---|\n", r.Run.Workspace, cellEscapes.Replace(Summary(r)))
	for _, res := range sorted(r, selected) {
		outcome := cellEscapes.Replace(res.Summary)
		for n, f := range res.Findings {
			if n == 5 {
				outcome += fmt.Sprintf("<br>… and %d more", len(res.Findings)-n)
				break
			}
			outcome += "<br>" + cellEscapes.Replace(f.Object+": "+f.Detail+event(f))
		}
		fmt.Fprintf(&b, "| **%s** | %s | %s | %s | %s |\n", words[res.Status], res.ID, res.Severity, cellEscapes.Replace(res.Question), outcome)
	}
	b.WriteString("\nMeasured by program, not an audit opinion. Control mappings are proposals.\n")
	_, err := w.Write(b.Bytes())
	return err
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Time     string      `xml:"timestamp,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the results as test cases: a check that could not be assessed is an
// error, one that was attested or does not apply is skipped, never passed.
func JUnit(w io.Writer, r *assurance.Report) error {
	suite := junitSuite{Name: "gatehouse checks of " + r.Run.Workspace, Time: r.Run.AsOf.UTC().Format("2006-01-02T15:04:05")}
	for _, res := range sorted(r, selected) {
		c := junitCase{Class: "gatehouse." + res.Severity, Name: res.ID + " " + res.Question}
		var lines []string
		for _, f := range res.Findings {
			lines = append(lines, f.Object+": "+f.Detail+event(f))
		}
		m := &junitMessage{Message: res.Summary, Text: strings.Join(lines, "\n")}
		switch res.Status {
		case assurance.Pass:
			c.Output = res.Summary
		case assurance.Fail:
			c.Failure, suite.Failures = m, suite.Failures+1
		case assurance.NotAssessed:
			c.Error, suite.Errors = m, suite.Errors+1
		default:
			m.Message = string(res.Status) + ": " + m.Message
			c.Skipped, suite.Skipped = m, suite.Skipped+1
		}
		suite.Tests++
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return fmt.Errorf("writing JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}
