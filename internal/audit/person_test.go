package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPeopleAreFoundInText(t *testing.T) {
	for text, want := range map[string][]string{
		"design/ann@example.com":                     {"ann@example.com"},
		"member:Ann.B+x@Example.com, bob@localhost.": {"ann.b+x@example.com", "bob@localhost"},
		"'ann@example.com'":                          {"ann@example.com"},
		"Ann <ann@mail.example.com>":                 {"ann@mail.example.com"},
		"zoë@exämple.com":                            {"zoë@exämple.com"},
		"no one, not even @here or there@":           nil,
	} {
		d := &draft{people: make(map[string]bool)}
		d.addText(text)
		var got []string
		for _, person := range want {
			if d.people[person] {
				got = append(got, person)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(d.people) != len(want) {
			t.Errorf("%q: people %v, want %v", text, d.people, want)
		}
	}
}

func TestWhoIsAPerson(t *testing.T) {
	for _, c := range []struct{ kind, key, want string }{
		{"member", "Ann@Example.com ", "ann@example.com"},
		{"viewer", "device-7f", "device-7f"},
		{"operator", "root", ""},
		{"operator", "ann@example.com", "ann@example.com"},
		{"service_account", "ci", ""},
		{"team_membership", "design/ann@example.com", ""},
		{"member", "erased:abcdefghijklmnopqrstuvwxyz", ""},
		{"team", "", ""},
	} {
		if got := personOf(c.kind, c.key); got != c.want {
			t.Errorf("%s %q is %q, want %q", c.kind, c.key, got, c.want)
		}
	}
	for name, want := range map[string]string{
		"Ann B <Ann@example.com>": "ann@example.com", "OctoCat": "octocat", "": "", "erased:abcdefghijklmnopqrstuvwxyz": "",
	} {
		if got := personNamed(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func FuzzMaskedDocumentNamesNobody(f *testing.F) {
	f.Add(`{"a@example.com":"B@example.com","c":["x/d@example.com"]}`)
	f.Add(`"\u0061nn\u0040example.com"`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := newDocument([]byte(text))
		if err != nil {
			return
		}
		d := &draft{people: make(map[string]bool)}
		doc.eachText(d.addText)
		known := make(subjects)
		for person := range d.people {
			s, err := newSubject("ws_1", person, make([]byte, saltLength))
			if err != nil {
				t.Fatal(err)
			}
			known[person] = s
		}
		if doc.tree == nil {
			return
		}
		masked, ok := mapText(doc.tree, known.mask), true
		eachText(masked, func(s string) {
			// "a@b@c" leaves pseudonym@c, which names nobody.
			for _, left := range emailPattern.FindAllString(s, -1) {
				ok = ok && !d.people[normalPerson(left)]
			}
		})
		if !ok {
			t.Errorf("%q is masked as %v", text, masked)
		}
	})
}
