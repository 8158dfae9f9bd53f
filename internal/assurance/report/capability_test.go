package report_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/report"
)

// C098 to C103: the page lists by framework and control which measured checks speak to
// it, and how each of them ended.
func TestPageListsMeasuredChecksByControlOfEachFramework(t *testing.T) {
	r, err := assurance.Evaluate(assurancetest.Snapshot(t), assurance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := report.HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	for framework, c := range map[string]struct{ control, check string }{
		"soc2":     {"CC6.1", "GH-ID-02"},
		"iso27001": {"A.8.5", "GH-ID-02"},
		"iso27017": {"CLD.8.1.5", "GH-DP-05"},
		"iso27018": {"A.11.10", "GH-LC-03"},
		"gdpr":     {"Article 17", "GH-DP-05"},
		"vda_isa":  {"4.1.2", "GH-ID-02"},
	} {
		t.Run(framework, func(t *testing.T) {
			name := r.Catalogue.Frameworks[framework]
			if name == "" {
				t.Fatalf("the catalogue does not say which edition %s is", framework)
			}
			line := regexp.MustCompile(`<tr><td>` + regexp.QuoteMeta(name) + `</td><th scope="row">` + regexp.QuoteMeta(c.control) + `</th><td>.*<a href="#` + c.check + `">` + c.check + `</a> \(pass\)`)
			if !line.Match(page.Bytes()) {
				t.Errorf("the page has no line for %s of %s with %s", c.control, name, c.check)
			}
		})
	}
}
