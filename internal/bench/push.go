package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// pusher is an identity provider that pushes its directory through a SCIM door.
type pusher struct {
	base, token string
	client      *http.Client
	serve, door *process // the same one where serve is the door
	throttled   atomic.Int64
	users       []string // their ids, by number
	groups      []string
	members     []map[string]bool // of each group, as they ought to be
}

// newPusher starts a control plane with an empty workspace, and in front of it a door in
// a process of its own if that is asked for.
func (b *bench) newPusher(ctx context.Context, name string, apart bool) (*pusher, func(), error) {
	data, tokenFile := filepath.Join(b.folder, name), filepath.Join(b.folder, name+".token")
	if err := b.runOnce(ctx, "workspace", "create", "bench", "--data", data, "--owner", "owner@example.com", "--token-file", tokenFile); err != nil {
		return nil, nil, err
	}
	serve, err := b.startProcess(ctx, name, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	stop := serve.stop
	p := &pusher{serve: serve, door: serve, base: serve.url + "/scim/v2",
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: throng}, Timeout: 5 * time.Minute}}
	if p.token, err = connect(ctx, serve.url, tokenFile); err != nil {
		stop()
		return nil, nil, err
	}
	if apart {
		door, err := b.startProcess(ctx, name+"-door", "scim", "--api", serve.url, "--listen", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, nil, err
		}
		door.name = "scim --api"
		p.door, p.base = door, door.url
		stop = func() {
			door.stop()
			serve.stop()
		}
	}
	return p, stop, nil
}

// processes are the servers that it pushes to.
func (p *pusher) processes() []*process {
	if p.door == p.serve {
		return []*process{p.serve}
	}
	return []*process{p.serve, p.door}
}

// connect declares a provisioning connection and answers its token.
func connect(ctx context.Context, endpoint, tokenFile string) (string, error) {
	owner, err := os.ReadFile(tokenFile)
	if err != nil {
		return "", err
	}
	conn, err := client.New(client.Config{Endpoint: endpoint, Token: strings.TrimSpace(string(owner))})
	if err != nil {
		return "", err
	}
	ws := conn.Workspace("bench")
	if _, err := ws.Create(ctx, api.SCIMTokenKind, client.Document{"connection_name": "okta", "name": "main"}, client.WriteOptions{}); err != nil {
		return "", err
	}
	secret, err := ws.Secret(ctx, api.SCIMTokenKind, "okta/main", 1)
	if err != nil {
		return "", err
	}
	return secret.Secret, nil
}

// do sends a request, waits and sends it again while the door says that there are too
// many, as identity providers do, and reads the answer into out. Any other answer than
// the one wanted ends the measurement.
func (p *pusher) do(ctx context.Context, method, path, body string, want int, out any) error {
	for {
		req, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+p.token)
		req.Header.Set("Content-Type", "application/scim+json")
		again, err := p.exchange(req, want, out)
		if err != nil || again == 0 {
			return err
		}
		p.throttled.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(again):
		}
	}
}

// exchange sends a request once and reads its answer, or says after how long to come
// again.
func (p *pusher) exchange(req *http.Request, want int, out any) (again time.Duration, err error) {
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || after < 1 {
			return 0, fmt.Errorf("429 with Retry-After %q", res.Header.Get("Retry-After"))
		}
		return time.Duration(after) * time.Second, nil
	case res.StatusCode != want:
		return 0, fmt.Errorf("%s %s: %s\n%s", req.Method, req.URL.Path, res.Status, tail(body))
	case out == nil:
		return 0, nil
	}
	return 0, json.Unmarshal(body, out)
}

// each does the numbers from one up to below another, whichever client is free next.
func each(ctx context.Context, clients, from, to int, do func(ctx context.Context, i int) error) error {
	var next atomic.Int64
	next.Store(int64(from))
	g, ctx := errgroup.WithContext(ctx)
	for range clients {
		g.Go(func() error {
			for i := int(next.Add(1)) - 1; i < to; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

type identified struct {
	ID string `json:"id"`
}

// oktaUser is what Okta sends for somebody new (examples/scim/okta-custom).
const oktaUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%[1]s","name":{"givenName":"Per","familyName":"Son %[2]d"},"emails":[{"primary":true,"value":"%[1]s","type":"work"}],"displayName":"Per Son %[2]d","locale":"en-US","externalId":"00u2bench%011[2]d","groups":[],"password":"never-stored-4712","active":true}`

func userName(i int) string { return fmt.Sprintf("person-%d@example.com", i) }

func (p *pusher) pushUser(ctx context.Context, i int) error {
	var made identified
	err := p.do(ctx, http.MethodPost, "/Users", fmt.Sprintf(oktaUser, userName(i), i), http.StatusCreated, &made)
	p.users[i] = made.ID
	return err
}

func (p *pusher) newGroup(ctx context.Context, name string) (string, error) {
	var made identified
	err := p.do(ctx, http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"`+name+`","members":[]}`, http.StatusCreated, &made)
	return made.ID, err
}

func (p *pusher) patchGroup(ctx context.Context, id string, operations ...string) error {
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + strings.Join(operations, ",") + `]}`
	return p.do(ctx, http.MethodPatch, "/Groups/"+id, body, http.StatusNoContent, nil)
}

// Adding and removing members, as Okta and as Entra write it.

func (p *pusher) oktaAdd(users ...int) string {
	values := make([]string, len(users))
	for i, u := range users {
		values[i] = fmt.Sprintf(`{"value":%q,"display":%q}`, p.users[u], userName(u))
	}
	return `{"op":"add","path":"members","value":[` + strings.Join(values, ",") + `]}`
}

func (p *pusher) entraAdd(users ...int) string {
	values := make([]string, len(users))
	for i, u := range users {
		values[i] = fmt.Sprintf(`{"$ref":null,"value":%q}`, p.users[u])
	}
	return `{"op":"Add","path":"members","value":[` + strings.Join(values, ",") + `]}`
}

func (p *pusher) oktaRemove(user int) string {
	return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, p.users[user])
}

// Each group gets its members in two chunks.
const (
	groupMembers  = 10
	groupRequests = 3
)

func (p *pusher) pushGroup(ctx context.Context, i int) error {
	id, err := p.newGroup(ctx, fmt.Sprintf("Group %d", i))
	if err != nil {
		return err
	}
	p.groups[i], p.members[i] = id, map[string]bool{}
	add := p.oktaAdd
	if i%2 == 1 {
		add = p.entraAdd
	}
	for chunk := range groupRequests - 1 {
		var users []int
		for m := range groupMembers / 2 {
			u := (i*7 + (chunk*groupMembers/2+m)*11) % len(p.users)
			users = append(users, u)
			p.members[i][p.users[u]] = true
		}
		if err := p.patchGroup(ctx, id, add(users...)); err != nil {
			return err
		}
	}
	return nil
}

type listed struct {
	Total     int    `json:"totalResults"`
	Next      string `json:"nextCursor"`
	Resources []struct {
		ID      string `json:"id"`
		Members []struct {
			Value string `json:"value"`
		} `json:"members"`
	} `json:"Resources"`
}

// byIndex reads a list to its end, in pages as Okta asks for them.
func (p *pusher) byIndex(ctx context.Context, path string, count int, visit func(*listed)) error {
	for start := 1; ; {
		var page listed
		if err := p.do(ctx, http.MethodGet, fmt.Sprintf("%s?startIndex=%d&count=%d", path, start, count), "", http.StatusOK, &page); err != nil {
			return err
		}
		visit(&page)
		if start += len(page.Resources); start > page.Total {
			return nil
		}
		if len(page.Resources) == 0 {
			return fmt.Errorf("%s ends before %d of %d", path, start, page.Total)
		}
	}
}

// byCursor does so with cursors (RFC 9865).
func (p *pusher) byCursor(ctx context.Context, path string, count int, visit func(*listed)) error {
	for cursor := ""; ; {
		var page listed
		if err := p.do(ctx, http.MethodGet, fmt.Sprintf("%s?cursor=%s&count=%d", path, cursor, count), "", http.StatusOK, &page); err != nil {
			return err
		}
		visit(&page)
		if page.Next == "" {
			return nil
		}
		if page.Next == cursor {
			return errors.New("the next cursor is the one that was sent")
		}
		cursor = page.Next
	}
}

// membersOf reads a group.
func (p *pusher) membersOf(ctx context.Context, id string) (map[string]bool, error) {
	var group struct {
		Members []struct {
			Value string `json:"value"`
		} `json:"members"`
	}
	if err := p.do(ctx, http.MethodGet, "/Groups/"+id, "", http.StatusOK, &group); err != nil {
		return nil, err
	}
	is := map[string]bool{}
	for _, m := range group.Members {
		is[m.Value] = true
	}
	return is, nil
}
