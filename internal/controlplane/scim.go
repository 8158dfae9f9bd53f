package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
)

// mountSCIM makes the SCIM door inside of the control plane.
func (cp *ControlPlane) mountSCIM() (http.Handler, error) {
	dir := directory.New(cp.Service)
	observer, err := cp.metrics.observeSCIM(dir)
	if err != nil {
		return nil, err
	}
	return scim.New(scim.Options{Directory: dir, Authenticator: dir, Observer: observer, Throttle: directory.Throttle(cp.config.RequestsPerSecond), Prefix: "/scim/v2", BaseURL: cp.BaseURL + "/scim/v2"})
}

// scimMetrics counts what identity providers send, by connection, and remembers when each
// last succeeded: whoever watches the difference to now sees one that fell silent.
type scimMetrics struct {
	next     scim.Observer
	requests *prometheus.CounterVec
	success  *prometheus.GaugeVec
}

// observeSCIM wraps an observer; without metrics it is the observer itself.
func (m *metrics) observeSCIM(next scim.Observer) (scim.Observer, error) {
	if m == nil {
		return next, nil
	}
	out := &scimMetrics{
		next: next,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_scim_requests_total", Help: "SCIM requests, and operations of bulk requests, by connection and status."},
			[]string{"workspace", "connection", "resource", "method", "status"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_scim_last_success_timestamp_seconds", Help: "When a connection last succeeded."},
			[]string{"workspace", "connection"}),
	}
	for _, c := range []prometheus.Collector{out.requests, out.success} {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("preparing the metrics of SCIM: %w", err)
		}
	}
	return out, nil
}

// Observe counts a request. What strangers send is counted with the rest of HTTP; methods
// that SCIM does not know share one name, so that nobody can make names without end.
func (m *scimMetrics) Observe(ctx context.Context, e scim.Event) {
	m.next.Observe(ctx, e)
	workspace, connection := directory.ConnectionOf(ctx)
	if connection == "" {
		return
	}
	method := e.Request.Method
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(workspace, connection, e.ResourceType, method, strconv.Itoa(e.Status)).Inc()
	if e.Status < http.StatusBadRequest {
		m.success.WithLabelValues(workspace, connection).Set(float64(e.Request.Time.Unix()))
	}
}
