package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// The Merkle tree of a workspace in SQL: level 0 is audit_leaf (node n is seq
// n+1), the complete subtrees above are audit_hash. Incomplete subtrees are
// never stored; tlog computes them.

// node is a place in the tree.
type node struct {
	level int
	n     int64
}

// treeReader reads hashes of one workspace for tlog.
type treeReader struct {
	ctx       context.Context // tlog.HashReader has no context of its own
	tx        Tx
	workspace string
}

// ReadHashes implements tlog.HashReader.
func (t *treeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found, err := t.find(indexes)
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		hash, ok := found[node{level, n}]
		if !ok {
			return nil, fmt.Errorf("%w: the log of %s lacks the hash of node %d at level %d", ErrInconsistent, t.workspace, n, level)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// find returns the hashes that exist and are well formed.
func (t *treeReader) find(indexes []int64) (map[node]tlog.Hash, error) {
	byLevel := make(map[int][]int64)
	for _, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		byLevel[level] = append(byLevel[level], n)
	}
	found := make(map[node]tlog.Hash, len(indexes))
	for level, nodes := range byLevel {
		if err := t.load(level, nodes, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// load reads nodes of one level.
func (t *treeReader) load(level int, nodes []int64, into map[node]tlog.Hash) error {
	query, first := "SELECT node, hash FROM audit_hash WHERE workspace_id = $1 AND level = "+strconv.Itoa(level)+" AND node IN (", int64(0)
	if level == 0 {
		query, first = "SELECT seq - 1, leaf_hash FROM audit_leaf WHERE workspace_id = $1 AND seq IN (", 1
	}
	for chunk := range slices.Chunk(nodes, subjectBatch) {
		args := []any{t.workspace}
		for _, n := range chunk {
			args = append(args, first+n)
		}
		args = padArguments(args, 1)
		if err := t.scan(level, query+placeholders(2, len(args)-1)+")", args, into); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeReader) scan(level int, query string, args []any, into map[node]tlog.Hash) (err error) {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return fmt.Errorf("reading hashes of the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return fmt.Errorf("reading hashes of the audit log: %w", err)
		}
		if hash, err := tlog.ParseHash(text); err == nil {
			into[node{level, n}] = hash
		}
	}
	return rows.Err()
}

// edge is the right edge of a growing tree: the complete subtrees that the next
// leaves are joined to, largest first. It is all that is needed to append.
type edge struct {
	size  int64
	nodes []edgeNode
}

type edgeNode struct {
	level int
	hash  tlog.Hash
}

// edgeIndexes are the stored hashes that make up the edge of a tree of a size.
func edgeIndexes(size int64) []int64 {
	var indexes []int64
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	return indexes
}

// loadEdge reads the edge of a stored tree; complete is false if hashes are missing.
func loadEdge(reader *treeReader, size int64) (e *edge, complete bool, err error) {
	found, err := reader.find(edgeIndexes(size))
	if err != nil {
		return nil, false, err
	}
	e, complete = &edge{size: size}, true
	for _, index := range edgeIndexes(size) {
		level, n := tlog.SplitStoredHashIndex(index)
		hash, ok := found[node{level, n}]
		complete = complete && ok
		e.nodes = append(e.nodes, edgeNode{level, hash})
	}
	return e, complete, nil
}

// add appends a leaf and calls completed for every subtree above it that is now
// complete, from the bottom up.
func (e *edge) add(leaf tlog.Hash, completed func(node, tlog.Hash)) {
	level, hash := 0, leaf
	for len(e.nodes) > 0 && e.nodes[len(e.nodes)-1].level == level {
		hash = tlog.NodeHash(e.nodes[len(e.nodes)-1].hash, hash)
		e.nodes = e.nodes[:len(e.nodes)-1]
		level++
		completed(node{level, e.size >> level}, hash)
	}
	e.nodes = append(e.nodes, edgeNode{level, hash})
	e.size++
}

// root is the root of the tree so far (RFC 6962 section 2.1).
func (e *edge) root() tlog.Hash {
	if len(e.nodes) == 0 {
		return tlog.Hash{}
	}
	hash := e.nodes[len(e.nodes)-1].hash
	for i := len(e.nodes) - 2; i >= 0; i-- {
		hash = tlog.NodeHash(e.nodes[i].hash, hash)
	}
	return hash
}
