// SPDX-License-Identifier: Apache-2.0

// Command load sends the same vend to two servers in turn, over keep-alive
// connections, and prints the first as a ratio of the second.
//
//	load -key FILE -seconds 2 -rounds 5 HUB-URL BASELINE-URL
//
// The rounds alternate, so that whatever else the machine does falls on both.
// Of the rounds' ratios the median is printed.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// figures are the outcome of one round at one server.
type figures struct {
	rate   float64 // answers per second
	p50    time.Duration
	p99    time.Duration
	errors int
}

func main() {
	keyFile := flag.String("key", "", "file with the key")
	seconds := flag.Float64("seconds", 2, "length of a round")
	rounds := flag.Int("rounds", 5, "rounds at each server")
	flag.Parse()
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		log.Fatal(err)
	}
	hub, baseline := flag.Arg(0), flag.Arg(1)
	length := time.Duration(*seconds * float64(time.Second))
	fmt.Printf("%11s  %10s  %10s  %8s  %9s  %9s  %8s  %s\n", "connections", "hub /s", "bare /s", "ratio", "hub p99", "bare p99", "ratio", "errors")
	for _, n := range []int{1, 16, 64, 256} {
		var a, b []figures
		round(baseline, string(key), n, length/4) // warm both
		round(hub, string(key), n, length/4)
		for range *rounds {
			b = append(b, round(baseline, string(key), n, length))
			a = append(a, round(hub, string(key), n, length))
		}
		var rates, tails []float64
		failed := 0
		for i := range a {
			rates = append(rates, a[i].rate/b[i].rate)
			tails = append(tails, float64(a[i].p99)/float64(b[i].p99))
			failed += a[i].errors
		}
		am, bm := middle(a), middle(b)
		fmt.Printf("%11d  %10.0f  %10.0f  %8.2f  %9s  %9s  %8.2f  %d\n", n, am.rate, bm.rate, median(rates), am.p99.Round(10*time.Microsecond), bm.p99.Round(10*time.Microsecond), median(tails), failed)
	}
}

// round runs n connections for a while.
func round(url, key string, n int, d time.Duration) figures {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n}}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(d)
	var mu sync.Mutex
	var all []time.Duration
	failed := 0
	var group sync.WaitGroup
	begin := time.Now()
	for range n {
		group.Go(func() {
			var mine []time.Duration
			bad := 0
			for time.Now().Before(deadline) {
				start := time.Now()
				if err := vend(client, url, key); err != nil {
					bad++
					continue
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, mine...), failed+bad
		})
	}
	group.Wait()
	if len(all) == 0 {
		log.Fatalf("%s gave no answer at all", url)
	}
	slices.Sort(all)
	return figures{float64(len(all)) / time.Since(begin).Seconds(), all[len(all)/2], all[len(all)*99/100], failed}
}

func vend(client *http.Client, url, key string) error {
	req, err := http.NewRequest(http.MethodPost, url+"/data-integrations/github/token", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(key))
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func middle(f []figures) figures {
	slices.SortFunc(f, func(a, b figures) int { return int(a.rate - b.rate) })
	return f[len(f)/2]
}
