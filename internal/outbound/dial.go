package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrInside is wrapped by the refusal of an address inside of the operator's network.
var ErrInside = errors.New("the address is private, local or reserved; messages are sent to public addresses only")

// reserved are the blocks that netip does not name by itself (RFC 6890).
var reserved = func() []netip.Prefix {
	var out []netip.Prefix
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"100::/64", "2001::/23", "2001:db8::/32",
		// What wraps an IPv4 address and would be unwrapped on the way.
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96",
	} {
		out = append(out, netip.MustParsePrefix(block))
	}
	return out
}()

// Public reports whether an address lies outside, in the internet.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return false
	}
	for _, block := range reserved {
		if block.Contains(addr) {
			return false
		}
	}
	return true
}

// dialer connects to public addresses only. The address is checked when it is
// connected to, after the name was resolved: what a name says to a check and what it
// says to the connection can differ (DNS rebinding).
func (o Options) dialer() *net.Dialer {
	return &net.Dialer{
		Timeout: 5 * time.Second, Resolver: o.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" {
				return ErrInside
			}
			if o.AllowLoopback && at.Addr().Unmap().IsLoopback() || Public(at.Addr()) {
				return nil
			}
			return ErrInside
		},
	}
}
