package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// eachEvent does something to several events, and goes on after a failure.
func eachEvent(cmd *cobra.Command, from *planeFlags, ids []string, do func(conn *client.Client, path, id string) error) error {
	conn, workspace, err := from.connectOne(cmd.Context(), false)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if err := do(conn, eventsPath(workspace)+"/"+url.PathEscape(id), id); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func newSCIMRejectCommand() *cobra.Command {
	var from planeFlags
	c := &cobra.Command{
		Use: "reject EVENT…", Short: "Refuse held changes for good", Args: cobra.MinimumNArgs(1),
		Long: `Refuses changes that were held. They are not made, and not listed for a decision again for
30 days when the identity provider keeps sending them. "gatehouse scim release" takes a
rejection back.

Exit codes: 0 all were rejected · 1 error, or an event is not held.`,
		Example: `  gatehouse scim reject pevt_01jd3k9qtn6w4r8x2m5c7v1b0z`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return eachEvent(cmd, &from, ids, func(conn *client.Client, path, id string) error {
				var e pushed
				if err := conn.PostJSON(cmd.Context(), path+"/reject", nil, &e); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: this %s of connection %q is refused.\n", id, e.Operation, e.Connection)
				return nil
			})
		},
	}
	from.add(c)
	return c
}

func newSCIMReplayCommand() *cobra.Command {
	var from planeFlags
	c := &cobra.Command{
		Use: "replay EVENT…", Short: "Do the requests of failed or held events again", Args: cobra.MinimumNArgs(1),
		Long: `Does what the identity provider asked for in an event that failed or was held, as its
connection. Replaying twice is the same as once. What was held is released by it. A replay
is refused when something newer was done to the same person or group, because it would
undo that. To play a recorded stream, see "gatehouse scim play".

Exit codes: 0 all were done, or had been · 2 one failed again · 1 error.`,
		Example: `  gatehouse scim replay pevt_01jd3k9qtn6w4r8x2m5c7v1b0z`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			for _, id := range ids {
				if strings.HasSuffix(id, ".scim") {
					return fmt.Errorf("%s is a recorded stream: play it with \"gatehouse scim play\"", id)
				}
			}
			again := 0
			err := eachEvent(cmd, &from, ids, func(conn *client.Client, path, id string) error {
				var out struct {
					As       *pushed `json:"as"`
					Status   int     `json:"status"`
					Detail   string  `json:"detail"`
					Repeated bool    `json:"repeated"`
				}
				if err := conn.PostJSON(cmd.Context(), path+"/replay", nil, &out); err != nil {
					return err
				}
				switch {
				case out.Repeated && out.As != nil:
					fmt.Fprintf(cmd.OutOrStdout(), "%s: done before, as %s.\n", id, out.As.ID)
				case out.Status >= 400:
					again++
					fmt.Fprintf(cmd.OutOrStdout(), "%s: failed again with %d: %s\n", id, out.Status, out.Detail)
				case out.As != nil:
					fmt.Fprintf(cmd.OutOrStdout(), "%s: done (%d), as %s.\n", id, out.Status, out.As.ID)
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "%s: done (%d).\n", id, out.Status)
				}
				return nil
			})
			if err == nil && again > 0 {
				return &exitError{code: 2, err: fmt.Errorf("%d of %d events failed again", again, len(ids))}
			}
			return err
		},
	}
	from.add(c)
	return c
}

// Bounds of the file that a simulation reads.
const (
	maxDelta         = 8 << 20
	maxDeltaRequests = 2000
)

// supposed is a line of the file: a SCIM request.
type supposed struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body,omitempty"`
	As     string          `json:"as,omitempty"`
}

// readDelta reads SCIM requests, one on a line. Empty lines and # are for readers.
func readDelta(raw []byte) ([]supposed, error) {
	var out []supposed
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, maxDelta+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var r supposed
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&r); err != nil || r.Method == "" || r.Path == "" {
			return nil, fmt.Errorf(`line %d is no request; write e.g. {"method":"DELETE","path":"/Users/mem_…"}`, n)
		}
		r.Method = strings.ToUpper(r.Method)
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the requests: %w", err)
	}
	if len(out) == 0 || len(out) > maxDeltaRequests {
		return nil, fmt.Errorf("the file holds %d requests; simulate 1 to %d at a time", len(out), maxDeltaRequests)
	}
	return out, nil
}

// simulation is the server's answer.
type simulation struct {
	Requests []struct {
		Status    int    `json:"status"`
		Operation string `json:"operation,omitempty"`
		Outcome   string `json:"outcome"`
		Detail    string `json:"detail,omitempty"`
	} `json:"requests"`
	Held   int        `json:"held"`
	Failed int        `json:"failed"`
	Gains  []standing `json:"gains"`
	Losses []standing `json:"losses"`
	Gained int        `json:"gained"`
	Lost   int        `json:"lost"`
}

type standing struct {
	Principal string `json:"principal"`
	What      string `json:"what"`
}

func newSCIMSimulateCommand() *cobra.Command {
	var from planeFlags
	var connection string
	var asJSON bool
	c := &cobra.Command{
		Use: "simulate FILE", Short: "Tell what a change of the directory would do, before it is made", Args: cobra.ExactArgs(1),
		Long: `Makes SCIM requests, as an identity provider would send them, in a transaction that is
rolled back, and tells who would gain, who would lose, and what would be held for a human
decision. Nothing is kept. The file holds one request on a line:

  {"method":"POST","path":"/Users","body":{"userName":"nina@example.com"},"as":"nina"}
  {"method":"PATCH","path":"/Groups/sgrp_…","body":{"Operations":[{"op":"add","path":"members","value":[{"value":"${nina}"}]}]}}
  {"method":"DELETE","path":"/Users/mem_…"}

"as" keeps the id of what a request makes, and ${nina} stands for it later.

Exit codes: 0 everything would pass · 2 something would be held or refused · 1 error.`,
		Example: `  gatehouse scim simulate delta.jsonl --connection okta`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if connection == "" {
				return errors.New("--connection is missing; name the provisioning connection that would send the requests")
			}
			raw, err := readBounded(args[0], maxDelta)
			if err != nil {
				return err
			}
			requests, err := readDelta(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			var out simulation
			body := map[string]any{"connection": connection, "requests": requests}
			if err := conn.PostJSON(cmd.Context(), "/v1/workspaces/"+url.PathEscape(workspace)+"/provisioning/simulate", body, &out); err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, out)
			} else {
				err = out.print(cmd, requests)
			}
			if err == nil && out.Held+out.Failed > 0 {
				return &exitError{code: 2, err: fmt.Errorf("%d would be held, %d refused", out.Held, out.Failed)}
			}
			return err
		},
	}
	from.add(c)
	c.Flags().StringVar(&connection, "connection", "", "provisioning connection that would send the requests")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (s *simulation) print(cmd *cobra.Command, requests []supposed) error {
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tSTATUS\tOUTCOME\tDETAIL")
	for n, r := range s.Requests {
		fmt.Fprintf(w, "%s %s\t%d\t%s\t%s\n", requests[n].Method, requests[n].Path, r.Status, r.Outcome, strings.Join(strings.Fields(r.Detail), " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, side := range []struct {
		sign  string
		all   int
		shown []standing
	}{{"+", s.Gained, s.Gains}, {"-", s.Lost, s.Losses}} {
		for _, g := range side.shown {
			fmt.Fprintf(out, "%s %s: %s\n", side.sign, g.Principal, g.What)
		}
		if more := side.all - len(side.shown); more > 0 {
			fmt.Fprintf(out, "%s and %d more\n", side.sign, more)
		}
	}
	fmt.Fprintf(out, "%d gained, %d lost, %d held, %d refused. Nothing was kept.\n", s.Gained, s.Lost, s.Held, s.Failed)
	return nil
}

func newSCIMHealthCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "health", Short: "Tell how each provisioning connection does", Args: cobra.NoArgs,
		Long: `Tells of each connection when it last succeeded, for how long it has been refused, what
waits for a decision, and the errors of the last 24 hours.

Exit codes: 0 none is failing or expired · 2 one is · 1 error.`,
		Example: `  gatehouse scim health
  gatehouse scim health --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			all, err := conn.Workspace(workspace).ProvisioningHealth(cmd.Context())
			if err != nil {
				return err
			}
			bad := 0
			for _, h := range all {
				if h.State == "failing" || h.State == "expired" {
					bad++
				}
			}
			if asJSON {
				err = printJSON(cmd, all)
			} else {
				err = printHealth(cmd, all)
			}
			if err == nil && bad > 0 {
				return &exitError{code: 2, err: fmt.Errorf("%d of %d connections are failing or expired", bad, len(all))}
			}
			return err
		},
	}
	from.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printHealth(cmd *cobra.Command, all []client.ProvisioningHealth) error {
	return printTable(cmd.OutOrStdout(), "There is no provisioning connection: none has a SCIM token.", "CONNECTION\tSTATE\tLAST SUCCESS\tLAG\tWAITING\tPEOPLE\tGROUPS\tERRORS IN 24H", all, func(h client.ProvisioningHealth) []any {
		last := "never"
		if h.LastSuccessAt != nil {
			last = h.LastSuccessAt.UTC().Format(time.DateTime)
		}
		var errs []string
		for _, e := range h.Errors {
			errs = append(errs, fmt.Sprintf("%d×%d", e.Count, e.Status))
		}
		return []any{h.Connection, h.State, last, time.Duration(h.LagSeconds) * time.Second, h.Waiting, h.People, h.Groups, strings.Join(errs, " ")}
	})
}

func newSCIMRotateCommand() *cobra.Command {
	var from planeFlags
	var rotation int64
	var file string
	c := &cobra.Command{
		Use: "rotate CONNECTION/NAME --rotation N --token-file FILE", Short: "Make the next secret of a SCIM token; the one before lives on for the overlap", Args: cobra.ExactArgs(1),
		Long: `Makes the secret of a rotation the current one and writes it to a file that only you can
read. The rotation that is current already gives the same secret again; a higher one makes
a new secret, and the one before ends with the overlap of the token.`,
		Example: `  gatehouse scim rotate okta/main --rotation 2 --token-file okta.token`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			secret, err := conn.Workspace(workspace).Secret(cmd.Context(), api.SCIMTokenKind, args[0], rotation)
			if err != nil {
				return err
			}
			if err := os.WriteFile(file, []byte(secret.Secret+"\n"), 0o600); err != nil {
				return fmt.Errorf("writing the token: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "rotation %d of %s is in %s\n", secret.Rotation, args[0], file)
			return nil
		},
	}
	from.add(c)
	c.Flags().Int64Var(&rotation, "rotation", 0, "number of the rotation, from 1 up")
	c.Flags().StringVar(&file, "token-file", "", "file that receives the token")
	_ = c.MarkFlagRequired("rotation")
	_ = c.MarkFlagRequired("token-file")
	return c
}
