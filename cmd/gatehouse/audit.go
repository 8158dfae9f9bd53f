package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

func newAuditCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "audit", Short: "Verify the audit log and prove single events",
		Long: `Every event is written with its change and sealed, a second later, as a leaf of the
workspace's Merkle log, whose checkpoints are signed.

What this shows and what not: whoever holds an earlier checkpoint notices any event
that was altered, removed or inserted before it. An operator who has the signing key
can still write a different log from the start for somebody who holds none, so keep
checkpoints outside (the Terraform provider and evidence folders do).`,
	}
	c.AddCommand(newAuditVerifyCommand(), newAuditProveCommand(), newAuditCheckProofCommand(), newAuditKeyCommand())
	return c
}

func newAuditVerifyCommand() *cobra.Command {
	var data dataFlags
	var ws string
	c := &cobra.Command{
		Use: "verify --workspace SLUG", Short: "Recompute the log from its rows and compare it with every checkpoint", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				id, _, err := workspace.Lookup(cmd.Context(), cp.Service.DB, ws)
				if err != nil {
					return err
				}
				var report audit.Report
				err = cp.Service.DB.Read(cmd.Context(), func(tx *store.Tx) error {
					report, err = audit.Verify(cmd.Context(), tx, id, note.VerifierList(cp.Key.Verifier))
					return err
				})
				if err != nil {
					return err
				}
				if err := printJSON(cmd, report); err != nil {
					return err
				}
				if !report.OK() {
					return &exitError{code: 2, err: fmt.Errorf("the log does not verify: %d problems", report.ProblemCount)}
				}
				return nil
			})
		},
	}
	data.add(c)
	c.Flags().StringVar(&ws, "workspace", "", "slug of the workspace")
	_ = c.MarkFlagRequired("workspace")
	return c
}

func newAuditProveCommand() *cobra.Command {
	var data dataFlags
	var ws string
	c := &cobra.Command{
		Use: "prove EVENT --workspace SLUG", Short: "Print the proof that an event is in the log; check it with check-proof", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				id, _, err := workspace.Lookup(cmd.Context(), cp.Service.DB, ws)
				if err != nil {
					return err
				}
				var proof audit.Proof
				err = cp.Service.DB.Read(cmd.Context(), func(tx *store.Tx) error {
					proof, err = audit.Prove(cmd.Context(), tx, id, args[0])
					return err
				})
				if err != nil {
					return err
				}
				return printJSON(cmd, proof)
			})
		},
	}
	data.add(c)
	c.Flags().StringVar(&ws, "workspace", "", "slug of the workspace")
	_ = c.MarkFlagRequired("workspace")
	return c
}

func newAuditCheckProofCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "check-proof FILE --key PUBLIC-KEY", Short: "Check a proof without the server", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			verifier, err := note.NewVerifier(key)
			if err != nil {
				return fmt.Errorf("--key: %w", err)
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var proof audit.Proof
			if err := json.Unmarshal(raw, &proof); err != nil {
				return fmt.Errorf("reading the proof: %w", err)
			}
			record, cp, err := proof.Verify(note.VerifierList(verifier))
			if err != nil {
				return &exitError{code: 2, err: errors.Join(errors.New("the proof does not hold"), err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the event %s is in the log of %d events\n", record.ID, cp.Size)
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "public key of the log (gatehouse audit key)")
	_ = c.MarkFlagRequired("key")
	return c
}

func newAuditKeyCommand() *cobra.Command {
	var data dataFlags
	c := &cobra.Command{
		Use: "key", Short: "Print the public key that verifies checkpoints", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), cp.Key.Public)
				return err
			})
		},
	}
	data.add(c)
	return c
}

func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
