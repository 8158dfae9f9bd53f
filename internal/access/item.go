package access

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Kinds of item that the rules know by name.
const (
	ItemProject    = "project"
	ItemFolder     = "folder"
	ItemCollection = "collection"
	ItemAsset      = "asset"
)

// Item is what is decided about, with the chain of items that it inherits from.
type Item struct {
	// Workspace is the id of the workspace that owns the item.
	Workspace string
	Path      string
	Kind      string
	// Chain runs from the root "/" to the item itself, with one node for every
	// segment of the path: a missing ancestor would hide the denies on it.
	Chain []Node
	// Collections are the chains of the collections that reference the item, each
	// from the root to the collection (C031). Levels flow through them, and a
	// deny on any of them denies (X22).
	Collections [][]Node
	// Outsiders says why somebody from outside may do nothing here at a time, ""
	// for those who may; nil shuts nobody out (X07).
	Outsiders func(s *Subject, at time.Time) string
}

// Node is one step of a chain.
type Node struct {
	Path string
	Kind string
	// Restricted cuts the levels inherited from above this node (C030).
	Restricted bool
	// Team is the slug of the owning team, Owner the principal string of the
	// owner; both may be empty.
	Team  string
	Owner string
	// TeamLevel is what every member of the owning team gets here at least
	// (team.default_level); none where the team says nothing.
	TeamLevel vocabulary.Level
	// AllowGuestUploads and AllowGuestAIWorkflows are the effective settings of
	// a project (C059, C033); other kinds take them from the project they are in.
	AllowGuestUploads     bool
	AllowGuestAIWorkflows bool
	Archived              bool
	// Classification is public, internal or confidential; empty inherits.
	Classification string
}

// ChainOf builds the chain of a path. lookup finds the node of an item; a path
// that only leads to others, without being declared itself, becomes a plain
// folder.
func ChainOf(path string, lookup func(path string) (Node, bool)) []Node {
	ancestors := vocabulary.PathAncestors(path)
	chain := make([]Node, len(ancestors))
	for i, p := range ancestors {
		node, ok := lookup(p)
		if !ok {
			node = Node{Kind: ItemFolder}
		}
		node.Path = p
		chain[i] = node
	}
	return chain
}

// place is a node seen from the item below it.
type place struct {
	node *Node
	// open is false when a restriction between the node and the item stops what
	// the node gives. Denies pass all the same.
	open bool
}

// alias is a path through a collection: the collection's and the item's name.
type alias struct {
	path string
	open bool
}

// view is an Item checked and flattened for one decision.
type view struct {
	item   *Item
	places []place
	// aliases are the paths under which collections show the item (X22).
	aliases        []alias
	archived       bool
	classification string
	team           string
	guestUploads   bool
	guestWorkflows bool
	// cut is the path of the deepest restricted item, "" for none.
	cut string
}

func (v *view) leaf() *Node { return &v.item.Chain[len(v.item.Chain)-1] }

// at finds the place with the path, nil when the item is not below it.
func (v *view) at(path string) *place {
	for i := range v.places {
		if v.places[i].node.Path == path {
			return &v.places[i]
		}
	}
	return nil
}

// covered reports whether the pattern covers the item on any of its paths.
func (v *view) covered(p vocabulary.PathPattern) bool {
	if p.Covers(v.item.Path) {
		return true
	}
	for _, a := range v.aliases {
		if p.Covers(a.path) {
			return true
		}
	}
	return false
}

func viewOf(item *Item) (*view, error) {
	if err := checkChain(item.Chain, item.Path); err != nil {
		return nil, err
	}
	v := &view{item: item, places: make([]place, 0, len(item.Chain)+4)}
	cut := deepestRestricted(item.Chain)
	if cut > 0 {
		v.cut = item.Chain[cut].Path
	}
	for i := range item.Chain {
		n := &item.Chain[i]
		v.places = append(v.places, place{n, i >= cut})
		v.archived = v.archived || n.Archived
		if n.Classification != "" {
			v.classification = n.Classification
		}
		if n.Team != "" {
			v.team = n.Team
		}
		if n.Kind == ItemProject {
			v.guestUploads, v.guestWorkflows = n.AllowGuestUploads, n.AllowGuestAIWorkflows
		}
	}
	for _, chain := range item.Collections {
		if err := v.addCollection(chain, cut); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// barrier names what stops a place that is not open, for explanations.
func (v *view) barrier() string {
	if v.cut != "" {
		return v.cut
	}
	return "a collection on the way"
}

// addCollection adds what flows through a collection. An item restricted itself
// takes nothing from collections. An item below a restriction takes what was
// given on the collection itself, because its recipients were chosen for what is
// in it (C031), but not what the collection only inherits (C030).
func (v *view) addCollection(chain []Node, itemCut int) error {
	if len(chain) == 0 {
		return errors.New("a collection of the item has no chain")
	}
	last := len(chain) - 1
	if err := checkChain(chain, chain[last].Path); err != nil {
		return err
	}
	open := deepestRestricted(chain)
	switch {
	case v.leaf().Restricted:
		open = len(chain)
	case itemCut > 0:
		open = last
	}
	for i := range chain {
		n := &chain[i]
		if known := v.at(n.Path); known != nil {
			known.open = known.open || i >= open
			continue
		}
		v.places = append(v.places, place{n, i >= open})
	}
	name := v.item.Path[strings.LastIndexByte(v.item.Path, '/')+1:]
	v.aliases = append(v.aliases, alias{strings.TrimSuffix(chain[last].Path, "/") + "/" + name, last >= open})
	return nil
}

// deepestRestricted is the index of the last restricted node; 0 means that
// nothing is cut, since nothing lies above the root.
func deepestRestricted(chain []Node) int {
	for i := len(chain) - 1; i > 0; i-- {
		if chain[i].Restricted {
			return i
		}
	}
	return 0
}

// checkChain refuses a chain with gaps: what is not in it could not deny.
func checkChain(chain []Node, path string) error {
	if len(chain) == 0 || chain[0].Path != vocabulary.RootPath {
		return fmt.Errorf("the chain of %s does not start at the root", path)
	}
	if len(chain) != vocabulary.PathDepth(path)+1 || chain[len(chain)-1].Path != path {
		return fmt.Errorf("the chain of %s does not have one node for every segment", path)
	}
	for i := 1; i < len(chain); i++ {
		if vocabulary.PathDepth(chain[i].Path) != i || !vocabulary.ScopeContains(chain[i-1].Path, chain[i].Path) {
			return fmt.Errorf("the chain of %s is broken at %s", path, chain[i].Path)
		}
	}
	return nil
}
