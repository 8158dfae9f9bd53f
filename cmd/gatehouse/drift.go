package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/collect"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
)

func newDriftCommand() *cobra.Command {
	var from planeFlags
	var state stateFlags
	var format, unmanaged, report, key string
	c := &cobra.Command{
		Use:   "drift",
		Short: "Compare code with the control plane, and say who made the difference",
		Long: `Compares every gatehouse_* resource of a Terraform state with the live object, attribute
by attribute, looks for privileged objects that no code declares, and finds in the audit
log who made each difference, when, through which door, and whether it gave people more
access or less.

Nothing is written: a token that may only read is enough. The audit log is needed for
the names; without audit.read the differences are shown and nobody is named.

Exit codes: 0 in sync · 2 drift · 1 error, or something could not be looked at. "In sync"
is never said of what could not be listed.`,
		Example: `  gatehouse drift                                  # in the folder of the configuration
  gatehouse drift --chdir infra/access --format markdown >> "$GITHUB_STEP_SUMMARY"
  gatehouse drift --state terraform.tfstate --report drift.json --unmanaged all`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scope := drift.Scope(unmanaged)
			if !slices.Contains([]drift.Scope{drift.UnmanagedNone, drift.UnmanagedPrivileged, drift.UnmanagedAll}, scope) {
				return fmt.Errorf("--unmanaged is %q; write none, privileged or all", unmanaged)
			}
			if !slices.Contains(drift.Formats, format) {
				return fmt.Errorf("--format is %q; write one of %s", format, strings.Join(drift.Formats, ", "))
			}
			s, err := state.read(cmd.Context())
			if err != nil {
				return err
			}
			if s == nil {
				return errors.New("there is no configuration in this folder; name one with --chdir, or a state with --state")
			}
			conn, err := from.connect(true)
			if err != nil {
				return err
			}
			r, err := collect.Drift(cmd.Context(), func(ws string) collect.Plane { return newPlane(conn, ws) }, s,
				collect.DriftOptions{Workspace: strings.ToLower(from.workspace), Unmanaged: scope, Now: time.Now()})
			if err != nil {
				return err
			}
			var sealed *drift.Sealed
			if report != "" || format == "json" && key != "" {
				k, err := signingKey(key)
				if err != nil {
					return err
				}
				if sealed, err = drift.Seal(r, k); err != nil {
					return err
				}
			}
			if report != "" {
				if err := writeReport(report, r, sealed); err != nil {
					return err
				}
			}
			if err := printDrift(cmd.OutOrStdout(), r, sealed, format); err != nil {
				return err
			}
			if code := r.ExitCode(); code != 0 {
				return &exitError{code: code}
			}
			return nil
		},
	}
	from.add(c)
	state.add(c)
	c.Flags().StringVar(&format, "format", "text", "text, json, markdown or github (annotations and text)")
	c.Flags().StringVar(&unmanaged, "unmanaged", string(drift.UnmanagedPrivileged), "which undeclared objects are reported: none, privileged (what gives power over others) or all")
	c.Flags().StringVar(&report, "report", "", "also write the report here as signed JSON, for 'gatehouse evidence'")
	keyFlag(c, &key)
	return c
}

func printDrift(w io.Writer, r *drift.Report, sealed *drift.Sealed, format string) error {
	switch format {
	case "json":
		return r.WriteJSON(w, sealed)
	case "markdown":
		return r.WriteMarkdown(w)
	case "github":
		return r.WriteGitHub(w)
	}
	return r.WriteText(w)
}

func writeReport(path string, r *drift.Report, sealed *drift.Sealed) error {
	var b bytes.Buffer
	if err := r.WriteJSON(&b, sealed); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the drift report: %w", err)
	}
	return nil
}
