package scim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

func location(base string, r *schema.Resource, id string) string {
	return base + r.Endpoint + "/" + url.PathEscape(id)
}

// rendered is the metadata as clients see it.
func (m Meta) rendered(base string, r *schema.Resource, id string) Meta {
	m.ResourceType, m.Location = r.Name, location(base, r, id)
	if m.Version != "" {
		m.Version = weak(m.Version)
	}
	m.Created, m.LastModified = m.Created.UTC(), m.LastModified.UTC()
	return m
}

func writeJSON(w io.Writer, v any, sel selection) error {
	b, err := encode(v, sel)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func encode(v any, sel selection) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode resource: %w", err)
	}
	if sel.plain() {
		return b, nil
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("project resource: %w", err)
	}
	if b, err = json.Marshal(sel.project(doc)); err != nil {
		return nil, fmt.Errorf("encode resource: %w", err)
	}
	return b, nil
}

// writeGroup writes a group as clients see it, its members one by one.
func writeGroup(w io.Writer, base string, g Group, sel selection) error {
	members := g.Members
	g.Members, g.Schemas = nil, []string{schema.GroupURN}
	g.Meta = g.Meta.rendered(base, schema.Group, g.ID)
	b, err := encode(&g, sel)
	if err != nil {
		return err
	}
	if len(members) == 0 || !sel.wants("members") {
		_, err = w.Write(b)
		return err
	}
	out := stringWriter{w: w}
	out.write(string(b[:len(b)-1]) + `,"members":[`)
	show := memberView(sel)
	lines := json.NewEncoder(w)
	for i, m := range members {
		if i > 0 {
			out.write(",")
		}
		if out.err == nil {
			out.err = lines.Encode(show(base, m))
		}
	}
	out.write("]}")
	return out.err
}

type memberJSON struct {
	Value   string `json:"value,omitempty"`
	Ref     string `json:"$ref,omitempty"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
}

// memberView shows the selected sub-attributes of a member.
func memberView(sel selection) func(base string, m Member) memberJSON {
	value, ref := sel.wantsSub("members", "value"), sel.wantsSub("members", "$ref")
	display, kind := sel.wantsSub("members", "display"), sel.wantsSub("members", "type")
	return func(base string, m Member) memberJSON {
		var out memberJSON
		if value {
			out.Value = m.Value
		}
		if ref {
			r := schema.User
			if m.Type == schema.Group.Name {
				r = schema.Group
			}
			out.Ref = location(base, r, m.Value)
		}
		if display {
			out.Display = m.Display
		}
		if kind {
			out.Type = m.Type
		}
		return out
	}
}
