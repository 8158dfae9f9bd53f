package secevent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
)

// verdict is what becomes of a token that was sent.
type verdict int

const (
	// accepted: the receiver has it.
	accepted verdict = iota
	// refused: the receiver will never take this one (RFC 8935 §2.3).
	refused
	// failed: it may take it later.
	failed
	// misconfigured: it takes nothing until somebody mends a setting, here or there.
	misconfigured
	// unreachable: nobody answered.
	unreachable
)

// answer is what a receiver said to a token.
type answer struct {
	verdict verdict
	status  int
	text    string        // why not
	after   time.Duration // that the receiver asks to wait
}

// slow are the error codes of RFC 8935 §2.4 that are about keys and settings and not
// about the token: they heal when somebody mends them, or when keys were read anew.
var slow = map[string]bool{"invalid_key": true, "authentication_failed": true, "access_denied": true}

// push sends one token (RFC 8935 §2.1).
func push(ctx context.Context, client *http.Client, address, authorization, token string) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(token))
	if err != nil {
		return answer{verdict: misconfigured, text: "the address is not an https URL"}
	}
	if req.URL.Scheme != "https" {
		return answer{verdict: misconfigured, text: "the address is not an https URL"}
	}
	req.Header.Set("Content-Type", mediaType)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Gatehouse")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{verdict: unreachable, text: line(outbound.Unnamed(err).Error())}
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(res.Body, outbound.MaxAnswer))
	return judge(res, body, authorization)
}

func judge(res *http.Response, body []byte, authorization string) answer {
	a := answer{status: res.StatusCode, text: fmt.Sprintf("the receiver answers %d", res.StatusCode), after: waitOf(res.Header.Get("Retry-After"))}
	var said struct {
		Err         string `json:"err"`
		Description string `json:"description"`
	}
	if json.Unmarshal(body, &said) == nil && said.Err != "" {
		a.text = line(fmt.Sprintf("the receiver answers %d: %s", res.StatusCode, masked(said.Err+" "+said.Description, authorization)))
	}
	switch code := res.StatusCode; {
	case code/100 == 2: // 202 as RFC 8935 §2.2 has it, and those who answer 200 or 204
		return answer{verdict: accepted, status: code}
	case code == http.StatusBadRequest && !slow[said.Err]:
		a.verdict = refused
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code/100 == 5:
		a.verdict = failed
	case code/100 == 3:
		a.verdict, a.text = misconfigured, a.text+", and redirects are not followed"
	default:
		a.verdict = misconfigured
	}
	return a
}

// masked takes out of what a receiver says what it may repeat of the request: the header,
// and whoever the token is about.
func masked(text, authorization string) string {
	words := strings.Fields(text)
	for i, word := range words {
		secret := slices.ContainsFunc(strings.Fields(authorization), func(part string) bool { return len(part) > 6 && strings.Contains(word, part) })
		if secret || strings.Contains(word, "@") {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

const maxWait = time.Hour

// waitOf reads Retry-After in seconds, within bounds; dates are not worth their trouble.
func waitOf(header string) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(header))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 1<<20))*time.Second, maxWait)
}

const maxLine = 300

// line makes what others say fit to be shown: one line of bounded length.
func line(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	return text
}
