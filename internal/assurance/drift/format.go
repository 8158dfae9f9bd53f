package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Formats that a report can be written in.
var Formats = []string{"text", "json", "markdown", "github"}

// maxRows bounds tables in comments, which have a size of their own (64 KiB).
const maxRows = 200

// WriteMarkdown writes the report as a table for a pull request or an issue.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	title := map[Result]string{InSync: "In sync", Drifted: "Drift", Incomplete: "Incomplete"}[r.Result]
	fmt.Fprintf(&b, "### %s: %s\n\n%s\n", title, quoteAll(r.Workspaces), cell(r.Summary()))
	if len(r.Items) > 0 {
		b.WriteString("\n| | object | difference | who and when |\n|---|---|---|---|\n")
		for n := range r.Items {
			if n == maxRows {
				break
			}
			i := &r.Items[n]
			fmt.Fprintf(&b, "| **%s** | %s | %s | %s |\n", i.Class, cell(i.Label()), cell(i.what()), cell(r.byWhom(i)))
		}
		if more := len(r.Items) - maxRows; more > 0 {
			fmt.Fprintf(&b, "\n%d more are in the JSON report.\n", more)
		}
	}
	for n, gap := range r.Gaps {
		if n == 0 {
			b.WriteString("\n**Not looked at**\n\n")
		}
		b.WriteString("- " + cell(gap) + "\n")
	}
	for n, note := range r.Notes {
		if n == 0 {
			b.WriteString("\n")
		}
		b.WriteString("_" + cell(note) + "_\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

var cellEscapes = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", ">", "&gt;", "`", "'", "*", `\*`, "_", `\_`)

func cell(s string) string { return cellEscapes.Replace(s) }

// maxAnnotations is what GitHub shows of a level per step.
const maxAnnotations = 10

// WriteGitHub writes workflow commands: errors for what widens access or could not be
// looked at, warnings for the rest, the widest first, and the text after them.
func (r *Report) WriteGitHub(w io.Writer) error {
	var b bytes.Buffer
	shown := map[string]int{}
	hidden := 0
	say := func(level, title, message string) {
		if shown[level] == maxAnnotations-1 {
			hidden++
			return
		}
		shown[level]++
		fmt.Fprintf(&b, "::%s title=%s::%s\n", level, property(title), data(message))
	}
	for _, gap := range r.Gaps {
		say("error", "Drift: not looked at", gap)
	}
	for n := range r.Items {
		i := &r.Items[n]
		level := "warning"
		if i.Class == Widened || i.Class == Unmanaged && i.Privileged {
			level = "error"
		}
		say(level, "Drift: "+string(i.Class)+" "+i.Label(), r.line(i))
	}
	if hidden > 0 {
		fmt.Fprintf(&b, "::warning title=Drift::%d more differences are in the report below\n", hidden)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return r.WriteText(w)
}

// Escapes of workflow commands; what an object is called must not start a command.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }

// WriteJSON writes the report in its signed form; unsigned when sealed is nil.
func (r *Report) WriteJSON(w io.Writer, sealed *Sealed) error {
	if sealed == nil {
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("encoding the drift report: %w", err)
		}
		sealed = &Sealed{Report: raw}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sealed); err != nil {
		return fmt.Errorf("encoding the drift report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
