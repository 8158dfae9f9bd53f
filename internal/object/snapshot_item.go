package object

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// item builds the chain of a path, and for an asset those of the collections that it is
// in, from nodes that are read once per version.
func (sn *snapshot) item(ctx context.Context, s *Scope, path string) (*access.Item, error) {
	norm, err := vocabulary.NormalizePath(path)
	if err != nil {
		return nil, api.NewProblem(api.CodeMalformed, "%v.", err)
	}
	ancestors := vocabulary.PathAncestors(norm)
	nodes, err := sn.nodesOf(ctx, s, ancestors)
	if err != nil {
		return nil, err
	}
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return nil, err
	}
	policy := sharing.At(norm)
	item := &access.Item{Workspace: s.WorkspaceID, Path: norm, Kind: access.ItemFolder, Chain: chainOf(norm, nodes), Outsiders: outsiders(policy)}
	if !policy.AllowGuestUploads {
		for i := range item.Chain {
			item.Chain[i].AllowGuestUploads = false // no project's flag counts (C059)
		}
	}
	n := nodes[norm]
	if n == nil {
		return item, nil
	}
	item.Kind = n.Kind
	if item.Kind != access.ItemAsset {
		return item, nil
	}
	in, err := sn.collectionsOf(ctx, s, norm)
	if err != nil || len(in) == 0 {
		return item, err
	}
	var above []string
	for _, path := range in {
		above = append(above, vocabulary.PathAncestors(path)...)
	}
	slices.Sort(above)
	if nodes, err = sn.nodesOf(ctx, s, slices.Compact(above)); err != nil {
		return nil, err
	}
	for _, path := range in {
		item.Collections = append(item.Collections, chainOf(path, nodes))
	}
	return item, nil
}

// Prepare reads the items at several paths, and what is above them, at once. Asking
// for each with Item then reads nothing more, unless one is an asset in collections.
func (s *Scope) Prepare(ctx context.Context, paths []string) error {
	var all []string
	for _, path := range paths {
		norm, err := vocabulary.NormalizePath(path)
		if err != nil {
			return api.NewProblem(api.CodeMalformed, "%v.", err)
		}
		all = append(all, vocabulary.PathAncestors(norm)...)
	}
	slices.Sort(all)
	_, err := s.authz.snapshot.nodesOf(ctx, s, slices.Compact(all))
	return err
}

func chainOf(path string, nodes map[string]*access.Node) []access.Node {
	return access.ChainOf(path, func(p string) (access.Node, bool) {
		n := nodes[p]
		if n == nil {
			return access.Node{}, false
		}
		return *n, true
	})
}

// nodesOf gives the nodes of paths, from memory or from the item table.
func (sn *snapshot) nodesOf(ctx context.Context, s *Scope, paths []string) (map[string]*access.Node, error) {
	nodes := make(map[string]*access.Node, len(paths))
	var missing []string
	sn.mu.RLock()
	for _, p := range paths {
		n, ok := sn.nodes[p]
		if !ok || s.stale {
			missing = append(missing, p)
			continue
		}
		nodes[p] = n
	}
	sn.mu.RUnlock()
	// In parts, because an asset may be in many collections and statements take so
	// many values only.
	for part := range slices.Chunk(missing, maxPathsAtOnce) {
		if err := loadNodes(ctx, s, part, nodes); err != nil {
			return nil, err
		}
	}
	if len(missing) == 0 {
		return nodes, nil
	}
	if err := loadTeamLevels(ctx, s, nodes); err != nil {
		return nil, err
	}
	if !s.stale {
		sn.remember(missing, nodes)
	}
	return nodes, nil
}

// maxPathsAtOnce bounds the values of one statement.
const maxPathsAtOnce = 500

// collectionsOf lists the collections that reference an asset.
func (sn *snapshot) collectionsOf(ctx context.Context, s *Scope, asset string) ([]string, error) {
	if !s.stale {
		sn.mu.RLock()
		in, ok := sn.collections[asset]
		sn.mu.RUnlock()
		if ok {
			return in, nil
		}
	}
	in, err := s.CollectionsOf(ctx, asset)
	if err != nil || s.stale {
		return in, err
	}
	sn.mu.Lock()
	defer sn.mu.Unlock()
	if len(sn.collections) >= maxNodes {
		sn.collections = map[string][]string{}
	}
	sn.collections[asset] = in
	return in, nil
}

// CollectionsOf reads the paths of the collections that reference an asset.
func (s *Scope) CollectionsOf(ctx context.Context, asset string) ([]string, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT collection_path FROM collection_asset WHERE workspace_id = $1 AND asset_path = $2 ORDER BY collection_path`, s.WorkspaceID, asset)
	if err != nil {
		return nil, fmt.Errorf("reading the collections of %s: %w", asset, err)
	}
	defer func() { _ = rows.Close() }()
	var in []string
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return nil, fmt.Errorf("reading the collections of %s: %w", asset, err)
		}
		in = append(in, path)
	}
	return in, rows.Err()
}

func (sn *snapshot) remember(paths []string, nodes map[string]*access.Node) {
	sn.mu.Lock()
	defer sn.mu.Unlock()
	if len(sn.nodes) >= maxNodes {
		sn.nodes = map[string]*access.Node{}
	}
	for _, p := range paths {
		sn.nodes[p] = nodes[p]
	}
}

func loadNodes(ctx context.Context, s *Scope, paths []string, into map[string]*access.Node) error {
	rows, err := s.Tx.QueryContext(ctx, `SELECT kind, key, doc FROM item WHERE workspace_id = $1 AND key IN (`+store.Params(2, len(paths))+`)`, holderArgs(s.WorkspaceID, paths)...)
	if err != nil {
		return fmt.Errorf("reading items: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var kind, key, doc string
		if err := rows.Scan(&kind, &key, &doc); err != nil {
			return fmt.Errorf("reading items: %w", err)
		}
		var d struct {
			api.Project      // a superset of what containers declare
			Archived    bool `json:"archived"`
		}
		if err := json.Unmarshal([]byte(doc), &d); err != nil {
			return fmt.Errorf("reading item %s: %w", key, err)
		}
		n := &access.Node{Path: key, Kind: kind, Restricted: d.Inheritance == "restricted", Team: d.Team, AllowGuestUploads: d.AllowGuestUploads, AllowGuestAIWorkflows: d.AllowGuestAIWorkflows, Classification: d.Classification, Archived: d.Archived}
		if d.Owner != "" {
			n.Owner = "member:" + d.Owner
		}
		into[key] = n
	}
	return rows.Err()
}
