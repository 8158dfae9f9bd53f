package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Document is a declared object as it is on the wire.
type Document map[string]any

// text reads one of the attributes that are strings.
func (d Document) text(name string) string {
	s, _ := d[name].(string)
	return s
}

// ID is the object's opaque identifier.
func (d Document) ID() string { return d.text("id") }

// Key is the object's natural key.
func (d Document) Key() string { return d.text("key") }

// ETag is the object's version.
func (d Document) ETag() string { return d.text("etag") }

// Decode reads the document into a typed object.
func (d Document) Decode(into any) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encoding the object: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decoding the object: %w", err)
	}
	return nil
}

// WriteOptions qualify a write. The zero value is a plain write.
type WriteOptions struct {
	// DryRun asks for the same answer and keeps nothing.
	DryRun bool
	// IfMatch is the ETag that the object must still have.
	IfMatch string
	// IdempotencyKey makes the write happen once however often it is sent; one is
	// made when it is empty.
	IdempotencyKey string
	// Adopt takes over what exists and nobody owns.
	Adopt bool
	// Reason breaks the glass of a change policy.
	Reason string
}

func (o WriteOptions) call(method, path string, body Document) call {
	in := call{method: method, path: path, header: map[string]string{}, safe: true}
	if body != nil {
		in.body = body
	}
	if o.DryRun {
		in.query = url.Values{"dry_run": {"true"}}
	} else {
		in.header[headerIdempotencyKey] = o.IdempotencyKey
		if o.IdempotencyKey == "" {
			in.header[headerIdempotencyKey] = newIdempotencyKey()
		}
	}
	if o.IfMatch != "" {
		in.header["If-Match"] = strconv.Quote(o.IfMatch)
	}
	if o.Adopt {
		in.header[headerAdopt] = "true"
	}
	if o.Reason != "" {
		in.header[headerReason] = strings.Join(strings.Fields(o.Reason), " ")
	}
	return in
}

// Workspace speaks about the objects of one workspace.
type Workspace struct {
	c    *Client
	slug string
}

// Workspace names the workspace that calls are about. Nothing is sent.
func (c *Client) Workspace(slug string) *Workspace { return &Workspace{c: c, slug: slug} }

// Slug is the workspace's short name.
func (w *Workspace) Slug() string { return w.slug }

func (w *Workspace) root() string { return "/v1/workspaces/" + url.PathEscape(w.slug) }

func (w *Workspace) collection(kind *api.Kind) string {
	if kind.Singleton {
		return w.root() + "/" + kind.Name
	}
	return w.root() + "/" + kind.Plural
}

// object is the address of one object; ref is its id or its key. Singletons need none.
func (w *Workspace) object(kind *api.Kind, ref string) string {
	switch {
	case kind == api.WorkspaceKind:
		return w.root()
	case kind.Singleton:
		return w.collection(kind)
	}
	return w.collection(kind) + "/" + url.PathEscape(ref)
}

// Get reads one object by id or key. It is a not_found problem when there is none.
func (w *Workspace) Get(ctx context.Context, kind *api.Kind, ref string) (Document, error) {
	var out Document
	resp, err := w.c.send(ctx, call{method: http.MethodGet, path: w.object(kind, ref)}, &out)
	if err != nil {
		return nil, fmt.Errorf("reading %s %q: %w", kind.Name, ref, err)
	}
	return out.withETag(resp.Header()), nil
}

// List reads a whole collection in key order, page by page, filtered by attributes
// that the kind declares as filters.
func (w *Workspace) List(ctx context.Context, kind *api.Kind, filters map[string]string) ([]Document, error) {
	var out []Document
	err := w.Each(ctx, kind, filters, api.MaxPageSize, func(d Document) bool {
		out = append(out, d)
		return true
	})
	return out, err
}

// Each visits a collection in key order until visit returns false.
func (w *Workspace) Each(ctx context.Context, kind *api.Kind, filters map[string]string, pageSize int, visit func(Document) bool) error {
	err := eachPage(ctx, w.c, w.collection(kind), queryOf(filters), pageSize, visit)
	if err != nil {
		return fmt.Errorf("listing %s: %w", kind.Plural, err)
	}
	return nil
}

// queryOf asks for what has these values.
func queryOf(filters map[string]string) url.Values {
	query := make(url.Values, len(filters))
	for name, value := range filters {
		query.Set(name, value)
	}
	return query
}

// eachPage follows next_cursor to the end. A cursor that repeats is an error, not
// an endless loop.
func eachPage[T any](ctx context.Context, c *Client, path string, query url.Values, pageSize int, visit func(T) bool) error {
	query.Set("limit", strconv.Itoa(max(1, min(pageSize, api.MaxPageSize))))
	for {
		var page api.Page[T]
		if _, err := c.send(ctx, call{method: http.MethodGet, path: path, query: query}, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			if !visit(item) {
				return nil
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		if page.NextCursor == query.Get("cursor") {
			return fmt.Errorf("the server repeats the page cursor %q", page.NextCursor)
		}
		query.Set("cursor", page.NextCursor)
	}
}

// Create makes an object. It is a conflict problem when the key exists.
func (w *Workspace) Create(ctx context.Context, kind *api.Kind, doc Document, opts WriteOptions) (Document, error) {
	return w.write(ctx, opts.call(http.MethodPost, w.collection(kind), doc), "creating", kind, "")
}

// Put replaces an object, makes it when the key does not exist, and adopts a singleton.
func (w *Workspace) Put(ctx context.Context, kind *api.Kind, ref string, doc Document, opts WriteOptions) (Document, error) {
	return w.write(ctx, opts.call(http.MethodPut, w.object(kind, ref), doc), "writing", kind, ref)
}

// Delete destroys an object in the way of its kind (RESOURCES.md, destroy codes).
// The document is nil unless the server answers with what is left of the object.
func (w *Workspace) Delete(ctx context.Context, kind *api.Kind, ref string, opts WriteOptions) (Document, error) {
	return w.write(ctx, opts.call(http.MethodDelete, w.object(kind, ref), nil), "deleting", kind, ref)
}

func (w *Workspace) write(ctx context.Context, in call, doing string, kind *api.Kind, ref string) (Document, error) {
	var out Document
	resp, err := w.c.send(ctx, in, &out)
	if err != nil {
		if ref == "" {
			return nil, fmt.Errorf("%s %s: %w", doing, kind.Name, err)
		}
		return nil, fmt.Errorf("%s %s %q: %w", doing, kind.Name, ref, err)
	}
	if out == nil {
		return nil, nil
	}
	return out.withETag(resp.Header()), nil
}

// withETag fills in the version from the header where the body does not say it.
func (d Document) withETag(h http.Header) Document {
	if d.ETag() == "" {
		if tag, err := strconv.Unquote(h.Get("ETag")); err == nil && tag != "" {
			d["etag"] = tag
		}
	}
	return d
}
