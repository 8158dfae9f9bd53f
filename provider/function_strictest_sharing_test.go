package provider

import (
	"context"
	"math/big"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// objectOf makes a value as HCL writes it: lists are tuples.
func objectOf(values map[string]tftypes.Value) tftypes.Value {
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	for name, v := range values {
		typ.AttributeTypes[name] = v.Type()
	}
	return tftypes.NewValue(typ, values)
}

func tupleOf(names ...string) tftypes.Value {
	typ, values := tftypes.Tuple{}, []tftypes.Value{}
	for _, n := range names {
		typ.ElementTypes, values = append(typ.ElementTypes, tftypes.String), append(values, str(n))
	}
	return tftypes.NewValue(typ, values)
}

func strictest(t *testing.T, policies ...tftypes.Value) (map[string]tftypes.Value, bool, string) {
	t.Helper()
	req := &tfprotov6.CallFunctionRequest{Name: "strictest_sharing"}
	for _, p := range policies {
		v, err := tfprotov6.NewDynamicValue(tftypes.DynamicPseudoType, p)
		if err != nil {
			t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &v)
	}
	resp, err := server(t).CallFunction(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return nil, false, resp.Error.Text
	}
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	for name, a := range sharingTypes {
		typ.AttributeTypes[name] = a.TerraformType(t.Context())
	}
	v, err := resp.Result.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	return attributesOf(v), v.IsKnown(), ""
}

func TestStrictestSharingMergesAsTheServerDoes(t *testing.T) {
	number := func(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, big.NewFloat(float64(n))) }
	no := tftypes.NewValue(tftypes.Bool, false)
	got, known, refused := strictest(t,
		objectOf(map[string]tftypes.Value{"external_sharing": str("anyone"), "guest_max_days": number(180), "blocked_domains": tupleOf("a.example"), "id": str("shrp_1"), "workspace": str("acme"), "on_destroy": str("keep"), "require_link_password": no}),
		objectOf(map[string]tftypes.Value{"external_sharing": str("allowlist"), "allowed_domains": tupleOf("B.example", "c.example"), "guest_max_days": number(30), "path": str("/finance")}),
		objectOf(map[string]tftypes.Value{"allowed_domains": tupleOf("b.example"), "blocked_domains": tupleOf("d.example"), "public_links": tftypes.NewValue(tftypes.String, nil)}),
		tftypes.NewValue(tftypes.DynamicPseudoType, nil),
	)
	if refused != "" || !known {
		t.Fatalf("refused: %q", refused)
	}
	var days big.Float
	var allowed, blocked []tftypes.Value
	if got["guest_max_days"].As(&days) != nil || got["allowed_domains"].As(&allowed) != nil || got["blocked_domains"].As(&blocked) != nil {
		t.Fatalf("the answer is %v", got)
	}
	if n, _ := days.Int64(); n != 30 || stringOf(got["external_sharing"]) != "allowlist" || len(allowed) != 1 || stringOf(allowed[0]) != "b.example" || len(blocked) != 2 || !got["public_links"].IsNull() || !got["require_link_password"].Equal(no) {
		t.Errorf("the answer is %v", got)
	}
	if _, known, refused := strictest(t, objectOf(map[string]tftypes.Value{"external_sharing": unknownString()})); known || refused != "" {
		t.Errorf("of what is not known yet it says %q", refused)
	}
	for name, c := range map[string]struct {
		policy tftypes.Value
		says   string
	}{
		"a word":                        {str("strict"), "must be a sharing policy"},
		"a word that there is not":      {objectOf(map[string]tftypes.Value{"external_sharing": str("sometimes")}), "external_sharing"},
		"an attribute that there's not": {objectOf(map[string]tftypes.Value{"external": str("anyone")}), `no attribute "external"`},
		"a number out of range":         {objectOf(map[string]tftypes.Value{"guest_max_days": number(0)}), "guest_max_days"},
	} {
		if _, _, refused := strictest(t, c.policy); !strings.Contains(refused, c.says) {
			t.Errorf("%s: %q does not say %q", name, refused, c.says)
		}
	}
}
