package mail

import (
	"strings"
	"time"
)

// Line makes one bounded line of a name that somebody chose, for the text of a letter.
func Line(name string) string { return oneLine(name) }

// lineEnds are all that a reader's program may break a line at.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// Quoted marks every line of words that are not ours, so that none of them passes for
// the letter's own.
func Quoted(words string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(lineEnds.Replace(words)), "\n") {
		b.WriteString("> " + line + "\n")
	}
	return b.String()
}

// Moment writes a time for readers anywhere.
func Moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
