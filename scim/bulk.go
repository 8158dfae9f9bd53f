package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
)

// bulkRequest is a BulkRequest message (RFC 7644 §3.7). Data stays text until
// its turn, so that a large request is never decoded as a whole.
type bulkRequest struct {
	FailOnErrors int             `json:"failOnErrors"`
	Operations   []bulkOperation `json:"Operations"`
}

type bulkOperation struct {
	Method  string          `json:"method"`
	BulkID  string          `json:"bulkId"`
	Version string          `json:"version"`
	Path    string          `json:"path"`
	Data    json.RawMessage `json:"data"`
}

type bulkResult struct {
	Location string        `json:"location,omitempty"`
	Method   string        `json:"method"`
	BulkID   string        `json:"bulkId,omitempty"`
	Version  string        `json:"version,omitempty"`
	Status   string        `json:"status"`
	Response *errorMessage `json:"response,omitempty"`
}

const bulkRefPrefix = "bulkId:"

// bulkState is where one operation stands.
type bulkState int

const (
	waiting bulkState = iota
	linking           // created without the references of a cycle, which are still to be made
	done
)

type bulkItem struct {
	bulkOperation
	refs   map[string]bool // the bulkIds that path and data refer to
	state  bulkState
	failed bool
	id     string // of the resource created
	result bulkResult
}

// bulkRun is one bulk request on its way.
type bulkRun struct {
	s       *Server
	c       *call
	items   []*bulkItem
	byID    map[string]*bulkItem
	errors  int
	allowed int // failOnErrors; 0: no limit
}

// bulk runs operations in the order given, except that one waits for the
// resources it refers to. Where they refer to each other in a circle, the first
// is created without those references and gets them afterwards (RFC 7644 §3.7.1).
func (s *Server) bulk(c *call, raw []byte) (reply, error) {
	var req bulkRequest
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&req); err != nil {
		return reply{}, &Error{Status: http.StatusBadRequest, Kind: fault.InvalidSyntax, Detail: "the body is not a BulkRequest", Cause: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return reply{}, fault.Bad(fault.InvalidSyntax, "something follows the BulkRequest")
	}
	if err := checkNames(raw); err != nil {
		return reply{}, err
	}
	if n := len(req.Operations); n > s.Limits.BulkOperations {
		return reply{}, fault.New(http.StatusRequestEntityTooLarge, "", "%d operations; at most %d are accepted (maxOperations)", n, s.Limits.BulkOperations)
	}
	if len(req.Operations) == 0 || req.FailOnErrors < 0 {
		return reply{}, fault.Bad(fault.InvalidSyntax, "a bulk request needs Operations, and failOnErrors of 1 or more if given")
	}
	run := &bulkRun{s: s, c: c, byID: map[string]*bulkItem{}, allowed: req.FailOnErrors}
	for _, op := range req.Operations {
		it := &bulkItem{bulkOperation: op}
		it.Method = clipMethod(strings.ToUpper(op.Method))
		it.result = bulkResult{Method: it.Method, BulkID: op.BulkID}
		if it.Method == http.MethodPost && op.BulkID != "" {
			if run.byID[op.BulkID] != nil {
				return reply{}, fault.Bad(fault.InvalidSyntax, "bulkId %q is given twice", patch.Clip(op.BulkID))
			}
			run.byID[op.BulkID] = it
		}
		run.items = append(run.items, it)
	}
	for _, it := range run.items {
		it.refs = references(it)
		if it.Method != http.MethodPost && strings.HasPrefix(it.Path, "/") { // in every answer but that of a failed POST: RFC 7644 §3.7.3
			it.result.Location = c.base + clipPath(it.Path)
		}
	}
	run.all()
	run.abandon()
	return run.reply(), nil
}

// all runs until nothing waits, or too much failed.
func (b *bulkRun) all() {
	for b.more() {
		progress := false
		for _, it := range b.items {
			if !b.more() {
				return
			}
			switch {
			case it.state == done:
			case b.hopeless(it):
				b.unresolved(it)
				progress = true
			case !b.resolved(it):
			case it.state == linking:
				b.link(it)
				progress = true
			default:
				b.run(it, b.fill)
				it.state = done
				progress = true
			}
		}
		if !progress && !b.breakCycle() {
			return
		}
	}
}

func (b *bulkRun) more() bool {
	return (b.allowed == 0 || b.errors < b.allowed) && b.c.ctx.Err() == nil
}

// abandon takes back what was created without its references when the run
// stopped before they could be made.
func (b *bulkRun) abandon() {
	for _, it := range b.items {
		if it.state == linking {
			b.unresolved(it)
		}
	}
}

// resolved reports whether every resource that the operation refers to exists.
func (b *bulkRun) resolved(it *bulkItem) bool {
	for ref := range it.refs {
		if target := b.byID[ref]; target == nil || target.id == "" {
			return false
		}
	}
	return true
}

// hopeless reports whether a resource that it refers to will never exist.
func (b *bulkRun) hopeless(it *bulkItem) bool {
	for ref := range it.refs {
		if target := b.byID[ref]; target == nil || target.failed {
			return true
		}
	}
	return false
}

func (b *bulkRun) unresolved(it *bulkItem) {
	start, c := time.Now(), b.call(it)
	b.undo(it)
	err := fault.New(http.StatusConflict, InvalidValue, "a bulkId that the operation refers to was not created")
	b.fail(it, err)
	b.note(c, start, reply{}, err)
}

// note tells the observer how an operation ended.
func (b *bulkRun) note(c *call, start time.Time, r reply, err error) {
	c.event.Status, c.event.Duration = r.status, time.Since(start)
	if err != nil {
		f := explain(err)
		c.event.Status, c.event.Kind, c.event.Detail, c.event.Err = f.Status, f.Kind, f.Detail, err
	}
	b.s.observe(c)
}

func (b *bulkRun) fail(it *bulkItem, err error) {
	f := explain(err)
	msg := errorBody(f)
	it.result.Status, it.result.Response = msg.Status, &msg
	if it.Method == http.MethodPost {
		it.result.Location, it.result.Version = "", ""
	}
	it.state, it.failed = done, true
	b.errors++
}

// breakCycle creates the first waiting resource without what it refers to.
func (b *bulkRun) breakCycle() bool {
	for _, it := range b.items {
		if it.state != waiting || it.Method != http.MethodPost {
			continue
		}
		b.run(it, func(v any) any { out, _ := b.without(v); return out })
		if !it.failed {
			it.state = linking
		}
		return true
	}
	return false
}

// link makes the references that a cycle left out.
func (b *bulkRun) link(it *bulkItem) {
	start, c := time.Now(), b.call(it)
	r, err := b.makeLinks(c, it)
	b.note(c, start, r, err)
	if err != nil {
		b.undo(it)
		b.fail(it, err)
		return
	}
	if r.version != "" {
		it.result.Version = weak(r.version)
	}
	it.state = done
}

func (b *bulkRun) makeLinks(c *call, it *bulkItem) (reply, error) {
	e, _, err := b.target(it.Path)
	if err != nil {
		return reply{}, err
	}
	data, err := decodeObject(it.Data)
	if err != nil {
		return reply{}, err
	}
	c.event.ResourceType, c.event.ResourceID = e.resource().Name, it.id
	return guarded(func() (reply, error) { return e.patch(c, it.id, linkPatch(b.fill(data))) })
}

// guarded keeps a panic in one operation from the others, which may be done already.
func guarded(run func() (reply, error)) (r reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = reply{}, fmt.Errorf("panic: %v", p)
		}
	}()
	return run()
}

// linkPatch adds what the resource should have held from the beginning.
func linkPatch(data any) map[string]any {
	m, _ := data.(map[string]any)
	value := map[string]any{}
	for k, v := range m {
		if !strings.EqualFold(k, "password") {
			value[k] = v
		}
	}
	return map[string]any{"Operations": []any{map[string]any{"op": "add", "value": value}}}
}

// undo takes back a resource whose references could not be made: an operation
// that reports failure must not leave half of itself behind.
func (b *bulkRun) undo(it *bulkItem) {
	if it.state != linking {
		return
	}
	start, c := time.Now(), b.call(it)
	e, _, err := b.target(it.Path)
	if err == nil {
		c.ifMatch = nil
		c.event.Request.Method, c.event.Request.Body = http.MethodDelete, nil
		// Also when the client is gone: that is one reason to stop.
		c.ctx = c.carried(context.WithoutCancel(c.ctx))
		c.event.ResourceType, c.event.ResourceID = e.resource().Name, it.id
		var r reply
		r, err = guarded(func() (reply, error) { return e.remove(c, it.id) })
		b.note(c, start, r, err)
	}
	it.id = ""
}

// run performs one operation; prepare treats its data.
func (b *bulkRun) run(it *bulkItem, prepare func(any) any) {
	start, c := time.Now(), b.call(it)
	r, err := guarded(func() (reply, error) { return b.perform(c, it, prepare) })
	b.note(c, start, r, err)
	if err != nil {
		b.fail(it, err)
		return
	}
	it.result.Status = strconv.Itoa(r.status)
	if r.version != "" {
		it.result.Version = weak(r.version)
	}
	if it.Method == http.MethodPost {
		it.id = c.event.ResourceID
	}
}

func (b *bulkRun) perform(c *call, it *bulkItem, prepare func(any) any) (reply, error) {
	e, id, err := b.target(it.Path)
	if err != nil {
		return reply{}, err
	}
	c.event.ResourceType, c.event.ResourceID = e.resource().Name, id
	if id != "" {
		it.result.Location = location(b.c.base, e.resource(), id)
	}
	var body map[string]any
	switch it.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		if body, err = bulkData(it, prepare); err != nil {
			return reply{}, err
		}
	}
	switch {
	case it.Method == http.MethodPost && id == "":
		if it.BulkID == "" {
			return reply{}, fault.Bad(fault.InvalidSyntax, "a POST in a bulk request needs a bulkId")
		}
		r, err := e.create(c, body)
		it.result.Location = r.location
		return r, err
	case id == "":
	case it.Method == http.MethodPut:
		return e.replace(c, id, body)
	case it.Method == http.MethodPatch:
		return e.patch(c, id, body)
	case it.Method == http.MethodDelete:
		return e.remove(c, id)
	}
	return reply{}, fault.New(http.StatusMethodNotAllowed, "", "%s does not go with the path", patch.Clip(it.Method))
}

// bulkData decodes the data of one operation. The example of RFC 7644 §3.7.3
// gives a PATCH its operations as a bare array.
func bulkData(it *bulkItem, prepare func(any) any) (map[string]any, error) {
	v, err := decode(it.Data)
	if err != nil {
		return nil, err
	}
	if l, ok := v.([]any); ok && it.Method == http.MethodPatch {
		v = map[string]any{"Operations": l}
	}
	body, ok := prepare(v).(map[string]any)
	if !ok {
		return nil, fault.Bad(fault.InvalidSyntax, "data must be an object")
	}
	return body, nil
}

// call is the request of one operation.
func (b *bulkRun) call(it *bulkItem) *call {
	c := &call{base: b.c.base, params: params{startIndex: 1, count: -1}}
	if it.Version != "" {
		c.ifMatch = versions([]string{it.Version})
	}
	c.event.Request = Request{
		ID: newID(), Parent: b.c.event.Request.ID, Time: time.Now().UTC(),
		Method: it.Method, Path: clipPath(it.Path), Body: redact(it.Data),
	}
	c.ctx = c.carried(b.c.ctx)
	return c
}

// target reads the path of an operation: "/Users", "/Users/id" or
// "/Users/bulkId:x".
func (b *bulkRun) target(path string) (endpoint, string, error) {
	path, _, _ = strings.Cut(strings.TrimPrefix(path, b.c.base), "?")
	seg, ok := segments(path)
	if ok && (len(seg) == 1 || len(seg) == 2) {
		for _, e := range b.s.endpoints {
			if "/"+seg[0] != e.resource().Endpoint {
				continue
			}
			if len(seg) == 1 {
				return e, "", nil
			}
			if ref, ok := strings.CutPrefix(seg[1], bulkRefPrefix); ok {
				if t := b.byID[ref]; t != nil && t.id != "" {
					return e, t.id, nil
				}
			}
			return e, seg[1], nil
		}
	}
	return nil, "", fault.New(http.StatusNotFound, "", "a bulk operation needs a path such as /Users or /Groups/id")
}

func (b *bulkRun) reply() reply {
	out := struct {
		Schemas    []string     `json:"schemas"`
		Operations []bulkResult `json:"Operations"`
	}{Schemas: []string{bulkURN}, Operations: []bulkResult{}}
	for _, it := range b.items {
		if it.result.Status != "" {
			out.Operations = append(out.Operations, it.result)
		}
	}
	return reply{status: http.StatusOK, write: func(w io.Writer) error { return json.NewEncoder(w).Encode(out) }}
}
