package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/vault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/web"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// Config is what an operator decides.
type Config struct {
	// Data is the folder of the SQLite file, the master key and the signing key.
	Data string
	// Database is a postgres:// URL; empty uses SQLite in Data.
	Database string
	// Address to listen on, e.g. 127.0.0.1:8460.
	Address string
	// BaseURL is the absolute URL that clients use; derived from Address when empty.
	BaseURL string
	// TLS is needed for any address that is not loopback.
	TLS *tls.Config
	// Metrics is the address of the Prometheus endpoint; empty serves none.
	Metrics string
	// SealInterval between runs of the audit sealer; one second when zero.
	SealInterval time.Duration
	// Mail hands letters over. Nil delivers nothing and tells nobody of anything: mail
	// stays in the queue, where tests read it.
	Mail mail.Sender
	// Push sends security events to receivers: a client of package outbound. Nil sends
	// nothing and tells nobody of anything.
	Push *http.Client
	// RequestsPerSecond bounds each token of the REST door; 0 is the door's default.
	RequestsPerSecond float64
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	Service *object.Service
	Key     audit.Key
	Server  *server.Server
	BaseURL string

	config   Config
	db       *store.DB
	listener net.Listener
	sealer   *audit.Sealer
	metrics  *metrics
}

// OperatorTokenFile is where the first start leaves the operator's token, in Data.
const OperatorTokenFile = "operator.token"

// Open opens everything and listens, but serves nothing yet: Run does.
func Open(ctx context.Context, c Config) (*ControlPlane, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	cp, err := OpenStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := cp.listen(ctx); err != nil {
		return nil, errors.Join(err, cp.Close())
	}
	if err := cp.serveWith(ctx); err != nil {
		return nil, errors.Join(err, cp.Close())
	}
	return cp, nil
}

// OpenStore opens the database and the keys without any door: for operator commands
// that work beside a running server or without one.
func OpenStore(ctx context.Context, c Config) (*ControlPlane, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Data == "" {
		return nil, errors.New("no data folder is given")
	}
	dsn := c.Database
	if dsn == "" {
		dsn = filepath.Join(c.Data, "gatehouse.db")
	}
	v, err := vault.LoadOrCreate(filepath.Join(c.Data, "master.key"))
	if err != nil {
		return nil, err
	}
	key, err := audit.LoadOrCreateKey(filepath.Join(c.Data, "audit.key"), "gatehouse-audit")
	if err != nil {
		return nil, fmt.Errorf("the audit signing key: %w", err)
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{Service: object.New(db, v, c.Log), Key: key, config: c, db: db}
	cp.Service.Groups = provisioning.GroupNames
	if err := cp.protectAudit(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return cp, nil
}

// protectAudit makes the database refuse changes of sealed rows.
func (cp *ControlPlane) protectAudit(ctx context.Context) error {
	err := cp.db.Write(ctx, func(tx *store.Tx) error {
		if tx.Dialect() == store.Postgres {
			// Replicas that start together would trip over each other's DDL.
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7203115002)`); err != nil {
				return err
			}
		}
		for _, ddl := range audit.TriggerDDL(string(tx.Dialect())) {
			if _, err := tx.ExecContext(ctx, ddl); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("protecting the audit log: %w", err)
	}
	return nil
}

func (cp *ControlPlane) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cp.config.Address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	cp.listener = l
	tcp, isTCP := l.Addr().(*net.TCPAddr)
	if cp.config.TLS == nil && (!isTCP || !tcp.IP.IsLoopback()) {
		return errors.Join(fmt.Errorf("%s is not a loopback address: give a certificate (--tls-cert, --tls-key)", l.Addr()), l.Close())
	}
	cp.BaseURL = cp.config.BaseURL
	if cp.BaseURL == "" {
		scheme := "http"
		if cp.config.TLS != nil {
			scheme = "https"
		}
		cp.BaseURL = scheme + "://" + l.Addr().String()
	}
	return nil
}

func (cp *ControlPlane) serveWith(ctx context.Context) error {
	cp.Service.BaseURL = cp.BaseURL
	var measure func(http.Handler) http.Handler
	if cp.config.Metrics != "" {
		var err error
		if cp.metrics, err = newMetrics(ctx, cp.config.Metrics); err != nil {
			return err
		}
		measure = cp.metrics.measure
	}
	bridge, err := cp.mountSCIM()
	if err != nil {
		return fmt.Errorf("mounting SCIM: %w", err)
	}
	mounts := web.New(web.Options{Service: cp.Service, BaseURL: cp.BaseURL, Log: cp.config.Log}).Mounts()
	mounts["/scim/v2/"], mounts["/scim/v2"], mounts["/scim/"] = bridge, bridge, bridge // without a version: RFC 7644 section 3.13
	cp.Server = server.New(server.Options{Measure: measure, RequestsPerSecond: cp.config.RequestsPerSecond, TrustedProxies: cp.config.TrustedProxies, Service: cp.Service, Key: &cp.Key, BaseURL: cp.BaseURL, Log: cp.config.Log, Mounts: mounts, Push: cp.config.Push})
	dialect, err := audit.ParseDialect(string(cp.db.Dialect()))
	if err != nil {
		return err
	}
	cp.sealer = &audit.Sealer{DB: cp.db.SQL(), Dialect: dialect, Key: cp.Key, Interval: cp.config.SealInterval, Logger: cp.config.Log}
	return nil
}

// Run serves until the context ends.
func (cp *ControlPlane) Run(ctx context.Context) error {
	jobs, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { cp.sealer.Run(jobs) })
	wg.Go(func() { cp.purge(jobs) })
	if cp.config.Mail != nil {
		wg.Go(func() { (&notice.Worker{Service: cp.Service, Mail: cp.config.Mail}).Run(jobs) })
	}
	if cp.config.Push != nil {
		wg.Go(func() { (&secevent.Worker{Service: cp.Service, Client: cp.config.Push}).Run(jobs) })
	}
	wg.Go(func() { cp.enforceSharing(jobs) })
	wg.Go(func() { cp.writeGrantUses(jobs) })
	if cp.metrics != nil {
		wg.Go(func() {
			if err := cp.metrics.serve(jobs); err != nil && !errors.Is(err, http.ErrServerClosed) {
				cp.config.Log.Error("serving metrics", "error", err)
			}
		})
	}
	err := cp.Server.Listen(ctx, cp.listener, cp.config.TLS)
	stop()
	wg.Wait()
	// What was committed in the last second is sealed before the lights go out.
	if _, sealErr := cp.sealer.Seal(context.WithoutCancel(ctx)); sealErr != nil {
		cp.config.Log.Warn("sealing the last events", "error", sealErr)
	}
	return err
}

// purge deletes, at the start and every hour, what closed workspaces have left (C089),
// shares that nobody approved in time (C055) and provisioning events that were kept long enough (C050).
func (cp *ControlPlane) purge(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		gone, err := workspace.PurgeClosed(ctx, cp.Service)
		if err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "purging closed workspaces", "error", err)
		}
		for _, id := range gone {
			cp.config.Log.InfoContext(ctx, "purged a closed workspace", "workspace", id)
		}
		events, err := provisioning.PurgeEvents(ctx, cp.Service)
		if err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "purging provisioning events", "error", err)
		}
		if events > 0 {
			cp.config.Log.InfoContext(ctx, "purged provisioning events", "events", events)
		}
		if _, err := provisioning.ReleaseWithheld(ctx, cp.Service); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "releasing what was withheld from people in groups", "error", err)
		}
		if err := people.PurgeInvitationLinks(ctx, cp.Service); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "purging invitations", "error", err)
		}
		if _, err := sharing.ExpireRequests(ctx, cp.Service); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "ending requests that nobody decided", "error", err)
		}
		items, err := sharing.PurgeTrash(ctx, cp.Service)
		if err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "emptying the trash", "error", err)
		}
		if items > 0 {
			cp.config.Log.InfoContext(ctx, "purged items in the trash", "items", items)
		}
		if _, err := sharing.PurgeVisits(ctx, cp.Service); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "purging what visitors left", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close closes the database.
func (cp *ControlPlane) Close() error { return cp.db.Close() }

// EnsureOperatorToken makes the operator's token at the first start and leaves it in
// the data folder, readable by the operator alone.
func (cp *ControlPlane) EnsureOperatorToken(ctx context.Context) (path string, err error) {
	path = filepath.Join(cp.config.Data, OperatorTokenFile)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	token, err := signin.IssueOperatorToken(ctx, cp.Service)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keeping the operator token: %w", err)
	}
	return path, nil
}
