package scim

// Group is a group as SCIM sees one (RFC 7643 §4.2). Members is empty unless the
// Projection asked for them.
type Group struct {
	Schemas     []string `json:"schemas,omitempty"`
	ID          string   `json:"id,omitempty"`
	ExternalID  string   `json:"externalId,omitempty"`
	DisplayName string   `json:"displayName"`
	Members     []Member `json:"members,omitempty"`
	Meta        Meta     `json:"meta,omitzero"`
}

// Member is one member of a group. Value is the id of a user or group. On input
// Type may be empty: the directory knows what the id is. Display is the
// directory's to fill; $ref is the server's.
type Member struct {
	Value   string `json:"value"`
	Ref     string `json:"$ref,omitempty"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
}

// Document is the group in the shape of its JSON, for filter.Match.
func (g *Group) Document() (map[string]any, error) { return document(g) }

// GroupOpKind says what a GroupOp does.
type GroupOpKind int

// The changes of a group. They name members by id and never ask what was there,
// so that a directory need not read a group to change one member of it.
const (
	SetDisplayName   GroupOpKind = iota + 1 // Text is the new name, never empty
	SetExternalID                           // Text is the new id; empty removes it
	AddMembers                              // Members join; who is in stays in
	RemoveMembers                           // Members leave; who is not in is no error
	ReplaceMembers                          // Members are the whole set from now on
	RemoveAllMembers                        // nobody stays
)

func (k GroupOpKind) String() string {
	switch k {
	case SetDisplayName:
		return "set displayName"
	case SetExternalID:
		return "set externalId"
	case AddMembers:
		return "add members"
	case RemoveMembers:
		return "remove members"
	case ReplaceMembers:
		return "replace members"
	case RemoveAllMembers:
		return "remove all members"
	}
	return "unknown"
}

// GroupOp is one change of a group. Members holds every id once.
type GroupOp struct {
	Kind    GroupOpKind
	Text    string
	Members []Member
}
