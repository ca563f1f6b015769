// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// provider is an OpenID provider with nothing but a token endpoint, which takes
// its time. It is a process of its own, as real ones are: in that of the clients
// it would wait for its turn among a thousand of them.
//
//	bench provider LISTEN LATENCY
func provider(args []string) error {
	latency, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	issuer := "http://" + args[0]
	var asked, last atomic.Int64
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /asked", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, asked.Load()) })
	http.HandleFunc("GET /last", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, last.Load()) })
	http.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	http.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		last.Store(time.Now().UnixNano())
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return
		}
		answer(w, map[string]any{"access_token": rand.Text(), "refresh_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600})
	})
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	return http.Serve(l, nil)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// startProvider starts a provider whose answers take a while.
func startProvider(latency time.Duration) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(nil, self, "/health", func(listen string) []string { return []string{"provider", listen, latency.String()} })
}

// asked is how many tokens a provider was asked for.
func (p *process) asked() (int, error) { return p.number("/asked") }

// last is when that was for the last time.
func (p *process) last() (time.Time, error) {
	ns, err := p.number("/last")
	return time.Unix(0, int64(ns)), err
}

func (p *process) number(path string) (int, error) {
	resp, err := http.Get(p.url + path)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}
