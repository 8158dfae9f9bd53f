package export

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// Options say what of a workspace is exported.
type Options struct {
	// Kinds are names of kinds; all when empty.
	Kinds []string
	// UnmanagedOnly leaves out what Terraform manages already.
	UnmanagedOnly bool
	// Now decides what has expired.
	Now time.Time
}

// File is one file of the configuration.
type File struct {
	Name    string
	Content []byte
}

// LeftOut says why objects of a kind are not in the configuration.
type LeftOut struct {
	Kind   *api.Kind
	Reason string
	// Keys are sorted; they are the objects' own text and have to be quoted.
	Keys []string
}

// Result is a configuration and what is not in it.
type Result struct {
	Workspace string
	Files     []File
	Resources int
	LeftOut   []LeftOut
}

// Export reads a workspace and writes it as a configuration, in memory.
func Export(ctx context.Context, w *client.Workspace, opts Options) (*Result, error) {
	kinds, err := kindsNamed(opts.Kinds)
	if err != nil {
		return nil, err
	}
	s := &selection{workspace: w.Slug(), opts: opts}
	for _, kind := range kinds {
		docs, err := read(ctx, w, kind)
		if err != nil {
			return nil, err
		}
		s.add(kind, docs)
	}
	return s.render()
}

// kindsNamed are the kinds to export, in the order of the files.
func kindsNamed(names []string) ([]*api.Kind, error) {
	asked := map[string]bool{}
	for _, name := range names {
		name = strings.TrimPrefix(strings.TrimSpace(name), "gatehouse_")
		kind := api.KindByName(name)
		switch {
		case kind == nil:
			return nil, fmt.Errorf("there is no kind %q; the kinds are %s", name, strings.Join(exportable(), ", "))
		case kind.View:
			return nil, fmt.Errorf("%s is the authoritative reading of %s and would claim rows that were never declared as a whole; export %s, and turn its rows into a %s by hand where code is to own them all", kind.Name, kind.Of, kind.Of, kind.Name)
		}
		asked[name] = true
	}
	var out []*api.Kind
	for _, kind := range ordered() {
		if len(names) == 0 || asked[kind.Name] {
			out = append(out, kind)
		}
	}
	return out, nil
}

// exportable names the kinds that can be exported.
func exportable() []string {
	var out []string
	for _, kind := range ordered() {
		out = append(out, kind.Name)
	}
	slices.Sort(out)
	return out
}

// read gets all objects of a kind.
func read(ctx context.Context, w *client.Workspace, kind *api.Kind) ([]client.Document, error) {
	var docs []client.Document
	var err error
	if kind.Singleton {
		var doc client.Document
		doc, err = w.Get(ctx, kind, w.Slug())
		docs = []client.Document{doc}
	} else {
		docs, err = w.List(ctx, kind, nil)
	}
	if p := client.ProblemOf(err); p != nil && p.Code() == api.CodeForbidden {
		return nil, fmt.Errorf("%w\nUse a token that may read everything, e.g. an admin's with the scope read_only, or name the kinds with --kinds", err)
	}
	return docs, err
}
