package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/evidence"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/report"
)

func newEvidenceCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "evidence", Short: "Write a signed folder of evidence, and verify one",
		Long: `An evidence folder holds what was measured, everything it was computed from, and a signed
manifest. Whoever has it can verify it without any server: compare the files with the
manifest, compute the results again, and check the proofs of audit events.

It says what was measured and what people attested; whether that satisfies a standard is
for an auditor to say.`,
	}
	c.AddCommand(newEvidenceWriteCommand(), newEvidenceVerifyCommand())
	return c
}

func newEvidenceWriteCommand() *cobra.Command {
	var from collectFlags
	var key string
	var checks []string
	c := &cobra.Command{
		Use: "write FOLDER", Short: "Collect, evaluate, and write a new evidence folder", Args: cobra.ExactArgs(1),
		Long: `Collects live objects, audit log with proofs, provisioning log and Terraform state (without
sensitive values), answers the check catalogue, and writes everything to a new folder that
your user alone can read, because it names people.

Exit codes: 0 all pass · 2 findings · 1 error, or a check could not be assessed. The folder
is written in all of these cases but the error: a finding is evidence too.`,
		Example: `  gatehouse evidence write evidence/2026-q1 --chdir infra/access --register register.yaml
  gatehouse evidence write out --since 92d --canary`,
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := from.options(checks)
			if err != nil {
				return err
			}
			signer, err := signingKey(key)
			if err != nil {
				return err
			}
			s, driftReport, err := from.collect(cmd.Context())
			if err != nil {
				return err
			}
			r, err := evidence.Write(args[0], s, evidence.Options{Options: options, Drift: driftReport, Key: signer})
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if err := report.Text(out, r); err != nil {
				return err
			}
			fmt.Fprintf(out, "Evidence is in %s; read %s.\nSigned by %s. Give verifiers this key: %s\n", args[0], filepath.Join(args[0], "report.html"), signer.Name, signer.Public)
			return exitWith(r.ExitCode())
		},
	}
	from.add(c)
	keyFlag(c, &key)
	c.Flags().StringSliceVar(&checks, "check", nil, "checks that count, e.g. GH-ID-04,GH-AU-08; all that this version measures when empty")
	return c
}

func newEvidenceVerifyCommand() *cobra.Command {
	var signer, logKey string
	var asJSON bool
	c := &cobra.Command{
		Use: "verify FOLDER", Short: "Verify an evidence folder without any server", Args: cobra.ExactArgs(1),
		Long: `Checks the signature of the manifest, compares every file with it, computes all results
again from the snapshot, and verifies the proofs of audit events against signed checkpoints.

Without --key the key in the folder is used: that shows that nothing was altered since it
was signed, but not who signed it. The same goes for --log-key and the audit log.

Exit codes: 0 everything holds · 2 something does not · 1 the folder cannot be read.`,
		Example: `  gatehouse evidence verify evidence/2026-q1 --key gatehouse-evidence+1a2b3c4d+AQID… --log-key log.pub`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var trust evidence.Trust
			var err error
			if trust.Signer, err = verifiers("--key", signer); err != nil {
				return err
			}
			if trust.Log, err = verifiers("--log-key", logKey); err != nil {
				return err
			}
			v, err := evidence.Verify(args[0], trust)
			if err != nil {
				return err
			}
			if asJSON {
				raw, err := json.MarshalIndent(v, "", "  ")
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), string(raw))
			} else {
				printVerification(cmd, v)
			}
			if !v.OK() {
				return &exitError{code: 2}
			}
			return nil
		},
	}
	c.Flags().StringVar(&signer, "key", "", "public key of the signer, or a file with it")
	c.Flags().StringVar(&logKey, "log-key", os.Getenv("GATEHOUSE_LOG_KEY"), "public key of the audit log, or a file with it [GATEHOUSE_LOG_KEY]")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verifiers reads a public key, given as it is or in a file; nil when none is given.
func verifiers(flag, value string) (note.Verifiers, error) {
	if value == "" {
		return nil, nil //nolint:nilnil // no key is an answer here
	}
	if raw, err := os.ReadFile(value); err == nil {
		value = string(raw)
	}
	v, err := note.NewVerifier(strings.TrimSpace(value))
	if err != nil {
		return nil, fmt.Errorf("%s: this is no public key, nor a file with one", flag)
	}
	return note.VerifierList(v), nil
}

func printVerification(cmd *cobra.Command, v *evidence.Verification) {
	out := cmd.OutOrStdout()
	for _, p := range v.Problems {
		fmt.Fprintln(out, "DOES NOT HOLD  "+p)
	}
	if !v.OK() {
		fmt.Fprintf(out, "\nThe evidence folder %s does not hold: %d problems.\n", v.Dir, len(v.Problems))
		return
	}
	fmt.Fprintf(out, "The evidence folder %s holds.\n", v.Dir)
	who := fmt.Sprintf("by %s, with a key that you know", v.Signer)
	if !v.SignerKnown {
		who = fmt.Sprintf("by the key in the folder (%s); pass --key to know who that is", v.Signer)
	}
	fmt.Fprintf(out, "  signed      %s\n", who)
	fmt.Fprintf(out, "  files       %d, none altered, added or missing\n", v.Files)
	fmt.Fprintf(out, "  results     computed again from the snapshot, the same\n")
	log := "the key in the folder"
	if v.LogKeyKnown {
		log = "a key that you know"
	}
	if v.Checkpoint > 0 {
		fmt.Fprintf(out, "  audit log   %d events proved to be in the log of %d events, checkpoint verified with %s\n", v.Proofs, v.Checkpoint, log)
	} else {
		fmt.Fprintf(out, "  audit log   no checkpoint was collected\n")
	}
	if v.Report != nil {
		fmt.Fprintf(out, "  outcome     %s\n", report.Summary(v.Report))
	}
}
