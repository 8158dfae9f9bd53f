package api

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
)

// Normalise checks a value against a named format and returns it in its one
// written form. message is empty when the value is acceptable; otherwise it says
// what to write instead.
func Normalise(format, s string) (norm, message string) {
	switch format {
	case "":
		return s, ""
	case "slug":
		return normaliseSlug(s)
	case "email":
		return normaliseEmail(s)
	case "path":
		return normalisePath(s)
	case "principal":
		return normalisePrincipal(s)
	case "approver":
		return normaliseApprover(s)
	case "domain":
		return normaliseDomain(s)
	case "cidr":
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return s, fmt.Sprintf("%q is not a network; write e.g. 192.0.2.0/24", s)
		}
		return p.Masked().String(), ""
	case "duration":
		if _, err := ParseDuration(s); err != nil {
			return s, err.Error()
		}
		return s, ""
	case "https_url":
		return normaliseURL(s)
	case "region":
		return strings.ToLower(s), ""
	}
	return s, fmt.Sprintf("the format %q is not known", format)
}

func normaliseSlug(s string) (string, string) {
	low := strings.ToLower(s)
	if len(low) > 63 || low == "" || strings.Trim(low, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || low[0] == '-' || low[len(low)-1] == '-' {
		return s, fmt.Sprintf("%q is not a short name; write up to 63 letters, digits and hyphens, e.g. design-team", s)
	}
	return low, ""
}

func normaliseEmail(s string) (string, string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return s, fmt.Sprintf("%q is not an e-mail address; write e.g. ann@example.com", s)
	}
	return strings.ToLower(s), ""
}

// NormaliseEmail is the one way e-mail addresses are written and compared.
func NormaliseEmail(s string) (string, error) {
	norm, msg := normaliseEmail(s)
	if msg != "" {
		return "", fmt.Errorf("%s", msg)
	}
	return norm, nil
}

func normalisePath(s string) (string, string) {
	if s == "/" {
		return s, ""
	}
	const help = "%q is not an item path; write e.g. /finance/quarterly"
	low := strings.ToLower(s)
	if len(low) > 1024 || !strings.HasPrefix(low, "/") || strings.Count(low, "/") > 32 {
		return s, fmt.Sprintf(help, s)
	}
	for _, seg := range strings.Split(low[1:], "/") {
		if seg == "" || seg == "." || seg == ".." || len(seg) > 100 || strings.Trim(seg, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return s, fmt.Sprintf(help+" (segments of letters, digits, hyphen, underscore and dot)", s)
		}
	}
	return low, ""
}

// PrincipalKinds are the kinds of principal that can be named in a document.
var PrincipalKinds = []string{"member", "service_account", "team", "group", "email"}

// SplitPrincipal takes "member:ann@example.com" apart.
func SplitPrincipal(s string) (kind, key string, ok bool) {
	kind, key, ok = strings.Cut(s, ":")
	return kind, key, ok && key != ""
}

func normalisePrincipal(s string) (string, string) {
	kind, key, ok := SplitPrincipal(s)
	if ok {
		var msg string
		switch kind {
		case "member", "email":
			key, msg = normaliseEmail(key)
		case "team", "service_account":
			key, msg = normaliseSlug(key)
		case "group":
			if len(key) > 255 {
				msg = "the name of the group is too long"
			}
		default:
			msg = "unknown kind"
		}
		if msg == "" {
			return kind + ":" + key, ""
		}
	}
	return s, fmt.Sprintf("%q is not a principal; write e.g. member:ann@example.com, team:design, service_account:ci, group:Finance or email:guest@example.com", s)
}

// normaliseApprover takes principals that can approve, and role:… for all who hold a
// workspace role or a custom role.
func normaliseApprover(s string) (string, string) {
	const help = "%q is not an approver; write e.g. role:admin, member:ann@example.com, team:legal, group:Legal or service_account:bot"
	switch kind, key, ok := SplitPrincipal(s); {
	case ok && kind == "role":
		if key, message := normaliseSlug(key); message == "" && key != "guest" {
			return kind + ":" + key, ""
		}
	case ok && kind != "email":
		if norm, message := normalisePrincipal(s); message == "" {
			return norm, ""
		}
	}
	return s, fmt.Sprintf(help, s)
}

func normaliseDomain(s string) (string, string) {
	low := strings.ToLower(strings.TrimSuffix(s, "."))
	labels := strings.Split(low, ".")
	ok := len(low) <= 253 && len(labels) >= 2
	for _, l := range labels {
		ok = ok && l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-' && strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	if !ok {
		return s, fmt.Sprintf("%q is not a domain; write e.g. example.com", s)
	}
	return low, ""
}

func normaliseURL(s string) (string, string) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return s, fmt.Sprintf("%q is not an https URL; write e.g. https://idp.example.com/sso", s)
	}
	return s, ""
}
