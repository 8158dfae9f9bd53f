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
func principalEntity(s *Subject, self string, roles []activeRole, now time.Time, reads attributes) cedar.Entity {
	parents := make([]cedar.EntityUID, 0, len(s.Teams)+2*len(roles))
	for team := range s.Teams {
		parents = append(parents, cedar.NewEntityUID(typeTeam, types.String(team)))
	}
	for _, r := range roles {
		parents = append(parents, cedar.NewEntityUID(typeRole, types.String(r.role.name)))
		if r.direct {
			parents = append(parents, cedar.NewEntityUID(typeDirectRole, types.String(r.role.name)))
		}
	}
	f := filler{reads: reads}
	f.text(attrKind, string(s.Principal.Kind))
	f.text(attrEmailDomain, emailDomain(s.Principal))
	f.text(attrWorkspaceRole, string(s.Role))
	f.flag(attrActive, s.usable(now))
	f.flag(attrExternal, s.External)
	return cedar.Entity{
		UID:        cedar.NewEntityUID(typePrincipal, types.String(self)),
		Parents:    cedar.NewEntityUIDSet(parents...),
		Attributes: f.record(),
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
func itemEntity(v *view, res *resolution, policies slice, reads attributes) cedar.Entity {
	leaf := v.leaf()
	parents := make([]cedar.EntityUID, 0, 2*(len(v.places)+len(v.aliases)))
	under := func(path string, open bool) {
		parents = append(parents, itemUID(path))
		if open {
			parents = append(parents, cedar.NewEntityUID(typeUnrestricted, types.String(path)))
		}
	}
	for _, p := range v.places {
		under(p.node.Path, p.open)
	}
	for _, a := range v.aliases {
		under(a.path, a.open)
	}
	for _, e := range policies {
		for _, w := range e.wild {
			if v.covered(w) {
				parents = append(parents, cedar.NewEntityUID(typePattern, types.String(w.String())))
			}
		}
	}
	f := filler{reads: reads}
	f.text(attrPath, v.item.Path)
	f.text(attrKind, v.item.Kind)
	f.text(attrClassification, v.classification)
	f.text(attrOwner, leaf.Owner)
	f.text(attrTeam, v.team)
	f.number(attrLevel, int64(res.level))
	f.flag(attrOwned, res.owned)
	f.flag(attrRestricted, leaf.Restricted)
	f.flag(attrArchived, v.archived)
	f.flag(attrAllowDownload, res.allowDownload)
	f.flag(attrTeamReviewer, res.reviewer)
	f.flag(attrAllowGuestUploads, v.guestUploads)
	f.flag(attrAllowGuestAIWorkflows, v.guestWorkflows)
	return cedar.Entity{
		UID:        itemUID(v.item.Path),
		Parents:    cedar.NewEntityUIDSet(parents...),
		Attributes: f.record(),
	}
}

// workspaceEntity tells Cedar about the workspace, and about the one team that
// the request concerns.
func workspaceEntity(s *Subject, team string, reads attributes) cedar.Entity {
	f := filler{reads: reads}
	f.text(attrTeam, team)
	f.flag(attrTeamAdmin, team != "" && s.Teams[team] == vocabulary.TeamAdmin)
	return cedar.Entity{UID: cedar.NewEntityUID(typeWorkspace, types.String(s.Workspace)), Attributes: f.record()}
}

// contextRecord tells Cedar about the request.
func contextRecord(rc *RequestContext, tokenAllows bool, reads attributes) cedar.Record {
	f := filler{reads: reads}
	if reads&contextAttributes != 0 {
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
		if rc.MFAAge > 0 {
			age = int64(rc.MFAAge / time.Second)
		}
		f.put(attrTime, cedar.NewDatetime(at))
		f.number(attrHour, int64(at.Hour()))
		f.number(attrWeekday, weekday)
		f.put(attrIP, types.IPAddr(netip.PrefixFrom(addr, addr.BitLen())))
		f.text(attrCountry, rc.Country)
		f.flag(attrDeviceKnown, rc.DeviceKnown)
		f.number(attrMFAAge, age)
		f.text(attrAuthenticator, rc.Authenticator)
		f.text(attrTokenID, rc.TokenID)
	}
	f.flag(attrTokenAllows, tokenAllows)
	return f.record()
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
