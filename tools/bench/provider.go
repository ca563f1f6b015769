// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// provider is an OpenID provider with nothing but a token endpoint, which takes
// its time.
type provider struct {
	*httptest.Server
	latency atomic.Int64
	asked   atomic.Int64
}

func newProvider(latency time.Duration) *provider {
	p := &provider{}
	p.latency.Store(int64(latency))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		select {
		case <-time.After(time.Duration(p.latency.Load())):
		case <-r.Context().Done():
			return
		}
		answer(w, map[string]any{"access_token": rand.Text(), "refresh_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600})
	})
	p.Server = httptest.NewServer(mux)
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
