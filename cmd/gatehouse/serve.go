package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// dataFlags are shared by the commands that open the data folder.
type dataFlags struct{ data, database string }

func (f *dataFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", envOr("GATEHOUSE_DATA", "gatehouse-data"), "folder of the database and the keys [GATEHOUSE_DATA]")
	c.Flags().StringVar(&f.database, "database", os.Getenv("GATEHOUSE_DATABASE"), "postgres:// URL; SQLite in the data folder when empty [GATEHOUSE_DATABASE]")
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func newServeCommand() *cobra.Command {
	var data dataFlags
	var address, baseURL, cert, key, minTLS, metrics string
	var post mailFlags
	var proxies []string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the control plane: API, SCIM and audit sealing",
		Long: `Serves the API at /v1, SCIM at /scim/v2 and the OpenAPI document at /openapi.json.

The first start makes the data folder, the master key, the audit signing key and the
operator's token (operator.token, readable by you alone). Plain HTTP is served on
loopback addresses only; anywhere else a certificate is needed.`,
		Example: `  gatehouse serve --data /var/lib/gatehouse --listen 127.0.0.1:8460
  gatehouse serve --listen :8443 --tls-cert cert.pem --tls-key key.pem --database postgres://…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tlsConfig, err := loadTLS(cert, key, minTLS)
			if err != nil {
				return err
			}
			logger := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			trusted, err := prefixes(proxies)
			if err != nil {
				return err
			}
			sender, err := post.sender(logger, address)
			if err != nil {
				return err
			}
			cp, err := controlplane.Open(cmd.Context(), controlplane.Config{Data: data.data, Database: data.database, Address: address, BaseURL: baseURL, TLS: tlsConfig, Metrics: metrics, Mail: sender, Push: outbound.NewClient(outbound.Options{KeepAlive: true}), TrustedProxies: trusted, Log: logger})
			if err != nil {
				return err
			}
			defer func() { _ = cp.Close() }()
			path, err := cp.EnsureOperatorToken(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "gatehouse %s serves %s (operator token in %s)\n", version, cp.BaseURL, path)
			return cp.Run(cmd.Context())
		},
	}
	post.add(c)
	data.add(c)
	c.Flags().StringVar(&address, "listen", "127.0.0.1:8460", "address to listen on; port 0 takes a free one")
	c.Flags().StringVar(&baseURL, "base-url", os.Getenv("GATEHOUSE_BASE_URL"), "absolute URL that clients use; derived from --listen when empty [GATEHOUSE_BASE_URL]")
	c.Flags().StringVar(&cert, "tls-cert", "", "certificate (PEM)")
	c.Flags().StringVar(&key, "tls-key", "", "private key (PEM)")
	c.Flags().StringVar(&minTLS, "min-tls", "1.3", "lowest TLS version: 1.3 or 1.2")
	c.Flags().StringSliceVar(&proxies, "trusted-proxies", nil, "addresses or CIDR ranges of proxies whose X-Forwarded-For says who asks, e.g. 127.0.0.1")
	c.Flags().StringVar(&metrics, "metrics-listen", "", "address of the Prometheus endpoint, e.g. 127.0.0.1:9460; none when empty")
	return c
}

// prefixes reads addresses and CIDR ranges.
func prefixes(values []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, v := range values {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			a, err := netip.ParseAddr(v)
			if err != nil {
				return nil, fmt.Errorf("--trusted-proxies: %q is neither an address nor a CIDR range such as 192.0.2.0/28", v)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func loadTLS(cert, key, minTLS string) (*tls.Config, error) {
	lowest, known := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[minTLS]
	if !known {
		return nil, fmt.Errorf("--min-tls is %q; write 1.2 or 1.3", minTLS)
	}
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("--tls-cert and --tls-key belong together")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: lowest}, nil
}

// operator is the caller of commands that work on the data folder itself: whoever
// can read the master key runs the deployment.
func operator() *object.Caller {
	return &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: audit.DoorCLI}
}

func newWorkspaceCommand() *cobra.Command {
	c := &cobra.Command{Use: "workspace", Short: "Make and list workspaces"}
	c.AddCommand(newWorkspaceCreateCommand(), newWorkspaceListCommand())
	return c
}

func newWorkspaceCreateCommand() *cobra.Command {
	var data dataFlags
	var name, owner, tokenFile string
	c := &cobra.Command{
		Use:   "create SLUG --owner E-MAIL",
		Short: "Make a workspace with its Owner",
		Long: `Makes a workspace and its Owner in the data folder. With --token-file it also writes
an API token of the Owner, for the first terraform apply.`,
		Example: `  gatehouse workspace create acme --name "Acme Media" --owner ann@example.com --token-file acme.token`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				if name == "" {
					name = args[0]
				}
				ws, err := workspace.Create(cmd.Context(), cp.Service, operator(), workspace.Spec{Slug: args[0], Name: name, Owner: owner})
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "workspace %s (%s), owned by %s\n", ws.Slug, ws.ID, owner)
				if tokenFile == "" {
					return nil
				}
				return writeOwnerToken(cmd, cp, ws.ID, owner, tokenFile, 90*api.Day)
			})
		},
	}
	data.add(c)
	c.Flags().StringVar(&name, "name", "", "name that people see; the slug when empty")
	c.Flags().StringVar(&owner, "owner", "", "e-mail of the Owner")
	c.Flags().StringVar(&tokenFile, "token-file", "", "file that receives an API token of the Owner")
	_ = c.MarkFlagRequired("owner")
	return c
}

func newWorkspaceListCommand() *cobra.Command {
	var data dataFlags
	c := &cobra.Command{
		Use: "list", Short: "List workspaces", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				list, err := workspace.List(cmd.Context(), cp.Service, operator())
				for _, ws := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "%-30s %s  %s\n", ws.Slug, ws.ID, ws.State)
				}
				return err
			})
		},
	}
	data.add(c)
	return c
}

func newTokenCommand() *cobra.Command {
	var data dataFlags
	var ws, member, file string
	var ttl string
	create := &cobra.Command{
		Use:   "create --workspace SLUG --member E-MAIL --token-file FILE",
		Short: "Make an API token that acts as a member",
		Long: `Makes a token in the data folder, for the time before anybody can sign in. Prefer
service accounts with gatehouse_api_token for machines.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			life, err := api.ParseDuration(ttl)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(cp *controlplane.ControlPlane) error {
				id, _, err := workspace.Lookup(cmd.Context(), cp.Service.DB, ws)
				if err != nil {
					return err
				}
				return writeOwnerToken(cmd, cp, id, member, file, life)
			})
		},
	}
	data.add(create)
	create.Flags().StringVar(&ws, "workspace", "", "slug of the workspace")
	create.Flags().StringVar(&member, "member", "", "e-mail of the member")
	create.Flags().StringVar(&file, "token-file", "", "file that receives the token")
	create.Flags().StringVar(&ttl, "ttl", "90d", "life of the token, at most 366d")
	for _, f := range []string{"workspace", "member", "token-file"} {
		_ = create.MarkFlagRequired(f)
	}
	c := &cobra.Command{Use: "token", Short: "Make tokens for the first steps"}
	c.AddCommand(create)
	return c
}

// writeOwnerToken issues a personal token into a file that only its maker can read.
func writeOwnerToken(cmd *cobra.Command, cp *controlplane.ControlPlane, workspaceID, email, file string, ttl time.Duration) error {
	if ttl > 366*api.Day {
		return errors.New("a token may live at most 366d")
	}
	var token string
	caller := operator()
	caller.Kind, caller.WorkspaceID = object.PrincipalSystem, workspaceID
	err := cp.Service.Do(cmd.Context(), caller, func(s *object.Scope) error {
		exists, err := s.Exists(cmd.Context(), api.MemberKind, email)
		if err != nil {
			return err
		}
		if !exists {
			return object.NotFound("member", email)
		}
		if token, err = signin.IssuePersonalToken(cmd.Context(), s, email, ttl); err != nil {
			return err
		}
		return s.Record("token.issued", audit.Target{Kind: "member", Key: email}, audit.EffectWidened, nil, nil, "issued by the operator from the data folder")
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the token: %w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "token of %s in %s\n", email, file)
	return nil
}

func withStore(ctx context.Context, data dataFlags, f func(*controlplane.ControlPlane) error) error {
	cp, err := controlplane.OpenStore(ctx, controlplane.Config{Data: data.data, Database: data.database, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(f(cp), cp.Close())
}
