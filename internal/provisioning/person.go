package provisioning

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Resources of an event.
const (
	ResourceUser  = "User"
	ResourceGroup = "Group"
)

// Person is what an identity provider says about somebody.
type Person struct {
	UserName    string
	ExternalID  string
	DisplayName string
	Active      bool
	Emails      []Email
	Doc         string // the SCIM document, without what the directory computes
	Folded      string // the same, folded for comparison
}

// Email is one address of a person.
type Email struct {
	Value   string
	Type    string
	Primary bool
}

// Identity is a provisioned person as stored. ID is the id of the member.
type Identity struct {
	ID         string
	UserName   string
	ExternalID string
	Active     bool
	Doc        string
	Version    int64
	CreatedAt  time.Time
	UpdatedAt  time.Time

	deleted  bool
	baseRole string
	conn     string
}

// Fold makes names comparable: the one folding of stored keys (RFC 7643 §2.1 leaves
// userName and displayName case-insensitive; RFC 7644 §5 asks for RFC 8265). It is
// filter.Fold of the scim package, which nothing below the doors may import; a test of
// directory holds them together.
func Fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(strings.ToLower(width.Fold.String(s)))
		}
	}
	return strings.ToLower(s)
}

// address is the e-mail that names the person here: the userName when it is one, as
// Okta and Entra send it, else the primary, the work or the first address. It is ""
// for people without any.
func (p *Person) address() string {
	if email, ok := asEmail(p.UserName); ok {
		return email
	}
	best, rank := "", 0
	for _, e := range p.Emails {
		email, ok := asEmail(e.Value)
		r := 1
		switch {
		case e.Primary:
			r = 3
		case Fold(e.Type) == "work":
			r = 2
		}
		if ok && r > rank {
			best, rank = email, r
		}
	}
	return best
}

func asEmail(s string) (string, bool) {
	norm, err := api.NormaliseEmail(s)
	if err != nil || vocabulary.ValidateEmail(norm) != nil {
		return "", false
	}
	return norm, true
}

// placeholder names somebody who has no address yet. The domain can receive no mail
// (RFC 2606), so nobody can sign in or be invited by it.
func placeholder(s *object.Scope) string {
	return store.NewID("scim", s.Now) + "@" + strings.ReplaceAll(s.Caller.Key, "_", "-") + ".invalid"
}

// Bounds of what the member repeats of the person.
const (
	maxShownName  = 190
	maxExternalID = 300
)

func (p *Person) shownName() string {
	if p.DisplayName != "" {
		return clip(p.DisplayName, maxShownName)
	}
	return clip(p.UserName, maxShownName)
}

const identityColumns = `member_id, user_name, external_id, active, doc, version, created_at, updated_at, deleted_at, base_role, connection`

// scanIdentity reads a row of identityColumns; before takes columns in front of them.
func scanIdentity(row interface{ Scan(...any) error }, before ...any) (*Identity, error) {
	var i Identity
	var active, created, updated, deleted int64
	err := row.Scan(append(before, &i.ID, &i.UserName, &i.ExternalID, &active, &i.Doc, &i.Version, &created, &updated, &deleted, &i.baseRole, &i.conn)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a provisioned person: %w", err)
	}
	i.Active, i.deleted = active == 1, deleted != 0
	i.CreatedAt, i.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return &i, nil
}

// identity finds the one row that meets a condition; nil when there is none.
func identity(ctx context.Context, s *object.Scope, where string, args ...any) (*Identity, error) {
	return scanIdentity(s.Tx.QueryRowContext(ctx, `SELECT `+identityColumns+` FROM scim_user WHERE workspace_id = $1 AND `+where, append([]any{s.WorkspaceID}, args...)...))
}

// live finds somebody of the caller's connection by id, locked against concurrent
// changes; a not_found problem when there is nobody.
func live(ctx context.Context, s *object.Scope, id string) (*Identity, error) {
	lock := ""
	if s.Tx.Dialect() == store.Postgres {
		lock = " FOR UPDATE"
	}
	i, err := identity(ctx, s, "member_id = $2 AND connection = $3 AND deleted_at = 0"+lock, id, s.Caller.Key)
	if err == nil && i == nil {
		err = object.NotFound("user", id)
	}
	return i, err
}

// FindIdentity reads somebody of the caller's connection; a not_found problem when
// there is nobody.
func FindIdentity(ctx context.Context, s *object.Scope, id string) (*Identity, error) {
	i, err := identity(ctx, s, "member_id = $2 AND connection = $3 AND deleted_at = 0", id, s.Caller.Key)
	if err == nil && i == nil {
		err = object.NotFound("user", id)
	}
	return i, err
}

// memberOf reads the member behind a provisioned person.
func memberOf(ctx context.Context, s *object.Scope, ref string) (*api.Member, error) {
	return object.Find[*api.Member](ctx, s, api.MemberKind, ref)
}

// save writes what the identity provider says, and the addresses it can be found by.
func (i *Identity) save(ctx context.Context, s *object.Scope, p *Person, isNew bool) error {
	// Columns that indexes hold are written when they change only: the engines rewrite
	// every index that an UPDATE names.
	same := !isNew && !i.deleted && Fold(i.UserName) == Fold(p.UserName) && i.ExternalID == p.ExternalID && i.Active == p.Active
	addresses := isNew || i.deleted || !slices.Equal(emailsOf(i.Doc), p.Emails)
	i.UserName, i.ExternalID, i.Active, i.Doc, i.UpdatedAt = p.UserName, p.ExternalID, p.Active, p.Doc, s.Now
	i.Version = nextVersion(i.Version, s.Now)
	var err error
	args := []any{s.WorkspaceID, i.ID, p.UserName, Fold(p.UserName), p.ExternalID, flag(p.Active), p.shownName(), p.Doc, p.Folded, i.Version, i.baseRole, s.Now.UnixMicro()}
	switch {
	case isNew:
		i.CreatedAt = s.Now
		_, err = s.Tx.ExecContext(ctx, `INSERT INTO scim_user (workspace_id, member_id, user_name, user_name_key, external_id, active, display_name, doc, folded, version, base_role, created_at, updated_at, connection, deleted_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, 0)`, append(args, s.Caller.Key)...)
	case same:
		_, err = s.Tx.ExecContext(ctx, `UPDATE scim_user SET user_name = $3, display_name = $4, doc = $5, folded = $6, version = $7, base_role = $8, updated_at = $9 WHERE workspace_id = $1 AND member_id = $2`,
			s.WorkspaceID, i.ID, p.UserName, p.shownName(), p.Doc, p.Folded, i.Version, i.baseRole, s.Now.UnixMicro())
	default:
		_, err = s.Tx.ExecContext(ctx, `UPDATE scim_user SET user_name = $3, user_name_key = $4, external_id = $5, active = $6, display_name = $7, doc = $8, folded = $9, version = $10, base_role = $11, updated_at = $12, deleted_at = 0
			WHERE workspace_id = $1 AND member_id = $2`, args...)
	}
	if store.IsUnique(err) {
		return taken("userName", p.UserName)
	}
	if err != nil {
		return fmt.Errorf("storing a provisioned person: %w", err)
	}
	if !addresses {
		return nil
	}
	return i.saveEmails(ctx, s, p.Emails, isNew)
}

// emailsOf reads the addresses of a stored document.
func emailsOf(doc string) []Email {
	var d struct{ Emails []Email }
	if json.Unmarshal([]byte(doc), &d) != nil {
		return nil // what cannot be compared is written again
	}
	return d.Emails
}

// nextVersion is later than the one before and, in effect, differs between resources:
// clients that filter by meta.version find one.
func nextVersion(was int64, now time.Time) int64 { return max(was+1, now.UnixMicro()) }

func (i *Identity) saveEmails(ctx context.Context, s *object.Scope, emails []Email, isNew bool) error {
	if !isNew {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM scim_email WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, i.ID); err != nil {
			return fmt.Errorf("storing addresses: %w", err)
		}
	}
	for n, e := range emails {
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO scim_email (workspace_id, member_id, position, connection, value_key, type_key, is_primary) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			s.WorkspaceID, i.ID, n, s.Caller.Key, Fold(e.Value), Fold(e.Type), flag(e.Primary)); err != nil {
			return fmt.Errorf("storing addresses: %w", err)
		}
	}
	return nil
}

func taken(attribute, value string) *api.Problem {
	return api.NewProblem(api.CodeConflict, "The %s %q belongs to somebody else.", attribute, clip(value, 100))
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// requireConnection lets only provisioning connections pass, with the permission to
// change the directory.
func requireConnection(ctx context.Context, s *object.Scope) error {
	if s.Caller.Kind != object.PrincipalConnection {
		return api.NewProblem(api.CodeForbidden, "Only a provisioning connection pushes people and groups.")
	}
	return s.Require(ctx, vocabulary.DirectoryWrite)
}
