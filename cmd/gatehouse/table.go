package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printTable writes one line of columns for each of a list, below headings that tabs
// part. Where there is none, it writes a sentence instead; "" for the headings alone.
func printTable[T any](out io.Writer, none, headings string, list []T, row func(T) []any) error {
	if len(list) == 0 && none != "" {
		_, err := fmt.Fprintln(out, none)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, headings)
	for _, one := range list {
		var columns []string
		for _, value := range row(one) {
			columns = append(columns, fmt.Sprint(value))
		}
		fmt.Fprintln(w, strings.Join(columns, "\t"))
	}
	return w.Flush()
}
