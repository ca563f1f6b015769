// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"time"
)

// start compares the hub's way from exec to ready with that of an empty server.
func (b *bench) start() error {
	h, err := b.house("start", "")
	if err != nil {
		return err
	}
	if err := h.fill(10_000); err != nil {
		return err
	}
	var hub, empty []time.Duration
	for range 3*b.rounds + 1 {
		for _, s := range []struct {
			start func() (*process, error)
			times *[]time.Duration
		}{{h.serve, &hub}, {func() (*process, error) { return b.startBaseline("", "") }, &empty}} {
			p, err := s.start()
			if err != nil {
				return err
			}
			*s.times = append(*s.times, p.ready)
			if err := p.stop(); err != nil {
				return err
			}
		}
	}
	// The first ones read the programs from the disk.
	more := median(hub[1:]) - median(empty[1:])
	b.report.add(more <= 150*time.Millisecond, "serve, exec to ready, 10,000 connections, beyond an empty server", "<= 150 ms", "%s (%s, %s; %s)",
		ms(more), ms(median(hub[1:])), ms(median(empty[1:])), spread(hub[1:], ms))
	return nil
}

// memory is what a small hub takes without a plugin.
func (b *bench) memory() error {
	h, err := b.house("memory", "")
	if err != nil {
		return err
	}
	if err := h.fill(10); err != nil {
		return err
	}
	key, err := h.seeded()
	if err != nil {
		return err
	}
	p, err := h.serve()
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	l := load{url: p.url, key: key, integration: "openid", users: 10}
	if err := b.known(l); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	resident, err1 := p.memory("VmRSS")
	anonymous, err2 := p.memory("RssAnon")
	b.report.add(resident <= 40<<10, "resident memory, 10 connections", "<= 40 MiB", "%s (%s of it anonymous)", mib(resident), mib(anonymous))
	return errors.Join(err1, err2)
}

// seeded makes an app on a hub that is started for it, so that later ones are
// measured fresh.
func (h *house) seeded() (string, error) {
	p, err := h.serve()
	if err != nil {
		return "", err
	}
	key, err := h.addApp()
	return key, errors.Join(err, p.stop())
}

// cli compares the command that scripts call with the least that the program
// does.
func (b *bench) cli() error {
	h, err := b.house("cli", "")
	if err != nil {
		return err
	}
	if err := h.fill(1, "-owner", "me"); err != nil {
		return err
	}
	p, err := h.serve()
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	var ratios []float64
	var tokens, versions []time.Duration
	timed := func(args ...string) (time.Duration, error) {
		begin := time.Now()
		_, err := h.cli(args...)
		return time.Since(begin), err
	}
	for range 10 * b.rounds {
		t, err1 := timed("token", "openid")
		v, err2 := timed("version")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		tokens, versions = append(tokens, t), append(versions, v)
		ratios = append(ratios, float64(t)/float64(v))
	}
	b.report.add(median(ratios) <= 2, "standpipe token, over standpipe version", "<= 2.00", "%.2f (%s; %s, %s)", median(ratios), spread(ratios, ratio), ms(median(tokens)), ms(median(versions)))
	return nil
}

// known waits until a hub vends: it takes a moment to know its plugins.
func (b *bench) known(l load) error {
	client := newClient(1)
	defer client.CloseIdleConnections()
	var err error
	for range 200 {
		if err = l.vend(client); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
