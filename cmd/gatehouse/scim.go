package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newSCIMCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "scim", Short: "See what identity providers pushed, and replay recorded streams",
		Long: `Identity providers push joiners, movers and leavers over SCIM 2.0 at /scim/v2. Every
request is kept as an event with its outcome.`,
	}
	c.AddCommand(newSCIMEventsCommand(), newSCIMReplayCommand())
	return c
}

// pushed is an event of the provisioning log.
type pushed struct {
	ID         string    `json:"id"`
	Connection string    `json:"connection"`
	Time       time.Time `json:"time"`
	Operation  string    `json:"operation"`
	Resource   string    `json:"resource"`
	Target     string    `json:"target"`
	Outcome    string    `json:"outcome"`
	Status     int64     `json:"status"`
	Detail     string    `json:"detail"`
	RequestID  string    `json:"request_id"`
}

var outcomes = []string{"applied", "quarantined", "failed", "ignored"}

func newSCIMEventsCommand() *cobra.Command {
	var from planeFlags
	var outcome, connection string
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "events", Short: "List what identity providers pushed and what became of it, the newest first", Args: cobra.NoArgs,
		Example: `  gatehouse scim events --outcome quarantined
  gatehouse scim events --connection okta --limit 20 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 10_000 {
				return errors.New("--limit must be from 1 to 10000")
			}
			query := url.Values{}
			if outcome != "" {
				if !strings.Contains(" "+strings.Join(outcomes, " ")+" ", " "+outcome+" ") {
					return fmt.Errorf("--outcome is %q; write one of %s", outcome, strings.Join(outcomes, ", "))
				}
				query.Set("outcome", outcome)
			}
			if connection != "" {
				query.Set("connection", connection)
			}
			conn, err := from.connect(true)
			if err != nil {
				return err
			}
			workspace, err := from.oneWorkspace(cmd.Context(), conn)
			if err != nil {
				return err
			}
			events := []pushed{}
			path := "/v1/workspaces/" + url.PathEscape(workspace) + "/provisioning_events"
			for {
				query.Set("limit", fmt.Sprint(min(limit-len(events), api.MaxPageSize)))
				var page api.Page[pushed]
				if err := conn.GetJSON(cmd.Context(), path, query, &page); err != nil {
					return err
				}
				events = append(events, page.Items...)
				if len(events) >= limit || page.NextCursor == "" || page.NextCursor == query.Get("cursor") {
					break
				}
				query.Set("cursor", page.NextCursor)
			}
			if asJSON {
				return printJSON(cmd, events)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "TIME\tCONNECTION\tOPERATION\tOUTCOME\tSTATUS\tTARGET\tDETAIL")
			for _, e := range events {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", e.Time.UTC().Format(time.DateTime), e.Connection, e.Operation, e.Outcome, e.Status, e.Target, strings.Join(strings.Fields(e.Detail), " "))
			}
			return w.Flush()
		},
	}
	from.add(c)
	c.Flags().StringVar(&outcome, "outcome", "", "only this outcome: applied, quarantined, failed or ignored")
	c.Flags().StringVar(&connection, "connection", "", "only this provisioning connection")
	c.Flags().IntVar(&limit, "limit", 100, "how many events at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
