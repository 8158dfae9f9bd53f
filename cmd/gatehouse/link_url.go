package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func newLinkURLCommand() *cobra.Command {
	var from planeFlags
	var rotation int64
	var resource string
	var asJSON bool
	c := &cobra.Command{
		Use: "url NAME|ID", Short: "Make the URL of a share link, and print it once", Args: cobra.ExactArgs(1),
		Long: `Makes the URL of a share link. It is not stored and cannot be shown again, and earlier URLs of
the link end with the visits that were begun by them. With --rotation the same number gives the same URL for as long as it is current,
and a higher one makes another: that is the number of the ephemeral resource
gatehouse_share_link_url.`,
		Example: `  gatehouse link url "Spring cut"
  gatehouse link url lnk_01j9… --rotation 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			at := conn.Workspace(workspace)
			id, err := linkNamed(cmd, at, args[0], resource)
			if err != nil {
				return err
			}
			secret, err := at.ShareLinkSecret(cmd.Context(), id, rotation)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, secret)
			}
			url := secret.URL
			if url == "" { // the server does not know its own address
				url = secret.Secret
			}
			fmt.Fprintln(cmd.OutOrStdout(), url)
			if secret.ExpiresAt != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "Good until %s. It is not shown again.\n", secret.ExpiresAt.UTC().Format(time.DateTime))
			} else {
				fmt.Fprintln(cmd.ErrOrStderr(), "It is not shown again.")
			}
			return nil
		},
	}
	from.add(c)
	c.Flags().Int64Var(&rotation, "rotation", 0, "number of the rotation; 0 makes a URL that nobody can ask for again")
	c.Flags().StringVar(&resource, "resource", "", "path of the item, where links of several have the name")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// linkNamed finds a link by what people call it.
func linkNamed(cmd *cobra.Command, at *client.Workspace, name, resource string) (string, error) {
	if api.ShareLinkKind.IsID(name) {
		return name, nil
	}
	filters := given(map[string]string{"resource": strings.ToLower(resource)})
	var found []api.ShareLink
	var bad error
	err := at.Each(cmd.Context(), api.ShareLinkKind, filters, api.MaxPageSize, func(d client.Document) bool {
		var l api.ShareLink
		if bad = d.Decode(&l); bad != nil {
			return false
		}
		if strings.EqualFold(l.Name, name) && l.State != api.LinkRevoked {
			found = append(found, l)
		}
		return true
	})
	switch {
	case err != nil:
		return "", err
	case bad != nil:
		return "", bad
	case len(found) == 0:
		return "", fmt.Errorf("there is no open share link %q here; see what there is with the data source gatehouse_shares, or name the link by its id", name)
	case len(found) > 1:
		var ids []string
		for _, l := range found {
			ids = append(ids, l.ID+" on "+l.Resource)
		}
		return "", fmt.Errorf("%d share links are called %q: %s; name one by its id, or add --resource", len(found), name, strings.Join(ids, ", "))
	}
	return found[0].ID, nil
}
