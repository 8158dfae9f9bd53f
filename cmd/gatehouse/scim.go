package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/replay"
)

func newSCIMCommand() *cobra.Command {
	var door bridgeFlags
	c := &cobra.Command{
		Use: "scim", Short: "See what identity providers pushed; serve SCIM apart from the control plane", Args: cobra.NoArgs,
		Long: `Identity providers push joiners, movers and leavers over SCIM 2.0 at /scim/v2. Every
request is kept as an event with its outcome.

"gatehouse serve" serves SCIM itself. With --api this command serves it in a process of its
own, for example in the network that your identity provider reaches, and speaks to the
control plane's API with the token that the identity provider sent. It keeps no secret and
no state. It says to the control plane which address each request came from: give its own
address to "gatehouse serve" as --trusted-proxies, or allowed_cidrs of tokens, limits and the
audit log go by the address of this process. What requests themselves say about it is
believed of --trusted-proxies alone.`,
		Example: `  gatehouse scim --api https://gatehouse.internal.example.com --listen :8443 --tls-cert cert.pem --tls-key key.pem \
      --base-url https://scim.example.com`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if door.config.api == "" {
				return cmd.Help()
			}
			return door.serve(cmd)
		},
	}
	door.add(c)
	c.AddCommand(newSCIMEventsCommand(), newSCIMQuarantineCommand(), newSCIMReleaseCommand(), newSCIMRejectCommand(),
		newSCIMReplayCommand(), newSCIMSimulateCommand(), newSCIMHealthCommand(), newSCIMRotateCommand(), newSCIMPlayCommand())
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
	Affected   []struct {
		ID    string `json:"id"`
		Email string `json:"email,omitempty"`
	} `json:"affected,omitempty"`
}

// readPushed reads up to limit events, the newest first.
func readPushed(ctx context.Context, conn *client.Client, workspace string, query url.Values, limit int) ([]pushed, error) {
	events := []pushed{}
	for {
		query.Set("limit", fmt.Sprint(min(limit-len(events), api.MaxPageSize)))
		var page api.Page[pushed]
		if err := conn.GetJSON(ctx, eventsPath(workspace), query, &page); err != nil {
			return nil, err
		}
		events = append(events, page.Items...)
		if len(events) >= limit || page.NextCursor == "" || page.NextCursor == query.Get("cursor") {
			return events, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

func eventsPath(workspace string) string {
	return "/v1/workspaces/" + url.PathEscape(workspace) + "/provisioning_events"
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
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			events, err := readPushed(cmd.Context(), conn, workspace, query, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, events)
			}
			return printTable(cmd.OutOrStdout(), "", "TIME\tCONNECTION\tOPERATION\tOUTCOME\tSTATUS\tTARGET\tDETAIL", events, func(e pushed) []any {
				return []any{e.Time.UTC().Format(time.DateTime), e.Connection, e.Operation, e.Outcome, e.Status, e.Target, strings.Join(strings.Fields(e.Detail), " ")}
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&outcome, "outcome", "", "only this outcome: applied, quarantined, failed or ignored")
	c.Flags().StringVar(&connection, "connection", "", "only this provisioning connection")
	c.Flags().IntVar(&limit, "limit", 100, "how many events at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// maxNamed bounds the people that one line names.
const maxNamed = 5

// losers names who would lose access by a held change.
func (e *pushed) losers() string {
	var names []string
	for _, a := range e.Affected[:min(len(e.Affected), maxNamed)] {
		if a.Email == "" {
			a.Email = a.ID
		}
		names = append(names, a.Email)
	}
	if more := len(e.Affected) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func newSCIMQuarantineCommand() *cobra.Command {
	var from planeFlags
	var connection string
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "quarantine", Short: "List the held changes that wait for a human decision, the newest first", Args: cobra.NoArgs,
		Long: `Removals in bulk, and any that would end the Owner, a break-glass account or the last
admin, are held. Each held change is listed once, by its newest attempt, with who would lose
access by it. "gatehouse scim release EVENT" lets a removal in bulk pass; what protects
people has to be changed first, as the last column says.`,
		Example: `  gatehouse scim quarantine
  gatehouse scim quarantine --connection okta --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 10_000 {
				return errors.New("--limit must be from 1 to 10000")
			}
			query := url.Values{"waiting": {"true"}}
			if connection != "" {
				query.Set("connection", connection)
			}
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			events, err := readPushed(cmd.Context(), conn, workspace, query, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, events)
			}
			return printTable(cmd.OutOrStdout(), "Nothing waits for a decision.", "EVENT\tTIME\tCONNECTION\tOPERATION\tWHO WOULD LOSE ACCESS\tWHY IT IS HELD", events, func(e pushed) []any {
				return []any{e.ID, e.Time.UTC().Format(time.DateTime), e.Connection, e.Operation, e.losers(), strings.Join(strings.Fields(e.Detail), " ")}
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&connection, "connection", "", "only this provisioning connection")
	c.Flags().IntVar(&limit, "limit", 100, "how many changes at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newSCIMReleaseCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "release EVENT…", Short: "Let held changes pass when the identity provider sends them again", Args: cobra.MinimumNArgs(1),
		Long: `Releases removals that the circuit breaker held, for 24 hours. It removes nobody itself:
identity providers send a refused change again by themselves, and then it passes.

Exit codes: 0 all were released · 1 error, or an event is not held or protects somebody.`,
		Example: `  gatehouse scim release pevt_01jd3k9qtn6w4r8x2m5c7v1b0z`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			events := []pushed{}
			var failed []error
			for _, id := range ids {
				var e pushed
				if err := conn.PostJSON(cmd.Context(), eventsPath(workspace)+"/"+url.PathEscape(id)+"/release", nil, &e); err != nil {
					failed = append(failed, fmt.Errorf("%s is not released: %w", id, err))
					continue
				}
				events = append(events, e)
			}
			if asJSON {
				return errors.Join(printJSON(cmd, events), errors.Join(failed...))
			}
			for _, e := range events {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: this %s of connection %q may pass for 24 hours; %s would lose access.\n", e.ID, e.Operation, e.Connection, e.losers())
			}
			return errors.Join(failed...)
		},
	}
	from.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// Bounds of the files that are played.
const (
	maxStream = 16 << 20
	maxToken  = 4 << 10
)

func newSCIMPlayCommand() *cobra.Command {
	var base, tokenFile string
	c := &cobra.Command{
		Use: "play FILE…", Short: "Play recorded streams of an identity provider and verify every answer", Args: cobra.MinimumNArgs(1),
		Long: `Sends the requests of recorded streams (examples/scim), in order, as an identity provider
would, and stops at the first answer that is not as recorded. It changes what the streams
say. The token is the SCIM token of a provisioning connection, not an API token; it is read
from GATEHOUSE_SCIM_TOKEN or a file, where no process list shows it.

Exit codes: 0 every answer was as recorded · 2 one was not · 1 error.`,
		Example: `  gatehouse scim play --url http://127.0.0.1:8460/scim/v2 examples/scim/okta/1-joiners.scim`,
		RunE: func(cmd *cobra.Command, files []string) error {
			token, err := scimToken(tokenFile)
			if err != nil {
				return err
			}
			if err := checkSCIMURL(base); err != nil {
				return err
			}
			for _, file := range files {
				raw, err := readBounded(file, maxStream)
				if err != nil {
					return err
				}
				stream, err := replay.Parse(raw)
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				err = stream.Play(cmd.Context(), strings.TrimRight(base, "/"), token, cmd.OutOrStdout())
				var mismatch *replay.Mismatch
				if errors.As(err, &mismatch) {
					return &exitError{code: 2, err: fmt.Errorf("%s: %w", file, err)}
				}
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&base, "url", envOr("GATEHOUSE_ENDPOINT", "http://127.0.0.1:8460")+"/scim/v2", "base URL of the SCIM server")
	c.Flags().StringVar(&tokenFile, "token-file", "", "file with the SCIM token; GATEHOUSE_SCIM_TOKEN when empty")
	return c
}

func scimToken(file string) (string, error) {
	if file == "" {
		if token := os.Getenv("GATEHOUSE_SCIM_TOKEN"); token != "" {
			return token, nil
		}
		return "", errors.New("there is no SCIM token; put it in GATEHOUSE_SCIM_TOKEN, or name a file with --token-file")
	}
	raw, err := readBounded(file, maxToken)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// checkSCIMURL lets a token go over plain HTTP to a loopback address only.
func checkSCIMURL(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is not the URL of a SCIM server; write e.g. https://gatehouse.example.com/scim/v2", base)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q would send the token in the clear; use https", base)
	}
	return nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("%s is larger than %d KiB", path, most>>10)
	}
	return raw, nil
}
