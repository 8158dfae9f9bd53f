package audit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	saltLength   = 32
	sealedPrefix = "sealed:v1:"
)

var refEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// errUnreadable is returned for sealed text that does not open: the person was
// erased, or the text was altered.
var errUnreadable = errors.New("sealed text cannot be opened")

// subject is a person as the log knows them. After erasure person is empty and
// box is nil; also if the row was altered: a ref belongs to one person only, so
// nobody can put another name under what someone did.
type subject struct {
	ref     string
	person  string
	box     cipher.AEAD
	altered bool
}

// newSubject derives ref and key of a person from their salt. The ref depends on
// the salt, so it cannot be found again by trying addresses once that is gone.
func newSubject(workspace, person string, salt []byte) (*subject, error) {
	if len(salt) != saltLength {
		return nil, fmt.Errorf("the salt of an audit subject has %d bytes, want %d", len(salt), saltLength)
	}
	name := derive(salt, "gatehouse/audit/ref/v1\x00"+workspace+"\x00"+person)
	block, err := aes.NewCipher(derive(salt, "gatehouse/audit/seal/v1"))
	if err != nil {
		return nil, fmt.Errorf("making the key of an audit subject: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making the key of an audit subject: %w", err)
	}
	return &subject{ref: refEncoding.EncodeToString(name[:16]), person: person, box: box}, nil
}

func derive(salt []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// seal encrypts text for as long as the person is not erased. The place (event
// and column) is authenticated, so sealed text cannot be moved to another row.
func (s *subject) seal(place string, text []byte) (string, error) {
	if s.box == nil {
		return "", fmt.Errorf("sealing %s: the person is erased", place)
	}
	//nolint:gosec // the box makes a random nonce itself (cipher.NewGCMWithRandomNonce)
	return sealedPrefix + s.ref + ":" + base64.RawStdEncoding.EncodeToString(s.box.Seal(nil, nil, text, []byte(place))), nil
}

// splitSealed takes stored text apart; sealed is false for plain text.
func splitSealed(stored string) (ref, body string, sealed bool) {
	rest, ok := strings.CutPrefix(stored, sealedPrefix)
	if !ok {
		return "", "", false
	}
	ref, body, ok = strings.Cut(rest, ":")
	return ref, body, ok && len(ref) == refLength
}

func (s *subject) open(place, body string) ([]byte, error) {
	if s == nil || s.box == nil {
		return nil, errUnreadable
	}
	sealed, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return nil, errUnreadable
	}
	text, err := s.box.Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return nil, errUnreadable
	}
	return text, nil
}

// resolve finds the subjects of people in a workspace and creates the missing.
// People that this process has met come from memory; the insert of the event
// checks them (see insertRecords), so memory may be wrong but never harmful.
func (l *Log) resolve(ctx context.Context, tx Tx, workspace string, people []string, fromMemory bool) (subjects, error) {
	known := make(subjects, len(people))
	missing := people
	if fromMemory {
		missing = l.recall(workspace, people, known)
	}
	if len(missing) == 0 {
		return known, nil
	}
	// A few people whom memory does not know are new as a rule: they are created
	// without asking first, and those who were not new are read. Many are looked for,
	// because most members of a large team are known. Another transaction may always
	// have been first.
	unknown := func() []string {
		return slices.DeleteFunc(slices.Clone(missing), func(p string) bool { return known[p] != nil })
	}
	steps := []func(context.Context, Tx, string, []string, subjects) error{createPeople, findPeople}
	if !fromMemory || len(missing) > fewPeople {
		steps = []func(context.Context, Tx, string, []string, subjects) error{findPeople, createPeople, findPeople}
	}
	for _, step := range steps {
		if missing = unknown(); len(missing) == 0 {
			break
		}
		if err := step(ctx, tx, workspace, missing, known); err != nil {
			return nil, err
		}
	}
	for _, person := range people {
		if known[person] == nil {
			return nil, errors.New("an audit subject vanished while it was being written")
		}
	}
	l.remember(workspace, known)
	return known, nil
}

const (
	subjectBatch = 256
	fewPeople    = 8
)

// findPeople adds the subjects of people that exist.
func findPeople(ctx context.Context, tx Tx, workspace string, people []string, known subjects) error {
	for batch := range slices.Chunk(people, subjectBatch) {
		args := []any{workspace}
		for _, person := range batch {
			args = append(args, person)
		}
		args = padArguments(args, 1)
		query := "SELECT ref, person, salt, erased_at FROM audit_subject WHERE workspace_id = $1 AND person IN (" + placeholders(2, len(args)-1) + ")"
		found, err := scanSubjects(ctx, tx, workspace, query, args)
		if err != nil {
			return err
		}
		for _, s := range found {
			if s.altered {
				return fmt.Errorf("%w: the person stored under %s%s is not the one it was made for", ErrInconsistent, tokenPrefix, s.ref)
			}
			known[s.person] = s
		}
	}
	return nil
}

// findRefs adds the subjects behind pseudonyms, by ref; erased ones too.
func findRefs(ctx context.Context, tx Tx, workspace string, refs []string, byRef map[string]*subject) error {
	for batch := range slices.Chunk(refs, subjectBatch) {
		args := []any{workspace}
		for _, ref := range batch {
			args = append(args, ref)
		}
		args = padArguments(args, 1)
		query := "SELECT ref, person, salt, erased_at FROM audit_subject WHERE workspace_id = $1 AND ref IN (" + placeholders(2, len(args)-1) + ")"
		found, err := scanSubjects(ctx, tx, workspace, query, args)
		if err != nil {
			return err
		}
		for _, s := range found {
			byRef[s.ref] = s
		}
	}
	return nil
}

func scanSubjects(ctx context.Context, tx Tx, workspace, query string, args []any) (found []*subject, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading audit subjects: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var ref, salt string
		var person sql.NullString
		var erasedAt int64
		if err := rows.Scan(&ref, &person, &salt, &erasedAt); err != nil {
			return nil, fmt.Errorf("reading audit subjects: %w", err)
		}
		if erasedAt != 0 || !person.Valid {
			found = append(found, &subject{ref: ref})
			continue
		}
		found = append(found, storedSubject(workspace, ref, person.String, salt))
	}
	return found, rows.Err()
}

// storedSubject checks that a row is what it was made as.
func storedSubject(workspace, ref, person, salt string) *subject {
	raw, err := hex.DecodeString(salt)
	if err != nil {
		return &subject{ref: ref, altered: true}
	}
	s, err := newSubject(workspace, person, raw)
	if err != nil || s.ref != ref {
		return &subject{ref: ref, altered: true}
	}
	return s
}

// createPeople inserts people in sorted order, so that two transactions that meet the
// same new people cannot wait for each other, and adds those that it made.
func createPeople(ctx context.Context, tx Tx, workspace string, people []string, known subjects) error {
	now := time.Now().UnixMicro()
	for batch := range slices.Chunk(people, subjectBatch) {
		var values []string
		var args []any
		made := make(subjects, len(batch))
		for _, person := range batch {
			salt := make([]byte, saltLength)
			if _, err := rand.Read(salt); err != nil {
				return fmt.Errorf("making a salt: %w", err)
			}
			s, err := newSubject(workspace, person, salt)
			if err != nil {
				return err
			}
			made[person] = s
			values = append(values, "("+placeholders(len(args)+1, 5)+")")
			args = append(args, workspace, s.ref, person, hex.EncodeToString(salt), now)
		}
		query := "INSERT INTO audit_subject (workspace_id, ref, person, salt, created_at) VALUES " + strings.Join(values, ", ") +
			" ON CONFLICT (workspace_id, person) DO NOTHING RETURNING person"
		if err := insertPeople(ctx, tx, query, args, func(person string) { known[person] = made[person] }); err != nil {
			return fmt.Errorf("creating audit subjects: %w", err)
		}
	}
	return nil
}

func insertPeople(ctx context.Context, tx Tx, query string, args []any, inserted func(string)) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var person string
		if err := rows.Scan(&person); err != nil {
			return err
		}
		inserted(person)
	}
	return rows.Err()
}

// Erase destroys the salt of a person in a workspace (X12): from then on the log
// shows erased:<ref>, and what was sealed for them cannot be opened by anyone
// who has no older copy of the database. Events, leaves and proofs stay as they
// are. It returns the ref of each pseudonym it cut; none if the person is not in
// the log. Name the person as erased:<ref> in the event that records the erasure.
func (l *Log) Erase(ctx context.Context, tx Tx, workspace, person string) ([]string, error) {
	names := []string{normalPerson(person)}
	if email := normalPerson(emailPattern.FindString(person)); email != "" && email != names[0] {
		names = append(names, email)
	}
	var refs []string
	for _, name := range names {
		if name == "" {
			return nil, errors.New("erasing a person: no person given")
		}
		var ref string
		err := tx.QueryRowContext(ctx,
			`UPDATE audit_subject SET person = NULL, salt = '', erased_at = $1 WHERE workspace_id = $2 AND person = $3 RETURNING ref`,
			time.Now().UnixMicro(), workspace, name).Scan(&ref)
		l.forget(workspace, []string{name})
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("erasing a person from the audit log: %w", err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}
