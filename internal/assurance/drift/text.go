package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the report for people, one line per difference:
//
//	WIDENED  sharing_policy "wikio"  public_links "disabled" → "allowed"  by ann@example.com via rest at 10:02 (event evt_…, no reason)
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	for i := range r.Items {
		b.WriteString(r.line(&r.Items[i]) + "\n")
	}
	for _, gap := range r.Gaps {
		b.WriteString("NOT LOOKED AT  " + gap + "\n")
	}
	for _, n := range r.Notes {
		b.WriteString("note: " + n + "\n")
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString(r.Summary() + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

// Summary is the outcome in one or two sentences.
func (r *Report) Summary() string {
	where := "workspace " + quoteAll(r.Workspaces)
	switch {
	case len(r.Workspaces) == 0:
		where = "anything"
	case len(r.Workspaces) > 1:
		where = "workspaces " + quoteAll(r.Workspaces)
	}
	switch r.Result {
	case InSync:
		text := fmt.Sprintf("In sync: %s of the state in %s %s what the control plane holds", plural(r.Compared, "resource"), where, agree(r.Compared))
		if r.Looked > 0 {
			text += fmt.Sprintf(", and none of %s is undeclared", plural(r.Looked, "live object"))
		}
		return text + "."
	case Drifted:
		return fmt.Sprintf("Drift: %s in %s, %d of them widening access, %d undeclared, %d missing; %s compared.", plural(len(r.Items), "difference"), where, r.Count(Widened), r.Count(Unmanaged), r.Count(Missing), plural(r.Compared, "resource"))
	}
	verb := "is"
	if len(r.Workspaces) > 1 {
		verb = "are"
	}
	text := fmt.Sprintf("Incomplete: it was not possible to look everywhere, so nobody can say whether %s %s in sync.", where, verb)
	if len(r.Items) > 0 {
		text += fmt.Sprintf(" What could be seen shows %s.", plural(len(r.Items), "difference"))
	}
	return text
}

func agree(n int) string {
	if n == 1 {
		return "says"
	}
	return "say"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

func (r *Report) line(i *Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", strings.ToUpper(string(i.Class)), i.Label())
	if what := i.what(); what != "" {
		b.WriteString("  " + what)
	}
	b.WriteString("  " + r.byWhom(i))
	return b.String()
}

// what says what differs.
func (i *Item) what() string {
	switch {
	case i.Class == Missing:
		return "declared as " + i.Address + ", and not there"
	case i.Class == Unmanaged && i.Attribute == "":
		return "declared by no code"
	case i.Class == Unmanaged:
		return fmt.Sprintf("%s %s, declared by no code", i.Attribute, ValueText(i.New))
	}
	return fmt.Sprintf("%s %s → %s", i.Attribute, ValueText(i.Old), ValueText(i.New))
}

func (r *Report) byWhom(i *Item) string {
	if i.By == nil {
		return "by whom is not in the audit log that could be read"
	}
	reason := "no reason"
	if i.By.Reason != "" {
		reason = fmt.Sprintf("reason: %s", oneLine(i.By.Reason))
	}
	if i.By.Stack != "" {
		reason = fmt.Sprintf("stack %q, %s", i.By.Stack, reason)
	}
	return fmt.Sprintf("by %s via %s at %s (event %s, %s)", i.By.Actor, i.By.Door, clock(i.By.At, r.GeneratedAt), i.By.Event, reason)
}

// clock leaves out the date of today.
func clock(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

const maxValueText = 120

// ValueText writes a value in a line: strings quoted, nothing for absent, long ones cut.
func ValueText(v any) string {
	if v == nil {
		return "(none)"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "(unreadable)"
	}
	text := strings.TrimSpace(b.String())
	if r := []rune(text); len(r) > maxValueText {
		text = string(r[:maxValueText]) + "…"
	}
	return text
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
