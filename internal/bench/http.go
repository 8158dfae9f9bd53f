package main

import (
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// stopwatch tells how long something took: by the clock, or by the processor where
// others use the machine too.
type stopwatch func() time.Duration

func wallClock() time.Duration { return time.Since(started) }

var started = time.Now()

// processorTime is what this process has used, in the program and in the kernel.
// Clients, servers and floors of the HTTP parts all run in it.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return wallClock()
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// requests makes the i-th request of a measurement.
type requests func(i int) (*http.Request, error)

// sender sends requests one after the other on one connection.
type sender struct {
	client *http.Client
	make   requests
	next   int
}

func newSender(make requests) *sender {
	return &sender{make: make, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: time.Minute}}
}

// send sends n of them. Any answer that is not a success ends the measurement.
func (s *sender) send(n int) error {
	for range n {
		req, err := s.make(s.next)
		if err != nil {
			return err
		}
		s.next++
		res, err := s.client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return err
		}
		if res.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s\n%s", req.Method, req.URL.Path, res.Status, tail(body))
		}
	}
	return nil
}

// crowd is how many clients there are where throughput is measured.
const crowd = 8

// together lets several clients send their share at once: what is measured is then
// what the machine can do, and not how long it takes to wake up between two requests.
func together(make requests) func(n int) error {
	senders := [crowd]*sender{}
	for i := range senders {
		senders[i] = newSender(make)
	}
	return func(n int) error {
		var g errgroup.Group
		for _, s := range senders {
			g.Go(func() error { return s.send(max(1, n/crowd)) })
		}
		return g.Wait()
	}
}

// turns is how many turns each side of a comparison has.
const turns = 9

// compare gives the time of one round of each. They take turns, so that both meet
// the same machine, and the median of the turns counts. A first turn of each warms up
// and is not measured.
func (b *bench) compare(rounds int, each ...func(n int) error) ([]time.Duration, error) {
	took := make([][]time.Duration, len(each))
	out := make([]time.Duration, len(each))
	n := max(1, rounds/turns)
	for _, run := range each {
		if err := run(n); err != nil {
			return out, err
		}
	}
	for range turns {
		for i, run := range each {
			start := b.now()
			if err := run(n); err != nil {
				return out, err
			}
			took[i] = append(took[i], (b.now()-start)/time.Duration(n))
		}
	}
	for i := range took {
		out[i] = median(took[i])
	}
	return out, nil
}

func perSecond(per time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(time.Second)/float64(per))
}
