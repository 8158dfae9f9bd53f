// Package mailtest shows tests the mail that was queued. Tests of any package may
// import it; nothing else does.
package mailtest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Outbox answers all mail that waits to be delivered, oldest first. A service without
// a running worker delivers none, so that it is all mail that was ever sent.
func Outbox(t testing.TB, svc *object.Service) []mail.Message {
	t.Helper()
	items, err := queue.Waiting(context.Background(), svc, mail.RouteName)
	if err != nil {
		t.Fatal(err)
	}
	var out []mail.Message
	for _, item := range items {
		var m mail.Message
		if err := json.Unmarshal(item.Body, &m); err != nil {
			t.Fatalf("reading queued mail: %v", err)
		}
		m.Member = item.Member
		out = append(out, m)
	}
	return out
}
