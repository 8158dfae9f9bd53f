package sharing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Bounds of the mail that sharing causes: who may share could otherwise have an address
// outside flooded by giving and taking, or by making one URL after the other.
const (
	mailsPerShare  = 5  // a day, to one address about one share
	mailsPerPerson = 50 // a day, to one address about all shares of a workspace
)

// mayMail counts a mail to an address about a share. The counters hold no address.
func mayMail(ctx context.Context, s *object.Scope, share, email string) (bool, error) {
	wait, err := count(ctx, s,
		limit{"mail/" + keyedDigest(s, "link/mail", share+"\x00"+email), mailsPerShare, api.Day},
		limit{"mail/" + keyedDigest(s, "link/mail", email), mailsPerPerson, api.Day})
	return wait == 0, err
}

// noteMailed writes to the audit log whom a mail about a share went to, and who was to
// have one and has had too many.
func noteMailed(s *object.Scope, target audit.Target, to, withheld []string) error {
	if len(to) == 0 && len(withheld) == 0 {
		return nil
	}
	after, reasons := map[string]any{"to": to}, []string(nil)
	if len(withheld) > 0 {
		after["withheld"] = withheld
		reasons = append(reasons, fmt.Sprintf("an address is mailed %d times a day about one share, and %d times about all, at most", mailsPerShare, mailsPerPerson))
	}
	return s.Record(target.Kind+".mailed", target, audit.EffectNeutral, nil, after, reasons...)
}

// tellGrant mails an e-mail address what it was given (C064): when a grant takes effect,
// and when it comes to give more or something else. What waits for approval is not told,
// nor is what is taken away. was is the grant before, nil for none; by is who shares.
func tellGrant(ctx context.Context, s *object.Scope, was, is *api.AccessGrant, by string) error {
	kind, email, _ := api.SplitPrincipal(is.Principal)
	was = inEffect(was)
	if kind != string(vocabulary.KindEmail) || inEffect(is) == nil || !concerns(was, is) {
		return nil
	}
	role, active, err := memberStanding(ctx, s, email)
	if err != nil || role != "" && !active {
		return err
	}
	target := audit.Target{Kind: api.AccessGrantKind.Name, ID: is.ID, Key: is.Key}
	ok, err := mayMail(ctx, s, is.Key, email)
	if err != nil {
		return err
	}
	if !ok {
		return noteMailed(s, target, nil, []string{email})
	}
	item, err := readItem(ctx, s, is.Resource)
	if err != nil || item == nil {
		return err
	}
	from, err := sharerOf(ctx, s, by)
	if err != nil {
		return err
	}
	m := mail.Message{To: email, Subject: fmt.Sprintf("%s shares “%s” with you", from.short(), mail.Line(item.Name)), Text: grantLetter(s, was, is, email, mail.Line(item.Name), from)}
	if was != nil {
		m.Subject = fmt.Sprintf("Your access to “%s” has changed", mail.Line(item.Name))
	}
	if is.ExpiresAt != nil {
		m.Until = *is.ExpiresAt
	}
	if err := mail.Send(ctx, s, m); err != nil {
		return err
	}
	return noteMailed(s, target, []string{email}, nil)
}

// concerns reports whether a change of a grant matters to who holds it: it gives more,
// or something else. Roles and conditions cannot be compared.
func concerns(was, is *api.AccessGrant) bool {
	switch grantEffect(was, is) {
	case audit.EffectWidened:
		return true
	case audit.EffectUnknown:
		return was.Level+was.Role != is.Level+is.Role
	}
	return false
}

func grantLetter(s *object.Scope, was, is *api.AccessGrant, email, item string, from *sharer) string {
	var b strings.Builder
	if was == nil {
		fmt.Fprintf(&b, "Hello,\n\n%s shares “%s” with you%s.\n", from.short(), item, from.in())
	} else {
		fmt.Fprintf(&b, "Hello,\n\n%s has changed your access to “%s”%s.\n", from.short(), item, from.in())
	}
	may := mayDo[is.Level]
	if is.Role != "" {
		may = fmt.Sprintf("do there what the role “%s” allows", is.Role)
	}
	fmt.Fprintf(&b, "You may %s%s", may, alsoDownload(is.AllowDownload))
	b.WriteString(until(is.ExpiresAt) + ".\n")
	if is.Condition != "" {
		b.WriteString("This holds under conditions, such as where you are or how you signed in.\n")
	}
	if is.Message != "" {
		b.WriteString("\nThey write:\n\n" + mail.Quoted(is.Message))
	}
	fmt.Fprintf(&b, "\nThe access is for %s and nobody else. Open it in the application that %s works with, signed in with this address.\n", email, from.workspace)
	if base := s.BaseURL(); base != "" {
		fmt.Fprintf(&b, "\nWorkspace: %s at %s\n", s.Slug, base)
	}
	b.WriteString("\nIf you did not expect this mail, leave it alone: nothing happens then.\n")
	return b.String()
}

// mayDo says levels in words.
var mayDo = map[string]string{
	"view": "look at it", "comment": "look at it and comment on it", "edit": "change it", "manage": "change it and share it with others", "full_access": "do everything with it",
}

func alsoDownload(allowed bool) string {
	if allowed {
		return ", and download originals"
	}
	return ""
}

// sharer is who shares, as people outside may know them.
type sharer struct {
	person    string // e-mail address of a member; "" for machines
	workspace string // name
}

// sharerOf names who shares. The names of service accounts say nothing to anybody
// outside, the workspace's does.
func sharerOf(ctx context.Context, s *object.Scope, principal string) (*sharer, error) {
	out := &sharer{workspace: s.Slug}
	if kind, key, _ := api.SplitPrincipal(principal); kind == object.PrincipalMember {
		out.person = key
	}
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.WorkspaceKind.Name, api.WorkspaceKind.Name)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the name of the workspace: %w", err)
	}
	obj, err := object.FromRow(api.WorkspaceKind, row, s.Slug)
	if err != nil {
		return nil, err
	}
	if name := mail.Line(obj.(*api.Workspace).Name); name != "" {
		out.workspace = name
	}
	return out, nil
}

func (f *sharer) short() string {
	if f.person != "" {
		return f.person
	}
	return f.workspace
}

// in says for whom a person shares.
func (f *sharer) in() string {
	if f.person == "" {
		return ""
	}
	return ", from the workspace " + f.workspace
}

// until is the end of a share in the text of a letter.
func until(t *time.Time) string {
	if t == nil {
		return ""
	}
	return ", until " + mail.Moment(*t)
}
