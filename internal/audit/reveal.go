package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// reveal turns records into events, people included.
func reveal(ctx context.Context, tx Tx, workspace string, stored []storedEvent) ([]Event, error) {
	p := &people{workspace: workspace, byRef: make(map[string]*subject)}
	var outside []string
	for i := range stored {
		for _, f := range stored[i].fields() {
			if f.text != nil {
				outside = append(outside, *f.text)
			}
		}
	}
	if err := p.load(ctx, tx, outside); err != nil {
		return nil, err
	}
	// What was sealed for one person may name others.
	var inside []string
	for i := range stored {
		s := &stored[i]
		for column, text := range map[string]*string{"before_doc": &s.BeforeDoc, "after_doc": &s.AfterDoc, "origin": &s.Origin} {
			*text = p.open(s.ID+"/"+column, *text)
			inside = append(inside, *text)
		}
	}
	if err := p.load(ctx, tx, inside); err != nil {
		return nil, err
	}
	events := make([]Event, len(stored))
	for i := range stored {
		var err error
		if events[i], err = p.event(stored[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// people are the subjects behind a page of records.
type people struct {
	workspace string
	byRef     map[string]*subject
}

func (p *people) load(ctx context.Context, tx Tx, texts []string) error {
	wanted := make(map[string]bool)
	want := func(ref string) {
		if _, loaded := p.byRef[ref]; !loaded {
			wanted[ref] = true
		}
	}
	for _, text := range texts {
		if ref, _, sealed := splitSealed(text); sealed {
			want(ref)
		} else if strings.Contains(text, tokenPrefix) {
			for _, token := range tokenPattern.FindAllString(text, -1) {
				want(strings.TrimPrefix(token, tokenPrefix))
			}
		}
	}
	refs := make([]string, 0, len(wanted))
	for ref := range wanted {
		refs = append(refs, ref)
	}
	return findRefs(ctx, tx, p.workspace, refs, p.byRef)
}

// open gives sealed text back, or whose it was as a JSON string.
func (p *people) open(place, stored string) string {
	ref, body, sealed := splitSealed(stored)
	if !sealed {
		return stored
	}
	if text, err := p.byRef[ref].open(place, body); err == nil {
		return string(text)
	}
	if s := p.byRef[ref]; s == nil || s.altered || s.person != "" {
		return `"` + tokenPrefix + ref + `"` // not erased, but not readable: Verify tells why
	}
	return `"` + erasedPrefix + ref + `"`
}

// name gives the people in a text back. Pseudonyms of no subject of this
// workspace (text that someone wrote, or an altered table) stay as they are.
func (p *people) name(text string, quote func(string) string) string {
	if !strings.Contains(text, tokenPrefix) {
		return text
	}
	return tokenPattern.ReplaceAllStringFunc(text, func(token string) string {
		ref := strings.TrimPrefix(token, tokenPrefix)
		switch s := p.byRef[ref]; {
		case s == nil || s.altered:
			return token
		case s.person == "":
			return erasedPrefix + ref
		default:
			return quote(s.person)
		}
	})
}

func (p *people) plain(text string) string {
	return p.name(text, func(person string) string { return person })
}

// json gives people back inside of JSON text, where a pseudonym is always part
// of a string.
func (p *people) json(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(p.name(text, func(person string) string {
		quoted, err := encodeValue(person)
		if err != nil {
			return person
		}
		return string(quoted[1 : len(quoted)-1])
	}))
}

func (p *people) event(s storedEvent) (Event, error) {
	e := Event{
		ID: s.ID, Workspace: s.Workspace, Seq: s.seq, Time: time.UnixMicro(s.OccurredAt).UTC(),
		Actor: Actor{Kind: s.ActorKind, ID: p.plain(s.ActorID), Key: p.plain(s.ActorKey), TokenID: s.TokenID},
		Door:  Door(s.Door), Action: s.Action, Effect: Effect(s.Effect),
		Target: Target{Kind: s.TargetKind, ID: p.plain(s.TargetID), Key: p.plain(s.TargetKey)},
		Before: p.json(s.BeforeDoc), After: p.json(s.AfterDoc), RequestID: s.RequestID,
	}
	if s.BehalfKind != "" || s.BehalfID != "" || s.BehalfKey != "" {
		e.OnBehalfOf = &Principal{Kind: s.BehalfKind, ID: p.plain(s.BehalfID), Key: p.plain(s.BehalfKey)}
	}
	if s.MFAAgeSeconds >= 0 {
		e.MFAAgeSeconds = &s.MFAAgeSeconds
	}
	if strings.HasPrefix(s.Origin, `"`) {
		e.IP = strings.Trim(s.Origin, `"`)
		e.Device = e.IP
	} else if s.Origin != "" {
		var from source
		if err := json.Unmarshal([]byte(s.Origin), &from); err != nil {
			return Event{}, fmt.Errorf("reading the origin of audit event %s: %w", s.ID, err)
		}
		e.IP, e.Device = from.IP, from.Device
	}
	if s.Reasons != "" {
		if err := json.Unmarshal(p.json(s.Reasons), &e.Reasons); err != nil {
			return Event{}, fmt.Errorf("reading the reasons of audit event %s: %w", s.ID, err)
		}
	}
	if s.ChangeContext != "" {
		e.Change = new(ChangeContext)
		if err := json.Unmarshal(p.json(s.ChangeContext), e.Change); err != nil {
			return Event{}, fmt.Errorf("reading the change context of audit event %s: %w", s.ID, err)
		}
	}
	return e, nil
}
