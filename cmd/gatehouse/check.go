package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/collect"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/report"
)

func newCheckCommand() *cobra.Command {
	var from collectFlags
	var format string
	c := &cobra.Command{
		Use:   "check [CHECK…]",
		Short: "Answer the questions of the check catalogue",
		Long: `Collects live objects, audit log, provisioning log and Terraform state, and answers the
questions of the check catalogue: all that this version measures, or those named.

A check passes only when it was measured over a complete population. What could not be
collected is "not assessed" and never a pass; what people state is "attested".

Exit codes: 0 all pass (or are attested, excepted, not applicable) · 2 findings · 1 error,
or a check could not be assessed.`,
		Example: `  gatehouse check --chdir infra/access
  gatehouse check GH-ID-04 GH-AU-08 --format junit > checks.xml
  gatehouse check list`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if !slices.Contains(report.Formats, format) {
				return fmt.Errorf("--format is %q; write one of %s", format, strings.Join(report.Formats, ", "))
			}
			options, err := from.options(ids)
			if err != nil {
				return err
			}
			s, _, err := from.collect(cmd.Context())
			if err != nil {
				return err
			}
			r, err := assurance.Evaluate(s, options)
			if err != nil {
				return err
			}
			if err := report.Write(cmd.OutOrStdout(), r, format); err != nil {
				return err
			}
			return exitWith(r.ExitCode())
		},
	}
	from.add(c)
	c.Flags().StringVar(&format, "format", "text", "text, json, markdown or junit")
	c.AddCommand(newCheckListCommand())
	return c
}

func exitWith(code int) error {
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}

func newCheckListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the catalogue and what this version measures", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cat := assurance.TheCatalogue()
			if asJSON {
				type entry struct {
					assurance.Check
					Measured bool `json:"measured"`
				}
				out := make([]entry, 0, len(cat.Checks))
				for _, check := range cat.Checks {
					out = append(out, entry{check, assurance.Measured(check.ID)})
				}
				return printJSON(cmd, out)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "CHECK\tMEASURED\tSEVERITY\tQUESTION")
			for _, check := range cat.Checks {
				measured := "no"
				if assurance.Measured(check.ID) {
					measured = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", check.ID, measured, check.Severity, check.Question)
			}
			fmt.Fprintf(w, "\n%d of %d are measured by this version.\n", len(assurance.MeasuredIDs()), len(cat.Checks))
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with rules and control mapping")
	return c
}

// collectFlags say what a snapshot is collected from.
type collectFlags struct {
	plane                          planeFlags
	state                          stateFlags
	since, drift, register, logKey string
	canary                         bool
	proofs                         int
	params                         []string
}

func (f *collectFlags) add(c *cobra.Command) {
	f.plane.add(c)
	f.state.add(c)
	c.Flags().StringVar(&f.since, "since", "90d", "how far back the period goes, e.g. 30d")
	c.Flags().StringVar(&f.drift, "drift", "", "drift report made by 'gatehouse drift --report'; compared now when empty and there is a state")
	c.Flags().StringVar(&f.register, "register", "", "YAML file of exceptions, attestations and owners of findings")
	c.Flags().StringVar(&f.logKey, "log-key", os.Getenv("GATEHOUSE_LOG_KEY"), "public key of the audit log, if you know it; else the server's word is taken for it [GATEHOUSE_LOG_KEY]")
	c.Flags().BoolVar(&f.canary, "canary", false, "make, use and revoke a credential to see that it is refused (GH-AZ-06); the only thing that writes")
	c.Flags().IntVar(&f.proofs, "proofs", 500, "how many audit events are proved to be in the log, at most")
	c.Flags().StringArrayVar(&f.params, "param", nil, "another threshold, e.g. GH-ID-04.days=14d; may be repeated")
}

// options reads which checks are asked for and their thresholds.
func (f *collectFlags) options(ids []string) (assurance.Options, error) {
	var o assurance.Options
	for _, id := range ids {
		check, ok := assurance.TheCatalogue().Find(id)
		if !ok {
			return o, fmt.Errorf("there is no check %q; list them with `gatehouse check list`", id)
		}
		o.Checks = append(o.Checks, check.ID)
	}
	for _, p := range f.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return o, fmt.Errorf("--param is %q; write e.g. GH-ID-04.days=14d", p)
		}
		if o.Parameters == nil {
			o.Parameters = map[string]string{}
		}
		o.Parameters[name] = value
	}
	return o, o.Validate()
}

// collect gathers the snapshot, and gives the drift report as it was read, if one was
// named.
func (f *collectFlags) collect(ctx context.Context) (*assurance.Snapshot, []byte, error) {
	since, err := api.ParseDuration(f.since)
	if err != nil {
		return nil, nil, fmt.Errorf("--since: %w", err)
	}
	conn, err := f.plane.connect(true)
	if err != nil {
		return nil, nil, err
	}
	workspace, err := f.plane.oneWorkspace(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	o := collect.Options{Tool: "gatehouse " + version, From: time.Now().Add(-since), LogKey: strings.TrimSpace(f.logKey), Proofs: f.proofs, Now: time.Now}
	if o.State, err = f.state.read(ctx); err != nil {
		return nil, nil, err
	}
	raw, err := f.documents(&o)
	if err != nil {
		return nil, nil, err
	}
	if f.canary {
		writing, err := f.plane.connect(false)
		if err != nil {
			return nil, nil, err
		}
		o.Canary = &hands{flags: &f.plane, w: writing.Workspace(workspace)}
	}
	s, err := collect.Snapshot(ctx, newPlane(conn, workspace), o)
	return s, raw, err
}

// documents reads the files that were named: register and drift report.
func (f *collectFlags) documents(o *collect.Options) (driftReport []byte, err error) {
	if f.register != "" {
		file, err := os.Open(f.register)
		if err != nil {
			return nil, fmt.Errorf("--register: %w", err)
		}
		defer func() { _ = file.Close() }()
		if o.Register, err = assurance.ReadRegister(file); err != nil {
			return nil, err
		}
	}
	if f.drift == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(f.drift)
	if err != nil {
		return nil, fmt.Errorf("--drift: %w", err)
	}
	if o.Drift, o.DriftSigned, err = drift.Open(raw, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("--drift %s", f.drift), err)
	}
	return raw, nil
}
