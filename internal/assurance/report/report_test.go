package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/report"
)

// evaluated has every status among its results, and names that want to be markup.
func evaluated(t *testing.T) *assurance.Report {
	t.Helper()
	s := assurancetest.Snapshot(t)
	s.Objects["mfa_policy"].Items[0]["requirement"] = "none"
	s.Objects["session_policy"].Items[0]["revoke_on"] = []any{}
	s.Objects["api_token"].Items[0]["name"] = "<script>alert(1)</script>|`x`"
	s.Objects["api_token"].Items[0]["scopes"] = []any{"*"}
	s.Provisioning.Complete = false
	later := assurancetest.AsOf.AddDate(0, 3, 0)
	s.Register = &assurance.Register{
		Exceptions:   []assurance.Exception{{Check: "GH-AU-06", Reason: "night shift", Approver: "owner@example.com", ExpiresAt: later}},
		Attestations: []assurance.Attestation{{Check: "GH-IR-03", Statement: "Exercise held.", Author: "ann@example.com", Date: assurancetest.AsOf, ExpiresAt: later, Artefact: strings.Repeat("ab", 32)}},
	}
	r, err := assurance.Evaluate(s, assurance.Options{Checks: append(assurance.MeasuredIDs(), "GH-IR-03")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []assurance.Status{assurance.Pass, assurance.Fail, assurance.NotAssessed, assurance.NotApplicable, assurance.Attested, assurance.Excepted} {
		if r.Counts[want] == 0 {
			t.Fatalf("no result is %s", want)
		}
	}
	return r
}

func render(t *testing.T, write func(io.Writer, *assurance.Report) error, r *assurance.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNoFormatClaimsMoreThanWasMeasured(t *testing.T) {
	r := evaluated(t)
	for name, write := range map[string]func(io.Writer, *assurance.Report) error{"html": report.HTML, "text": report.Text, "markdown": report.Markdown, "junit": report.JUnit} {
		out := strings.ToLower(render(t, write, r))
		for _, word := range []string{"compliant", "certified", "congrat", "guarantee"} {
			if strings.Contains(out, word) {
				t.Errorf("%s says %q", name, word)
			}
		}
		for _, word := range []string{"attested", "excepted", "gh-lc-03"} {
			if !strings.Contains(out, word) {
				t.Errorf("%s does not say %q", name, word)
			}
		}
	}
}

func TestNamesOfObjectsAreNeverMarkup(t *testing.T) {
	r := evaluated(t)
	for name, write := range map[string]func(io.Writer, *assurance.Report) error{"html": report.HTML, "markdown": report.Markdown, "junit": report.JUnit} {
		if out := render(t, write, r); strings.Contains(out, "<script>") {
			t.Errorf("%s holds the name as markup", name)
		}
	}
}

// The page needs nothing else, works without scripts and does not rest on colour.
func TestThePageStandsByItself(t *testing.T) {
	out := render(t, report.HTML, evaluated(t))
	for _, bad := range []string{"<script", "http-equiv=\"refresh\"", "<img", "<link", "@import", "url("} {
		if strings.Contains(out, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, want := range []string{`<html lang="en">`, "<main>", "<caption>", `scope="col"`, "@media print", "Content-Security-Policy", "not an audit opinion"} {
		if !strings.Contains(out, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bid="([^"]+)"`).FindAllStringSubmatch(out, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s is given twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(out, -1) {
		if !ids[m[1]] {
			t.Errorf("a link leads to %s, which is not there", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`<span class="status [a-z-]+">(.*?)</span></?`).FindAllStringSubmatch(out, -1) {
		if !regexp.MustCompile(`[a-z]`).MatchString(regexp.MustCompile(`<[^>]+>`).ReplaceAllString(m[1], "")) {
			t.Errorf("a status has no word: %s", m[1])
		}
	}
}

// An attested or excepted result must not look like one that passed.
func TestAttestedIsNotShownLikeAPass(t *testing.T) {
	out := render(t, report.HTML, evaluated(t))
	article := func(id string) string {
		_, rest, ok := strings.Cut(out, `<article id="`+id+`"`)
		if !ok {
			t.Fatalf("no article %s", id)
		}
		text, _, _ := strings.Cut(rest, "</article>")
		return text
	}
	if a := article("GH-IR-03"); !strings.Contains(a, `class="status attested"`) || strings.Contains(a, `class="status pass"`) {
		t.Errorf("the attested result:\n%s", a)
	}
	if a := article("GH-AU-06"); !strings.Contains(a, `class="status excepted"`) || !strings.Contains(a, "owner@example.com") {
		t.Errorf("the excepted result:\n%s", a)
	}
}

func TestJUnitSaysErrorOfWhatCouldNotBeAssessed(t *testing.T) {
	r := evaluated(t)
	var suite struct {
		Tests, Failures, Errors, Skipped int
		Attrs                            []xml.Attr `xml:",any,attr"`
		Cases                            []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(render(t, report.JUnit, r)), &suite); err != nil {
		t.Fatal(err)
	}
	byID := map[string]assurance.Status{}
	for _, res := range r.Results {
		byID[res.ID] = res.Status
	}
	for _, c := range suite.Cases {
		id, _, _ := strings.Cut(c.Name, " ")
		switch status := byID[id]; {
		case (status == assurance.Fail) != (c.Failure != nil), (status == assurance.NotAssessed) != (c.Error != nil),
			(status == assurance.Attested || status == assurance.Excepted || status == assurance.NotApplicable) != (c.Skipped != nil):
			t.Errorf("%s is %s and its case %+v", id, status, c)
		}
	}
	if len(suite.Cases) != len(assurance.MeasuredIDs())+1 {
		t.Errorf("%d cases", len(suite.Cases))
	}
}

func TestTheJSONIsTheReport(t *testing.T) {
	r := evaluated(t)
	var back assurance.Report
	if err := json.Unmarshal([]byte(render(t, report.JSON, r)), &back); err != nil || back.Schema != assurance.ReportSchema || len(back.Results) != len(r.Results) {
		t.Errorf("%v: %d results", err, len(back.Results))
	}
	if err := report.Write(io.Discard, r, "pdf"); err == nil {
		t.Error("a format that does not exist is accepted")
	}
}
