package notice_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// A secret of Standard Webhooks, and its bytes.
const (
	signingSecret = "whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="
	signingKey    = "correct horse battery staple"
)

// receiver is an HTTPS server that keeps what is posted.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
	header  http.Header // of the answer
	posts   []http.Header
	bodies  []string
	touched map[string]int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: 204, touched: map[string]int{}, header: http.Header{}}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.touched[req.Method+" "+req.URL.Path]++
		r.posts, r.bodies = append(r.posts, req.Header), append(r.bodies, string(body))
		for name, values := range r.header {
			w.Header()[name] = values
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

// reach lets the worker post to the receiver.
func (w *world) reach(r *receiver) {
	w.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	w.Worker.Poster = (&notice.Poster{AllowLoopback: true, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}).Ready()
}

func (w *world) channel(name, kind string, more doc) *api.NotificationChannel {
	w.t.Helper()
	d := doc{"name": name, "type": kind, "events": []string{"review_requested"}}
	for k, v := range more {
		d[k] = v
	}
	return w.Put(w.t, w.Owner, api.NotificationChannelKind, name, d).(*api.NotificationChannel)
}

// deliver delivers what is due.
func (w *world) deliver() {
	w.t.Helper()
	if _, err := w.Worker.Queue().Once(ctx); err != nil {
		w.t.Fatal(err)
	}
}

func TestAWebhookGetsWhatHappenedWithASignature(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		w.reach(r)
		w.channel("siem", "webhook", doc{"url_wo": r.URL + "/in", "secret_wo": signingSecret})
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.deliver()
		bodies := r.got()
		if len(bodies) != 1 {
			t.Fatalf("%d posts", len(bodies))
		}
		var got struct {
			Type      string            `json:"type"`
			Timestamp time.Time         `json:"timestamp"`
			Data      map[string]string `json:"data"`
		}
		if err := json.Unmarshal([]byte(bodies[0]), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"workspace": "acme", "text": olga + " asks for a review of " + clip + ".", "item": clip, "actor": "member:" + olga, "target_kind": "review", "target_id": "rvw_1"}
		delete(got.Data, "event")
		if diff := cmp.Diff(want, got.Data); diff != "" || got.Type != "review_requested" || time.Since(got.Timestamp) > time.Hour {
			t.Errorf("%s at %s (-want +got):\n%s", got.Type, got.Timestamp, diff)
		}
		// The signature, as the specification describes it and with nothing of ours.
		h := r.posts[0]
		mac := hmac.New(sha256.New, []byte(signingKey))
		mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + bodies[0]))
		if sig := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); h.Get("webhook-signature") != sig {
			t.Errorf("signature %q, want %q", h.Get("webhook-signature"), sig)
		}
		at, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
		if err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Hour || h.Get("webhook-id") == "" {
			t.Errorf("id %q, timestamp %q", h.Get("webhook-id"), h.Get("webhook-timestamp"))
		}
	})
}

func TestAWebhookIsTriedAgainUnderTheSameID(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		w.reach(r)
		w.channel("siem", "webhook", doc{"url_wo": r.URL, "secret_wo": signingSecret})
		w.asks(w.Owner, clip, mia)
		w.tell()
		for _, status := range []int{500, 404, 302, 429} {
			r.answer(status)
			w.deliver()
			w.Advance(2 * time.Hour)
		}
		r.answer(200)
		w.deliver()
		w.deliver()
		if n := len(r.got()); n != 5 {
			t.Errorf("%d attempts", n)
		}
		for _, h := range r.posts {
			if h.Get("webhook-id") != r.posts[0].Get("webhook-id") {
				t.Errorf("ids differ: %q, %q", h.Get("webhook-id"), r.posts[0].Get("webhook-id"))
			}
		}
		r.answer(410)
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.deliver()
		w.Advance(2 * time.Hour)
		w.deliver()
		if n := len(r.got()); n != 6 {
			t.Errorf("%d attempts after the receiver said that it wants no more", n)
		}
		events := w.Events(t, audit.Filter{Action: "notification_channel.failed"})
		if len(events) != 1 || events[0].Target.Key != "siem" || strings.Contains(string(mustJSON(t, events)), r.URL) {
			t.Errorf("events: %+v", events)
		}
	})
}

func TestChannelsHearOfTheirEventsAndItemsAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		w.reach(r)
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/campaign-two", "name": "<A & B>", "team": "design", "owner": mia})
		w.channel("slack", "slack", doc{"url_wo": r.URL + "/slack"})
		w.channel("here", "slack", doc{"url_wo": r.URL + "/here", "scope": "/campaign"})
		w.channel("other-events", "slack", doc{"url_wo": r.URL + "/other", "events": []string{"mention"}})
		w.channel("off", "slack", doc{"url_wo": r.URL + "/off", "enabled": false})
		gone := w.channel("gone", "slack", doc{"url_wo": r.URL + "/gone"})
		w.channel("later-off", "slack", doc{"url_wo": r.URL + "/later-off"})
		w.channel("leads", "email", doc{"addresses": []string{"leads@example.com", "boss@example.com"}, "scope": clip})
		w.asks(w.Owner, clip, mia)
		w.asks(w.Owner, "/campaign-two", mia)
		w.tell()
		w.Delete(t, w.Owner, api.NotificationChannelKind, gone.ID)
		w.channel("later-off", "slack", doc{"enabled": false})
		mailed := w.mailed()
		want := map[string]int{"POST /slack": 2, "POST /here": 1}
		if diff := cmp.Diff(want, r.touched); diff != "" {
			t.Errorf("posted (-want +got):\n%s", diff)
		}
		for _, to := range []string{"leads@example.com", "boss@example.com"} {
			if diff := cmp.Diff([]string{"acme: " + olga + " asks for a review of " + clip}, mailed[to]); diff != "" {
				t.Errorf("to %s (-want +got):\n%s", to, diff)
			}
		}
		if all := strings.Join(r.got(), "\n"); strings.Count(all, `{"text":"*acme*: `+olga+` asks for a review of `+clip+`."}`) != 2 {
			t.Errorf("Slack got:\n%s", all)
		}
	})
}

func TestANewAddressHoldsForWhatIsQueued(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		w.reach(r)
		w.channel("slack", "slack", doc{"url_wo": r.URL + "/old"})
		r.answer(500)
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.deliver()
		w.channel("slack", "slack", doc{"url_wo": r.URL + "/new", "url_wo_version": 2})
		r.answer(200)
		w.Advance(time.Hour)
		w.deliver()
		if diff := cmp.Diff(map[string]int{"POST /old": 1, "POST /new": 1}, r.touched); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for table, rows := range objecttest.Dump(t, w.DB) {
			if count(rows, r.URL) != 0 {
				t.Errorf("%s holds the address in the clear", table)
			}
		}
	})
}

func TestChannelsAreChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			doc doc
			at  string
		}{
			{doc{"type": "webhook", "url_wo": "https://hooks.example.com"}, "/secret_wo"},
			{doc{"type": "webhook", "secret_wo": signingSecret}, "/url_wo"},
			{doc{"type": "webhook", "url_wo": "https://hooks.example.com", "secret_wo": "correct-horse-battery-staple"}, "/secret_wo"},
			{doc{"type": "slack"}, "/url_wo"},
			{doc{"type": "slack", "url_wo": "http://hooks.example.com/correct-horse"}, "/url_wo"},
			{doc{"type": "slack", "url_wo": "https://user@hooks.example.com"}, "/url_wo"},
			{doc{"type": "slack", "url_wo": "https://hooks.example.com", "secret_wo": signingSecret}, "/secret_wo"},
			{doc{"type": "email"}, "/addresses"},
			{doc{"type": "email", "addresses": []string{"a@example.com"}, "url_wo": "https://hooks.example.com"}, "/url_wo"},
			{doc{"type": "slack", "url_wo": "https://hooks.example.com", "addresses": []string{"a@example.com"}}, "/addresses"},
		} {
			c.doc["name"], c.doc["events"] = "x", []string{"mention"}
			_, err := w.Service.Create(ctx, w.Owner, api.NotificationChannelKind, objecttest.JSON(t, c.doc), noOptions)
			objecttest.WantViolation(t, err, c.at)
			if strings.Contains(string(mustJSON(t, err)), "correct-horse") {
				t.Errorf("the refusal repeats a secret: %v", err)
			}
		}
		_, err := w.Service.Put(ctx, w.Owner, api.NotificationPolicyKind, "", objecttest.JSON(t, doc{"digest_timezone": "Local"}), noOptions)
		objecttest.WantViolation(t, err, "/digest_timezone")
		_, err = w.Service.Create(ctx, w.Member, api.NotificationChannelKind, objecttest.JSON(t, doc{"name": "x", "type": "email", "addresses": []string{"a@example.com"}, "events": []string{"mention"}}), noOptions)
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// TestAChannelCannotReachTheOperatorsNetwork goes the whole way, to a server that
// would answer.
func TestAChannelCannotReachTheOperatorsNetwork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		_, port, err := net.SplitHostPort(r.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(r.Certificate())
		rebinding := nameserver(t)
		w.Worker.Poster = (&notice.Poster{TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", rebinding)
		}}}).Ready()
		hosts := []string{"127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "2130706433", "rebinding.example.com"}
		for i, host := range hosts {
			w.channel("c"+strconv.Itoa(i), "slack", doc{"url_wo": "https://" + host + ":" + port + "/"})
		}
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.deliver()
		if len(r.touched) != 0 {
			t.Errorf("it was reached: %v", r.touched)
		}
		// Refused for good, but for what the machine itself cannot connect to (IPv6).
		events := w.Events(t, audit.Filter{Action: "notification_channel.failed"})
		refused := map[string]bool{}
		for _, e := range events {
			if !strings.Contains(e.Reasons[0], "private") {
				t.Errorf("%s was given up because of %q", e.Target.Key, e.Reasons)
			}
			refused[e.Target.Key] = true
		}
		waiting, err := queue.Waiting(ctx, w.Service, "notification_channel")
		if err != nil || len(refused)+len(waiting) != len(hosts) || !refused["c0"] || !refused["c4"] || !refused["c5"] || !refused["c7"] {
			t.Errorf("refused %v, %d wait, %v", refused, len(waiting), err)
		}
	})
}

// TestARedirectIsNotFollowed: nor does it tell anybody where to.
func TestARedirectIsNotFollowed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(t)
		w.reach(r)
		r.header.Set("Location", r.URL+"/elsewhere")
		r.answer(307)
		w.channel("slack", "slack", doc{"url_wo": r.URL + "/in"})
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.deliver()
		if diff := cmp.Diff(map[string]int{"POST /in": 1}, r.touched); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// nameserver says that every name is 127.0.0.1, whatever it said to others before: the
// address is looked at when it is connected to, not when the channel was declared.
func nameserver(t *testing.T) string {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsAnswer(buf[:n], netip.AddrFrom4([4]byte{127, 0, 0, 1})), from)
		}
	}()
	return conn.LocalAddr().String()
}

// dnsAnswer answers the one question of a message (RFC 1035 section 4): an address for
// type A, nothing for others.
func dnsAnswer(question []byte, addr netip.Addr) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root, type and class
	out := append([]byte(nil), question[:end]...)
	out[2], out[3] = 0x81, 0x80 // an answer, recursion available, no error
	binary.BigEndian.PutUint16(out[6:], 0)
	binary.BigEndian.PutUint16(out[8:], 0)
	binary.BigEndian.PutUint16(out[10:], 0)
	if binary.BigEndian.Uint16(question[end-4:]) != 1 {
		return out
	}
	binary.BigEndian.PutUint16(out[6:], 1)
	a := addr.As4()
	return append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, a[0], a[1], a[2], a[3])
}
