// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// load is a kind of request.
type load struct {
	url, key    string
	integration string
	users       int // of whom one is drawn for at random
	minTTL      int // seconds; 0: as it is
}

// figures are the outcome of one round.
type figures struct {
	rate     float64 // answers per second
	p50, p99 time.Duration
	errors   int
	first    error
}

func newClient(n int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n}}
}

// round runs n keep-alive connections for a while.
func (l load) round(n int, d time.Duration) figures {
	client := newClient(n)
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(d)
	var mu sync.Mutex
	var all []time.Duration
	var f figures
	var group sync.WaitGroup
	begin := time.Now()
	for range n {
		group.Go(func() {
			var mine []time.Duration
			for time.Now().Before(deadline) {
				start := time.Now()
				if err := l.vend(client); err != nil {
					mu.Lock()
					f.errors, f.first = f.errors+1, err
					mu.Unlock()
					continue
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	group.Wait()
	f.rate = float64(len(all)) / time.Since(begin).Seconds()
	if len(all) > 0 {
		slices.Sort(all)
		f.p50, f.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return f
}

// vend draws one token, for anybody.
func (l load) vend(client *http.Client) error { return l.vendTo(client, rand.IntN(max(l.users, 1))) }

func (l load) vendTo(client *http.Client, user int) error {
	req, err := l.request(user)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return drawn(resp)
}

func (l load) request(user int) (*http.Request, error) {
	body := fmt.Sprintf(`{"user_id":"user-%d"}`, user)
	if l.minTTL > 0 {
		body = fmt.Sprintf(`{"user_id":"user-%d","min_ttl":%d}`, user, l.minTTL)
	}
	req, err := http.NewRequest(http.MethodPost, l.url+"/data-integrations/"+l.integration+"/token", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+l.key)
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// drawn is nil for an answer with a token.
func drawn(resp *http.Response) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(b), `"active":true`) {
		return fmt.Errorf("status %d: %.300s", resp.StatusCode, b)
	}
	return nil
}

// caller is a program with a connection of its own. Of a thousand who call at once,
// http.Client would take as long as the hub.
type caller struct {
	conn   net.Conn
	answer *bufio.Reader
}

func newCaller(l load) (*caller, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		return nil, err
	}
	return &caller{conn, bufio.NewReader(conn)}, nil
}

// ask sends a request that was made before.
func (c *caller) ask(raw []byte) error {
	if _, err := c.conn.Write(raw); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return err
	}
	return drawn(resp)
}

// raw is a request as it goes over the wire.
func (l load) raw(user int) ([]byte, error) {
	req, err := l.request(user)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = req.Write(&b)
	return b.Bytes(), err
}
