package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// maxClaims is what the server stamps in one call.
const maxClaims = 5000

func newClaimCommand() *cobra.Command {
	var from planeFlags
	var state stateFlags
	var stack string
	var asJSON bool
	c := &cobra.Command{
		Use:   "claim",
		Short: "Stamp a stack's ownership on everything that its state declares",
		Long: `Terraform writes an object only when it changes, and a refresh writes nothing, so objects
that were imported or never changed do not know that code owns them. Run this after an
apply: it reads the state and stamps all of its objects in one call per workspace.

What another stack owns, or what an identity provider provisions, is left alone and named.

Exit codes: 0 done · 1 error, or an object belongs to another stack or does not exist.`,
		Example: `  terraform apply && gatehouse claim --stack github.com/example/infra//access`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stack == "" {
				return errors.New("name the stack with --stack or GATEHOUSE_STACK; it is the provider's stack")
			}
			s, err := state.read(cmd.Context())
			if err != nil {
				return err
			}
			if s == nil {
				return errors.New("there is no configuration in this folder; name one with --chdir, or a state with --state")
			}
			conn, err := from.connect(false)
			if err != nil {
				return err
			}
			outcome, err := claim(cmd, conn, s, strings.ToLower(from.workspace), stack)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, outcome)
			} else {
				err = outcome.print(cmd)
			}
			if err == nil && outcome.failed() {
				err = &exitError{code: 1}
			}
			return err
		},
	}
	from.add(c)
	state.add(c)
	c.Flags().StringVar(&stack, "stack", os.Getenv("GATEHOUSE_STACK"), "stack that owns the objects, as the provider is told [GATEHOUSE_STACK]")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// claimOutcome is what became of a claim, by workspace.
type claimOutcome struct {
	Stack      string             `json:"stack"`
	Workspaces []workspaceOutcome `json:"workspaces"`
}

type workspaceOutcome struct {
	Workspace string         `json:"workspace"`
	Objects   int            `json:"objects"`
	Claimed   int            `json:"claimed"`
	Refused   []claimRefusal `json:"refused"`
}

type claimRefusal struct {
	Address string `json:"address"`
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Reason  string `json:"reason"`
}

// provisioned refusals are as they should be: the identity provider owns the object.
func (r claimRefusal) provisioned() bool { return strings.Contains(r.Reason, "SCIM") }

func (o *claimOutcome) failed() bool {
	for _, w := range o.Workspaces {
		for _, r := range w.Refused {
			if !r.provisioned() {
				return true
			}
		}
	}
	return false
}

func (o *claimOutcome) print(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	for _, w := range o.Workspaces {
		fmt.Fprintf(out, "Workspace %q: %d of %d objects are newly claimed for stack %q, %d were its already, %d are not claimed.\n",
			w.Workspace, w.Claimed, w.Objects, o.Stack, w.Objects-w.Claimed-len(w.Refused), len(w.Refused))
		for _, r := range w.Refused {
			fmt.Fprintf(out, "  %s (%s %s): %s\n", r.Address, r.Kind, r.ID, r.Reason)
		}
	}
	return nil
}

func claim(cmd *cobra.Command, conn *client.Client, s *tfstate.State, only, stack string) (*claimOutcome, error) {
	out := &claimOutcome{Stack: stack, Workspaces: []workspaceOutcome{}}
	for _, name := range s.Workspaces() {
		if only != "" && name != only {
			continue
		}
		w := workspaceOutcome{Workspace: name, Refused: []claimRefusal{}}
		address := map[string]string{}
		var refs []client.Ref
		for _, r := range s.Resources {
			if r.Workspace != name || r.ID() == "" || api.KindByName(r.Kind) == nil {
				continue
			}
			address[r.Kind+r.ID()] = r.Address
			refs = append(refs, client.Ref{Kind: r.Kind, ID: r.ID()})
		}
		w.Objects = len(refs)
		for len(refs) > 0 {
			n := min(len(refs), maxClaims)
			done, err := conn.Workspace(name).Claim(cmd.Context(), stack, refs[:n], ciChange(os.Getenv))
			if err != nil {
				return nil, err
			}
			w.Claimed += done.Claimed
			for _, r := range done.Refused {
				w.Refused = append(w.Refused, claimRefusal{Address: address[r.Kind+r.ID], Kind: r.Kind, ID: r.ID, Reason: r.Reason})
			}
			refs = refs[n:]
		}
		out.Workspaces = append(out.Workspaces, w)
	}
	if len(out.Workspaces) == 0 {
		return nil, errors.New("the state holds no gatehouse_* resource to claim")
	}
	return out, nil
}

// ciChange says where the change came from, as our own variables, GitHub or GitLab tell
// their jobs; the provider reads the same.
func ciChange(getenv func(string) string) *api.ChangeContext {
	var c api.ChangeContext
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		repository := getenv("GITHUB_SERVER_URL") + "/" + getenv("GITHUB_REPOSITORY")
		c = api.ChangeContext{Commit: getenv("GITHUB_SHA"), Author: getenv("GITHUB_ACTOR"), RunURL: repository + "/actions/runs/" + getenv("GITHUB_RUN_ID")}
		if number, ok := strings.CutPrefix(getenv("GITHUB_REF"), "refs/pull/"); ok {
			number, _, _ = strings.Cut(number, "/")
			c.PullRequest = repository + "/pull/" + number
		}
	case getenv("GITLAB_CI") == "true":
		c = api.ChangeContext{Commit: getenv("CI_COMMIT_SHA"), Author: getenv("GITLAB_USER_LOGIN"), RunURL: getenv("CI_JOB_URL")}
		if number := getenv("CI_MERGE_REQUEST_IID"); number != "" {
			c.PullRequest = getenv("CI_PROJECT_URL") + "/-/merge_requests/" + number
		}
	}
	for name, field := range map[string]*string{"COMMIT": &c.Commit, "PULL_REQUEST": &c.PullRequest, "RUN_URL": &c.RunURL, "AUTHOR": &c.Author, "APPROVER": &c.Approver} {
		if v := getenv("GATEHOUSE_CHANGE_" + name); v != "" {
			*field = v
		}
	}
	return &c
}
