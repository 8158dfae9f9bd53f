package register

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// widest is how many characters of a capability's words the table shows.
const widest = 64

// WriteTable writes the register as an aligned table and, last, how many entries have each status.
func WriteTable(w io.Writer, entries []Entry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATUS\tCAPABILITY\tSHOWN BY\tMISSING")
	counts := make(map[Status]int)
	for _, entry := range entries {
		counts[entry.Status]++
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
			entry.ID, entry.Status, shorten(entry.Capability), citations(entry.ShownBy), entry.Missing)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the table of capabilities: %w", err)
	}
	words := make([]string, 0, len(Statuses))
	for _, status := range Statuses {
		words = append(words, fmt.Sprintf("%d %s", counts[status], status))
	}
	if _, err := fmt.Fprintf(w, "\n%d capabilities: %s\n", len(entries), strings.Join(words, ", ")); err != nil {
		return fmt.Errorf("writing the counts of capabilities: %w", err)
	}
	return nil
}

// citations shows the first test and how many more there are: the register itself names them all.
func citations(shownBy []string) string {
	switch len(shownBy) {
	case 0:
		return "-"
	case 1:
		return shownBy[0]
	}
	return fmt.Sprintf("%s (+%d)", shownBy[0], len(shownBy)-1)
}

func shorten(words string) string {
	if utf8.RuneCountInString(words) <= widest {
		return words
	}
	return string([]rune(words)[:widest-1]) + "…"
}
