package directory_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// TestANewNameDelaysNoLeaver: identity providers rename accounts in the request that
// disables them. Whatever is held or taken about the name, the person leaves; the name is
// asked about again when they come back.
func TestANewNameDelaysNoLeaver(t *testing.T) {
	const renamed = `{"userName":"zzz.ann@example.com","active":false}`
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"email_change": "hold"})
		ann := b.join(t, "ann@example.com")
		b.call(t, http.StatusOK, "PUT", "/Users/"+ann, renamed)
		if m := b.member(t, ann); m.Active || m.Email != "ann@example.com" {
			t.Fatalf("member = %+v", m)
		}
		if u := b.get(t, "/Users/"+ann); u["userName"] != "zzz.ann@example.com" || u["active"] != false {
			t.Errorf("the directory has %v", u)
		}
		// Coming back under the new name is the change that is held.
		b.call(t, http.StatusForbidden, "PATCH", "/Users/"+ann, `{"Operations":[{"op":"replace","path":"active","value":true}]}`)
		if b.activeNow(t, ann) {
			t.Error("a held change of e-mail was gone around by leaving")
		}
		if e := b.held(t); e.Operation != provisioning.OperationRename {
			t.Errorf("held: %+v", e)
		}
		if err := b.decide(t, provisioning.Release, b.held(t).ID); err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":true}`)
		if m := b.member(t, ann); !m.Active || m.Email != "zzz.ann@example.com" {
			t.Errorf("member = %+v", m)
		}
		// The new address is another member's.
		b.policy(t, nil)
		bob := b.join(t, "bob@example.com")
		b.call(t, http.StatusOK, "PUT", "/Users/"+bob, `{"userName":"`+objecttest.MemberEmail+`","active":false}`)
		if m := b.member(t, bob); m.Active || m.Email != "bob@example.com" {
			t.Errorf("member = %+v", m)
		}
		b.call(t, http.StatusConflict, "PATCH", "/Users/"+bob, `{"Operations":[{"op":"replace","path":"active","value":true}]}`)
	})
}

func TestGroupsInsideGroupsAreRefusedClearly(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		inner, outer := b.group(t, "Designers", ann), b.group(t, "Finance")
		nested := `[{"value":"` + inner + `","type":"Group"}]`
		for _, r := range [][3]string{
			{"PATCH", "/Groups/" + outer, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + ann + `"},{"value":"` + inner + `"}]}]}`},
			{"PATCH", "/Groups/" + outer, `{"Operations":[{"op":"replace","path":"members","value":` + nested + `}]}`},
			{"PATCH", "/Groups/" + outer, `{"Operations":[{"op":"add","path":"members","value":` + refs(outer) + `}]}`},
			{"PUT", "/Groups/" + outer, `{"displayName":"Finance","externalId":"ext-Finance","members":` + nested + `}`},
			{"POST", "/Groups", `{"displayName":"Everybody","members":` + nested + `}`},
		} {
			out := b.call(t, http.StatusBadRequest, r[0], r[1], r[2])
			if detail, _ := out["detail"].(string); out["scimType"] != "invalidValue" || !strings.Contains(detail, "groups inside groups are not supported") {
				t.Errorf("%s %s: %v", r[0], r[2], out)
			}
		}
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim"})
		if n := len(b.list(t, "/Groups")); n != 2 {
			t.Errorf("%d groups, want 2", n)
		}
	})
}

// TestARefusedRehireSaysWhatToDo covers accounts that were deleted, which no push can
// activate.
func TestARefusedRehireSaysWhatToDo(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.policy(t, map[string]any{"rehire": "refuse"})
		ann := b.join(t, "ann@example.com")
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ann, "")
		out := b.call(t, http.StatusConflict, "POST", "/Users", `{"userName":"ann@example.com"}`)
		if detail, _ := out["detail"].(string); !strings.Contains(detail, `rehire = "reactivate"`) {
			t.Errorf("answer = %v", out)
		}
		b.policy(t, map[string]any{"rehire": "reactivate"})
		if again := b.join(t, "ann@example.com"); again != ann {
			t.Errorf("came back as %s, want %s", again, ann)
		}
	})
}

// Nor does linking bring back somebody who left before the connection knew them.
func TestARefusedRehireCoversWhoIsLinked(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.claimDomain(t, "example.com")
		b.policy(t, map[string]any{"rehire": "refuse"})
		was := b.member(t, objecttest.MemberEmail)
		b.Delete(t, b.Owner, api.MemberKind, objecttest.MemberEmail)
		body := `{"userName":"` + objecttest.MemberEmail + `"}`
		b.call(t, http.StatusConflict, "POST", "/Users", body)
		if b.activeNow(t, was.ID) {
			t.Error("a refused rehire came in by a link")
		}
		b.policy(t, map[string]any{"rehire": "reactivate"})
		if id := b.post(t, "/Users", body)["id"]; id != was.ID || !b.activeNow(t, was.ID) {
			t.Errorf("came back as %v, want %s", id, was.ID)
		}
	})
}
