package controlplane_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// letterbox gives each letter to whoever waits for one.
type letterbox struct{ letters chan mail.Message }

func (b letterbox) Send(ctx context.Context, _ string, _ time.Time, m mail.Message) error {
	select {
	case b.letters <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestARunningControlPlaneTellsPeople: from the change over the sealed log and the queue
// to a letter, by itself.
func TestARunningControlPlaneTellsPeople(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	box := letterbox{letters: make(chan mail.Message, 10)}
	cp, err := controlplane.Open(ctx, controlplane.Config{Data: t.TempDir(), Address: "127.0.0.1:0", SealInterval: 20 * time.Millisecond, Mail: box, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := cp.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := cp.Close(); err != nil {
			t.Error(err)
		}
	})
	const owner, reviewer = "olga@example.com", "mia@example.com"
	ws, err := workspace.Create(ctx, cp.Service, &object.Caller{Kind: object.PrincipalOperator, ID: "root", Key: "root", Door: audit.DoorSystem}, workspace.Spec{Slug: "acme", Name: "Acme", Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	caller := &object.Caller{WorkspaceID: ws.ID, WorkspaceSlug: "acme", Kind: object.PrincipalMember, Key: owner, Door: audit.DoorREST}
	for _, o := range []struct {
		kind *api.Kind
		doc  string
	}{
		{api.MemberKind, `{"email":"` + reviewer + `"}`},
		{api.TeamKind, `{"slug":"design","name":"Design"}`},
		{api.ProjectKind, `{"path":"/campaign","name":"Campaign","team":"design","owner":"` + owner + `"}`},
		{api.AssetKind, `{"path":"/campaign/clip"}`},
		{api.AccessGrantKind, `{"resource":"/campaign/clip","principal":"member:` + reviewer + `","level":"edit"}`},
	} {
		if _, err := cp.Service.Create(ctx, caller, o.kind, []byte(o.doc), object.WriteOptions{}); err != nil {
			t.Fatalf("making a %s: %v", o.kind.Name, err)
		}
	}
	err = cp.Service.Do(ctx, caller, func(s *object.Scope) error {
		_, err := review.Request(ctx, s, api.ReviewRequest{Item: "/campaign/clip", Name: "First cut", Reviewers: []string{reviewer}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-box.letters:
		if m.To != reviewer || m.Subject != owner+" asks you to review /campaign/clip" || !strings.Contains(m.Text, cp.BaseURL) {
			t.Errorf("the letter: %+v", m)
		}
	case <-time.After(2 * time.Minute): // however busy the machine is
		t.Error("no letter came")
	}
}
