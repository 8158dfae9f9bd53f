package report

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
)

//go:embed report.html.tmpl
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"word":  func(s assurance.Status) string { return strings.ToLower(words[s]) },
	"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"mark":  func(s assurance.Status) string { return marks[s] },
	"class": func(s assurance.Status) string { return strings.ReplaceAll(string(s), "_", "-") },
	"join":  func(list []string) string { return strings.Join(list, ", ") },
	"short": short,
	"deref": func(n *int) string {
		if n == nil {
			return "–"
		}
		return fmt.Sprint(*n)
	},
	"window": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
}).Parse(pageText))

// marks stand beside the words, so that nothing depends on colour.
var marks = map[assurance.Status]string{
	assurance.Pass: "✓", assurance.Fail: "✗", assurance.NotAssessed: "?",
	assurance.NotApplicable: "–", assurance.Attested: "✎", assurance.Excepted: "!",
}

// short cuts digests, which the JSON has in full.
func short(digest string) string {
	if algorithm, hex, ok := strings.Cut(digest, ":"); ok && len(hex) > 16 {
		return algorithm + ":" + hex[:16] + "…"
	}
	return digest
}

// control is a line of the index by control.
type control struct {
	Framework, ID string
	Checks        []assurance.Result
}

// HTML writes the report as one page that needs nothing else: no script, no font, no
// picture from elsewhere.
func HTML(w io.Writer, r *assurance.Report) error {
	type count struct {
		Status assurance.Status
		N      int
	}
	data := struct {
		Report   *assurance.Report
		Summary  string
		Counts   []count
		Results  []assurance.Result
		Others   []assurance.Result
		Controls []control
	}{Report: r, Summary: Summary(r), Results: sorted(r, selected), Others: sorted(r, unselected), Controls: controls(r)}
	counts := r.SelectedCounts()
	for _, s := range order {
		data.Counts = append(data.Counts, count{s, counts[s]})
	}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// controls lists, by framework and control, which selected checks speak to it.
func controls(r *assurance.Report) []control {
	var out []control
	for _, framework := range []string{"soc2", "iso27001", "iso27017", "iso27018", "gdpr", "vda_isa", "nist80053", "nist80063b", "cis"} {
		at := map[string]int{}
		first := len(out)
		for _, res := range sorted(r, selected) {
			for _, id := range res.Controls[framework] {
				i, known := at[id]
				if !known {
					i = len(out)
					at[id] = i
					name := r.Catalogue.Frameworks[framework]
					if name == "" {
						name = framework
					}
					out = append(out, control{Framework: name, ID: id})
				}
				out[i].Checks = append(out[i].Checks, res)
			}
		}
		sortControls(out[first:])
	}
	return out
}
