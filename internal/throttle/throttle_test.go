package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/throttle"
)

func TestEmptyBucketSaysHowLongToWait(t *testing.T) {
	b := throttle.New(0.01, 3)
	for i := range 3 {
		if wait := b.Take("a"); wait != 0 {
			t.Fatalf("taking %d of 3 waits %s", i+1, wait)
		}
	}
	for range 2 {
		// One comes every 100 seconds, and asking in vain takes nothing.
		if wait := b.Take("a"); wait < 90*time.Second || wait > 100*time.Second {
			t.Errorf("an empty bucket says %s, want nearly 100s", wait)
		}
	}
	if wait := b.Take("b"); wait != 0 {
		t.Errorf("another name waits %s for it", wait)
	}
}

func TestLookingTakesNothing(t *testing.T) {
	b := throttle.New(0.01, 1)
	for range 3 {
		if wait := b.Wait("a"); wait != 0 {
			t.Fatalf("a full bucket says %s", wait)
		}
	}
	if wait := b.Take("a"); wait != 0 {
		t.Errorf("looking took it: %s", wait)
	}
	if b.Wait("a") == 0 {
		t.Error("an empty bucket says that it is full")
	}
}

func TestManyNamesForgetRatherThanRefuse(t *testing.T) {
	b := throttle.New(0.01, 1)
	b.Take("first")
	for i := range 60_000 {
		if wait := b.Take(fmt.Sprint(i)); wait != 0 {
			t.Fatalf("name %d, met for the first time, waits %s", i, wait)
		}
	}
	if wait := b.Take("first"); wait != 0 {
		t.Errorf("the first name is remembered among 60,000: %s", wait)
	}
}

func TestGuessesAreCountedByNetwork(t *testing.T) {
	g := throttle.NewGuesses()
	g.Note("2001:db8:1:2::1", "good", true)
	for i := range 200 {
		g.Note(fmt.Sprintf("2001:db8:1:2::%x", i), "bad", false)
	}
	for name, c := range map[string]struct {
		address, digest string
		waits           bool
	}{
		"the same /64":                        {"2001:db8:1:2:ffff::9", "other", true},
		"another /64":                         {"2001:db8:1:3::1", "other", false},
		"a secret that counted":               {"2001:db8:1:2::77", "good", false},
		"an IPv4 address":                     {"192.0.2.1", "other", false},
		"what is no address":                  {"", "other", false},
		"the same /64 with a zone of its own": {"2001:db8:1:2::5%eth0", "other", true},
	} {
		if wait := g.Wait(c.address, c.digest); wait > 0 != c.waits {
			t.Errorf("%s waits %s", name, wait)
		}
	}
	g.Note("192.0.2.1", "good", false) // it was revoked
	if g.Wait("2001:db8:1:2::77", "good") == 0 {
		t.Error("a secret that does not count any longer is let past")
	}
}
