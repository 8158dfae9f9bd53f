package access

import (
	"github.com/cedar-policy/cedar-go/types"
)

// attribute is a name of the schema, of whichever entity or of the context.
type attribute uint8

// The attributes of entities come first, those that only the context has last.
const (
	attrPath attribute = iota
	attrKind
	attrClassification
	attrOwner
	attrTeam
	attrLevel
	attrOwned
	attrRestricted
	attrArchived
	attrAllowDownload
	attrTeamReviewer
	attrAllowGuestUploads
	attrAllowGuestAIWorkflows
	attrEmailDomain
	attrWorkspaceRole
	attrActive
	attrExternal
	attrTeamAdmin
	attrTokenAllows
	attrTime
	attrHour
	attrWeekday
	attrIP
	attrCountry
	attrDeviceKnown
	attrMFAAge
	attrAuthenticator
	attrTokenID
	attributeCount
)

var attributeNames = [attributeCount]types.String{
	attrPath:                  "path",
	attrKind:                  "kind",
	attrClassification:        "classification",
	attrOwner:                 "owner",
	attrTeam:                  "team",
	attrLevel:                 "level",
	attrOwned:                 "owned",
	attrRestricted:            "restricted",
	attrArchived:              "archived",
	attrAllowDownload:         "allow_download",
	attrTeamReviewer:          "team_reviewer",
	attrAllowGuestUploads:     "allow_guest_uploads",
	attrAllowGuestAIWorkflows: "allow_guest_ai_workflows",
	attrEmailDomain:           "email_domain",
	attrWorkspaceRole:         "workspace_role",
	attrActive:                "active",
	attrExternal:              "external",
	attrTeamAdmin:             "team_admin",
	attrTokenAllows:           "token_allows",
	attrTime:                  "time",
	attrHour:                  "hour",
	attrWeekday:               "weekday",
	attrIP:                    "ip",
	attrCountry:               "country",
	attrDeviceKnown:           "device_known",
	attrMFAAge:                "mfa_age",
	attrAuthenticator:         "authenticator",
	attrTokenID:               "token_id",
}

// attributes is a set of attributes. Most policies read few of them and Cedar
// hashes every one, so a request is filled with those that its policies read, by
// whatever means: to the policies nothing is ever absent.
type attributes uint64

const (
	allAttributes     attributes = 1<<attributeCount - 1
	contextAttributes            = allAttributes &^ (1<<attrTime - 1)
)

// attributesOf is the set of the names. A name that the schema does not have is
// left out; reading it is an error, and so a denial.
func attributesOf(names []string) attributes {
	var set attributes
	for _, name := range names {
		for i, known := range attributeNames {
			if string(known) == name {
				set |= 1 << i
			}
		}
	}
	return set
}
