package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// Somebody with a user name that is no address, another address, a manager's post and a
// place in a group is erased with all of it, and can come again as somebody new.
func TestAProvisionedPersonIsErasedWithAllThatWasPushed(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ctx := context.Background()
		hers := `{"userName":"pquill","externalId":"00u-petra","displayName":"Petra Quillfeather","name":{"givenName":"Petra","familyName":"Quillfeather"},
			"emails":[{"value":"Petra@example.com","type":"work","primary":true},{"value":"petra.private@example.org","type":"home"}]}`
		id := b.post(t, "/Users", hers)["id"].(string)
		other := b.post(t, "/Users", fmt.Sprintf(`{"userName":"bob@example.com","displayName":"Bob","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":%q,"displayName":"Petra Quillfeather"}}}`, id))["id"].(string)
		b.post(t, "/Groups", fmt.Sprintf(`{"displayName":"Design","members":[{"value":%q,"display":"Petra Quillfeather"},{"value":%q,"display":"Bob"}]}`, id, other))
		b.patch(t, "/Users/"+id, `{"op":"Replace","path":"title","value":"Chief of the Quillfeathers"}`)
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+id, "")

		traces := func() (out []string) {
			for table, rows := range objecttest.Dump(t, b.DB) {
				for _, row := range rows {
					for _, word := range []string{"petra", "quill", "00u-petra"} {
						if strings.Contains(strings.ToLower(row), word) {
							out = append(out, table+": "+row)
							break
						}
					}
				}
			}
			return out
		}
		if len(traces()) < 4 {
			t.Fatalf("the identity provider left %v", traces())
		}
		err := b.Service.Do(ctx, b.Admin, func(s *object.Scope) error {
			_, err := people.Erase(ctx, s, api.PersonRequest{Email: "petra@example.com"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range traces() {
			t.Errorf("still there: %s", trace)
		}
		if n := len(b.events(t, provisioning.EventFilter{Target: id})); n == 0 {
			t.Error("that somebody was pushed is not known any more")
		}
		b.call(t, http.StatusOK, "GET", "/Users/"+other, "")
		if again := b.post(t, "/Users", hers)["id"].(string); again == id {
			t.Error("whoever comes again is the one who was erased")
		}
	})
}
