package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesSayWhoAsks(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("192.0.2.0/28")}
	for name, tt := range map[string]struct {
		peer    string
		headers []string
		want    string
	}{
		"no proxy":                       {"198.51.100.7:4711", nil, "198.51.100.7:4711"},
		"a stranger's header":            {"198.51.100.7:4711", []string{"203.0.113.9"}, "198.51.100.7:4711"},
		"through the proxy":              {"127.0.0.1:4711", []string{"203.0.113.9"}, "203.0.113.9:0"},
		"an address that a client wrote": {"127.0.0.1:4711", []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9:0"},
		"two proxies, two headers":       {"127.0.0.1:4711", []string{"203.0.113.9", "192.0.2.3"}, "203.0.113.9:0"},
		"with a port":                    {"127.0.0.1:4711", []string{"[2001:db8::1]:99"}, "[2001:db8::1]:0"},
		"IPv4 in IPv6":                   {"[::ffff:127.0.0.1]:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
		"no address":                     {"127.0.0.1:4711", []string{"203.0.113.9, unknown"}, "127.0.0.1:4711"},
		"proxies only":                   {"127.0.0.1:4711", []string{"192.0.2.3"}, "127.0.0.1:4711"},
		"empty":                          {"127.0.0.1:4711", []string{""}, "127.0.0.1:4711"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			h := Behind(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			for _, v := range tt.headers {
				r.Header.Add("X-Forwarded-For", v)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("the request is from %s; want %s", got, tt.want)
			}
		})
	}
}
