package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/export"
)

func newExportCommand() *cobra.Command {
	var from planeFlags
	var out string
	var kinds []string
	var unmanagedOnly bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Write a live workspace as HCL, with the import blocks that take it over",
		Long: `Reads a workspace and writes it as a configuration to keep: one file per family, names
made from slugs, e-mails and paths, references between what belongs together, nothing
that only repeats a default, and an import block for every resource. A plan of it shows
imports and no change.

It is what "terraform query" does from Terraform 1.14 on, for every version from 1.11.

What an identity provider owns stays its own, and the files say what is not in them and
why. Secrets cannot be read back: variables.tf has a commented variable for each.

Nothing is changed in the workspace; an export of everything is noted there when the
token may write the workspace, so that closing it warns of nothing. What the token may not see is not exported, so
take one that may read everything, e.g. an admin's with the scope read_only.`,
		Example: `  gatehouse export --workspace acme --out infra/access
  gatehouse export --workspace acme --unmanaged-only --kinds team,team_membership
  cd acme && terraform init && terraform plan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			result, err := export.Export(cmd.Context(), conn.Workspace(workspace),
				export.Options{Kinds: kinds, UnmanagedOnly: unmanagedOnly, Now: time.Now()})
			if err != nil {
				return err
			}
			if out == "" {
				out = workspace
			}
			if err := result.Write(out); err != nil {
				return err
			}
			printExport(cmd.OutOrStdout(), result, out)
			if len(kinds) > 0 || unmanagedOnly {
				return nil
			}
			return noteExport(cmd, &from, workspace)
		},
	}
	from.add(c)
	c.Flags().StringVar(&out, "out", "", "folder for the files, made when it is not there; the workspace's slug when empty")
	c.Flags().StringSliceVar(&kinds, "kinds", nil, "kinds to export, e.g. team,project; all when empty")
	c.Flags().BoolVar(&unmanagedOnly, "unmanaged-only", false, "leave out what Terraform manages already")
	return c
}

// noteExport tells the control plane of a complete export. A token that may only read
// is enough to export, so a refusal is told and is no failure.
func noteExport(cmd *cobra.Command, from *planeFlags, workspace string) error {
	conn, err := from.connect(false)
	if err != nil {
		return err
	}
	err = conn.Workspace(workspace).RecordExport(cmd.Context())
	if client.IsCode(err, api.CodeForbidden) {
		fmt.Fprintln(cmd.OutOrStdout(), "  Not noted in the workspace as exported: the token may not write it.")
		return nil
	}
	return err
}

func printExport(w io.Writer, r *export.Result, folder string) {
	names := make([]string, len(r.Files))
	for i, f := range r.Files {
		names[i] = f.Name
	}
	what := "resources"
	if r.Resources == 1 {
		what = "resource"
	}
	fmt.Fprintf(w, "Wrote %d %s of workspace %q to %s: %s.\n", r.Resources, what, r.Workspace, folder, strings.Join(names, ", "))
	for _, l := range r.LeftOut {
		fmt.Fprintf(w, "  %s\n", l)
	}
	if r.Resources > 0 {
		fmt.Fprintln(w, "Next: terraform init && terraform plan there (imports, and no change), terraform apply, then gatehouse claim.")
	}
}
