package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded bounds how many hops of X-Forwarded-For are looked at.
const maxForwarded = 20

// Behind gives requests that come through a trusted proxy the address of whom the proxy
// speaks for. Every limit, CIDR check and audit event goes by it; without a trusted
// proxy the header is what anybody may write, and is not looked at.
func Behind(trusted []netip.Prefix, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	trusts := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && trusts(peer.Addr().Unmap().WithZone("")) {
			if client, ok := forwardedFor(r.Header.Values("X-Forwarded-For"), trusts); ok {
				r = r.WithContext(r.Context())
				r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedFor reads the chain from its end, where the trusted proxies wrote: the first
// address that is not theirs is the client. What lies before it is the client's word.
func forwardedFor(values []string, trusts func(netip.Addr) bool) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(values, ","), ",")
	for n := 0; n < len(hops) && n < maxForwarded; n++ {
		hop := strings.TrimSpace(hops[len(hops)-1-n])
		addr, err := netip.ParseAddr(hop)
		if err != nil {
			ap, err := netip.ParseAddrPort(hop)
			if err != nil {
				return netip.Addr{}, false
			}
			addr = ap.Addr()
		}
		if addr = addr.Unmap().WithZone(""); !trusts(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}
