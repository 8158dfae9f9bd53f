package scimtest

import (
	"fmt"
	"slices"
	"strings"
)

// standardCharacteristics compares /Schemas with the definitions of RFC 7643 section
// 8.7.1. What differs there differs on purpose: ids are case exact wherever they
// stand, references are as section 2.3.7 says, a group needs a name (section 4.2) that
// no other has, and groups inside groups are refused, so nothing promises them.
func standardCharacteristics(c *client) {
	want := map[string]string{}
	for _, s := range []struct{ urn, attributes string }{{userURN, userDefinition}, {enterpriseURN, enterpriseDefinition}, {groupURN, groupDefinition}} {
		for line := range strings.Lines(s.attributes) {
			if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				want[s.urn+":"+name] = rest
			}
		}
	}
	eachAttribute(c, func(where string, a, _ any) {
		if got := characteristics(a); got != want[where] {
			c.t.Errorf("%s is %q, want %q", where, got, want[where])
		}
		delete(want, where)
	})
	for where := range want {
		c.t.Errorf("%s is missing", where)
	}
}

// characteristics writes what is not the default of RFC 7643 section 2.2.
func characteristics(a any) string {
	out := []string{fmt.Sprint(dig(a, "type"))}
	if dig(a, "multiValued") == true {
		out = append(out, "many")
	}
	for _, k := range []string{"required", "caseExact"} {
		if dig(a, k) == true {
			out = append(out, k)
		}
	}
	for _, k := range []string{"mutability", "returned", "uniqueness"} {
		if v := fmt.Sprint(dig(a, k)); !slices.Contains([]string{"readWrite", "default", "none"}, v) {
			out = append(out, v)
		}
	}
	for _, k := range []string{"canonicalValues", "referenceTypes"} {
		if list, ok := dig(a, k).([]any); ok {
			words := make([]string, len(list))
			for i, w := range list {
				words[i] = fmt.Sprint(w)
			}
			out = append(out, strings.Join(words, ","))
		}
	}
	return strings.Join(out, " ")
}

const userDefinition = `
userName string required server
name complex
name.formatted string
name.familyName string
name.givenName string
name.middleName string
name.honorificPrefix string
name.honorificSuffix string
displayName string
nickName string
profileUrl reference caseExact external
title string
userType string
preferredLanguage string
locale string
timezone string
active boolean
password string writeOnly never
emails complex many
emails.value string
emails.display string
emails.type string work,home,other
emails.primary boolean
phoneNumbers complex many
phoneNumbers.value string
phoneNumbers.display string
phoneNumbers.type string work,home,mobile,fax,pager,other
phoneNumbers.primary boolean
ims complex many
ims.value string
ims.display string
ims.type string aim,gtalk,icq,xmpp,msn,skype,qq,yahoo
ims.primary boolean
photos complex many
photos.value reference caseExact external
photos.display string
photos.type string photo,thumbnail
photos.primary boolean
addresses complex many
addresses.formatted string
addresses.streetAddress string
addresses.locality string
addresses.region string
addresses.postalCode string
addresses.country string
addresses.type string work,home,other
addresses.primary boolean
groups complex many readOnly
groups.value string caseExact readOnly
groups.$ref reference caseExact readOnly Group
groups.display string readOnly
groups.type string readOnly direct,indirect
entitlements complex many
entitlements.value string
entitlements.display string
entitlements.type string
entitlements.primary boolean
roles complex many
roles.value string
roles.display string
roles.type string
roles.primary boolean
x509Certificates complex many
x509Certificates.value binary caseExact
x509Certificates.display string
x509Certificates.type string
x509Certificates.primary boolean
`

const enterpriseDefinition = `
employeeNumber string
costCenter string
organization string
division string
department string
manager complex
manager.value string caseExact
manager.$ref reference caseExact User
manager.displayName string readOnly
`

const groupDefinition = `
displayName string required server
members complex many
members.value string caseExact immutable
members.$ref reference caseExact immutable User
members.display string readOnly
members.type string immutable User
`
