// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// operations are the calls that reach the provider, each with requests that
// work at any time. They make no connection: a fault answers.
func (w *world) operations() map[string]func(context.Context) error {
	exchange := &sdk.ExchangeRequest{
		Target: w.target, ClientSecret: w.clientSecret(), Code: secret.New("a-code-to-be-kept-secret"),
		CodeVerifier: secret.New("a-verifier-to-be-kept-secret-for-ever-and-ever"), RedirectURI: w.cfg.RedirectURI,
	}
	tokens := sdk.TokenSet{AccessToken: secret.New("an-access-token-to-be-kept-secret")}
	refresh := w.refreshRequest(secret.New("a-refresh-token-to-be-kept-secret"))
	w.hide(exchange.Code, exchange.CodeVerifier, tokens.AccessToken, refresh.RefreshToken)
	out := map[string]func(context.Context) error{
		"Exchange": func(ctx context.Context) error {
			_, err := call(ctx, w, "Exchange", w.Exchange, exchange)
			return err
		},
	}
	if w.can(sdk.CanRefresh) {
		out["Refresh"] = func(ctx context.Context) error {
			_, err := call(ctx, w, "Refresh", w.Refresh, refresh)
			return err
		}
	}
	if w.can(sdk.CanIdentify) {
		out["Identify"] = func(ctx context.Context) error {
			_, err := call(ctx, w, "Identify", w.Identify, w.identifyRequest(&tokens))
			return err
		}
	}
	return out
}

// faults are what providers, and what stands before them, answer on bad days.
var faults = map[string]struct {
	answer     http.HandlerFunc
	passing    bool // must be seen to pass
	retryAfter time.Duration
}{
	"500": {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) }, passing: true},
	"502 with a page": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<!doctype html><h1>Bad Gateway</h1>")
	}, passing: true},
	"503 with an OAuth error": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
	}, passing: true},
	"429": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}, passing: true, retryAfter: 7 * time.Second},
	"broken connection": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, passing: true},
	"half an answer": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"access_token":"`)
		panic(http.ErrAbortHandler)
	}, passing: true},
	"nothing": {answer: func(http.ResponseWriter, *http.Request) {}},
	"a page":  {answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>Sign in") }},
	"an array": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[null]`)
	}},
	"wrong types": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":{"a":1},"expires_in":[],"error":7,"id":{},"sub":[]}`)
	}},
	"an endless answer": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"x":"`)
		junk := strings.Repeat("x", 64<<10)
		for range 1024 {
			if _, err := io.WriteString(w, junk); err != nil {
				return
			}
		}
	}},
	"its own request": {answer: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"`+url.QueryEscape(string(body))+" "+
			strings.ReplaceAll(r.Header.Get("Authorization"), `"`, "")+`"}`)
	}},
}

func checkFaults(t *T, w *world) {
	for fault, f := range faults {
		w.gate.set(f.answer)
		for op, do := range w.operations() {
			name := op + " answered by " + fault
			before, _, _ := w.gate.counts()
			err := do(t.Context())
			if after, _, _ := w.gate.counts(); after == before && sdk.CodeOf(err) == sdk.CodeUnsupported {
				continue // this provider does not do it
			}
			if err == nil {
				t.Errorf("%s succeeds", name)
				continue
			}
			allowed := []sdk.Code{sdk.CodeTemporary, sdk.CodeRateLimited}
			if !f.passing {
				allowed = append(allowed, permanent...)
			}
			if e := typed(t, name, err, allowed...); e != nil && e.RetryAfter < f.retryAfter {
				t.Errorf("%s: RetryAfter is %v, want %v", name, e.RetryAfter, f.retryAfter)
			}
		}
	}
}

func checkRedirect(t *T, w *world) {
	followed := make(chan string, 100)
	w.gate.set(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/elsewhere") {
			followed <- r.Method
			return
		}
		http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	for op, do := range w.operations() {
		if err := do(t.Context()); err == nil {
			t.Errorf("%s succeeds on a redirect", op)
		}
	}
	select {
	case <-followed:
		t.Error("a redirect was followed, with all that the request carried")
	default:
	}
}

// checkCancel ends calls that hang. The provider must let go, not only the wire.
func checkCancel(t *T, w *world) {
	arrived, let := make(chan struct{}, 100), make(chan struct{}, 100)
	w.gate.set(func(_ http.ResponseWriter, r *http.Request) {
		// The body has to be read for net/http to see that the client is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
		let <- struct{}{}
	})
	for op, do := range w.operations() {
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan error, 1)
		go func() { returned <- do(ctx) }()
		select {
		case <-arrived:
		case err := <-returned:
			cancel()
			typed(t, op, err, sdk.CodeUnsupported)
			continue
		case <-time.After(patience):
			cancel()
			t.Fatalf("%s does not reach the provider", op)
		}
		cancel()
		select {
		case err := <-returned:
			if err == nil {
				t.Errorf("%s succeeds without an answer", op)
			}
		case <-time.After(patience):
			t.Fatalf("%s does not return when its context ends", op)
		}
		select {
		case <-let:
		case <-time.After(patience):
			t.Errorf("%s goes on with the provider when its context has ended", op)
		}
	}
}

func checkConcurrency(t *T, w *world) {
	tokens := w.connected().Tokens
	const workers = 8
	problems := make(chan error, workers*4)
	var all sync.WaitGroup
	for range workers {
		f := w.newFlow()
		all.Go(func() {
			for range 4 {
				resp, err := try(w, "Authorize", w.Authorize, w.authorizeRequest(f))
				if err != nil {
					problems <- err
				} else if u, err := url.Parse(resp.URL); err != nil || u.Query().Get("state") != f.state {
					problems <- errors.New("the answer has another call's state")
				}
			}
			if w.can(sdk.CanIdentify) {
				if _, err := try(w, "Identify", w.Identify, w.identifyRequest(&tokens)); err != nil && sdk.CodeOf(err) != sdk.CodeUnsupported {
					problems <- err
				}
			}
		})
	}
	all.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
}

// checkLeftovers counts goroutines, which can be done in process only; that no
// connection outlives its call is checked after every case, in every way.
func checkLeftovers(t *T, w *world) {
	tokens := w.connected().Tokens
	run := func() {
		_, _ = try(w, "Authorize", w.Authorize, w.authorizeRequest(w.newFlow()))
		if w.can(sdk.CanRefresh) {
			_, _ = try(w, "Refresh", w.Refresh, w.refreshRequest(tokens.RefreshToken))
		}
		if w.can(sdk.CanIdentify) {
			_, _ = try(w, "Identify", w.Identify, w.identifyRequest(&tokens))
		}
	}
	if !w.direct {
		run()
		return
	}
	// Some that serve the last calls may still be ending; those that a plugin
	// leaves at each of twenty calls are more.
	eventually(func() bool { return w.gate.open() == 0 })
	before := runtime.NumGoroutine()
	for range 20 {
		run()
	}
	if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines stay when the calls have returned:\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
	}
}
