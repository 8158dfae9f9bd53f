// Command noop is the floor of the plan benchmarks: a provider with the real one's
// schema, on the same plugin framework, that does nothing. With GATEHOUSE_BENCH_BARE
// the framework is left out of the calls that plan, so that what remains is the work
// of Terraform and of the plugin protocol.
package main

import (
	"context"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/bench/idle"
	"github.com/gatehouse-access/terraform-provider-gatehouse/provider"
)

func main() {
	err := tf6server.Serve(provider.Address, func() tfprotov6.ProviderServer {
		server := providerserver.NewProtocol6(idle.Of(provider.New("noop")()))()
		if os.Getenv("GATEHOUSE_BENCH_BARE") != "" {
			return &bare{ProviderServer: server}
		}
		return server
	})
	if err != nil {
		log.Fatal(err)
	}
}

// bare answers everything about resources with what it was given.
type bare struct{ tfprotov6.ProviderServer }

func (*bare) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (*bare) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (*bare) ReadResource(_ context.Context, r *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: r.CurrentState, Private: r.Private, NewIdentity: r.CurrentIdentity}, nil
}

func (*bare) PlanResourceChange(_ context.Context, r *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: r.ProposedNewState, PlannedPrivate: r.PriorPrivate, PlannedIdentity: r.PriorIdentity}, nil
}
