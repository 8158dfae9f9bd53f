package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newApprovalCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "approval", Short: "See and decide what waits for approval",
		Long: `Shares with people outside, invitations and promotions wait where the sharing policy or an
approval policy wants somebody to agree. What waits gives nothing. What is denied, or not
decided in time, is removed.`,
	}
	c.AddCommand(newApprovalListCommand(),
		newDecideCommand("approve", "Approve what a request is about", "It becomes effective when every step of the approval policy is met. Whoever asked cannot approve."),
		newDecideCommand("deny", "Deny what a request is about, and remove it", "One word is enough, whatever others have said."),
		newDecideCommand("withdraw", "Withdraw your own request, and remove what it is about", "Owner and admins may withdraw everybody's."))
	return c
}

func newApprovalListCommand() *cobra.Command {
	var from planeFlags
	var state string
	var mine, asJSON bool
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List requests for approval, the newest first", Args: cobra.NoArgs,
		Example: `  gatehouse approval list --mine
  gatehouse approval list --state denied --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 10_000 {
				return errors.New("--limit must be from 1 to 10000")
			}
			if state != "" && !slices.Contains(api.ApprovalStates(), state) {
				return fmt.Errorf("--state is %q; write one of %s", state, strings.Join(api.ApprovalStates(), ", "))
			}
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			found := []api.ApprovalRequest{}
			err = conn.Workspace(workspace).ApprovalRequests(cmd.Context(), state, mine, func(r api.ApprovalRequest) bool {
				found = append(found, r)
				return len(found) < limit
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, found)
			}
			return printTable(cmd.OutOrStdout(), "There are no such requests.", "ID\tSTATE\tUNTIL\tREQUESTER\tMISSING\tSUMMARY", found, func(r api.ApprovalRequest) []any {
				return []any{r.ID, r.State, r.ExpiresAt.UTC().Format(time.DateTime), r.Requester, missingApprovals(r), strings.Join(strings.Fields(r.Summary), " ")}
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&state, "state", "", "only this state: "+strings.Join(api.ApprovalStates(), ", "))
	c.Flags().BoolVar(&mine, "mine", false, "only open requests that you may decide")
	c.Flags().IntVar(&limit, "limit", 100, "how many requests at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// missingApprovals says how many more approvals of whom a request needs.
func missingApprovals(r api.ApprovalRequest) string {
	var out []string
	for _, s := range r.Steps {
		if n := s.MinApprovals - s.Approvals; n > 0 {
			out = append(out, fmt.Sprintf("%d of %s", n, strings.Join(s.Approvers, ", ")))
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, "; ")
}

func newDecideCommand(verb, short, long string) *cobra.Command {
	var from planeFlags
	var comment string
	var asJSON bool
	c := &cobra.Command{
		Use: verb + " REQUEST", Short: short, Long: short + ". " + long, Args: cobra.ExactArgs(1),
		Example: fmt.Sprintf("  gatehouse approval %s aprq_01j9… --comment \"as agreed with the agency\"", verb),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			r, err := conn.Workspace(workspace).DecideApproval(cmd.Context(), args[0], verb, comment)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, r)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is %s: %s\n", r.ID, r.State, r.Summary)
			if r.State == api.ApprovalPending {
				fmt.Fprintf(cmd.OutOrStdout(), "Still needed: %s.\n", missingApprovals(*r))
			}
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&comment, "comment", "", "why; kept with the request and in the audit log")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
