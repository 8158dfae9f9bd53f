package provider

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/bench/idle"
)

// BenchmarkUnchangedObject is what one object without changes costs the provider in a
// plan, call by call, beside a provider of the same schema that does nothing (idle).
func BenchmarkUnchangedObject(b *testing.B) {
	inst, _ := seeded(b, 1)
	real := configured(b, inst, inst.OwnerToken, nil)
	idle := &session{providerserver.NewProtocol6(idle.Of(New("idle")()))(), real.schemas}
	imported := real.importByIdentity(b, "team", map[string]tftypes.Value{"key": str("team-0000")})
	ctx := context.Background()
	read, err := real.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "gatehouse_team", CurrentState: imported.State, Private: imported.Private, CurrentIdentity: imported.Identity})
	if err != nil {
		b.Fatal(err)
	}
	fatal(b, read.Diagnostics)
	config := dynamic(b, real.resourceValue(b, "team", map[string]any{"slug": "team-0000", "name": "Team 0"}, nil))
	state, err := read.NewState.Unmarshal(real.typeOf("team"))
	if err != nil {
		b.Fatal(err)
	}
	raw := tfJSON(b, state)
	for _, side := range []struct {
		name string
		s    *session
	}{{"gatehouse", real}, {"idle", idle}} {
		run := func(name string, call func() ([]*tfprotov6.Diagnostic, error)) {
			b.Run(name+"/"+side.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					diags, err := call()
					if err != nil {
						b.Fatal(err)
					}
					fatal(b, diags)
				}
			})
		}
		run("validate", func() ([]*tfprotov6.Diagnostic, error) {
			r, err := side.s.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: "gatehouse_team", Config: config})
			return r.Diagnostics, err
		})
		run("upgrade", func() ([]*tfprotov6.Diagnostic, error) {
			r, err := side.s.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: "gatehouse_team", RawState: &tfprotov6.RawState{JSON: raw}})
			return r.Diagnostics, err
		})
		run("read", func() ([]*tfprotov6.Diagnostic, error) {
			r, err := side.s.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "gatehouse_team", CurrentState: read.NewState, Private: read.Private, CurrentIdentity: read.NewIdentity})
			return r.Diagnostics, err
		})
		run("plan", func() ([]*tfprotov6.Diagnostic, error) {
			r, err := side.s.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{TypeName: "gatehouse_team", PriorState: read.NewState, ProposedNewState: read.NewState, Config: config, PriorPrivate: read.Private, PriorIdentity: read.NewIdentity})
			return r.Diagnostics, err
		})
	}
}

// tfJSON writes an object of strings, booleans and nulls as a state file has it.
func tfJSON(b *testing.B, v tftypes.Value) []byte {
	b.Helper()
	doc := map[string]any{}
	for name, a := range attributesOf(v) {
		switch {
		case a.IsNull():
			doc[name] = nil
		case a.Type().Is(tftypes.String):
			doc[name] = stringOf(a)
		case a.Type().Is(tftypes.Bool):
			var is bool
			if err := a.As(&is); err != nil {
				b.Fatal(err)
			}
			doc[name] = is
		default:
			b.Fatalf("%s is a %s", name, a.Type())
		}
	}
	return marshal(b, doc)
}

func marshal(b *testing.B, doc any) []byte {
	b.Helper()
	raw, err := json.Marshal(doc)
	if err != nil {
		b.Fatal(err)
	}
	return raw
}
