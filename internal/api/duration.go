package api

import (
	"fmt"
	"strconv"
	"time"
)

// Units that ParseDuration knows beside Go's.
const (
	Minute = time.Minute
	Day    = 24 * time.Hour
)

// ParseDuration reads durations as people write them in policies: Go's form, with
// d (24 hours) and w (7 days) as further units: "90d", "1d12h", "30m".
func ParseDuration(s string) (time.Duration, error) {
	if s == "" || len(s) > 32 {
		return 0, fmt.Errorf("%q is not a duration; write e.g. 30m, 12h or 90d", s)
	}
	rest, total := s, time.Duration(0)
	for rest != "" {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		j := i
		for j < len(rest) && (rest[j] < '0' || rest[j] > '9') {
			j++
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		unit, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": Day, "w": 7 * Day}[rest[i:j]]
		if err != nil || !known || (n > 0 && unit > (1<<62)/time.Duration(n)) {
			return 0, fmt.Errorf("%q is not a duration; write e.g. 30m, 12h or 90d", s)
		}
		if total += time.Duration(n) * unit; total > 100*365*Day {
			return 0, fmt.Errorf("%q is longer than 100 years", s)
		}
		rest = rest[j:]
	}
	return total, nil
}
