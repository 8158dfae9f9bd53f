package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// makeLink declares a link that anyone can open, among n others, and gives its token
// and a visit through it.
func (p *plane) makeLink(ctx context.Context, n int) (token, session string, err error) {
	write := func(kind *api.Kind, doc string) (api.Object, error) {
		res, err := p.Service.Put(ctx, p.owner, kind, "", []byte(doc), object.WriteOptions{})
		if err != nil {
			return nil, err
		}
		return res.Object, nil
	}
	if _, err := write(api.SharingPolicyKind, `{"external_sharing":"anyone","public_links":"allowed","require_link_password":false}`); err != nil {
		return "", "", err
	}
	if _, err := write(api.FolderKind, `{"path":"/shared"}`); err != nil {
		return "", "", err
	}
	for i := range n {
		link, err := write(api.ShareLinkKind, fmt.Sprintf(`{"resource":"/shared","name":"For visitor %d","kind":"anyone"}`, i))
		if err != nil {
			return "", "", err
		}
		var secret *api.ShareSecret
		err = p.Service.Do(ctx, p.owner, func(s *object.Scope) (err error) {
			secret, err = sharing.IssueLinkSecret(ctx, s, link.GetMeta().ID, 0)
			return err
		})
		if err != nil {
			return "", "", err
		}
		token = secret.Secret
	}
	session, next, err := sharing.EnterLink(ctx, p.Service, token, sharing.Visitor{IP: "192.0.2.1", Device: "bench"}, sharing.Answer{})
	if err == nil && session == "" {
		err = fmt.Errorf("the link to be measured is closed: %+v", next)
	}
	return token, session, err
}

// link measures what every visitor of a share link asks for: how the link stands, and
// what a visit under way may see. The floor is a handler that reads the same path and
// answers a constant.
func (b *bench) link(ctx context.Context) error {
	p, err := b.startPlane(ctx, "link")
	if err != nil {
		return err
	}
	defer p.stop()
	n := b.size(1000, 50)
	token, session, err := p.makeLink(ctx, n)
	if err != nil {
		return err
	}
	from := sharing.Visitor{IP: "192.0.2.1", Device: "bench"}
	answer := func(w http.ResponseWriter, body any, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bare/{token}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, sharing.Landing{Name: r.PathValue("token")[:4], Kind: api.LinkAnyone}, nil)
	})
	mux.HandleFunc("GET /open/{token}", func(w http.ResponseWriter, r *http.Request) {
		landing, err := sharing.OpenLink(r.Context(), p.Service, r.PathValue("token"), from)
		if err == nil && landing.Closed != "" {
			err = errors.New("the link is closed: " + landing.Closed)
		}
		answer(w, landing, err)
	})
	mux.HandleFunc("GET /visit/{token}", func(w http.ResponseWriter, r *http.Request) {
		view, err := sharing.Visit(r.Context(), p.Service, r.PathValue("token"), from)
		answer(w, view, err)
	})
	door := httptest.NewServer(mux)
	defer door.Close()
	get := func(path string) requests {
		return func(int) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, door.URL+path, http.NoBody)
		}
	}
	took, err := b.compare(b.size(18_000, 900), together(get("/bare/"+token)), together(get("/open/"+token)), together(get("/visit/"+session)))
	if err != nil {
		return err
	}
	floor := perSecond(took[0]) + " (bare JSON handler)"
	b.add(fmt.Sprintf("link resolution, %d links, %d clients", n, crowd), perSecond(took[1]), floor, ratio(took[0], took[1]), "≥ 0.4")
	b.add(fmt.Sprintf("a visitor's next look, %d links, %d clients", n, crowd), perSecond(took[2]), floor, ratio(took[0], took[2]), "-")
	return nil
}
