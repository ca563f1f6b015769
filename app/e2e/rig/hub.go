// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Hub is a running `standpipe serve`, or a window that is the hub itself.
type Hub struct {
	*Process
	Home   *Home
	AppAPI string `json:"app_api"`
	UI     string `json:"ui"`
	UILink string `json:"ui_link"`
	Socket string `json:"socket"`
}

// Serve starts the hub on free ports, or on those that args name.
func (h *Home) Serve(args ...string) *Hub {
	h.t.Helper()
	all := []string{"serve", "--json", "--verbose"}
	joined := strings.Join(args, " ")
	if !strings.Contains(joined, "--listen") {
		all = append(all, "--listen", fmt.Sprintf("127.0.0.1:%d", FreePort(h.t)))
	}
	all = append(all, "--ui-listen", "127.0.0.1:0")
	hub := &Hub{Home: h, Process: start(h.t, "standpipe serve", h.Command(h.Program, append(all, args...)...))}
	hub.Line(func(line json.RawMessage) bool { return json.Unmarshal(line, hub) == nil && hub.AppAPI != "" })
	return hub
}

// Announced waits until this process has told other programs that it is the hub,
// and where: one that was killed before it has left its own word behind.
func (h *Hub) Announced() *Hub {
	h.t.Helper()
	Eventually(h.t, h.name+" is announced as the hub", func() bool {
		if gone := h.ended(); gone != "" {
			h.t.Fatalf("%s\n%s", gone, h.Log())
		}
		found, ok := h.Home.discover()
		if !ok || found.PID != h.PID() {
			return false
		}
		h.AppAPI, h.UI, h.Socket = found.AppAPI, found.UI, found.Socket
		return true
	})
	return h
}

// discovery is what a hub tells of itself to other programs.
type discovery struct {
	PID    int
	AppAPI string `json:"app_api"`
	UI     string
	Socket string
}

func (h *Home) discover() (d discovery, ok bool) {
	files, _ := filepath.Glob(filepath.Join(h.Dir, "run", "standpipe", "*", "hub.json")) // the pattern is good
	if len(files) != 1 {
		return d, false
	}
	b, err := os.ReadFile(files[0])
	return d, err == nil && json.Unmarshal(b, &d) == nil
}

// In is the same hub in a subtest, which fails by itself where the hub does not
// do what is asked for.
func (h *Hub) In(t testing.TB) *Hub {
	in := *h
	in.Process, in.Home = h.Process.In(t), h.Home.In(t)
	return &in
}

// Start runs a command line that goes on beside the test.
func (h *Home) Start(args ...string) *Process {
	h.t.Helper()
	return start(h.t, "standpipe "+args[0], h.Command(h.Program, args...))
}

// Converse is Start for a command that reads its standard input.
func (h *Home) Converse(args ...string) (*Process, io.Writer) {
	h.t.Helper()
	cmd := h.Command(h.Program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	return start(h.t, "standpipe "+args[0], cmd), in
}

// Sandbox starts the sandbox and returns its base URL.
func (h *Home) Sandbox(args ...string) string {
	h.t.Helper()
	port := FreePort(h.t)
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	p := start(h.t, "standpipe sandbox", h.Command(h.Program, append([]string{"sandbox", "--listen", base[len("http://"):], "--state", h.Dir + "/sandbox.json"}, args...)...))
	Eventually(h.t, "the sandbox listens", func() bool {
		select {
		case <-p.Done():
			h.t.Fatalf("the sandbox ended (%v):\n%s", p.cmd.ProcessState, p.Log())
		default:
		}
		resp, err := http.Get(base)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return true
	})
	return base
}

// Answer is what the app API answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Field is a value in the JSON body by its path, as text.
func (a *Answer) Field(path ...string) string {
	var v any
	if json.Unmarshal(a.Body, &v) != nil {
		return ""
	}
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[p]
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// Post sends a JSON body to the app API with a key.
func (h *Hub) Post(key, path string, body any) *Answer {
	h.t.Helper()
	return h.Do(http.MethodPost, key, path, body)
}

// Do sends a request to the app API with a key.
func (h *Hub) Do(method, key, path string, body any) *Answer {
	a, err := h.Send(method, key, path, body)
	if err != nil {
		h.t.Helper()
		h.t.Fatalf("%v%s", err, h.ended())
	}
	return a
}

// Send is Do for goroutines: it returns its error.
func (h *Hub) Send(method, key, path string, body any) (*Answer, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, h.AppAPI+path, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return &Answer{resp.StatusCode, resp.Header, b}, err
}
