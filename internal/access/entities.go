package access

import (
	"net/netip"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// entities are the three entities of one request: nothing else exists for Cedar.
// Parents hold every ancestor, so no entity of an ancestor is needed.
type entities struct {
	principal, action, resource cedar.Entity
}

// Get makes entities a cedar.EntityGetter.
func (e *entities) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case e.principal.UID:
		return e.principal, true
	case e.resource.UID:
		return e.resource, true
	case e.action.UID:
		return e.action, true
	}
	return cedar.Entity{}, false
}

// principalEntity tells Cedar about the subject. roles are those that apply to
// the resource.
func principalEntity(s *Subject, self string, roles []activeRole, now time.Time) cedar.Entity {
	parents := make([]cedar.EntityUID, 0, len(s.Teams)+len(roles))
	for team := range s.Teams {
		parents = append(parents, cedar.NewEntityUID(typeTeam, types.String(team)))
	}
	var direct []cedar.Value
	for _, r := range roles {
		uid := cedar.NewEntityUID(typeRole, types.String(r.role.name))
		parents = append(parents, uid)
		if r.direct {
			direct = append(direct, uid)
		}
	}
	return cedar.Entity{
		UID:     cedar.NewEntityUID(typePrincipal, types.String(self)),
		Parents: cedar.NewEntityUIDSet(parents...),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"kind":           types.String(s.Principal.Kind),
			"email_domain":   types.String(emailDomain(s.Principal)),
			"workspace_role": types.String(s.Role),
			"active":         types.Boolean(s.usable(now)),
			"external":       types.Boolean(s.External),
			"direct_roles":   cedar.NewSet(direct...),
		}),
	}
}

// usable reports whether the subject may act at all at the moment.
func (s *Subject) usable(now time.Time) bool {
	return s.Active && (s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt))
}

func emailDomain(p vocabulary.Principal) string {
	switch p.Kind {
	case vocabulary.KindMember, vocabulary.KindEmail, vocabulary.KindViewer:
		_, domain, _ := strings.Cut(p.Key, "@")
		return domain
	}
	return ""
}

// itemEntity tells Cedar about the item as the subject sees it.
func itemEntity(v *view, res *resolution, policies slice) cedar.Entity {
	leaf := v.leaf()
	parents := make([]cedar.EntityUID, 0, len(v.places))
	reach := make([]cedar.Value, 0, len(v.places))
	for _, p := range v.places {
		uid := itemUID(p.node.Path)
		if p.node != leaf {
			parents = append(parents, uid)
		}
		if p.open {
			reach = append(reach, uid)
		}
	}
	var patterns []cedar.Value
	for _, e := range policies {
		for _, w := range e.wild {
			if v.covered(w) {
				patterns = append(patterns, types.String(w.String()))
			}
		}
	}
	return cedar.Entity{
		UID:     itemUID(v.item.Path),
		Parents: cedar.NewEntityUIDSet(parents...),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"path":                     types.String(v.item.Path),
			"kind":                     types.String(v.item.Kind),
			"classification":           types.String(v.classification),
			"owner":                    types.String(leaf.Owner),
			"team":                     types.String(v.team),
			"level":                    types.Long(res.level),
			"owned":                    types.Boolean(res.owned),
			"restricted":               types.Boolean(leaf.Restricted),
			"archived":                 types.Boolean(v.archived),
			"allow_download":           types.Boolean(res.allowDownload),
			"team_reviewer":            types.Boolean(res.reviewer),
			"allow_guest_uploads":      types.Boolean(v.guestUploads),
			"allow_guest_ai_workflows": types.Boolean(v.guestWorkflows),
			"reach":                    cedar.NewSet(reach...),
			"patterns":                 cedar.NewSet(patterns...),
		}),
	}
}

func workspaceEntity(s *Subject, team string) cedar.Entity {
	return cedar.Entity{
		UID: cedar.NewEntityUID(typeWorkspace, types.String(s.Workspace)),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"team":       types.String(team),
			"team_admin": types.Boolean(team != "" && s.Teams[team] == vocabulary.TeamAdmin),
		}),
	}
}

// contextRecord fills every attribute of the schema's Context, always.
func contextRecord(rc *RequestContext, tokenAllows bool) cedar.Record {
	at := rc.Time.UTC()
	weekday := int64(at.Weekday())
	if weekday == 0 {
		weekday = 7
	}
	addr := rc.IP.Unmap().WithZone("")
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified()
	}
	age := int64(-1)
	if rc.MFAAge >= 0 {
		age = int64(rc.MFAAge / time.Second)
	}
	return cedar.NewRecord(cedar.RecordMap{
		"time":          cedar.NewDatetime(at),
		"hour":          types.Long(at.Hour()),
		"weekday":       types.Long(weekday),
		"ip":            types.IPAddr(netip.PrefixFrom(addr, addr.BitLen())),
		"country":       types.String(rc.Country),
		"device_known":  types.Boolean(rc.DeviceKnown),
		"mfa_age":       types.Long(age),
		"authenticator": types.String(rc.Authenticator),
		"token_id":      types.String(rc.TokenID),
		"token_allows":  types.Boolean(tokenAllows),
	})
}

// allows reports whether the token lets its holder use the permission at all.
func (t *Token) allows(p vocabulary.Permission) bool {
	if t == nil {
		return true
	}
	if t.ReadOnly && !p.ReadOnly() {
		return false
	}
	for _, pattern := range t.Scopes {
		if vocabulary.MatchPermission(pattern, p.Name) {
			return true
		}
	}
	return false
}
