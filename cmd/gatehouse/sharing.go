package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func newSharingCommand() *cobra.Command {
	c := &cobra.Command{Use: "sharing", Short: "List what is shared outside, and hold it to the sharing policy"}
	c.AddCommand(newSharingListCommand(), newSharingConformanceCommand(), newSharingEnforceCommand())
	return c
}

func newSharingConformanceCommand() *cobra.Command {
	var from planeFlags
	var resource, kind string
	var most int
	var asJSON bool
	c := &cobra.Command{
		Use: "conformance", Short: "List shares that the sharing policy would not accept today", Args: cobra.NoArgs,
		Long: `Lists every existing share (grants and roles of people outside, guests, share links) that the
sharing policy in force at its place would not accept today, written as it is: what does not
conform, and what enforcing the policy would do to it.

Exit codes: 0 everything conforms · 2 something does not · 1 error.`,
		Example: `  gatehouse sharing conformance
  gatehouse sharing conformance --resource /finance --kind share_link --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if most < 1 || most > 100_000 {
				return fmt.Errorf("--most is %d; write a number from 1 to 100000", most)
			}
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			shares, more, err := conn.Workspace(workspace).NonconformingShares(cmd.Context(), resource, kind, most)
			if err != nil {
				return err
			}
			if asJSON {
				if shares == nil {
					shares = []api.NonconformingShare{}
				}
				if err := printJSON(cmd, map[string]any{"shares": shares, "more": more}); err != nil {
					return err
				}
			} else if err := printShares(cmd, shares, more); err != nil {
				return err
			}
			if len(shares) > 0 {
				return exitWith(2)
			}
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&resource, "resource", "", "only shares of this item and of what is below it, e.g. /finance")
	c.Flags().StringVar(&kind, "kind", "", "only shares of this kind: guest, access_grant, role_assignment, share_link or invitation")
	c.Flags().IntVar(&most, "most", 1000, "list no more than so many")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printShares(cmd *cobra.Command, shares []api.NonconformingShare, more bool) error {
	err := printTable(cmd.OutOrStdout(), "Every existing share conforms with the sharing policy.", "KIND\tSHARE\tENFORCING WOULD\tBECAUSE", shares, func(sh api.NonconformingShare) []any {
		remedy := strings.ReplaceAll(sh.Remedy, "_", " ")
		if sh.EndsAt != "" {
			remedy += " to " + sh.EndsAt
		}
		reasons := make([]string, len(sh.Reasons))
		for i, r := range sh.Reasons {
			reasons[i] = r.Text
		}
		name := sh.Name
		if sh.Kind == "share_link" {
			name += " on " + sh.Resource
		}
		return []any{sh.Kind, name, remedy, strings.Join(reasons, "; ")}
	})
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(cmd.OutOrStdout(), "\nThere are more than these %d; raise --most, or narrow the list with --resource and --kind.\n", len(shares))
	}
	return nil
}

func newSharingEnforceCommand() *cobra.Command {
	var from planeFlags
	var resource, kind string
	var dry, asJSON bool
	c := &cobra.Command{
		Use: "enforce", Short: "Apply the sharing policy in force to existing shares now", Args: cobra.NoArgs,
		Long: `What the sharing policy in force would not accept today is revoked, suspended, ended earlier,
or loses recipients, whatever existing_shares says, with an audit event each. What Terraform
declares shows as missing in its next plan. The Terraform action
gatehouse_enforce_sharing_policy does the same.`,
		Example: `  gatehouse sharing enforce --dry-run
  gatehouse sharing enforce --resource /finance`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			total := api.Enforcement{Items: []api.NonconformingShare{}}
			for !total.Complete {
				out, err := conn.Workspace(workspace).EnforceSharing(cmd.Context(), resource, kind, dry)
				if err != nil {
					return err
				}
				done := out.Revoked + out.Suspended + out.Shortened + out.Trimmed
				total.Looked += out.Looked
				total.Revoked, total.Suspended = total.Revoked+out.Revoked, total.Suspended+out.Suspended
				total.Shortened, total.Trimmed = total.Shortened+out.Shortened, total.Trimmed+out.Trimmed
				total.Items = append(total.Items, out.Items...)
				if total.Complete = out.Complete; dry || done == 0 {
					break
				}
			}
			if asJSON {
				return printJSON(cmd, total)
			}
			if len(total.Items) > 0 {
				if err := printShares(cmd, total.Items, false); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout())
			}
			verb := "were"
			if dry {
				verb = "would be"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Of %d shares, %d %s revoked, %d suspended, %d ended earlier, and %d relieved of recipients.\n", total.Looked, total.Revoked, verb, total.Suspended, total.Shortened, total.Trimmed)
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&resource, "resource", "", "only shares of this item and of what is below it, e.g. /finance")
	c.Flags().StringVar(&kind, "kind", "", "only shares of this kind: guest, access_grant, role_assignment, share_link or invitation")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newLinkCommand() *cobra.Command {
	c := &cobra.Command{Use: "link", Short: "Make URLs of share links, and tidy up links"}
	c.AddCommand(newLinkURLCommand(), newLinkRevokeStaleCommand())
	return c
}

func newLinkRevokeStaleCommand() *cobra.Command {
	var from planeFlags
	var q client.Stale
	var unused string
	var dry, asJSON bool
	c := &cobra.Command{
		Use: "revoke-stale", Short: "Revoke share links that nobody needs any more", Args: cobra.NoArgs,
		Long: `Revokes share links for good, with the visits under way and an audit event each: those that
nobody used for a while, those whose end has passed, those whose maker has left. The Terraform
action gatehouse_revoke_stale_links does the same.`,
		Example: `  gatehouse link revoke-stale --unused 90d --expired --maker-gone --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unused != "" {
				d, err := api.ParseDuration(unused)
				if err != nil {
					return fmt.Errorf("--unused: %w", err)
				}
				if q.UnusedDays = int64(d / api.Day); q.UnusedDays < 1 {
					return fmt.Errorf("--unused is %s; write at least 1d", unused)
				}
			}
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			total := api.StaleLinks{Items: []api.StaleLink{}}
			for !total.Complete {
				out, err := conn.Workspace(workspace).RevokeStaleLinks(cmd.Context(), q, dry)
				if err != nil {
					return err
				}
				total.Looked, total.Revoked, total.Items = total.Looked+out.Looked, total.Revoked+out.Revoked, append(total.Items, out.Items...)
				if total.Complete = out.Complete; dry || out.Revoked == 0 {
					break
				}
			}
			if asJSON {
				return printJSON(cmd, total)
			}
			for _, l := range total.Items {
				fmt.Fprintf(cmd.OutOrStdout(), "%s on %s: %s\n", l.Name, l.Resource, strings.ReplaceAll(l.Reason, "_", " "))
			}
			verb := "were"
			if dry {
				verb = "would be"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Of %d open links, %d %s revoked.\n", total.Looked, total.Revoked, verb)
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&q.Resource, "resource", "", "only links of this item and of what is below it, e.g. /finance")
	c.Flags().StringVar(&unused, "unused", "", "links that nobody used for so long, e.g. 90d")
	c.Flags().BoolVar(&q.Expired, "expired", false, "links whose end has passed")
	c.Flags().BoolVar(&q.MakerGone, "maker-gone", false, "links whose maker is no active member or service account any more")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
