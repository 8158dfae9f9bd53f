package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// throng is how many clients change one group at the same time.
const throng = 32

// sync measures the first synchronisation of a large directory against the built
// binary: how fast it is, what the server holds in memory, and whether all of it is
// there afterwards. A tenth of it goes through a door in a process of its own as well.
func (b *bench) sync(ctx context.Context) error {
	floor, closeFloor, err := b.storeFloor(ctx)
	if err != nil {
		return err
	}
	defer closeFloor()
	users, groups := b.size(100_000, 2000), b.size(10_000, 200)
	if err := b.syncThrough(ctx, "sync", false, users, groups, floor); err != nil {
		return err
	}
	return b.syncThrough(ctx, "sync-api", true, users/10, groups/10, floor)
}

// synchronisation is one of them under way.
type synchronisation struct {
	*bench
	*pusher
	label string
	now   stopwatch
	floor func(n int) error
	peaks map[*process][]string // what each held at its highest, after each phase
}

func (b *bench) syncThrough(ctx context.Context, name string, apart bool, users, groups int, floor func(n int) error) error {
	p, stop, err := b.newPusher(ctx, name, apart)
	if err != nil {
		return err
	}
	defer stop()
	p.users, p.groups, p.members = make([]string, users), make([]string, groups), make([]map[string]bool, groups)
	s := &synchronisation{bench: b, pusher: p, label: "SCIM sync", floor: floor, now: p.stopwatch(b), peaks: map[*process][]string{}}
	if apart {
		s.label = "SCIM sync through scim --api"
	}
	defer s.tellMemory() // also of what was cut short
	for _, phase := range []struct {
		name string
		run  func(context.Context) error
	}{{"users", s.pushUsers}, {"groups", s.pushGroups}, {"lists", s.lists}, {"large PATCH", s.largePatch}, {"one group", s.oneGroup}} {
		if err := phase.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		s.remember(phase.name)
	}
	return nil
}

// stopwatch is the bench's. Where that counts processor time, the servers' counts too.
func (p *pusher) stopwatch(b *bench) stopwatch {
	if !b.processor {
		return b.now
	}
	return func() time.Duration {
		took := b.now()
		for _, server := range p.processes() {
			took += server.processor()
		}
		return took
	}
}

// storeTogether is the store floor with as many writers as there are clients.
func (s *synchronisation) storeTogether(clients, n int) error {
	var g errgroup.Group
	for range clients {
		g.Go(func() error { return s.floor(max(1, n/clients)) })
	}
	return g.Wait()
}

// pace is how long things took in all, per one of them, per one of the floor, and per
// one of the floor with a single writer, who shares no commit with anybody.
type pace struct {
	all, per, floor, alone, first, last time.Duration
}

// inTurns does n things in tenths, each after a turn of the floor, so that both meet the
// same machine at the same time. The floor's first turn comes twice and warms up.
func (s *synchronisation) inTurns(ctx context.Context, clients, n int, do func(ctx context.Context, i int) error) (pace, error) {
	const tenths = 10
	var out pace
	// Long enough to measure, and little against what is measured.
	rounds := max(clients*10, min(2000, n/tenths/5))
	measure := func(clients, n int) (time.Duration, error) {
		start := s.bench.now()
		err := s.storeTogether(clients, n)
		return (s.bench.now() - start) / time.Duration(n/clients*clients), err
	}
	if _, err := measure(clients, rounds); err != nil {
		return out, err
	}
	var floors, alone []time.Duration
	for turn := range tenths {
		together, err := measure(clients, rounds)
		if err != nil {
			return out, err
		}
		one, err := measure(1, max(10, rounds/clients))
		if err != nil {
			return out, err
		}
		floors, alone = append(floors, together), append(alone, one)
		from, to := n*turn/tenths, n*(turn+1)/tenths
		if from == to {
			continue
		}
		start := s.now()
		if err := each(ctx, clients, from, to, do); err != nil {
			return out, err
		}
		took := s.now() - start
		out.all += took
		out.last = took / time.Duration(to-from)
		if turn == 0 {
			out.first = out.last
		}
	}
	out.per, out.floor, out.alone = out.all/time.Duration(n), median(floors), median(alone)
	return out, nil
}

func (s *synchronisation) pushUsers(ctx context.Context) error {
	n := len(s.users)
	took, err := s.inTurns(ctx, crowd, n, s.pushUser)
	if err != nil {
		return err
	}
	s.add(fmt.Sprintf("%s, %d users, %d clients", s.label, n, crowd),
		fmt.Sprintf("%s, %s", took.all.Round(time.Millisecond), perSecond(took.per)),
		perSecond(took.floor)+" (store, as many writers, who share commits)", ratio(took.floor, took.per), "-")
	s.add("  against one writer", perSecond(took.per), perSecond(took.alone)+" (store, one commit each)", ratio(took.alone, took.per), "-")
	s.add("  last tenth against first", took.last.Round(time.Microsecond).String(), took.first.Round(time.Microsecond).String(), ratio(took.last, took.first), "-")
	return nil
}

func (s *synchronisation) pushGroups(ctx context.Context) error {
	n := len(s.groups)
	took, err := s.inTurns(ctx, crowd, n, s.pushGroup)
	if err != nil {
		return err
	}
	each := took.per / groupRequests
	s.add(fmt.Sprintf("%s, %d groups of %d, %d requests each", s.label, n, groupMembers, groupRequests),
		fmt.Sprintf("%s, %s, %s requests", took.all.Round(time.Millisecond), perSecond(took.per), perSecond(each)),
		perSecond(took.floor)+" (store, per request)", ratio(took.floor, each), "-")
	s.add("  last tenth against first", took.last.Round(time.Microsecond).String(), took.first.Round(time.Microsecond).String(), ratio(took.last, took.first), "-")
	return nil
}

// lists reads everybody in both ways, then every group with its members, and compares
// with what was pushed.
func (s *synchronisation) lists(ctx context.Context) error {
	want := map[string]bool{}
	for _, id := range s.users {
		want[id] = true
	}
	for _, way := range []struct {
		name  string
		count int
		read  func(context.Context, string, int, func(*listed)) error
	}{{"index", 100, s.byIndex}, {"cursor", 1000, s.byCursor}} {
		is, seen, total := map[string]bool{}, 0, 0
		start := s.now()
		if err := way.read(ctx, "/Users", way.count, func(page *listed) {
			total = page.Total
			for _, u := range page.Resources {
				is[u.ID] = true
				seen++
			}
		}); err != nil {
			return err
		}
		took := s.now() - start
		verdict := difference(want, is)
		if seen != len(is) || total != len(want) {
			verdict += fmt.Sprintf(", %d listed twice, totalResults %d", seen-len(is), total)
		}
		s.add(fmt.Sprintf("%s, list of all users by %s, pages of %d", s.label, way.name, way.count),
			fmt.Sprintf("%s, %s, %s", took.Round(time.Millisecond), perSecond(took/time.Duration(max(1, seen))), verdict), "-", "-", "nothing lost")
	}
	want, is := map[string]bool{}, map[string]bool{}
	for i, members := range s.members {
		for m := range members {
			want[s.groups[i]+" "+m] = true
		}
	}
	groups := 0
	start := s.now()
	if err := s.byIndex(ctx, "/Groups", 100, func(page *listed) {
		groups += len(page.Resources)
		for _, g := range page.Resources {
			for _, m := range g.Members {
				is[g.ID+" "+m.Value] = true
			}
		}
	}); err != nil {
		return err
	}
	took := s.now() - start
	s.add(fmt.Sprintf("%s, list of all groups with members", s.label),
		fmt.Sprintf("%s, %d of %d groups, %d memberships, %s", took.Round(time.Millisecond), groups, len(s.groups), len(is), difference(want, is)), "-", "-", "nothing lost")
	return nil
}

// difference compares what is with what was pushed.
func difference(want, is map[string]bool) string {
	lost, strange := 0, 0
	for id := range want {
		if !is[id] {
			lost++
		}
	}
	for id := range is {
		if !want[id] {
			strange++
		}
	}
	if lost+strange == 0 {
		return "nothing lost"
	}
	return fmt.Sprintf("%d LOST, %d TOO MANY", lost, strange)
}

// largePatch adds and removes a thousand members, each by an operation of its own, all
// in one request.
func (s *synchronisation) largePatch(ctx context.Context) error {
	n := min(1000, len(s.users))
	group, err := s.newGroup(ctx, "Large PATCH")
	if err != nil {
		return err
	}
	adds, removes, all := make([]string, n), make([]string, n), map[string]bool{}
	for i := range n {
		adds[i], removes[i] = s.oktaAdd(i), s.oktaRemove(i)
		all[s.users[i]] = true
	}
	var added, removed []time.Duration
	verdict := ""
	for range 3 {
		for _, side := range []struct {
			operations []string
			took       *[]time.Duration
			want       map[string]bool
		}{{adds, &added, all}, {removes, &removed, map[string]bool{}}} {
			start := s.now()
			if err := s.patchGroup(ctx, group, side.operations...); err != nil {
				return err
			}
			*side.took = append(*side.took, s.now()-start)
			is, err := s.membersOf(ctx, group)
			if err != nil {
				return err
			}
			if v := difference(side.want, is); verdict == "" || v != "nothing lost" {
				verdict = v
			}
		}
	}
	s.add(fmt.Sprintf("%s, PATCH of %d member operations", s.label, n),
		fmt.Sprintf("add %s, remove %s, %s", median(added).Round(time.Millisecond), median(removed).Round(time.Millisecond), verdict), "-", "-", "nothing lost")
	return nil
}

// oneGroup lets many clients change one group at the same time: each member that it has
// goes, as many others come.
func (s *synchronisation) oneGroup(ctx context.Context) error {
	n := min(throng*s.size(50, 10), len(s.users))
	group, err := s.newGroup(ctx, "One group")
	if err != nil {
		return err
	}
	want := map[string]bool{}
	var before []int
	for i := range n {
		if i%2 == 0 {
			before = append(before, i)
		} else {
			want[s.users[i]] = true
		}
	}
	if err := s.patchGroup(ctx, group, s.entraAdd(before...)); err != nil {
		return err
	}
	took, err := s.inTurns(ctx, throng, n, func(ctx context.Context, i int) error {
		if i%2 == 0 {
			return s.patchGroup(ctx, group, s.oktaRemove(i))
		}
		return s.patchGroup(ctx, group, s.entraAdd(i))
	})
	if err != nil {
		return err
	}
	is, err := s.membersOf(ctx, group)
	if err != nil {
		return err
	}
	s.add(fmt.Sprintf("%s, %d PATCHes of one group, %d clients", s.label, n, throng),
		fmt.Sprintf("%s, %d members, %s", perSecond(took.per), len(is), difference(want, is)),
		perSecond(took.floor)+" (store, as many writers)", ratio(took.floor, took.per), "nothing lost")
	return nil
}

// remember notes what the processes held at their highest so far.
func (s *synchronisation) remember(phase string) {
	for _, p := range s.processes() {
		if m, known := p.memory(); known {
			s.peaks[p] = append(s.peaks[p], fmt.Sprintf("%s %.0f", phase, mebibytes(m.peak)))
		}
	}
}

// tellMemory tells how much memory each process took, against the goal.
func (s *synchronisation) tellMemory() {
	const goal = 256
	for _, p := range s.processes() {
		what, want := s.label+", resident memory of "+p.name, fmt.Sprintf("≤ %d MiB", goal)
		m, known := p.memory()
		if !known {
			s.add(what, "not measured (Linux alone tells)", "-", "-", want)
			continue
		}
		s.add(what, fmt.Sprintf("peak %.0f MiB, now %.0f", mebibytes(m.peak), mebibytes(m.now)), "peak after "+strings.Join(s.peaks[p], ", "), fmt.Sprintf("%.2f", mebibytes(m.peak)/goal), want)
	}
	if n := s.throttled.Load(); n > 0 {
		s.add("  requests answered 429 and sent again", fmt.Sprint(n), "-", "-", "-")
	}
}
