package client

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Snapshot serves reads of single objects from one listing of their collection, so
// that refreshing 5,000 objects takes about eleven requests instead of 5,000.
//
// It is for one run: a refresh writes nothing, so what was listed once stays true
// for it. A key that the listing does not have is confirmed by one GET. After the
// first write through it, everything is read anew and one by one, because then
// reads are few and must see the write. Errors are not remembered.
type Snapshot struct {
	c      *Client
	flight singleflight.Group
	wrote  atomic.Bool

	mu          sync.Mutex
	collections map[collectionKey]*collection
}

type collectionKey struct{ workspace, kind string }

// collection is one listing, by id and by key. It is never changed once it is made.
type collection struct {
	byRef map[string]Document
}

// NewSnapshot starts an empty snapshot.
func NewSnapshot(c *Client) *Snapshot {
	return &Snapshot{c: c, collections: map[collectionKey]*collection{}}
}

// Get reads one object by id or key. Callers must not change the document.
func (s *Snapshot) Get(ctx context.Context, workspace string, kind *api.Kind, ref string) (Document, error) {
	// A view's listing would carry every map of the workspace; singletons have none.
	if kind.Singleton || kind.View || s.wrote.Load() {
		return s.c.Workspace(workspace).Get(ctx, kind, ref)
	}
	listed, err := s.collection(ctx, workspace, kind)
	if err != nil {
		return nil, err
	}
	if doc, ok := listed.byRef[foldRef(kind, ref)]; ok && !s.wrote.Load() {
		return doc, nil
	}
	return s.c.Workspace(workspace).Get(ctx, kind, ref)
}

// Evict forgets everything; it is called before and after every write. One write
// may change objects of other kinds, e.g. a leaver's grants.
func (s *Snapshot) Evict() {
	s.wrote.Store(true)
	s.mu.Lock()
	clear(s.collections)
	s.mu.Unlock()
}

func (s *Snapshot) collection(ctx context.Context, workspace string, kind *api.Kind) (*collection, error) {
	at := collectionKey{workspace, kind.Name}
	for {
		s.mu.Lock()
		have := s.collections[at]
		s.mu.Unlock()
		if have != nil {
			return have, nil
		}
		// The listing runs under the context of whoever came first; when that one
		// gives up, the others try again under their own.
		result := s.flight.DoChan(workspace+"\x00"+kind.Name, func() (any, error) {
			return s.list(ctx, at, kind)
		})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-result:
			if r.Err == nil {
				return r.Val.(*collection), nil
			}
			if ctx.Err() != nil || !r.Shared || !isContextError(r.Err) {
				return nil, r.Err
			}
		}
	}
}

func (s *Snapshot) list(ctx context.Context, at collectionKey, kind *api.Kind) (*collection, error) {
	s.mu.Lock()
	have := s.collections[at]
	s.mu.Unlock()
	if have != nil {
		return have, nil
	}
	docs, err := s.c.Workspace(at.workspace).List(ctx, kind, nil)
	if err != nil {
		return nil, err
	}
	made := &collection{byRef: make(map[string]Document, 2*len(docs))}
	for _, d := range docs {
		made.byRef[d.ID()] = d
		made.byRef[foldRef(kind, d.Key())] = d
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.wrote.Load() {
		s.collections[at] = made
	}
	return made, nil
}

// foldRef lets keys be found in whatever case they were written. Keys that keep
// their case (group names) are still told apart by the GET that confirms a miss.
func foldRef(kind *api.Kind, ref string) string {
	if kind.IsID(ref) {
		return ref
	}
	return strings.ToLower(ref)
}
