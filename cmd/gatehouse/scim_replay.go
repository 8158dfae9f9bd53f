package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/replay"
)

func newSCIMReplayCommand() *cobra.Command {
	var base string
	c := &cobra.Command{
		Use: "replay FILE…", Short: "Play recorded streams of an identity provider and verify every answer",
		Long: `Sends the requests of a recorded stream, in order, as an identity provider would, and
stops at the first answer that is not as recorded. The token is read from
GATEHOUSE_SCIM_TOKEN alone, where no process list shows it.`,
		Example: `  gatehouse scim replay --url http://127.0.0.1:8460/scim/v2 examples/scim/okta/1-joiners.scim`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token := os.Getenv("GATEHOUSE_SCIM_TOKEN")
			if token == "" {
				return errors.New("GATEHOUSE_SCIM_TOKEN is empty; put the SCIM token there")
			}
			for _, file := range args {
				raw, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				stream, err := replay.Parse(raw)
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				if err := stream.Play(cmd.Context(), base, token, cmd.OutOrStdout()); err != nil {
					return &exitError{code: 2, err: fmt.Errorf("%s: %w", file, err)}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&base, "url", envOr("GATEHOUSE_ENDPOINT", "http://127.0.0.1:8460")+"/scim/v2", "base URL of the SCIM server")
	return c
}
