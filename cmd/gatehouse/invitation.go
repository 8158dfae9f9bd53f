package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newInvitationCommand() *cobra.Command {
	c := &cobra.Command{Use: "invitation", Short: "Send invitations again"}
	c.AddCommand(newInvitationResendCommand())
	return c
}

func newInvitationResendCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "resend EMAIL", Short: "Send an invitation again, with a new link", Args: cobra.ExactArgs(1),
		Long: `The person gets a new mail with a new link; those before open nothing any more. It works
while nobody has answered, also after the invitation has ended, and some times a day. The
Terraform action gatehouse_resend_invitation does the same.`,
		Example: `  gatehouse invitation resend nora@example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			doc, err := conn.Workspace(workspace).ResendInvitation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, doc)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Sent to %v again; the link is good until %v.\n", doc["email"], doc["expires_at"])
			return nil
		},
	}
	from.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
