package secevent_test

import (
	"context"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var ctx = context.Background()

type doc = map[string]any

const (
	baseURL = "https://gatehouse.example.com"
	header  = "Bearer correct-horse-battery-staple"
	ann     = "ann@example.com"
)

// world is a workspace with a worker, and a receiver that it can reach.
type world struct {
	*objecttest.Fixture
	t      *testing.T
	Worker *secevent.Worker
	in     *receivertest.Receiver
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Service.BaseURL = baseURL
		w := &world{Fixture: f, t: t, in: receivertest.New(t)}
		w.Worker = w.replica()
		test(t, w)
	})
}

// replica is another worker on the same database.
func (w *world) replica() *secevent.Worker {
	return &secevent.Worker{Service: w.Service, Client: w.in.Client(outbound.Options{})}
}

// receiver declares the receiver under a name.
func (w *world) receiver(name string, more doc) *api.EventReceiver {
	w.t.Helper()
	d := doc{"name": name, "url": w.in.URL + "/" + name, "audience": "https://" + name + ".example.com", "signing_algorithm": "ES256", "authorization_header_wo": header, "authorization_header_wo_version": 1}
	for k, v := range more {
		d[k] = v
	}
	return w.Put(w.t, w.Owner, api.EventReceiverKind, name, d).(*api.EventReceiver)
}

// consume queues what happened.
func (w *world) consume() {
	w.t.Helper()
	w.Seal(w.t)
	if _, err := w.Worker.Consume(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// deliver sends what is due.
func (w *world) deliver() {
	w.t.Helper()
	if _, err := w.Worker.Deliver(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// tell does both, and answers the short names of what the receiver accepted since the
// last time.
func (w *world) tell() []string {
	w.t.Helper()
	before := len(w.in.Accepted())
	w.consume()
	w.deliver()
	return names(w.in.Accepted()[before:])
}

func names(tokens []receivertest.Token) []string {
	out := []string{}
	for _, t := range tokens {
		out = append(out, short[t.Event])
	}
	return out
}

// short are the names of events by their URIs, as the standards write them.
var short = map[string]string{
	"https://schemas.openid.net/secevent/caep/event-type/session-revoked":  "session_revoked",
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled": "account_disabled",
	"https://schemas.openid.net/secevent/risc/event-type/account-enabled":  "account_enabled",
	"urn:ietf:params:scim:event:prov:create:notice":                        "user_created",
	"urn:ietf:params:scim:event:prov:patch:notice":                         "user_updated",
	"urn:ietf:params:scim:event:prov:delete":                               "user_deleted",
	"urn:ietf:params:scim:event:prov:activate":                             "user_activated",
	"urn:ietf:params:scim:event:prov:deactivate":                           "user_deactivated",
	"https://schemas.openid.net/secevent/ssf/event-type/verification":      "verification",
}

// everything is all events that can be asked for.
var everything = []string{"session_revoked", "account_disabled", "account_enabled", "user_created", "user_updated", "user_activated", "user_deactivated", "user_deleted"}

func (w *world) do(c *object.Caller, f func(*object.Scope) error) {
	w.t.Helper()
	if err := w.Service.Do(ctx, c, f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) suspend(email string) {
	w.t.Helper()
	w.do(w.connection(), func(s *object.Scope) error { return people.Suspend(ctx, s, email, "leaver") })
}

func (w *world) reactivate(email string) {
	w.t.Helper()
	w.do(w.connection(), func(s *object.Scope) error { return people.Reactivate(ctx, s, email, "returner") })
}

// connection is a caller as the SCIM door makes one.
func (w *world) connection() *object.Caller {
	c := object.System(w.Workspace.ID)
	c.Door, c.RequestID = audit.DoorSCIM, store.NewID("req", w.Service.Clock())
	return c
}

// page lists deliveries.
func (w *world) page(name, state, cursor string, limit int) *api.EventDeliveryPage {
	w.t.Helper()
	var out *api.EventDeliveryPage
	err := w.Service.View(ctx, w.Owner, func(s *object.Scope) (err error) {
		out, err = secevent.Deliveries(ctx, s, name, state, cursor, limit)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// keys reads the public keys of a workspace.
func (w *world) keys() []byte {
	w.t.Helper()
	raw, err := secevent.JWKS(ctx, w.Service, w.Workspace.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}
