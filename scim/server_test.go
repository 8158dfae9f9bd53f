package scim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/scimtest"
)

// record is an Observer that keeps what it is told.
type record struct {
	mu     sync.Mutex
	events []scim.Event
}

func (r *record) Observe(_ context.Context, e scim.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *record) last() scim.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[len(r.events)-1]
}

func send(t testing.TB, srv *httptest.Server, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func create(t testing.TB, srv *httptest.Server, path, body string) string {
	t.Helper()
	res, text := send(t, srv, "POST", path, body)
	var r struct{ ID string }
	if err := json.Unmarshal([]byte(text), &r); err != nil || res.StatusCode != 201 {
		t.Fatalf("%d %v %s", res.StatusCode, err, text)
	}
	return r.ID
}

func TestChangeOfOneMemberNeverReadsTheGroup(t *testing.T) {
	dir := scimtest.NewDirectory()
	srv := newServer(t, dir, nil)
	u := create(t, srv, "/Users", `{"userName":"ann"}`)
	g := create(t, srv, "/Groups", `{"displayName":"G"}`)
	before := dir.MemberReads()
	for _, r := range [][3]string{
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + u + `"}]}]}`},
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"remove","path":"members[value eq \"` + u + `\"]"}]}`},
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"replace","value":{"displayName":"H"}}]}`},
		{"GET", "/Groups/" + g + "?excludedAttributes=members", ""},
		{"GET", "/Groups/" + g + "?attributes=displayName", ""},
		{"GET", `/Groups?filter=displayName%20eq%20%22H%22&excludedAttributes=members`, ""},
	} {
		if res, text := send(t, srv, r[0], r[1], r[2]); res.StatusCode >= 300 {
			t.Fatalf("%v: %d %s", r, res.StatusCode, text)
		}
	}
	if n := dir.MemberReads() - before; n != 0 {
		t.Errorf("members were read %d times", n)
	}
}

// broken fails as a database does.
type broken struct{ scim.Directory }

func (broken) User(context.Context, string, scim.Projection) (scim.User, error) {
	return scim.User{}, errors.New("dial tcp 192.0.2.1:5432: password=hunter2")
}

func (broken) DeleteUser(context.Context, string, scim.Versions) error { panic("out of luck") }

func (broken) Users(ctx context.Context, _ scim.Query) (scim.Page[scim.User], error) {
	return scim.Page[scim.User]{}, context.DeadlineExceeded
}

func TestInnerErrorsStayInside(t *testing.T) {
	seen := &record{}
	srv := newServer(t, broken{scimtest.NewDirectory()}, func(o *scim.Options) { o.Observer = seen })
	for _, r := range []struct {
		method, path string
		status       int
	}{{"GET", "/Users/x", 500}, {"DELETE", "/Users/x", 500}, {"GET", "/Users", 503}} {
		res, text := send(t, srv, r.method, r.path, "")
		if res.StatusCode != r.status || strings.Contains(text, "hunter2") || strings.Contains(text, "luck") || !strings.Contains(text, "2.0:Error") {
			t.Errorf("%s %s: %d %s", r.method, r.path, res.StatusCode, text)
		}
		e := seen.last()
		if e.Err == nil || e.Status != r.status || e.ResourceType != "User" {
			t.Errorf("event %+v", e)
		}
		// RFC 7644 section 3.12, table 8: advice for who looks for the cause.
		if r.status == 500 && !strings.Contains(text, e.Request.ID) {
			t.Errorf("%s %s: the request is not named: %s", r.method, r.path, text)
		}
	}
}

// endless is a directory whose queries end with their context only.
type endless struct{ scim.Directory }

func (endless) Users(ctx context.Context, _ scim.Query) (scim.Page[scim.User], error) {
	<-ctx.Done()
	return scim.Page[scim.User]{}, ctx.Err()
}

func TestAQueryThatTakesTooLongIsEnded(t *testing.T) {
	srv := newServer(t, endless{scimtest.NewDirectory()}, func(o *scim.Options) { o.Limits.QueryTime = time.Millisecond })
	for _, path := range []string{"/Users", "/", "/?cursor"} {
		res, text := send(t, srv, "GET", path, "")
		if res.StatusCode != 400 || !strings.Contains(text, `"tooMany"`) {
			t.Errorf("%s: %d %s", path, res.StatusCode, text)
		}
	}
	if res, text := send(t, srv, "POST", "/Users/.search", `{}`); res.StatusCode != 400 || !strings.Contains(text, `"tooMany"`) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestFiltersOfOnePatchCompareWithinBounds(t *testing.T) {
	srv := newServer(t, scimtest.NewDirectory(), nil)
	repeat := func(n int, s, sep string) string { return strings.TrimSuffix(strings.Repeat(s+sep, n), sep) }
	terms := repeat(500, `type eq \"x\"`, " or ")
	var emails, members []string
	for i := range 450 {
		emails = append(emails, fmt.Sprintf(`{"value":"%d","type":"home"}`, i))
	}
	id := create(t, srv, "/Users", `{"userName":"many","emails":[`+strings.Join(emails, ",")+`]}`)
	body := func(attribute string, n int) string {
		return `{"Operations":[` + repeat(n, `{"op":"remove","path":"`+attribute+`[`+terms+`]"}`, ",") + `]}`
	}
	if res, text := send(t, srv, "PATCH", "/Users/"+id, body("emails", 3)); res.StatusCode != 200 {
		t.Errorf("three: %d %s", res.StatusCode, text)
	}
	if res, text := send(t, srv, "PATCH", "/Users/"+id, body("emails", 60)); res.StatusCode != 413 {
		t.Errorf("sixty: %d %s", res.StatusCode, text)
	}
	for i := range 300 {
		members = append(members, `{"value":"`+create(t, srv, "/Users", fmt.Sprintf(`{"userName":"m%d"}`, i))+`"}`)
	}
	group := create(t, srv, "/Groups", `{"displayName":"G","members":[`+strings.Join(members, ",")+`]}`)
	if res, text := send(t, srv, "PATCH", "/Groups/"+group, body("members", 3)); res.StatusCode != 204 {
		t.Errorf("three: %d %s", res.StatusCode, text)
	}
	if res, text := send(t, srv, "PATCH", "/Groups/"+group, body("members", 60)); res.StatusCode != 413 {
		t.Errorf("sixty: %d %s", res.StatusCode, text)
	}
}

// gate is an Authenticator that refuses in several ways.
type gate struct{}

type connection struct{}

func (gate) Authenticate(ctx context.Context, token string, _ *http.Request) (context.Context, error) {
	switch token {
	case "secret":
		return context.WithValue(ctx, connection{}, "okta"), nil
	case "elsewhere":
		return nil, scim.Refuse(http.StatusForbidden, "the token may not be used from this network")
	case "busy":
		return nil, scim.TooManyRequests(1500 * time.Millisecond)
	case "down":
		return nil, errors.New("the database is down")
	}
	return nil, scim.ErrUnauthorized
}

func TestAuthenticatorDecidesWhoComesIn(t *testing.T) {
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) { o.Authenticator = gate{} })
	for token, want := range map[string]int{"secret": 200, "elsewhere": 403, "busy": 429, "down": 500, "other": 401} {
		res, text := send(t, srv, "GET", "/Users", "", "Authorization", "Bearer "+token)
		if res.StatusCode != want || want != 200 && !strings.Contains(text, "2.0:Error") {
			t.Errorf("%s: %d %s", token, res.StatusCode, text)
		}
		if want == 429 && res.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
		}
	}
}

func TestThrottleAnswers429WithRetryAfter(t *testing.T) {
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) {
		o.Authenticator = gate{}
		o.Throttle = func(ctx context.Context) time.Duration {
			if ctx.Value(connection{}) != "okta" {
				t.Error("the throttle does not see the connection")
			}
			return 3 * time.Second
		}
	})
	res, text := send(t, srv, "POST", "/Users", `{"userName":"x"}`)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "3" || !strings.Contains(text, `"429"`) {
		t.Errorf("%d %q %s", res.StatusCode, res.Header.Get("Retry-After"), text)
	}
}

func TestObserverSeesEveryRequestWithoutPasswords(t *testing.T) {
	seen := &record{}
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) { o.Observer = seen })
	for _, body := range []string{
		`{"userName":"a","password":"hunter2","colour":1}`, `{"userName":"b","PASSWORD":"hunter2","colour":1}`,
		`{"userName":"c","pass\u0077ord":"hunter2","colour":1}`,
		`{"userName":"d","urn:ietf:params:scim:schemas:core:2.0:User:password":"hunter2","colour":1}`,
		`{"userName":"e","urn:ietf:params:scim:schemas:core:2.0:User":{"password":{"value":"hunter2"}},"colour":1}`,
	} {
		res, _ := send(t, srv, "POST", "/Users", body)
		e := seen.last()
		if strings.Contains(string(e.Request.Body), "hunter2") || !strings.Contains(string(e.Request.Body), "colour") {
			t.Errorf("body in the event: %s", e.Request.Body)
		}
		if e.Status != 201 || e.ResourceID == "" || e.Request.ID != res.Header.Get("X-Request-Id") || !reflect.DeepEqual(e.Ignored, []string{"colour"}) {
			t.Errorf("event %+v", e)
		}
	}
	for _, r := range [][3]string{
		{"PATCH", "/Users/x", `{"Operations":[{"op":"replace","path":"Password","value":"hunter2"}]}`},
		{"PATCH", "/Users/x", `{"Operations":[{"value":{"password":"hunter2"},"op":"replace"}]}`},
		{"GET", "/Users?filter=password%20eq%20%22hunter2%22", ""},
		{"POST", "/Users", `{"password":"hunter2"`},
		{"POST", "/Bulk", `{"Operations":[{"method":"POST","bulkId":"q","path":"/Users","data":{"password":"hunter2"}}]}`},
	} {
		n := len(seen.events)
		send(t, srv, r[0], r[1], r[2])
		for _, e := range seen.events[n:] {
			if text, _ := json.Marshal(e); strings.Contains(string(text)+string(e.Request.Body), "hunter2") {
				t.Errorf("%v: %s %s", r, text, e.Request.Body)
			}
		}
	}
	send(t, srv, "GET", "/Users", "", "Authorization", "Bearer bad")
	if e := seen.last(); e.Status != 401 {
		t.Errorf("a refused request is not seen: %+v", e)
	}
}

func TestBulkOperationsAreObservedOneByOne(t *testing.T) {
	seen := &record{}
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) { o.Observer = seen })
	send(t, srv, "POST", "/Bulk", `{"Operations":[{"method":"POST","bulkId":"a","path":"/Users","data":{"userName":"a"}},{"method":"DELETE","path":"/Users/x"}]}`)
	if len(seen.events) != 3 {
		t.Fatalf("%d events", len(seen.events))
	}
	parent := seen.events[2].Request
	for i, want := range []int{201, 404} {
		e := seen.events[i]
		if e.Status != want || e.Request.Parent != parent.ID || e.Request.ID == parent.ID || e.ResourceType != "User" {
			t.Errorf("event %+v", e)
		}
	}
	if parent.Path != "/Bulk" || seen.events[2].Status != 200 {
		t.Errorf("event %+v", seen.events[2])
	}
}

// witness is a Directory that looks at its context.
type witness struct {
	scim.Directory
	seen []scim.Request
}

func (w *witness) CreateUser(ctx context.Context, u scim.User) (scim.User, error) {
	r, ok := scim.RequestFrom(ctx)
	if !ok || ctx.Value(connection{}) != "okta" {
		return u, errors.New("no request or connection in the context")
	}
	w.seen = append(w.seen, r)
	return w.Directory.CreateUser(ctx, u)
}

func (w *witness) Self(context.Context) (string, error) {
	p, err := w.Users(context.Background(), scim.Query{StartIndex: 1, Count: 1})
	if err != nil || len(p.Resources) == 0 {
		return "", scim.ErrNotFound
	}
	return p.Resources[0].ID, nil
}

func TestDirectoryFindsTheRequestInItsContext(t *testing.T) {
	w := &witness{Directory: scimtest.NewDirectory()}
	srv := newServer(t, w, func(o *scim.Options) { o.Authenticator = gate{} })
	create(t, srv, "/Users", `{"userName":"a","password":"hunter2"}`)
	send(t, srv, "POST", "/Bulk", `{"Operations":[{"method":"POST","bulkId":"b","path":"/Users","data":{"userName":"b"}}]}`)
	if len(w.seen) != 2 || w.seen[0].Path != "/Users" || w.seen[0].Parent != "" || w.seen[1].Parent == "" ||
		strings.Contains(string(w.seen[0].Body), "hunter2") || string(w.seen[1].Body) != `{"userName":"b"}` {
		t.Errorf("%+v", w.seen)
	}
}

func TestMeIsTheCallingUserWhereTheDirectoryKnowsIt(t *testing.T) {
	srv := newServer(t, &witness{Directory: scimtest.NewDirectory()}, func(o *scim.Options) { o.Authenticator = gate{} })
	if res, _ := send(t, srv, "GET", "/Me", ""); res.StatusCode != 404 {
		t.Errorf("nobody: %d", res.StatusCode)
	}
	id := create(t, srv, "/Users", `{"userName":"a"}`)
	if res, text := send(t, srv, "PATCH", "/Me", `{"Operations":[{"op":"add","path":"title","value":"T"}]}`); res.StatusCode != 200 || !strings.Contains(text, "/Users/"+id) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := send(t, srv, "GET", "/Me", ""); res.StatusCode != 200 || !strings.Contains(text, `"title":"T"`) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	// RFC 7644 section 3.11: in any answer.
	for _, r := range [][2]string{{"GET", ""}, {"PATCH", `{"Operations":[]}`}, {"PUT", `{"userName":"a"}`}} {
		if res, _ := send(t, srv, r[0], "/Me", r[1]); res.Header.Get("Location") != srv.URL+"/scim/v2/Users/"+id {
			t.Errorf("%s: %d, Location %q", r[0], res.StatusCode, res.Header.Get("Location"))
		}
	}
	if res, _ := send(t, srv, "DELETE", "/Me", ""); res.StatusCode != 204 || res.Header.Get("Location") == "" {
		t.Errorf("%d, Location %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestConfiguredBaseURLIsUsedForLocations(t *testing.T) {
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) { o.BaseURL = "https://gatehouse.example.com/scim/v2/" })
	res, text := send(t, srv, "POST", "/Users", `{"userName":"a"}`)
	if want := "https://gatehouse.example.com/scim/v2/Users/"; !strings.HasPrefix(res.Header.Get("Location"), want) || !strings.Contains(text, want) {
		t.Errorf("%q %s", res.Header.Get("Location"), text)
	}
	for _, o := range []scim.Options{
		{}, {Directory: scimtest.NewDirectory()},
		{Directory: scimtest.NewDirectory(), Authenticator: gate{}, BaseURL: "/scim/v2"},
		{Directory: scimtest.NewDirectory(), Authenticator: gate{}, BaseURL: "https://example.com/scim?x"},
	} {
		if _, err := scim.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestLimitsAreAppliedAndAdvertised(t *testing.T) {
	srv := newServer(t, scimtest.NewDirectory(), func(o *scim.Options) {
		o.Limits = scim.Limits{Body: 2000, BulkBody: 5000, BulkOperations: 3, PatchOperations: 2, MaxCount: 4}
	})
	_, text := send(t, srv, "GET", "/ServiceProviderConfig", "")
	for _, want := range []string{`"maxOperations":3`, `"maxPayloadSize":5000`, `"maxResults":4`, `"maxPageSize":4`, `"defaultPageSize":4`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not advertised: %s", want, text)
		}
	}
	for i := range 6 {
		create(t, srv, "/Users", `{"userName":"u`+string(rune('0'+i))+`"}`)
	}
	if _, text := send(t, srv, "GET", "/Users?count=100", ""); !strings.Contains(text, `"totalResults":6,"startIndex":1,"itemsPerPage":4`) {
		t.Errorf("page: %.200s", text)
	}
	if res, _ := send(t, srv, "PATCH", "/Users/x", `{"Operations":[{"op":"remove","path":"title"},{"op":"remove","path":"title"},{"op":"remove","path":"title"}]}`); res.StatusCode != 413 {
		t.Errorf("three operations: %d", res.StatusCode)
	}
	if res, _ := send(t, srv, "GET", "/?sortBy=meta.created&startIndex=4&count=4", ""); res.StatusCode != 400 {
		t.Errorf("a deep sorted page over all types: %d", res.StatusCode)
	}
}

func TestRemovalByFilterSurvivesConcurrentChanges(t *testing.T) {
	dir := scimtest.NewDirectory()
	srv := newServer(t, &restless{Directory: dir, times: 2}, nil)
	a, b := create(t, srv, "/Users", `{"userName":"a","displayName":"leaves"}`), create(t, srv, "/Users", `{"userName":"b","displayName":"stays"}`)
	g := create(t, srv, "/Groups", `{"displayName":"G","members":["`+a+`","`+b+`"]}`)
	res, text := send(t, srv, "PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members[display eq \"LEAVES\"]"}]}`)
	if res.StatusCode != 204 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	got, err := dir.Group(context.Background(), g, scim.Projection{WithMembers: true})
	if err != nil || len(got.Members) != 1 || got.Members[0].Value != b {
		t.Errorf("%+v %v", got, err)
	}
}

// restless changes a group right after it was read, some times.
type restless struct {
	*scimtest.Directory
	times int
}

func (r *restless) Group(ctx context.Context, id string, p scim.Projection) (scim.Group, error) {
	g, err := r.Directory.Group(ctx, id, p)
	if err == nil && r.times > 0 {
		r.times--
		_, err = r.Directory.ApplyGroup(ctx, id, nil, []scim.GroupOp{{Kind: scim.SetExternalID, Text: string(rune('a' + r.times))}}, scim.Projection{})
	}
	return g, err
}

func TestBulkLeavesNothingHalfMadeWhenItStops(t *testing.T) {
	dir := scimtest.NewDirectory()
	srv := newServer(t, dir, nil)
	// a refers to b, b to a; b fails, so a must not stay behind without b.
	_, text := send(t, srv, "POST", "/Bulk", `{"failOnErrors":1,"Operations":[
		{"method":"POST","bulkId":"a","path":"/Groups","data":{"displayName":"a","members":[{"value":"bulkId:b"}]}},
		{"method":"POST","bulkId":"b","path":"/Groups","data":{"members":[{"value":"bulkId:a"}]}}]}`)
	if strings.Contains(text, `"201"`) || strings.Contains(text, "location") {
		t.Errorf("%s", text)
	}
	page, err := dir.Groups(context.Background(), scim.Query{StartIndex: 1, Count: 10})
	if err != nil || page.Total != 0 {
		t.Errorf("%+v %v", page, err)
	}
}

func TestBulkSurvivesAPanicInOneOperation(t *testing.T) {
	srv := newServer(t, broken{scimtest.NewDirectory()}, nil)
	res, text := send(t, srv, "POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/x"},{"method":"POST","bulkId":"a","path":"/Users","data":{"userName":"a"}}]}`)
	if res.StatusCode != 200 || !strings.Contains(text, `"status":"500"`) || !strings.Contains(text, `"status":"201"`) || strings.Contains(text, "luck") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestPrimaryEmailIsThePrimaryThenWorkThenTheFirst(t *testing.T) {
	home, work := scim.Plural{Value: "h@example.com", Type: "home"}, scim.Plural{Value: "w@example.com", Type: "work"}
	primary := scim.Plural{Value: "p@example.com", Primary: true}
	for want, emails := range map[string][]scim.Plural{
		"p@example.com": {home, work, primary}, "w@example.com": {home, work}, "h@example.com": {{}, home}, "": {},
	} {
		u := scim.User{Emails: emails}
		if got := u.PrimaryEmail(); got != want {
			t.Errorf("%v: %q, want %q", emails, got, want)
		}
	}
}

// FuzzBulk checks that no bulk request panics, fails the server or answers
// anything but SCIM.
func FuzzBulk(f *testing.F) {
	for _, s := range []string{
		`{"Operations":[{"method":"POST","bulkId":"a","path":"/Users","data":{"userName":"a","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager":"bulkId:b"}},{"method":"POST","bulkId":"b","path":"/Users","data":{"userName":"b"}}]}`,
		`{"failOnErrors":1,"Operations":[{"method":"POST","bulkId":"g","path":"/Groups","data":{"displayName":"g","members":[{"value":"bulkId:g"}]}},{"method":"PATCH","path":"/Groups/bulkId:g","data":[{"op":"remove","path":"members[value eq \"bulkId:g\"]"}]}]}`,
		`{"Operations":[{"method":"DELETE","path":"/Users/bulkId:"},{"method":"PUT","path":"","data":null}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s, err := scim.New(scim.Options{Directory: scimtest.NewDirectory(), Authenticator: tokens{"secret": true}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/scim/v2/Bulk", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer secret")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var answer struct{ Schemas []string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= 500 || len(answer.Schemas) != 1 || strings.Contains(w.Body.String(), `"500"`) {
			t.Fatalf("%s: %d %v %s", body, w.Code, err, w.Body)
		}
	})
}
