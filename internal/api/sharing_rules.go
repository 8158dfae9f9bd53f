package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// What a change of the sharing policy does to shares that exist (X07).
const (
	ExistingUnaffected  = "unaffected"
	ExistingGrandfather = "grandfather"
	ExistingEnforce     = "enforce"
)

// Words of the sharing policy, from strict to loose.
var (
	SharingOrder    = []string{"disabled", "allowlist", "anyone"}
	LinksOrder      = []string{"disabled", "allowed"}
	InvitationOrder = []string{"owners", "admins", "roles", "anyone"}
	ExistingOrder   = []string{ExistingEnforce, ExistingGrandfather, ExistingUnaffected}
)

// SharingAttributes names what an override may say: the attributes of the sharing
// policy, but for what destroying the policy does.
func SharingAttributes() []string {
	var out []string
	for i := range SharingPolicyKind.fields {
		if name := SharingPolicyKind.fields[i].Name; name != "on_destroy" {
			out = append(out, name)
		}
	}
	return out
}

// DefaultSharingPolicy is the secure policy of a workspace that has never set one.
func DefaultSharingPolicy() *SharingPolicy {
	obj, violations, err := SharingPolicyKind.DecodeMap(map[string]any{})
	if err != nil || len(violations) > 0 {
		panic(fmt.Sprintf("api: the default sharing policy cannot be made: %v %v", err, violations))
	}
	return obj.(*SharingPolicy)
}

// StrictestSharing merges what several policies, whole or in parts, say: of each
// attribute the strictest. It is the one rule of the server, of plans and of the
// function strictest_sharing. What nobody says stays unsaid. Of approval policies,
// which have no order, the first one named stays.
func StrictestSharing(parts ...*SharingPolicyOverride) *SharingPolicyOverride {
	out := &SharingPolicyOverride{}
	for _, p := range parts {
		out.ExternalSharing = strictestWord(SharingOrder, out.ExternalSharing, p.ExternalSharing)
		out.PublicLinks = strictestWord(LinksOrder, out.PublicLinks, p.PublicLinks)
		out.AllowedDomains = both(out.AllowedDomains, p.AllowedDomains)
		out.BlockedDomains = either(out.BlockedDomains, p.BlockedDomains)
		out.RequireLinkPassword = strictestBool(out.RequireLinkPassword, p.RequireLinkPassword, true)
		out.DefaultLinkExpirationDays = smallest(out.DefaultLinkExpirationDays, p.DefaultLinkExpirationDays)
		out.MaxLinkExpirationDays = smallest(out.MaxLinkExpirationDays, p.MaxLinkExpirationDays)
		out.DefaultAllowDownload = strictestBool(out.DefaultAllowDownload, p.DefaultAllowDownload, false)
		out.GuestAccess = strictestBool(out.GuestAccess, p.GuestAccess, false)
		// Roles count where roles are asked for: on the side that is stricter, or on both.
		switch was := out.GuestInvitations; was {
		case p.GuestInvitations:
			out.GuestInviterRoles = both(out.GuestInviterRoles, p.GuestInviterRoles)
		default:
			if out.GuestInvitations = strictestWord(InvitationOrder, was, p.GuestInvitations); out.GuestInvitations != was {
				out.GuestInviterRoles = slices.Clone(p.GuestInviterRoles)
			}
		}
		out.GuestMaxDays = smallest(out.GuestMaxDays, p.GuestMaxDays)
		out.AllowGuestUploads = strictestBool(out.AllowGuestUploads, p.AllowGuestUploads, false)
		out.RequireExternalApproval = strictestBool(out.RequireExternalApproval, p.RequireExternalApproval, true)
		if out.ApprovalPolicy == "" {
			out.ApprovalPolicy = p.ApprovalPolicy
		}
		out.TrackExternalViews = strictestBool(out.TrackExternalViews, p.TrackExternalViews, true)
		switch was := out.ExistingShares; was {
		case p.ExistingShares:
			out.GrandfatherUntil = earliest(out.GrandfatherUntil, p.GrandfatherUntil)
		default:
			if out.ExistingShares = strictestWord(ExistingOrder, was, p.ExistingShares); out.ExistingShares != was {
				out.GrandfatherUntil = p.GrandfatherUntil
			}
		}
	}
	return out
}

// strictestWord is the word that comes first in the order; "" is unsaid.
func strictestWord(order []string, a, b string) string {
	switch {
	case a == "":
		return b
	case b == "", slices.Index(order, a) <= slices.Index(order, b):
		return a
	}
	return b
}

func strictestBool(a, b *bool, strict bool) *bool {
	switch {
	case a == nil:
		return b
	case b == nil, *a == strict:
		return a
	}
	return b
}

func smallest(a, b *int64) *int64 {
	switch {
	case a == nil:
		return b
	case b == nil, *a <= *b:
		return a
	}
	return b
}

func earliest(a, b *time.Time) *time.Time {
	switch {
	case a == nil:
		return b
	case b == nil, !b.Before(*a):
		return a
	}
	return b
}

// both is what is on both lists; a nil list is unsaid, an empty one names nobody.
func both(a, b []string) []string {
	switch {
	case a == nil:
		return slices.Clone(b)
	case b == nil:
		return a
	}
	out := []string{}
	for _, x := range a {
		if slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// either is what is on one list or the other, in order.
func either(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return a
	}
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Parts is a whole policy in the form of parts: everything is said.
func (p *SharingPolicy) Parts() *SharingPolicyOverride {
	out := &SharingPolicyOverride{
		ExternalSharing: p.ExternalSharing, PublicLinks: p.PublicLinks, BlockedDomains: slices.Clone(p.BlockedDomains),
		RequireLinkPassword: &p.RequireLinkPassword, DefaultLinkExpirationDays: &p.DefaultLinkExpirationDays, MaxLinkExpirationDays: &p.MaxLinkExpirationDays,
		DefaultAllowDownload: &p.DefaultAllowDownload, GuestAccess: &p.GuestAccess, GuestInvitations: p.GuestInvitations, GuestMaxDays: &p.GuestMaxDays,
		AllowGuestUploads: &p.AllowGuestUploads, RequireExternalApproval: &p.RequireExternalApproval, ApprovalPolicy: p.ApprovalPolicy,
		TrackExternalViews: &p.TrackExternalViews, ExistingShares: p.ExistingShares, GrandfatherUntil: p.GrandfatherUntil,
	}
	// A list that is not asked for limits nobody; one that is, and is empty, admits nobody.
	if p.ExternalSharing == "allowlist" {
		out.AllowedDomains = append([]string{}, p.AllowedDomains...)
	}
	if p.GuestInvitations == "roles" {
		out.GuestInviterRoles = append([]string{}, p.GuestInviterRoles...)
	}
	return out
}

// whole is the policy that parts make which say everything.
func (o *SharingPolicyOverride) whole(base *SharingPolicy) *SharingPolicy {
	p := &SharingPolicy{
		Meta: base.Meta, OnDestroy: base.OnDestroy,
		ExternalSharing: o.ExternalSharing, PublicLinks: o.PublicLinks, AllowedDomains: o.AllowedDomains, BlockedDomains: o.BlockedDomains,
		RequireLinkPassword: *o.RequireLinkPassword, DefaultLinkExpirationDays: min(*o.DefaultLinkExpirationDays, *o.MaxLinkExpirationDays), MaxLinkExpirationDays: *o.MaxLinkExpirationDays,
		DefaultAllowDownload: *o.DefaultAllowDownload, GuestAccess: *o.GuestAccess, GuestInvitations: o.GuestInvitations, GuestInviterRoles: o.GuestInviterRoles,
		GuestMaxDays: *o.GuestMaxDays, AllowGuestUploads: *o.AllowGuestUploads, RequireExternalApproval: *o.RequireExternalApproval, ApprovalPolicy: o.ApprovalPolicy,
		TrackExternalViews: *o.TrackExternalViews, ExistingShares: o.ExistingShares,
	}
	// What one part leaves without effect on another is taken out.
	if p.ExternalSharing == "disabled" {
		p.PublicLinks = "disabled"
	}
	if p.ExternalSharing != "allowlist" {
		p.AllowedDomains = nil
	}
	switch {
	case p.GuestInvitations != "roles":
		p.GuestInviterRoles = nil
	case len(p.GuestInviterRoles) == 0:
		p.GuestInvitations, p.GuestInviterRoles = "owners", nil
	}
	if p.ExistingShares == ExistingGrandfather {
		p.GrandfatherUntil = o.GrandfatherUntil
	}
	return p
}

// With is the policy that holds where an override stands below this policy: the
// stricter of the two in each attribute, or what the override says where the Owner
// lets it loosen.
func (p *SharingPolicy) With(o *SharingPolicyOverride) *SharingPolicy {
	above := p.Parts()
	if !o.AllowLoosen {
		return StrictestSharing(above, o).whole(p)
	}
	out := *above
	for _, name := range SharingAttributes() {
		if partOf(o, name).IsZero() {
			continue
		}
		partOf(&out, name).Set(partOf(o, name))
	}
	if o.ExternalSharing == "allowlist" && o.AllowedDomains == nil && out.AllowedDomains == nil {
		out.AllowedDomains = []string{}
	}
	if o.ExistingShares != "" {
		out.GrandfatherUntil = o.GrandfatherUntil
	}
	return out.whole(p)
}

// LooserThan says which attributes of an override are looser than the policy above it,
// and what the bound is.
func (o *SharingPolicyOverride) LooserThan(above *SharingPolicy) []Violation {
	var out []Violation
	merged := StrictestSharing(above.Parts(), o)
	for _, name := range SharingAttributes() {
		if partOf(o, name).IsZero() || sameAttribute(o, merged, name) {
			continue
		}
		// Blocking is added to what is blocked above. Roles and a deadline belong to a
		// word beside them, which is told of instead.
		if name == "blocked_domains" || name == "guest_inviter_roles" && merged.GuestInvitations != "roles" || name == "grandfather_until" && merged.ExistingShares != ExistingGrandfather {
			continue
		}
		bound := written(partOf(above.Parts(), name))
		var v Violation
		switch name {
		case "approval_policy":
			v = Invalid("/"+name, "%s already holds for %s, and approval policies cannot be compared; leave it out, or let the Owner set allow_loosen", bound, o.Path)
		case "allowed_domains":
			v = Invalid("/"+name, "names domains that may not receive shares above %s: allowed_domains may name no others than %s there; leave the rest out, or let the Owner set allow_loosen", o.Path, bound)
		default:
			v = Invalid("/"+name, "%s is looser than what holds above %s, which is %s; write that or something stricter, leave it out, or let the Owner set allow_loosen", written(partOf(o, name)), o.Path, bound)
		}
		v.Code, v.Kind = ViolationSharingPolicy, SharingPolicyKind.Name // what stands above may change
		out = append(out, v)
	}
	return out
}

// written is a value as people write it in HCL.
func written(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() && v.Kind() != reflect.Bool {
		return "[]"
	}
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return string(raw)
}

// partOf is the field of an override with the name of an attribute.
func partOf(o *SharingPolicyOverride, name string) reflect.Value {
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	panic("api: overrides have no attribute " + name)
}

func sameAttribute(a, b *SharingPolicyOverride, name string) bool {
	return reflect.DeepEqual(partOf(a, name).Interface(), partOf(b, name).Interface())
}

// InForce reports whether shares that exist are held to the policy at a time (X07).
func (p *SharingPolicy) InForce(now time.Time) bool {
	switch p.ExistingShares {
	case ExistingEnforce:
		return true
	case ExistingGrandfather:
		return p.GrandfatherUntil != nil && !now.Before(*p.GrandfatherUntil)
	}
	return false
}

// besideSharing are the attributes that sharing policies and overrides have beside
// those that are merged.
var besideSharing = []string{"id", "key", "workspace", "adopt", "on_destroy", "path", "description", "allow_loosen"}

// SharingParts reads a policy or a part of one from a document: a whole object of
// either kind, or any attributes of it. It changes doc.
func SharingParts(doc map[string]any) (*SharingPolicyOverride, []Violation, error) {
	for _, name := range besideSharing {
		delete(doc, name)
	}
	nobody, _ := doc["allowed_domains"].([]any)
	listed := nobody != nil && len(nobody) == 0
	names := SharingAttributes()
	var fields []Field
	for _, f := range SharingPolicyOverrideKind.fields {
		if slices.Contains(names, f.Name) {
			fields = append(fields, f)
		}
	}
	var out []Violation
	if checkObject("", fields, doc, &out); len(out) > 0 {
		return nil, out, nil
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a sharing policy: %w", err)
	}
	o := &SharingPolicyOverride{}
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, nil, fmt.Errorf("reading a sharing policy: %w", err)
	}
	// A list beside another word than its own limits nobody; an empty one admits nobody.
	switch o.ExternalSharing {
	case "", "allowlist":
		if listed {
			o.AllowedDomains = []string{}
		}
	default:
		o.AllowedDomains = nil
	}
	if o.GuestInvitations != "roles" {
		o.GuestInviterRoles = nil
	}
	if o.ExistingShares != ExistingGrandfather {
		o.GrandfatherUntil = nil
	}
	return o, nil, nil
}
