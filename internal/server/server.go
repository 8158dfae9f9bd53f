package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/throttle"
)

// maxQuery bounds query strings.
const maxQuery = 16 << 10

// Options is what a server is made from.
type Options struct {
	Service *object.Service
	// Key signs and verifies audit checkpoints.
	Key *audit.Key
	// BaseURL is the absolute URL that clients use, e.g. https://gatehouse.example.com.
	BaseURL string
	// RequestsPerSecond bounds each token, and each address without one; 0 is the
	// default.
	RequestsPerSecond float64
	// Push sends security events to receivers: a client of package outbound. Nil sends
	// nothing.
	Push *http.Client
	// Mounts are handlers beside the API, by path prefix ("/scim/v2/").
	Mounts map[string]http.Handler
	// Measure wraps the door's handler, to count and time requests; nil for none.
	Measure func(http.Handler) http.Handler
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; none when empty.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

// Server is the REST door.
type Server struct {
	Options
	mux      *http.ServeMux
	api      huma.API
	callers  *throttle.Buckets
	guesses  *throttle.Guesses
	gate     *signin.Gate
	document func() ([]byte, error)
}

// New makes a server with every route in place.
func New(o Options) *Server {
	s := &Server{Options: o, mux: http.NewServeMux(), callers: throttle.ForRequests(o.RequestsPerSecond), guesses: throttle.NewGuesses(), gate: signin.NewGate(o.Service)}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	config := huma.DefaultConfig("Gatehouse", "1.0.0")
	config.CreateHooks = nil // no $schema links in bodies
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Info.Description = "The control plane of Gatehouse: who may see what, held as objects that are declared as code."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API token or an operator token."},
	}
	s.mux.HandleFunc(noRoute, s.unrouted)
	s.api = humago.New(s.mux, config)
	s.routeKinds()
	s.routeWorkspaces()
	s.routeAccess()
	s.routeAuthZEN()
	s.routeAudit()
	s.routeCatalogues()
	s.routeTokens()
	s.routeProvisioning()
	s.routeDirectory()
	s.routeProvisioningDecisions()
	s.routeAssetEvents()
	s.routeApprovals()
	s.routeInvitations()
	s.routeShareLinks()
	s.routeTrash()
	s.routeReviews()
	s.routePersons()
	s.routeNotices()
	s.routeSecurityEvents()
	s.routeConformance()
	s.mux.HandleFunc("GET /openapi.json", s.serveOpenAPI)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	s.mux.HandleFunc("GET /readyz", s.serveReady)
	s.document = sync.OnceValues(func() ([]byte, error) {
		raw, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
		return append(raw, '\n'), err
	})
	return s
}

// OpenAPI is the document of what is served.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	raw, err := s.OpenAPIDocument()
	if err != nil {
		http.Error(w, "the document cannot be written", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(raw)
}

// OpenAPIDocument is the OpenAPI document as published and kept in docs/.
func (s *Server) OpenAPIDocument() ([]byte, error) { return s.document() }

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.Service.DB.Ping(ctx); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// Handler is the whole door: headers that every answer carries, and a problem for
// what has no route.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
		prefix, mount := s.mounted(r.URL.Path)
		if len(r.URL.RawQuery) > maxQuery && !strings.HasPrefix(prefix, "/scim/") { // SCIM bounds its parameters, and refuses in its own words
			s.problem(w, r, api.NewProblem(api.CodeTooLarge, "The query is longer than %d KiB.", maxQuery>>10))
			return
		}
		if mount != nil {
			r.Pattern = prefix // what metrics call the route
			mount.ServeHTTP(w, r)
			return
		}
		if !cleanPath(r.URL.EscapedPath()) {
			s.unrouted(w, r)
			return
		}
		s.mux.ServeHTTP(w, r)
	})
}

// mounted finds the handler beside the API that a path belongs to. It gets the path as
// it was sent: net/http's cleaning would answer with redirects, which identity
// providers that double a slash do not follow.
func (s *Server) mounted(path string) (prefix string, h http.Handler) {
	for p, candidate := range s.Mounts {
		if len(p) > len(prefix) && (path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)) {
			prefix, h = p, candidate
		}
	}
	return prefix, h
}

// cleanPath reports whether a path is written in its one way. net/http would redirect
// others, and a redirect is no answer that a client of an API expects.
func cleanPath(p string) bool {
	return !strings.Contains(p, "//") && !strings.Contains(p+"/", "/./") && !strings.Contains(p+"/", "/../")
}

// noRoute is the pattern of everything that no other pattern matches.
const noRoute = "/"

// unrouted answers paths and methods without a route. Strangers learn nothing of the
// API from it: they are asked for a token as everywhere else.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
	r.Pattern = "" // metrics count it with what has no route
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		if _, err := s.authenticate(r.Context(), r.Header.Get("Authorization"), addressOf(r.RemoteAddr)); err != nil {
			s.problem(w, r, err)
			return
		}
	}
	if allowed := s.methodsOf(r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.problem(w, r, api.NewProblem(api.CodeMethodNotAllowed, "%s is not possible here; use %s.", clip(r.Method, 20), strings.Join(allowed, ", ")))
		return
	}
	s.problem(w, r, api.NewProblem(api.CodeNotFound, "There is no such path; %s/openapi.json lists them.", s.BaseURL))
}

// methodsOf lists the methods that the path has routes for.
func (s *Server) methodsOf(r *http.Request) []string {
	if !cleanPath(r.URL.EscapedPath()) {
		return nil
	}
	var out []string
	probe := r.WithContext(r.Context())
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe.Method = m
		if _, pattern := s.mux.Handler(probe); pattern != "" && pattern != noRoute {
			out = append(out, m)
		}
	}
	return out
}

// Listen serves on a listener until the context ends, then lets requests finish.
func (s *Server) Listen(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	handler := Behind(s.TrustedProxies, s.Handler())
	if s.Measure != nil {
		handler = s.Measure(handler)
	}
	srv := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second,
		WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn), TLSConfig: tlsConfig,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	done := make(chan error, 1)
	go func() {
		if tlsConfig != nil {
			done <- srv.ServeTLS(l, "", "")
			return
		}
		done <- srv.Serve(l)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}
