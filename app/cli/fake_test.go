// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// The command line is tested against the real hub elsewhere. Here a handler
// brings the answers that a real one gives rarely.

// testEnv returns an env that writes to buffers.
func testEnv(in string) (e *env, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return &env{IO: IO{In: strings.NewReader(in), Out: out, Err: errs}}, out, errs
}

// flowHub plays the flow routes: each look at the flow yields the next state.
type flowHub struct {
	mu        sync.Mutex
	states    []contract.Flow
	started   contract.StartFlow
	pasted    string
	confirmed *contract.Confirm
	// afterPaste is the answer to a pasted address.
	afterPaste *contract.Flow
	cancelled  chan struct{}
	listening  bool // somebody reads the events
	early      bool // the flow was started before
}

func newFlowHub(states ...contract.Flow) *flowHub {
	for i := range states {
		states[i].ID, states[i].Integration = "flow_1", "github"
	}
	return &flowHub{states: states, cancelled: make(chan struct{})}
}

func (h *flowHub) client() *instance.Client {
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	next := func() contract.Flow {
		f := h.states[0]
		if len(h.states) > 1 {
			h.states = h.states[1:]
		}
		return f
	}
	handle := func(pattern string, f func(w http.ResponseWriter, r *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			h.mu.Lock()
			defer h.mu.Unlock()
			f(w, r)
		})
	}
	handle("POST /ui/api/flows", func(w http.ResponseWriter, r *http.Request) {
		h.early = !h.listening
		_ = json.NewDecoder(r.Body).Decode(&h.started)
		reply(w, next())
	})
	handle("GET /ui/api/flows/flow_1", func(w http.ResponseWriter, _ *http.Request) { reply(w, next()) })
	handle("POST /ui/api/flows/flow_1/callback", func(w http.ResponseWriter, r *http.Request) {
		var p contract.Paste
		_ = json.NewDecoder(r.Body).Decode(&p)
		h.pasted = p.URL
		reply(w, h.afterPaste)
	})
	handle("POST /ui/api/flows/flow_1/confirm", func(w http.ResponseWriter, r *http.Request) {
		h.confirmed = &contract.Confirm{}
		_ = json.NewDecoder(r.Body).Decode(h.confirmed)
		reply(w, next())
	})
	handle("DELETE /ui/api/flows/flow_1", func(w http.ResponseWriter, _ *http.Request) {
		close(h.cancelled)
		w.WriteHeader(http.StatusNoContent)
	})
	handle("GET /ui/api/accounts", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, contract.Accounts{Connections: []contract.Connection{
			{ID: "c1", Integration: "github", Account: contract.Account{Label: "octocat", Login: "octocat"}, MissingScopes: []string{"repo"}},
			{ID: "c2", Integration: "github", Account: contract.Account{Label: "hubot", Email: "hubot@example.com"}},
			{ID: "c3", Integration: "slack", Account: contract.Account{Label: "team"}},
		}})
	})
	mux.HandleFunc("GET /ui/api/events", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.listening = true
		h.mu.Unlock()
		w.(http.Flusher).Flush()
		_, _ = w.Write([]byte("data: {\"type\":\"flow.changed\",\"flow\":\"flow_1\"}\n\n"))
		<-r.Context().Done()
	})
	return instance.NewClient(instance.HandlerTransport(mux))
}

func (h *flowHub) wasCancelled(t *testing.T, want bool) {
	t.Helper()
	select {
	case <-h.cancelled:
		if !want {
			t.Error("the flow was cancelled")
		}
	default:
		if want {
			t.Error("the flow was left open")
		}
	}
}
