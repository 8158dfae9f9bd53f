package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// object is one object that becomes a resource.
type object struct {
	kind *api.Kind
	doc  client.Document
	// name is the second label of the resource.
	name string
}

func (o *object) address() string { return "gatehouse_" + o.kind.Name + "." + o.name }

func (o *object) text(name string) string {
	s, _ := o.doc[name].(string)
	return s
}

// selection is what of a workspace is written.
type selection struct {
	workspace string
	opts      Options
	objects   []*object
	leftOut   []LeftOut
}

// add takes the objects of one kind, or says why not.
func (s *selection) add(kind *api.Kind, docs []client.Document) {
	docs = slices.Clone(docs)
	sort.SliceStable(docs, func(i, j int) bool { return docs[i].Key() < docs[j].Key() })
	reasons := map[string][]string{}
	var kept []*object
	for _, doc := range docs {
		o := &object{kind: kind, doc: doc}
		if reason := s.reasonAgainst(o); reason != "" {
			reasons[reason] = append(reasons[reason], doc.Key())
			continue
		}
		kept = append(kept, o)
	}
	nameAll(kind, kept)
	s.objects = append(s.objects, kept...)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		s.leftOut = append(s.leftOut, LeftOut{Kind: kind, Reason: reason, Keys: reasons[reason]})
	}
}

// Reasons that a reader sees in the files.
const (
	reasonSCIM      = "their identity provider owns them (SCIM)"
	reasonOwner     = "the Owner cannot be declared as a member; see gatehouse_workspace_owner"
	reasonGuest     = "guests cannot be declared as members; see gatehouse_guest"
	reasonFollows   = "they follow from the projects of a gatehouse_guest"
	reasonTerraform = "Terraform manages them already"
	reasonExpired   = "they have expired and give nothing any more"
	reasonEnded     = "they have been revoked"
	reasonUnset     = "nobody has ever set it, so that nothing was made by hand"
)

// reasonAgainst says why an object is left out; "" when it is written.
func (s *selection) reasonAgainst(o *object) string {
	manager, _ := o.doc["managed_by"].(map[string]any)
	byTerraform := manager["kind"] == api.ManagedByTerraform
	switch {
	case o.kind == api.MemberKind && o.text("workspace_role") == "owner":
		return reasonOwner
	case o.kind == api.MemberKind && o.text("workspace_role") == "guest":
		return reasonGuest
	case o.kind == api.AccessGrantKind && o.text("source") == "guest":
		return reasonFollows
	case manager["kind"] == api.ManagedBySCIM:
		return reasonSCIM
	case o.text("source") == api.ManagedBySCIM && !(o.kind == api.MemberKind && byTerraform):
		return reasonSCIM
	case o.doc["revoked_at"] != nil, o.kind == api.ShareLinkKind && o.text("state") == api.LinkRevoked:
		return reasonEnded
	case s.expired(o):
		return reasonExpired
	case byTerraform && s.opts.UnmanagedOnly:
		return reasonTerraform
	case o.kind.Singleton && manager["kind"] == api.ManagedBySystem && s.opts.UnmanagedOnly:
		return reasonUnset
	}
	return unacceptable(o)
}

func (s *selection) expired(o *object) bool {
	at, err := time.Parse(time.RFC3339, o.text("expires_at"))
	return err == nil && !at.After(s.opts.Now)
}

// unacceptable says what a configuration with the object would be refused for, e.g. a
// certificate that has expired since. One such object would spoil every plan.
func unacceptable(o *object) string {
	raw, err := json.Marshal(o.doc)
	if err == nil {
		var violations []api.Violation
		if _, violations, err = o.kind.Decode(raw); err == nil {
			if len(violations) == 0 {
				return ""
			}
			v := violations[0]
			return fmt.Sprintf("Terraform would refuse them as they are: %s %s", v.Path, v.Message)
		}
	}
	return fmt.Sprintf("they cannot be read: %v", err)
}

// ownedBySCIM are attributes of a member that an identity provider decides although
// Terraform manages the rest (RESOURCES.md section 0).
var ownedBySCIM = []string{"display_name", "active"}

// silent reports whether the configuration had better say nothing of an attribute
// that the object has: the server decides it in the same way without being told.
func (o *object) silent(f *api.Field) bool {
	if o.kind == api.MemberKind && o.text("source") == api.ManagedBySCIM && slices.Contains(ownedBySCIM, f.Name) {
		return true
	}
	return f.Computed && f.Type == api.TypeTime && o.standardLife(o.text(f.Name))
}

// standardLives are the lives of credentials that were made without naming an end.
var standardLives = map[string]time.Duration{"api_token": 90 * api.Day, "scim_token": 180 * api.Day}

func (o *object) standardLife(end string) bool {
	from, err1 := time.Parse(time.RFC3339, o.text("created_at"))
	until, err2 := time.Parse(time.RFC3339, end)
	life, known := standardLives[o.kind.Name]
	return err1 == nil && err2 == nil && known && until.Sub(from).Round(time.Second) == life
}

// importID is what finds the object: workspace/key, as the documentation has it.
func (s *selection) importID(o *object) string {
	if o.kind.Singleton {
		return s.workspace
	}
	key := o.doc.Key()
	if !plainText(key) {
		// Terraform normalises text; only the id is sure to come out as it went in.
		key = o.doc.ID()
	}
	return strings.Join([]string{s.workspace, key}, "/")
}
