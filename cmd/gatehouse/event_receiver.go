package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newEventReceiverCommand() *cobra.Command {
	c := &cobra.Command{Use: "event-receiver", Short: "Try receivers of security events out, and see what they were sent"}
	c.AddCommand(newEventReceiverVerifyCommand(), newEventReceiverDeliveriesCommand(), newEventReceiverRotateKeysCommand())
	return c
}

func newEventReceiverVerifyCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "verify NAME", Short: "Send a receiver the verification event and tell what it answers", Args: cobra.ExactArgs(1),
		Long: `Sends the verification event of the Shared Signals Framework, signed and with the header of
the receiver, and waits for the answer. A receiver that accepts it gets at once what waits
for it. The Terraform action gatehouse_verify_event_receiver does the same.

Exit codes: 0 it was accepted · 2 it was not · 1 error.`,
		Example: `  gatehouse event-receiver verify mail`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			v, err := conn.Workspace(workspace).VerifyEventReceiver(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, v); err != nil {
					return err
				}
			} else if v.Accepted {
				fmt.Fprintf(cmd.OutOrStdout(), "%s accepted the verification event %s (%d).\n", args[0], v.ID, v.Status)
			}
			if !v.Accepted {
				return &exitError{code: 2, err: fmt.Errorf("%s did not accept the verification event %s: %s", args[0], v.ID, v.Error)}
			}
			return nil
		},
	}
	from.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newEventReceiverDeliveriesCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	var state string
	var limit int
	c := &cobra.Command{
		Use: "deliveries NAME", Short: "List what a receiver was sent, the newest first", Args: cobra.ExactArgs(1),
		Long: `Tells how a receiver does, and lists the tokens for it: who they are about by id, whether
they were accepted, and what the receiver said if not. Deliveries are listed for 30 days.

Exit codes: 0 the receiver works or is idle · 2 it is failing · 1 error.`,
		Example: `  gatehouse event-receiver deliveries mail
  gatehouse event-receiver deliveries mail --state failed --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			page, err := conn.Workspace(workspace).EventDeliveries(cmd.Context(), args[0], state, limit)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, page)
			} else {
				err = printDeliveries(cmd, page)
			}
			if err == nil && page.Status.State == "failing" {
				return &exitError{code: 2, err: fmt.Errorf("%s is failing: %s", args[0], page.Status.LastError)}
			}
			return err
		},
	}
	from.add(c)
	c.Flags().StringVar(&state, "state", "", "only deliveries of this state: queued, sent or failed")
	c.Flags().IntVar(&limit, "limit", 20, "deliveries to list, at most 500")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printDeliveries(cmd *cobra.Command, page *api.EventDeliveryPage) error {
	out, s := cmd.OutOrStdout(), page.Status
	fmt.Fprintf(out, "%s, %d waiting, last success %s\n", s.State, s.Waiting, when(s.LastSuccessAt))
	if s.FailingSince != nil {
		fmt.Fprintf(out, "failing since %s, next attempt %s\n", when(s.FailingSince), when(s.NextAttemptAt))
	}
	return printTable(out, "", "TIME\tEVENT\tABOUT\tSTATE\tATTEMPTS\tID\tERROR", page.Items, func(d api.EventDelivery) []any {
		return []any{d.OccurredAt.UTC().Format(time.DateTime), d.Event, d.Subject, d.State, d.Attempts, d.ID, strings.Join(strings.Fields(d.Error), " ")}
	})
}

func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.DateTime)
}

func newEventReceiverRotateKeysCommand() *cobra.Command {
	var from planeFlags
	var asJSON, atOnce bool
	c := &cobra.Command{
		Use: "rotate-keys", Short: "Make new keys for security events", Args: cobra.NoArgs,
		Long: `Makes new keys for the tokens of the workspace. The new ones are published at once and used
after ten minutes, when receivers have had the time to read them; the old ones stay
published for a week. With --at-once the old ones count no longer, from now on: for keys
that may have leaked.`,
		Example: `  gatehouse event-receiver rotate-keys`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			keys, err := conn.Workspace(workspace).RotateSecurityEventKeys(cmd.Context(), atOnce)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, keys)
			}
			return printTable(cmd.OutOrStdout(), "There is no key yet: no receiver has been declared.", "KEY\tALGORITHM\tUSED FROM\tPUBLISHED UNTIL", keys.Items, func(k api.SecurityEventKey) []any {
				until := "the next rotation"
				if k.ExpiresAt != nil {
					until = when(k.ExpiresAt)
				}
				return []any{k.ID, k.Algorithm, when(&k.ActiveFrom), until}
			})
		},
	}
	from.add(c)
	c.Flags().BoolVar(&atOnce, "at-once", false, "let the old keys count no longer")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
