// Command gatehouse is the control plane and its operator's tool.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the release build.
var version = "dev"

// exitError carries an exit code through cobra; its message was printed already when
// it is empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, newRootCommand())
	stop()
	os.Exit(code)
}

func run(ctx context.Context, root *cobra.Command) int {
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if msg := exit.Error(); msg != "" {
			fmt.Fprintln(root.ErrOrStderr(), "gatehouse: "+msg)
		}
		return exit.code
	}
	fmt.Fprintln(root.ErrOrStderr(), "gatehouse: "+err.Error())
	return 1
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Access configured entirely as code",
		Long: `gatehouse runs the control plane that Terraform and identity providers talk to,
and proves what it holds: drift against code, the audit log, compliance evidence.

Exit codes: 0 fine · 1 error or incomplete · 2 drift or findings.`,
		SilenceUsage: true, SilenceErrors: true, Version: version,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run the control plane:"},
		&cobra.Group{ID: "code", Title: "Beside Terraform, in CI:"},
		&cobra.Group{ID: "proof", Title: "Proof:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", newServeCommand(), newWorkspaceCommand(), newTokenCommand(), newSCIMCommand(), newOpenAPICommand())
	add("code", newDriftCommand(), newClaimCommand(), newReleaseCommand(), newExportCommand(), newApprovalCommand(), newInvitationCommand(), newSharingCommand(), newLinkCommand(), newReviewCommand(), newEventReceiverCommand())
	add("proof", newCheckCommand(), newEvidenceCommand(), newAuditCommand(), newPersonCommand())
	return root
}
