// Command bench measures what users feel, each against a floor measured in the same
// run, and prints ratios. It judges nothing: goals stand beside the numbers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
)

// row is one line of the result.
type row struct {
	what, measured, floor, ratio, goal string
}

// bench is one run.
type bench struct {
	bin, cli, folder string
	short            bool
	processor        bool
	now              stopwatch
	rows             []row
}

func main() {
	var b bench
	var only, profile string
	flag.StringVar(&b.bin, "bin", "bin", "folder of the built binaries")
	flag.StringVar(&b.cli, "cli", "terraform", "terraform or tofu")
	flag.StringVar(&b.folder, "folder", ".tmp/bench", "scratch folder")
	flag.StringVar(&only, "only", "", "comma-separated parts: access, questions, link, scim, sync, plan, map")
	flag.BoolVar(&b.short, "short", false, "small sizes, to see that it works")
	flag.BoolVar(&b.processor, "cpu", false, "measure processor time instead of the clock: for a machine that others use too")
	flag.StringVar(&profile, "cpuprofile", "", "file for a CPU profile of this process")
	flag.Parse()
	if b.now = wallClock; b.processor {
		b.now = processorTime
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, only string) error {
	if err := os.RemoveAll(b.folder); err != nil {
		return err
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(context.Context) error
	}{{"access", b.access}, {"questions", b.questions}, {"link", b.link}, {"scim", b.scim}, {"sync", b.sync}, {"plan", b.plan}, {"map", b.planMap}}
	for _, p := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+p.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", p.name)
		if err := p.run(ctx); err != nil {
			// What was measured before is told all the same.
			return errors.Join(fmt.Errorf("%s: %w", p.name, err), b.print())
		}
	}
	return b.print()
}

func (b *bench) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tfloor\tratio\tgoal")
	for _, r := range b.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, r.measured, r.floor, r.ratio, r.goal)
	}
	return w.Flush()
}

func (b *bench) add(what, measured, floor, ratio, goal string) {
	b.rows = append(b.rows, row{what, measured, floor, ratio, goal})
}

func (b *bench) size(full, small int) int {
	if b.short {
		return small
	}
	return full
}
