package api

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kinds of link (X11).
const (
	LinkAnyone    = "anyone"    // whoever has the URL
	LinkRecipient = "recipient" // those named, each verified by a one-time code
)

// States of a link. The first three are stored, the others follow from time and use.
const (
	LinkActive    = "active"
	LinkPending   = "pending_approval"
	LinkRevoked   = "revoked"
	LinkExpired   = "expired"
	LinkExhausted = "exhausted" // max_views visits were made
)

// ShareLink is a URL that opens an item to people without an account (C065 to C069,
// C122, X11). The URL itself is given out once, by the secrets of the link.
type ShareLink struct {
	Meta
	Resource          string     `json:"resource" required:"true" immutable:"true" format:"path" filter:"true" doc:"Path of the item that the link opens, with everything in it that is not restricted."`
	Name              string     `json:"name" required:"true" immutable:"true" maxLength:"100" doc:"What the link is for, in words (C122), e.g. Spring cut for Acme. With the item it is the natural key: two links of one item have different names."`
	Kind              string     `json:"kind" required:"true" immutable:"true" enum:"anyone,recipient" filter:"true" doc:"anyone: whoever has the URL. recipient: those in recipients, each of whom shows by a one-time code that the address is theirs."`
	Recipients        []string   `json:"recipients,omitempty" format:"email" maxItems:"100" doc:"E-mail addresses that may use a recipient link; members of the workspace may be among them."`
	NotifyRecipients  bool       `json:"notify_recipients" default:"false" doc:"Recipients are mailed the URL: all of them when it is made, those who are added later when they are, and nobody twice for the same URL (C070)."`
	Level             string     `json:"level" enum:"view,comment" default:"view" doc:"What visitors may do; a link never gives more than comment. On an anyone link comment counts once the visitor has verified an e-mail address (X11)."`
	ExpiresAt         *time.Time `json:"expires_at,omitempty" computed:"true" doc:"When the link ends (RFC 3339): default_link_expiration_days of the sharing policy from creation when absent, at most max_link_expiration_days away."`
	PasswordWO        string     `json:"password_wo,omitempty" writeOnly:"true" maxLength:"200" doc:"Password that visitors are asked for, at least eight characters; write-only, kept as an argon2id hash. The sharing policy may require one for anyone links; recipient links are protected by their codes."`
	PasswordWOVersion int64      `json:"password_wo_version,omitempty" minimum:"1" doc:"Given with password_wo and raised to change the password, which ends the visits under way. Without it the link has no password."`
	PasswordSet       bool       `json:"password_set" readOnly:"true" doc:"Whether visitors are asked for a password."`
	AllowDownload     *bool      `json:"allow_download,omitempty" computed:"true" doc:"Whether originals may be downloaded; default_allow_download of the sharing policy when absent (C068)."`
	AllowComments     bool       `json:"allow_comments" default:"false" doc:"Visitors with a verified address may comment although the level is view (C069, X04)."`
	MaxViews          int64      `json:"max_views,omitempty" minimum:"1" maximum:"1000000" doc:"How many visits the link allows; one visit may look around for up to a day. No limit when absent."`
	Justification     string     `json:"justification,omitempty" maxLength:"1000" doc:"Why it is shared, and why downloads are allowed where they are; kept in the audit log."`
	State             string     `json:"state" readOnly:"true" filter:"true" enum:"active,pending_approval,revoked,expired,exhausted" doc:"active, pending_approval, expired, exhausted (max_views reached) or revoked (by the server, e.g. because its maker left; it stays closed until it is made anew)."`
	CreatedBy         string     `json:"created_by" readOnly:"true" filter:"true" doc:"Principal that made the link; when that person leaves, the link is revoked."`

	// PasswordHash carries a new password through a change on the server.
	PasswordHash string `json:"-"`
}

// ShareLinkKind declares share_link.
var ShareLinkKind = Declare(Kind{
	Name: "share_link", Plural: "share_links", Prefix: "lnk", Destroy: DestroyRevoke, PermissionsOf: "share",
	Doc: "A link by which people without an account see one item.",
}, func(l *ShareLink) string { return strings.ToLower(l.Resource) + "#" + LinkSlug(l.Name) })

// LinkSlug is the part of a link's key that its name gives: letters and digits of any
// script in lower case, with hyphens for the rest.
func LinkSlug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// emptyNames say nothing about what is shared (C122).
var emptyNames = map[string]bool{
	"link": true, "new-link": true, "share": true, "share-link": true, "shared-link": true, "public-link": true,
	"untitled": true, "unnamed": true, "test": true, "asdf": true, "foo": true, "bar": true, "foobar": true, "tbd": true, "todo": true,
}

const minPassword = 8

// Validate checks the name, and that the parts of a link fit together.
func (l *ShareLink) Validate() []Violation {
	out := checkDeclaredPath("/resource", l.Resource)
	letters := 0
	for _, r := range l.Name {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	switch {
	case letters < 3:
		out = append(out, Invalid("/name", "%q says too little; write what is shared and with whom, with at least three letters, e.g. Spring cut for Acme", l.Name))
	case emptyNames[LinkSlug(l.Name)]:
		out = append(out, Invalid("/name", "%q does not say what is shared; write e.g. Spring cut for Acme", l.Name))
	}
	switch {
	case l.Kind == LinkAnyone && len(l.Recipients) > 0:
		out = append(out, Invalid("/recipients", "an anyone link opens to whoever has it; write kind = \"recipient\", or leave recipients out"))
	case l.Kind == LinkRecipient && len(l.Recipients) == 0:
		out = append(out, Required("/recipients", "a recipient link needs the addresses that may use it"))
	}
	if l.Kind == LinkAnyone && l.NotifyRecipients {
		out = append(out, Invalid("/notify_recipients", "an anyone link names nobody to mail; write kind = \"recipient\", or leave it out"))
	}
	if p := l.PasswordWO; p != "" {
		if n := len([]rune(p)); n < minPassword {
			out = append(out, Invalid("/password_wo", "has %d characters; write at least %d", n, minPassword))
		}
		if l.PasswordWOVersion == 0 {
			out = append(out, Required("/password_wo_version", "give a version with the password, e.g. 1, and raise it to change the password"))
		}
	}
	return out
}

// Share is somebody outside who has access, or a link: one row of the active shares
// of a workspace (C073). What changes with use is here and not in share_link, so that
// no plan ever differs because somebody looked.
type Share struct {
	Type          string     `json:"type" doc:"link or grant."`
	ID            string     `json:"id" doc:"Id of the share_link or access_grant."`
	Key           string     `json:"key" doc:"Its natural key."`
	Resource      string     `json:"resource" doc:"Path of the shared item."`
	Name          string     `json:"name,omitempty" doc:"Name of the link."`
	Kind          string     `json:"kind,omitempty" doc:"Kind of the link: anyone or recipient."`
	Principals    []string   `json:"principals" nullable:"false" doc:"Who it is for: email:, member: (a guest) or, of an anyone link, nobody in particular."`
	Level         string     `json:"level" doc:"Level, or the name of the role, that it gives."`
	AllowDownload bool       `json:"allow_download"`
	PasswordSet   bool       `json:"password_set"`
	State         string     `json:"state" doc:"active or pending_approval."`
	CreatedBy     string     `json:"created_by,omitempty"`
	CreatedAt     *time.Time `json:"created_at,omitempty"`
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	Tracking      bool       `json:"tracking" doc:"Whether the sharing policy shows use (track_external_views); without it the attributes below are absent."`
	ViewCount     *int64     `json:"view_count,omitempty" doc:"Visits made through the link."`
	LastAccessAt  *time.Time `json:"last_access_at,omitempty" doc:"When it was last used; of a grant, to within an hour, and a minute late."`
}

// ShareActivity is who used a link, and when (C071, C072).
type ShareActivity struct {
	Link         string      `json:"link" doc:"Id of the link."`
	Tracking     bool        `json:"tracking" doc:"Whether the sharing policy shows use (track_external_views). Without it there is nothing below, and the audit log has it all the same (X09)."`
	ViewCount    *int64      `json:"view_count,omitempty" doc:"Visits made through the link."`
	LastAccessAt *time.Time  `json:"last_access_at,omitempty"`
	Items        []ShareView `json:"items" nullable:"false"`
	NextCursor   string      `json:"next_cursor,omitempty"`
}

// ShareView is one item that one visit looked at.
type ShareView struct {
	Viewer   string    `json:"viewer" doc:"viewer:<e-mail> where it was verified, else viewer:device-<id>."`
	Resource string    `json:"resource"`
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at" doc:"To the minute."`
}

// ShareVisit is what an application learns about a visitor's session.
type ShareVisit struct {
	Active      bool       `json:"active" doc:"False for sessions that are unknown, ended or another workspace's; nothing else is said then."`
	Viewer      string     `json:"viewer,omitempty"`
	Verified    bool       `json:"verified,omitempty" doc:"Whether the viewer has shown that the e-mail address is theirs."`
	Link        string     `json:"link,omitempty" doc:"Id of the link."`
	LinkKey     string     `json:"link_key,omitempty"`
	Resource    string     `json:"resource,omitempty" doc:"Item that was asked about; that of the link when none was."`
	Level       string     `json:"level,omitempty"`
	Permissions []string   `json:"permissions,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When the session ends by itself."`
}

// ShareSecret is the token of a link, given out once.
type ShareSecret struct {
	Secret    string     `json:"secret" doc:"The token. It is not stored and cannot be shown again."`
	URL       string     `json:"url,omitempty" doc:"Where the link opens; absent when the server does not know its own address."`
	Rotation  int64      `json:"rotation,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// String names the link for people.
func (l *ShareLink) String() string { return fmt.Sprintf("%q on %s", l.Name, l.Resource) }
