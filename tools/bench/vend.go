// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// serving is a hub with connections and an app.
func (b *bench) serving(name, slow string, n int) (*house, *process, load, error) {
	h, err := b.house(name, slow)
	if err != nil {
		return nil, nil, load{}, err
	}
	if err := h.fill(n); err != nil {
		return nil, nil, load{}, err
	}
	if slow != "" {
		// Good for 20 minutes: nothing for the background yet, and too little
		// for who asks for more.
		if err := h.fill(100, "-integration", "slow", "-left", "20m"); err != nil {
			return nil, nil, load{}, err
		}
	}
	key, err := h.seeded()
	if err != nil {
		return nil, nil, load{}, err
	}
	p, err := h.serve()
	if err != nil {
		return nil, nil, load{}, err
	}
	l := load{url: p.url, key: key, integration: "openid", users: n}
	return h, p, l, b.known(l)
}

// record keeps the hub's answer for the baseline to give.
func (b *bench) record(l load) (string, error) {
	req, err := http.NewRequest(http.MethodPost, l.url+"/data-integrations/openid/token", strings.NewReader(`{"user_id":"user-0"}`))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+l.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	resp.Header.Del("Date")
	resp.Header.Del("Content-Length")
	var out bytes.Buffer
	if err := resp.Header.Write(&out); err != nil {
		return "", err
	}
	out.WriteString("\r\n")
	if _, err := io.Copy(&out, resp.Body); err != nil {
		return "", err
	}
	path := filepath.Join(b.work, "answer")
	return path, os.WriteFile(path, out.Bytes(), 0o600)
}

// vend compares a fresh vend with the least that could answer it. The rounds
// alternate, so that whatever else the machine does falls on both.
func (b *bench) vend() error {
	_, hub, l, err := b.serving("vend", "", 100)
	if err != nil {
		return err
	}
	defer func() { _ = hub.stop() }()
	answer, err := b.record(l)
	if err != nil {
		return err
	}
	bare, err := b.startBaseline(answer, l.key)
	if err != nil {
		return err
	}
	defer func() { _ = bare.stop() }()
	other := l
	other.url = bare.url
	for _, n := range []int{1, 16, 64, 256} {
		other.round(n, b.length/4) // warm both
		l.round(n, b.length/4)
		var rates, tails, hubs, bares, work []float64
		var p99 []time.Duration
		failed := 0
		for range b.rounds {
			theirs, least, err1 := bare.working(func() figures { return other.round(n, b.length) })
			ours, most, err2 := hub.working(func() figures { return l.round(n, b.length) })
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			work = append(work, most/least)
			rates, tails = append(rates, ours.rate/theirs.rate), append(tails, float64(ours.p99)/float64(theirs.p99))
			hubs, bares, p99 = append(hubs, ours.rate), append(bares, theirs.rate), append(p99, ours.p99)
			failed += ours.errors
		}
		what := fmt.Sprintf("fresh vend, %d connections: ", n)
		b.report.add(median(rates) >= 0.5, what+"throughput, of a bare handler's", ">= 0.50 (aim 0.80)", "%.2f (%s; %.0f/s, %.0f/s)", median(rates), spread(rates, ratio), median(hubs), median(bares))
		b.report.add(median(tails) <= 2, what+"p99, over a bare handler's", "<= 2.00", "%.2f (%s; %s)", median(tails), spread(tails, ratio), ms(median(p99)))
		b.report.note(what+"the hub's processor time, of a bare handler's", "%.2f", median(work))
		if n == 256 {
			b.report.add(failed == 0, what+"errors", "0", "%d", failed)
		}
	}
	return nil
}

// working is the processor time per answer, in seconds, of a server under load.
// Other work of the machine changes it less than it does the answers' times.
func (p *process) working(round func() figures) (f figures, each float64, err error) {
	before, err1 := p.cpu()
	begin := time.Now()
	f = round()
	took := time.Since(begin).Seconds()
	after, err2 := p.cpu()
	return f, (after - before).Seconds() / (f.rate * took), errors.Join(err1, err2)
}

// trouble looks at the others' p99 while one provider hangs, and while clients
// hold half a request.
func (b *bench) trouble() error {
	slow, err := startProvider(5 * time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = slow.stop() }()
	_, hub, l, err := b.serving("trouble", slow.url, 100)
	if err != nil {
		return err
	}
	defer func() { _ = hub.stop() }()
	const n = 8
	l.round(n, b.length/4)
	var alone, hanging, holding []time.Duration
	failed, halfOpen := 0, 0
	for range b.rounds {
		quiet := l.round(n, b.length)
		held := half(hub.url, 100)
		halfOpen = len(held)
		halves := l.round(n, b.length)
		for _, c := range held {
			_ = c.Close()
		}
		stop := make(chan struct{})
		var waiting sync.WaitGroup
		for i := range n {
			waiting.Go(func() { hang(l, i, stop) })
		}
		hung := l.round(n, b.length)
		close(stop)
		waiting.Wait()
		alone, hanging, holding = append(alone, quiet.p99), append(hanging, hung.p99), append(holding, halves.p99)
		failed += quiet.errors + hung.errors + halves.errors
	}
	b.report.note("fresh vend, 8 connections: p99 alone", "%s (%s)", ms(median(alone)), spread(alone, ms))
	more := func(what string, p99 []time.Duration, with string) {
		d := median(p99) - median(alone)
		b.report.add(d <= 10*time.Millisecond, "... more while "+what, "<= 10 ms", "%s (%s in all; %s)", ms(d), spread(p99, ms), with)
	}
	asked, err := slow.asked()
	if err != nil {
		return err
	}
	more("another provider hangs for 5 s", hanging, fmt.Sprintf("%d calls to it", asked))
	more("100 clients hold half a request", holding, fmt.Sprintf("%d of them", halfOpen))
	b.report.add(failed == 0, "... errors", "0", "%d", failed)
	return nil
}

// wanting is a request for which the tokens of the slow provider are too old.
func wanting(l load) load {
	l.integration, l.minTTL = "slow", 25*60
	return l
}

// hang asks for tokens of the provider that hangs, one user after the other.
func hang(l load, first int, stop <-chan struct{}) {
	client := &http.Client{Timeout: time.Second}
	for user := first; user < 100; user += 8 {
		select {
		case <-stop:
			return
		default:
			_ = wanting(l).vendTo(client, user) // it takes five seconds, and nobody waits for it
		}
	}
}

// half opens connections that send half of a request and wait.
func half(url string, n int) []net.Conn {
	host := strings.TrimPrefix(url, "http://")
	var out []net.Conn
	for range n {
		c, err := net.Dial("tcp", host)
		if err != nil {
			continue
		}
		fmt.Fprintf(c, "POST /data-integrations/openid/token HTTP/1.1\r\nHost: %s\r\nContent-Le", host)
		out = append(out, c)
	}
	return out
}

// burst sends 1,000 callers of one token that has to be renewed, at once.
func (b *bench) burst() error {
	const latency, callers = 200 * time.Millisecond, 1000
	slow, err := startProvider(latency)
	if err != nil {
		return err
	}
	defer func() { _ = slow.stop() }()
	_, hub, l, err := b.serving("burst", slow.url, 10)
	if err != nil {
		return err
	}
	defer func() { _ = hub.stop() }()
	l = wanting(l)
	if err := l.vendTo(http.DefaultClient, 0); err != nil { // the plugin is warm after that
		return err
	}
	fresh := l
	fresh.minTTL = 0
	var all []*caller
	for range callers {
		c, err := newCaller(l)
		if err != nil {
			return err
		}
		defer func() { _ = c.conn.Close() }()
		all = append(all, c)
	}
	var took, until []time.Duration
	before, err := slow.asked()
	if err != nil {
		return err
	}
	for n := range b.rounds {
		if _, err := together(all, fresh, 0); err != nil { // the connections are known
			return err
		}
		begin := time.Now()
		d, err := together(all, l, n+1)
		if err != nil {
			return err
		}
		called, err := slow.last()
		if err != nil {
			return err
		}
		took, until = append(took, d), append(until, called.Sub(begin))
	}
	after, err := slow.asked()
	if err != nil {
		return err
	}
	asked := float64(after-before) / float64(b.rounds)
	b.report.add(asked == 1, fmt.Sprintf("%d callers of one stale token: calls to the provider", callers), "1", "%.2g", asked)
	b.report.add(median(took) <= latency+50*time.Millisecond, "... all are answered within the provider's 200 ms and", "<= 50 ms", "%s (%s in all)", ms(median(took)-latency), spread(took, ms))
	b.report.note("... until the provider is called", "%s (%s)", ms(median(until)), spread(until, ms))
	return nil
}

// together lets all callers ask for the token of a user at once, and returns how
// long it took until the last had it.
func together(all []*caller, l load, user int) (time.Duration, error) {
	raw, err := l.raw(user)
	if err != nil {
		return 0, err
	}
	errs := make(chan error, len(all))
	begin := time.Now()
	for _, c := range all {
		go func() { errs <- c.ask(raw) }()
	}
	for range all {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return time.Since(begin), err
}
