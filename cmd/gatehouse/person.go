package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newPersonCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "person", Short: "Answer what people may ask about their data",
		Long: `Erases or exports what a workspace holds about one person: a member who left, a guest, a visitor
of share links, somebody who was invited. The address is all that is needed.`,
	}
	c.AddCommand(newPersonEraseCommand(), newPersonExportCommand())
	return c
}

func newPersonEraseCommand() *cobra.Command {
	var from planeFlags
	var dry, asJSON bool
	c := &cobra.Command{
		Use: "erase EMAIL", Short: "Erase what is held about a person, for good", Args: cobra.ExactArgs(1),
		Long: `Deletes what is held about a person, and writes erased:… wherever somebody has to be named, in
the audit log too, whose events stay. Refused while the person has an active account, is the
Owner or a break-glass account, or is named by something under legal hold. It cannot be taken
back. What was written before into backups, log streams, Terraform's code and its state has to
be dealt with there.`,
		Example: `  gatehouse person erase ann@example.com --dry-run
  gatehouse person erase ann@example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			done, err := conn.Workspace(workspace).ErasePerson(cmd.Context(), args[0], dry)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, done)
			}
			out := cmd.OutOrStdout()
			if done.Total == 0 {
				fmt.Fprintf(out, "Nothing is held about %s.\n", args[0])
				return nil
			}
			err = printTable(out, "", "PLACE\tENTRIES", done.Places, func(p api.ErasedPlace) []any {
				return []any{p.Place, p.Count}
			})
			if err != nil {
				return err
			}
			if dry {
				fmt.Fprintf(out, "\n%d entries would be deleted, or rewritten without the person. Nothing was changed.\n", done.Total)
				return nil
			}
			fmt.Fprintf(out, "\n%d entries were deleted, or rewritten without the person, who is %s from now on.\n", done.Total, done.ErasedAs)
			return nil
		},
	}
	from.add(c)
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be erased, and erase nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newPersonExportCommand() *cobra.Command {
	var from planeFlags
	c := &cobra.Command{
		Use: "export EMAIL", Short: "Print everything that is held about a person, as JSON", Args: cobra.ExactArgs(1),
		Long: `Prints what the workspace holds about a person, place by place, as it is stored: what the person
may ask to see. The export itself is recorded in the audit log. Check it before it leaves the
house: what is about one person may name others.`,
		Example: `  gatehouse person export ann@example.com > ann.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			all, err := conn.Workspace(workspace).ExportPerson(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if all.Incomplete {
				fmt.Fprintln(cmd.ErrOrStderr(), "The audit log has more events of the person than are printed here; read the rest with gatehouse audit.")
			}
			return printJSON(cmd, all)
		},
	}
	from.add(c)
	return c
}
