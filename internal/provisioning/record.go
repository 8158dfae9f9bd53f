package provisioning

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Changed is what the audit event of a pushed person says: which attributes changed, as
// paths (RFC 7644 section 3.5.2), and not what they hold.
type Changed struct {
	Attributes []string `json:"attributes"`
}

// recordUser writes the audit row of a pushed person. The member's own events carry
// documents; this one says through which connection the change came, and what changed
// since the document before ("" where there is none).
func recordUser(s *object.Scope, verb string, i *Identity, email string, effect audit.Effect, before string) error {
	var after any
	if before != "" {
		attributes, err := changedAttributes(before, i.Doc)
		if err != nil {
			return err
		}
		after = Changed{attributes}
	}
	return s.Record("scim_user."+verb, audit.Target{Kind: "scim_user", ID: i.ID, Key: email}, effect, nil, after)
}

// changedAttributes names what differs between two documents of a person, sorted. What
// an extension holds is named one by one.
func changedAttributes(was, is string) ([]string, error) {
	a, err := attributesIn(was)
	if err != nil {
		return nil, err
	}
	b, err := attributesIn(is)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for name, value := range b {
		if !bytes.Equal(a[name], value) {
			out = append(out, name)
		}
	}
	for name := range a {
		if b[name] == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func attributesIn(doc string) (map[string]json.RawMessage, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &top); err != nil {
		return nil, fmt.Errorf("reading a provisioned person: %w", err)
	}
	out := make(map[string]json.RawMessage, len(top))
	for name, value := range top {
		var extension map[string]json.RawMessage
		if !strings.HasPrefix(name, "urn:") || json.Unmarshal(value, &extension) != nil {
			out[name] = value
			continue
		}
		for sub, value := range extension {
			out[name+":"+sub] = value
		}
	}
	return out, nil
}
