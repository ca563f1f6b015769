// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// size is what was seen with a number of connections.
type size struct {
	n         int
	open      time.Duration // exec to ready
	anonymous int           // KiB, after load
	p50       []time.Duration
	idle      time.Duration // processor time, per minute of idleness
}

// scale looks at the same hub with few and with many connections. Each vend is
// for another one, so that nothing is found in a cache by chance.
func (b *bench) scale() error {
	var seen []size
	for _, n := range b.sizes {
		s, err := b.sized(n)
		if err != nil {
			return err
		}
		seen = append(seen, s)
	}
	small := seen[0]
	for _, s := range seen {
		what := fmt.Sprintf("%d connections: ", s.n)
		if s.n == small.n {
			b.report.note(what+"p50 of a fresh vend", "%s (%s)", ms(median(s.p50)), spread(s.p50, ms))
			b.report.note(what+"processor time per idle minute", "%s", ms(s.idle))
			continue
		}
		over := float64(median(s.p50)) / float64(median(small.p50))
		b.report.add(over <= 1.3, what+fmt.Sprintf("p50 of a fresh vend, over that with %d", small.n), "<= 1.30", "%.2f (%s; %s)", over, ms(median(s.p50)), spread(s.p50, ms))
		b.report.add(s.open <= 2*time.Second, what+"open, exec to ready", "<= 2000 ms", "%s", ms(s.open))
		most := 80
		if s.n > 10_000 {
			most = 150
		}
		b.report.add(s.anonymous <= most<<10, what+"anonymous memory", fmt.Sprintf("<= %d MiB", most), "%s", mib(s.anonymous))
		b.report.add(s.idle-small.idle <= 100*time.Millisecond, what+"processor time per idle minute, beyond the small store's", "noise (100 ms)", "%s (%s)", ms(s.idle-small.idle), ms(s.idle))
	}
	return nil
}

func (b *bench) sized(n int) (size, error) {
	h, err := b.house(fmt.Sprintf("scale-%d", n), "")
	if err != nil {
		return size{}, err
	}
	h.use(filepath.Join(b.stores, fmt.Sprint(n)))
	if err := h.fill(n); err != nil {
		return size{}, err
	}
	key, err := h.seeded()
	if err != nil {
		return size{}, err
	}
	hub, err := h.serve()
	if err != nil {
		return size{}, err
	}
	defer func() { _ = hub.stop() }()
	s := size{n: n, open: hub.ready}
	l := load{url: hub.url, key: key, integration: "openid", users: n}
	if err := b.known(l); err != nil {
		return size{}, err
	}
	l.round(1, b.length)
	for range b.rounds {
		f := l.round(1, b.length)
		if f.errors > 0 {
			return size{}, f.first
		}
		s.p50 = append(s.p50, f.p50)
	}
	time.Sleep(5 * time.Second) // until what the load left is done
	before, err1 := hub.cpu()
	time.Sleep(b.idle)
	after, err2 := hub.cpu()
	s.idle = time.Duration(float64(after-before) * float64(time.Minute) / float64(b.idle))
	var err3 error
	s.anonymous, err3 = hub.memory("RssAnon")
	return s, errors.Join(err1, err2, err3)
}
