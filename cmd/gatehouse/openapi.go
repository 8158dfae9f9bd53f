package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
)

func newOpenAPICommand() *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI 3.1 document of the API", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "gatehouse-openapi-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			cp, err := controlplane.Open(cmd.Context(), controlplane.Config{Data: dir, Address: "127.0.0.1:0", BaseURL: "https://gatehouse.example.com", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			defer func() { _ = cp.Close() }()
			raw, err := cp.Server.OpenAPIDocument()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(raw)
			return err
		},
	}
}
