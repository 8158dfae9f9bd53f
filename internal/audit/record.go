package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Record is an event as it is stored: people are pseudonyms (person:<ref>) and
// what tells something about them is sealed under their key. It is what a leaf
// covers, so erasure (X12) touches neither the row nor its hash.
type Record struct {
	ID, Workspace                   string
	OccurredAt                      int64 // microseconds since 1970, UTC
	Door, Action, Family, Effect    string
	ActorKind, ActorID, ActorKey    string
	TokenID                         string
	BehalfKind, BehalfID, BehalfKey string
	TargetKind, TargetID, TargetKey string
	BeforeDoc, AfterDoc, Origin     string
	MFAAgeSeconds                   int64 // -1 where no second factor was involved
	Reasons, ChangeContext          string
	RequestID                       string
}

// leafHeader names the encoding below and its version. A reader of version 1
// refuses anything else, so a later version cannot be taken for this one.
//
// Version 1 of a leaf is this header line followed by every field of a Record in
// the order of fields(), each as
//
//	name SP length LF value LF
//
// where name is the column, length the decimal number of bytes of value, and
// integers are written in decimal. Fields are never left out. A record has one
// encoding and an encoding has one record. The leaf hash is that of RFC 6962
// section 2.1, SHA-256(0x00 || leaf).
const leafHeader = "gatehouse-audit-event/v1\n"

const maxLeaf = 32 << 20

// ErrMalformedLeaf is returned for bytes that are not a canonical leaf.
var ErrMalformedLeaf = errors.New("malformed audit leaf")

// field is one column of a record; exactly one of text and number is set.
type field struct {
	name   string
	text   *string
	number *int64
}

// fields lists the columns in the order of the leaf and of every statement.
func (r *Record) fields() []field {
	return []field{
		{name: "id", text: &r.ID},
		{name: "workspace_id", text: &r.Workspace},
		{name: "occurred_at", number: &r.OccurredAt},
		{name: "door", text: &r.Door},
		{name: "action", text: &r.Action},
		{name: "family", text: &r.Family},
		{name: "effect", text: &r.Effect},
		{name: "actor_kind", text: &r.ActorKind},
		{name: "actor_id", text: &r.ActorID},
		{name: "actor_key", text: &r.ActorKey},
		{name: "token_id", text: &r.TokenID},
		{name: "behalf_kind", text: &r.BehalfKind},
		{name: "behalf_id", text: &r.BehalfID},
		{name: "behalf_key", text: &r.BehalfKey},
		{name: "target_kind", text: &r.TargetKind},
		{name: "target_id", text: &r.TargetID},
		{name: "target_key", text: &r.TargetKey},
		{name: "before_doc", text: &r.BeforeDoc},
		{name: "after_doc", text: &r.AfterDoc},
		{name: "origin", text: &r.Origin},
		{name: "mfa_age_seconds", number: &r.MFAAgeSeconds},
		{name: "reasons", text: &r.Reasons},
		{name: "change_context", text: &r.ChangeContext},
		{name: "request_id", text: &r.RequestID},
	}
}

// destinations are the scan targets of the columns, in order.
func (r *Record) destinations() []any {
	fields := r.fields()
	targets := make([]any, len(fields))
	for i, f := range fields {
		if f.number != nil {
			targets[i] = f.number
		} else {
			targets[i] = f.text
		}
	}
	return targets
}

// arguments are the values of the columns, in order.
func (r *Record) arguments(args []any) []any {
	for _, f := range r.fields() {
		if f.number != nil {
			args = append(args, *f.number)
		} else {
			args = append(args, *f.text)
		}
	}
	return args
}

// Leaf is the canonical encoding of the record.
func (r *Record) Leaf() []byte {
	b := make([]byte, 0, 1024+len(r.BeforeDoc)+len(r.AfterDoc))
	b = append(b, leafHeader...)
	for _, f := range r.fields() {
		var value string
		if f.number != nil {
			value = strconv.FormatInt(*f.number, 10)
		} else {
			value = *f.text
		}
		b = append(b, f.name...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(len(value)), 10)
		b = append(b, '\n')
		b = append(b, value...)
		b = append(b, '\n')
	}
	return b
}

// LeafHash is the hash under which the record stands in the log.
func (r *Record) LeafHash() tlog.Hash { return tlog.RecordHash(r.Leaf()) }

// ParseLeaf reads a canonical leaf. It accepts exactly what Leaf writes.
func ParseLeaf(leaf []byte) (Record, error) {
	if len(leaf) > maxLeaf {
		return Record{}, fmt.Errorf("%w: larger than %d bytes", ErrMalformedLeaf, maxLeaf)
	}
	rest, ok := bytes.CutPrefix(leaf, []byte(leafHeader))
	if !ok {
		return Record{}, fmt.Errorf("%w: it does not start with %q", ErrMalformedLeaf, leafHeader[:len(leafHeader)-1])
	}
	var r Record
	for _, f := range r.fields() {
		var value []byte
		var err error
		if value, rest, err = cutField(rest, f.name); err != nil {
			return Record{}, err
		}
		if f.number == nil {
			if !utf8.Valid(value) {
				return Record{}, fmt.Errorf("%w: field %s is not UTF-8", ErrMalformedLeaf, f.name)
			}
			*f.text = string(value)
			continue
		}
		n, err := parseDecimal(string(value))
		if err != nil {
			return Record{}, fmt.Errorf("%w: field %s: %v", ErrMalformedLeaf, f.name, err)
		}
		*f.number = n
	}
	if len(rest) != 0 {
		return Record{}, fmt.Errorf("%w: %d bytes after the last field", ErrMalformedLeaf, len(rest))
	}
	return r, nil
}

// cutField takes `name SP length LF value LF` off the front of b.
func cutField(b []byte, name string) (value, rest []byte, err error) {
	line, rest, found := bytes.Cut(b, []byte("\n"))
	length, named := bytes.CutPrefix(line, []byte(name+" "))
	if !found || !named {
		return nil, nil, fmt.Errorf("%w: field %s is missing or out of order", ErrMalformedLeaf, name)
	}
	n, err := parseDecimal(string(length))
	if err != nil || n < 0 || n >= int64(len(rest)) {
		return nil, nil, fmt.Errorf("%w: the length of field %s", ErrMalformedLeaf, name)
	}
	if rest[n] != '\n' {
		return nil, nil, fmt.Errorf("%w: field %s does not end where its length says", ErrMalformedLeaf, name)
	}
	return rest[:n], rest[n+1:], nil
}

// parseDecimal reads an integer in its only canonical form: no sign before a
// positive number, no leading zero.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.30q is not a decimal number in canonical form", s)
	}
	return n, nil
}
