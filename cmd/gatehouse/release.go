package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func newReleaseCommand() *cobra.Command {
	var from planeFlags
	var state stateFlags
	var stack string
	var dryRun, asJSON bool
	c := &cobra.Command{
		Use:   "release [KIND/KEY...]",
		Short: "Let go of what a stack owns, so that another stack can take it over",
		Long: `An object that left a state (a removed block with destroy = false, terraform state rm)
still belongs to its stack, and every other stack is refused. Releasing it changes nothing
but the owner: afterwards anybody with the permission may change it by hand, and another
stack may import it, or adopt it where the resource has adopt = true.

Name objects by kind and key, settings by their kind alone, or release everything that a
state declares with --state or --chdir. A set (team_memberships, access_grants) takes the
rows with it that the stack wrote.

Exit codes: 0 done · 1 error, or an object belongs to another stack or does not exist.`,
		Example: `  gatehouse release --stack github.com/example/infra//access team/design project//campaigns sharing_policy
  gatehouse release --stack github.com/example/infra//access --chdir access/old --dry-run`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if stack == "" {
				return errors.New("name the stack that owns the objects with --stack or GATEHOUSE_STACK")
			}
			all := state.file != "" || state.chdir != ""
			if all == (len(names) > 0) {
				return errors.New("name objects as KIND/KEY, or everything in a state with --state or --chdir; one of the two")
			}
			conn, err := from.connect(false)
			if err != nil {
				return err
			}
			var holdings []holding
			if all {
				holdings, err = stateHoldings(cmd, &state, strings.ToLower(from.workspace))
			} else {
				holdings, err = namedHoldings(cmd, &from, conn, names)
			}
			if err != nil {
				return err
			}
			outcome, err := release(cmd, conn, holdings, stack, dryRun)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, outcome)
			} else {
				outcome.print(cmd)
			}
			if err == nil && outcome.failed() {
				err = &exitError{code: 1}
			}
			return err
		},
	}
	from.add(c)
	state.add(c)
	c.Flags().StringVar(&stack, "stack", os.Getenv("GATEHOUSE_STACK"), "stack that owns the objects now [GATEHOUSE_STACK]")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be released and release nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// holding is what is to be released in one workspace.
type holding struct {
	workspace string
	refs      []client.Ref
	address   map[string]string // how the caller names an object, by kind and id
	missing   []claimRefusal
}

// releaseOutcome is what became of a release, by workspace.
type releaseOutcome struct {
	Stack      string              `json:"stack"`
	DryRun     bool                `json:"dry_run"`
	Workspaces []releasedWorkspace `json:"workspaces"`
}

type releasedWorkspace struct {
	Workspace string         `json:"workspace"`
	Objects   int            `json:"objects"`
	Released  int            `json:"released"`
	Refused   []claimRefusal `json:"refused"`
}

func (o *releaseOutcome) failed() bool {
	for _, w := range o.Workspaces {
		for _, r := range w.Refused {
			if !r.provisioned() {
				return true
			}
		}
	}
	return false
}

func (o *releaseOutcome) print(cmd *cobra.Command) {
	out := cmd.OutOrStdout()
	verb := "were released"
	if o.DryRun {
		verb = "would be released"
	}
	for _, w := range o.Workspaces {
		fmt.Fprintf(out, "Workspace %q: %d of %d objects %s by stack %q, %d had no stack, %d stay as they are.\n",
			w.Workspace, w.Released, w.Objects, verb, o.Stack, w.Objects-w.Released-len(w.Refused), len(w.Refused))
		for _, r := range w.Refused {
			fmt.Fprintf(out, "  %s: %s\n", r.Address, r.Reason)
		}
	}
}

// stateHoldings are the objects that a state declares.
func stateHoldings(cmd *cobra.Command, state *stateFlags, only string) ([]holding, error) {
	s, err := state.read(cmd.Context())
	if err != nil {
		return nil, err
	}
	var out []holding
	for _, name := range s.Workspaces() {
		if only != "" && name != only {
			continue
		}
		h := holding{workspace: name, address: map[string]string{}}
		for _, r := range s.Resources {
			if r.Workspace == name && r.ID() != "" && api.KindByName(r.Kind) != nil {
				h.add(r.Kind, r.ID(), r.Address)
			}
		}
		out = append(out, h)
	}
	if len(out) == 0 {
		return nil, errors.New("the state holds no gatehouse_* resource to release")
	}
	return out, nil
}

func (h *holding) add(kind, id, address string) {
	h.address[kind+id] = address
	h.refs = append(h.refs, client.Ref{Kind: kind, ID: id})
}

// namedHoldings finds the objects that were named as KIND/KEY.
func namedHoldings(cmd *cobra.Command, from *planeFlags, conn *client.Client, names []string) ([]holding, error) {
	refs := make([]client.Ref, len(names))
	for i, name := range names {
		kindName, key, _ := strings.Cut(name, "/")
		kind := api.KindByName(strings.TrimPrefix(kindName, "gatehouse_"))
		switch {
		case kind == nil:
			return nil, fmt.Errorf("%s: there is no kind %q; write e.g. team/design, project//campaigns or sharing_policy", name, kindName)
		case kind.Singleton && key != "":
			return nil, fmt.Errorf("%s: a workspace has one %s; write %s alone", name, kind.Name, kind.Name)
		case !kind.Singleton && key == "":
			return nil, fmt.Errorf("%s: say which %s: %s/KEY", name, kind.Name, kind.Name)
		case kind.Singleton:
			key = kind.Name
		}
		refs[i] = client.Ref{Kind: kind.Name, Ref: key}
	}
	workspace, err := from.oneWorkspace(cmd.Context(), conn)
	if err != nil {
		return nil, err
	}
	found, err := conn.Workspace(workspace).BatchRead(cmd.Context(), refs)
	if err != nil {
		return nil, err
	}
	h := holding{workspace: workspace, address: map[string]string{}}
	for i, f := range found {
		if f.Object == nil {
			h.missing = append(h.missing, claimRefusal{Address: names[i], Kind: f.Kind, Reason: "it does not exist, or the token may not see it"})
			continue
		}
		h.add(f.Kind, f.Object.ID(), names[i])
	}
	return []holding{h}, nil
}

func release(cmd *cobra.Command, conn *client.Client, holdings []holding, stack string, dryRun bool) (*releaseOutcome, error) {
	out := &releaseOutcome{Stack: stack, DryRun: dryRun, Workspaces: []releasedWorkspace{}}
	for _, h := range holdings {
		w := releasedWorkspace{Workspace: h.workspace, Objects: len(h.refs) + len(h.missing), Refused: append([]claimRefusal{}, h.missing...)}
		for refs := h.refs; len(refs) > 0; {
			n := min(len(refs), maxClaims)
			done, err := conn.Workspace(h.workspace).Release(cmd.Context(), stack, refs[:n], ciChange(os.Getenv), dryRun)
			if err != nil {
				return nil, err
			}
			w.Released += done.Released
			for _, r := range done.Refused {
				w.Refused = append(w.Refused, claimRefusal{Address: h.address[r.Kind+r.ID], Kind: r.Kind, ID: r.ID, Reason: r.Reason})
			}
			refs = refs[n:]
		}
		out.Workspaces = append(out.Workspaces, w)
	}
	return out, nil
}
