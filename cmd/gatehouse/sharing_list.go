package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newSharingListCommand() *cobra.Command {
	var from planeFlags
	var resource, principal string
	var most int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List everything that is shared with people outside", Args: cobra.NoArgs,
		Long: `Lists open share links, and grants to e-mail addresses and to guests, with when each was used
last. The use of a grant is known to within an hour and shows a minute late; it counts when
the person asked for themselves, or an application asked what they may do. Where the sharing
policy has track_external_views = false, use is not shown. The data source gatehouse_shares
tells the same.`,
		Example: `  gatehouse sharing list
  gatehouse sharing list --principal email:ann@agency.example.com --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if most < 1 || most > 100_000 {
				return fmt.Errorf("--most is %d; write a number from 1 to 100000", most)
			}
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			filters := given(map[string]string{"resource": resource, "principal": principal})
			shares, more := []api.Share{}, false
			if err := conn.Workspace(workspace).Shares(cmd.Context(), filters, func(s api.Share) bool {
				if more = len(shares) == most; !more {
					shares = append(shares, s)
				}
				return !more
			}); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, map[string]any{"shares": shares, "more": more})
			}
			return listShares(cmd, shares, more)
		},
	}
	from.add(c)
	c.Flags().StringVar(&resource, "resource", "", "only shares of this item itself, e.g. /finance")
	c.Flags().StringVar(&principal, "principal", "", "only what is shared with this principal, e.g. email:ann@agency.example.com")
	c.Flags().IntVar(&most, "most", 1000, "list no more than so many")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func listShares(cmd *cobra.Command, shares []api.Share, more bool) error {
	err := printTable(cmd.OutOrStdout(), "Nothing is shared with people outside.", "TYPE\tITEM\tFOR\tGIVES\tSTATE\tENDS\tLAST USED", shares, func(s api.Share) []any {
		who := strings.Join(s.Principals, ", ")
		if s.Type == "link" {
			who = strings.TrimSuffix(strconv.Quote(s.Name)+" "+who, " ")
		}
		used := "never"
		switch {
		case !s.Tracking:
			used = "not shown"
		case s.LastAccessAt != nil:
			used = s.LastAccessAt.UTC().Format(time.RFC3339)
		}
		ends := "-"
		if s.ExpiresAt != nil {
			ends = s.ExpiresAt.UTC().Format(time.RFC3339)
		}
		return []any{s.Type, s.Resource, who, s.Level, s.State, ends, used}
	})
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(cmd.OutOrStdout(), "\nThere are more than these %d; raise --most, or narrow the list with --resource and --principal.\n", len(shares))
	}
	return nil
}
