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
	open      time.Duration   // exec to ready
	anonymous int             // KiB, after load
	p50       []time.Duration // of draws for the same few
	far       []time.Duration // of draws for anybody
	idle      time.Duration   // processor time, per minute of idleness
}

// few are the users for whom is drawn in a store of any size.
const few = 100

// scale puts the same load on a hub with few connections and with many: draws for
// a hundred users. Beside it stands what a draw takes whose connection is any of
// all, so that in a large store it was never drawn before and is found, opened
// and decoded.
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
			b.report.note(what+"p50 of a fresh vend", "%s (%s)", fine(median(s.p50)), spread(s.p50, fine))
			b.report.note(what+"processor time per idle minute", "%s", ms(s.idle))
			continue
		}
		over := float64(median(s.p50)) / float64(median(small.p50))
		b.report.add(over <= 1.3, what+fmt.Sprintf("p50 of a fresh vend, over that with %d", small.n), "<= 1.30", "%.2f (%s; %s)", over, fine(median(s.p50)), spread(s.p50, fine))
		b.report.note(what+"... where each is of any of them", "%.2f (%s; %s)", float64(median(s.far))/float64(median(small.p50)), fine(median(s.far)), spread(s.far, fine))
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
	near := load{url: hub.url, key: key, integration: "openid", users: few}
	far := near
	far.users = n
	if err := b.known(near); err != nil {
		return size{}, err
	}
	far.round(1, b.length)
	for range b.rounds {
		f, g := near.round(1, b.length), far.round(1, b.length)
		if err := errors.Join(f.first, g.first); err != nil {
			return size{}, err
		}
		s.p50, s.far = append(s.p50, f.p50), append(s.far, g.p50)
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
