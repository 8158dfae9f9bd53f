package object_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

func somebody() *object.Person {
	p := &object.Person{Addresses: []string{"ann@example.com"}, Member: "mem_1", Token: "erased:x", Heir: "owner@example.com"}
	p.AddLogin("asmith")
	p.AddName("Ann  Smith")
	p.AddName("Ann")
	return p
}

func TestOnlyThePersonsOwnAddressesAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"ask ann@example.com.":                    "ask erased:x.",
		"Ann@Example.com, member:ann@example.com": "erased:x, erased:x",
		"/s?for=ann%40example.com&b=1":            "/s?for=erased:x&b=1",
		"(ann@example.com)/\"ann@example.com\"":   "(erased:x)/\"erased:x\"",
		"joann@example.com":                       "joann@example.com",
		"jo.ann@example.com":                      "jo.ann@example.com",
		"jo+ann@example.com":                      "jo+ann@example.com",
		"ann@example.community":                   "ann@example.community",
		"ann@example.com.au":                      "ann@example.com.au",
		"ann@example.com-x":                       "ann@example.com-x",
		"Ann is no address":                       "Ann is no address",
		"":                                        "",
	} {
		if got := somebody().Mask(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestDocumentsForgetAPersonByTheirShape(t *testing.T) {
	for name, c := range map[string]struct {
		scrub     func(*object.Person, string) (string, error)
		doc, want string
	}{
		"lists lose them":           {(*object.Person).Scrub, `{"people":["bob@example.com","member:ann@example.com"]}`, `{"people":["bob@example.com"]}`},
		"maps lose them":            {(*object.Person).Scrub, `{"m":{"ann@example.com":"editor","bob@example.com":"viewer"}}`, `{"m":{"bob@example.com":"viewer"}}`},
		"the Owner inherits":        {(*object.Person).Scrub, `{"owner":"ann@example.com","sponsor":"ann@example.com","by":"ann@example.com"}`, `{"by":"erased:x","owner":"owner@example.com","sponsor":"owner@example.com"}`},
		"texts are masked":          {(*object.Person).Scrub, `{"t":"<ann@example.com> & \u00e9","n":12345678901234567890}`, `{"n":12345678901234567890,"t":"<erased:x> & é"}`},
		"others stay byte for byte": {(*object.Person).Scrub, `{ "b":1, "a":"joann@example.com" }`, `{ "b":1, "a":"joann@example.com" }`},
		"what looks like JSON":      {(*object.Person).Scrub, `{ann@example.com`, `{erased:x`},
		"authors":                   {(*object.Person).ScrubAuthors, `{"author":"Ann Smith <ann@example.com>","approver":"ann smith","commit":"ann"}`, `{"approver":"erased:x","author":"erased:x","commit":"ann"}`},
		"what stands beside them":   {(*object.Person).ScrubNaming, `{"value":[{"value":"mem_1","display":"Annie"},{"value":"mem_2","display":"Bob"}]}`, `{"value":[{"display":"erased:x","value":"mem_1"},{"display":"Bob","value":"mem_2"}]}`},
		"words like a login":        {(*object.Person).ScrubNaming, `{"title":"asmith","type":"x"}`, `{"title":"asmith","type":"x"}`},
		"by login":                  {(*object.Person).ScrubNaming, `{"userName":"ASmith","title":"Chief","op":"add"}`, `{"op":"add","title":"erased:x","userName":"erased:x"}`},
	} {
		if got, err := c.scrub(somebody(), c.doc); err != nil || got != c.want {
			t.Errorf("%s: %s becomes %s (%v), want %s", name, c.doc, got, err, c.want)
		}
	}
}
