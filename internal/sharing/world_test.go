package sharing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// doc is a document as it is sent.
type doc = map[string]any

// world is the fixture with a team and a tree:
//
//	/finance            folder
//	/finance/quarterly  folder
//	/campaigns          project of the team design
//	/campaigns/spring   folder
type world struct {
	*objecttest.Fixture
	t *testing.T
}

const (
	designer = "dora@example.com" // editor of the team design
	nobody   = "nils@example.com" // member without any access
	guest    = "gina@partner.example"
)

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		w := &world{f, t}
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "design", "name": "Design"})
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "film", "name": "Film"})
		w.AddMember(t, w.Owner, designer, "member")
		w.AddMember(t, w.Owner, nobody, "member")
		w.makeGuest(guest)
		w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "design", "principal": designer, "role": "editor"})
		w.folder("/finance", "inherit")
		w.folder("/finance/quarterly", "inherit")
		w.project("/campaigns", "design")
		w.folder("/campaigns/spring", "inherit")
		test(t, w)
	})
}

func (w *world) folder(path, inheritance string) {
	w.t.Helper()
	w.Put(w.t, w.Owner, api.FolderKind, path, doc{"path": path, "inheritance": inheritance})
}

func (w *world) project(path, team string) {
	w.t.Helper()
	w.Create(w.t, w.Owner, api.ProjectKind, doc{"path": path, "name": path[1:], "team": team})
}

// makeGuest turns a member into a guest. The door for guests is another kind's; the
// rules here go by the stored role.
func (w *world) makeGuest(email string) {
	w.t.Helper()
	w.AddMember(w.t, w.Owner, email, "member")
	w.sql(`UPDATE member SET role = 'guest', doc = REPLACE(doc, '"workspace_role":"member"', '"workspace_role":"guest"') WHERE workspace_id = $1 AND key = $2`, w.Workspace.ID, email)
}

func (w *world) sql(text string, args ...any) {
	w.t.Helper()
	err := w.Service.Do(context.Background(), object.System(w.Workspace.ID), func(s *object.Scope) error {
		if err := s.BumpAuthz(context.Background()); err != nil {
			return err
		}
		_, err := s.Tx.ExecContext(context.Background(), text, args...)
		return err
	})
	if err != nil {
		w.t.Fatalf("changing rows: %v", err)
	}
}

// as is the caller of a person of the world.
func (w *world) as(email string) *object.Caller {
	c := *w.Member
	c.Key, c.ID = email, "mem_"+email
	return &c
}

func (w *world) grant(principal, path, level string) {
	w.t.Helper()
	w.Put(w.t, w.Admin, api.AccessGrantKind, "", doc{"resource": path, "principal": principal, "level": level})
}

// decide asks the engine, as the next request of the principal would.
func (w *world) decide(principal, path, permission string) access.Decision {
	w.t.Helper()
	var d access.Decision
	w.ask(principal, path, func(s *object.Scope, subject *access.Subject, item *access.Item, rc *access.RequestContext) {
		d = s.Engine().Check(subject, item, permission, rc)
	})
	return d
}

func (w *world) level(principal, path string) string {
	w.t.Helper()
	var level string
	w.ask(principal, path, func(s *object.Scope, subject *access.Subject, item *access.Item, rc *access.RequestContext) {
		level = s.Engine().EffectiveLevel(subject, item, rc).String()
	})
	return level
}

func (w *world) ask(principal, path string, f func(*object.Scope, *access.Subject, *access.Item, *access.RequestContext)) {
	w.t.Helper()
	ctx := context.Background()
	err := w.Service.View(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error {
		subject, err := s.Subject(ctx, principal)
		if err != nil {
			return err
		}
		item, err := s.Item(ctx, path)
		if err != nil {
			return err
		}
		f(s, subject, item, &access.RequestContext{Time: s.Now})
		return nil
	})
	if err != nil {
		w.t.Fatalf("deciding for %s on %s: %v", principal, path, err)
	}
}

func (w *world) wantLevel(principal, path, want string) {
	w.t.Helper()
	if got := w.level(principal, path); got != want {
		w.t.Errorf("level of %s on %s = %s, want %s", principal, path, got, want)
	}
}

func (w *world) wantAllowed(principal, path string, want bool, permissions ...string) {
	w.t.Helper()
	for _, p := range permissions {
		if d := w.decide(principal, path, p); d.Allowed != want {
			w.t.Errorf("%s on %s for %s: %s", p, path, principal, d)
		}
	}
}

// refusal is one thing that must be refused: at which attribute, in which words.
type refusal struct {
	name string
	by   string // e-mail; the admin when empty
	kind *api.Kind
	doc  doc
	at   string
	code string // violation code, any when empty
	says []string
}

func (w *world) wantRefused(cases []refusal) {
	w.t.Helper()
	for _, c := range cases {
		w.t.Run(c.name, func(t *testing.T) {
			by := w.Admin
			switch c.by {
			case "":
			case objecttest.OwnerEmail:
				by = w.Owner
			default:
				by = w.as(c.by)
			}
			_, err := w.TryCreate(t, by, c.kind, c.doc)
			v := objecttest.WantViolation(t, err, c.at)
			if c.code != "" && v.Code != c.code {
				t.Errorf("code = %q, want %q", v.Code, c.code)
			}
			wantWords(t, v.Message, c.says...)
		})
	}
}

func wantWords(t *testing.T, message string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("message %q does not say %q", message, word)
		}
	}
}

func (w *world) remove(by *object.Caller, kind *api.Kind, ref string) error {
	return w.Service.Delete(context.Background(), by, kind, ref, object.WriteOptions{})
}

// keys lists what a caller sees of a kind.
func (w *world) keys(by *object.Caller, kind *api.Kind) []string {
	w.t.Helper()
	page, err := w.Service.List(context.Background(), by, kind, nil, "", 0)
	if err != nil {
		w.t.Fatalf("listing %s: %v", kind.Plural, err)
	}
	var out []string
	for _, o := range page.Items {
		out = append(out, o.GetMeta().Key)
	}
	return out
}

func in(days int) string { return time.Now().AddDate(0, 0, days).UTC().Format(time.RFC3339) }
