// SPDX-License-Identifier: Apache-2.0

package instance_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

var hello = contract.Hello{Name: "standpipe", Version: "v1.2.3", Protocol: contract.Protocol, PID: 4711}

// serveHello answers the handshake with h.
func serveHello(h contract.Hello) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /local/hello", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(h)
	})
	return mux
}

// runHub serves h on the socket of a data folder of its own.
func runHub(t *testing.T, h http.Handler) instance.Paths {
	t.Helper()
	p := resolve(t, "", "")
	in := acquire(t, p)
	l, err := in.Listen()
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnContext: instance.ConnContext}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return p
}

func attach(t *testing.T, p instance.Paths) *instance.Client {
	t.Helper()
	c, err := instance.Attach(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAttach(t *testing.T) {
	clean(t)
	mux := serveHello(hello)
	var peer instance.Peer
	mux.HandleFunc("POST /local/token", func(w http.ResponseWriter, r *http.Request) {
		peer, _ = instance.PeerFrom(r.Context())
		var in contract.TokenRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(contract.Token{AccessToken: "for " + in.Integration})
	})
	p := runHub(t, mux)
	c := attach(t, p)
	if c.Hub() != hello {
		t.Errorf("Hub() = %+v", c.Hub())
	}
	tok, err := c.Token(t.Context(), contract.TokenRequest{Integration: "github"})
	if err != nil || tok.AccessToken != "for github" {
		t.Errorf("Token = %+v, %v", tok, err)
	}
	if peer.UID != os.Geteuid() || peer.PID != os.Getpid() {
		t.Errorf("the hub sees peer %+v, want uid %d pid %d", peer, os.Geteuid(), os.Getpid())
	}
}

func TestAttachWithAnotherRuntimeFolder(t *testing.T) {
	_, _ = clean(t)
	p := runHub(t, serveHello(hello))
	t.Setenv("XDG_RUNTIME_DIR", "") // as in a cron job
	other := resolve(t, "", "")
	if other.Run == p.Run {
		t.Fatal("the run folders are equal, so this tests nothing")
	}
	attach(t, other)
}

func TestAttachNothingThere(t *testing.T) {
	clean(t)
	if _, err := instance.Attach(t.Context(), resolve(t, "", "")); !errors.Is(err, instance.ErrNotRunning) {
		t.Errorf("Attach = %v, want ErrNotRunning", err)
	}
}

func TestAttachOtherProtocol(t *testing.T) {
	clean(t)
	h := hello
	h.Protocol = contract.Protocol + 1
	_, err := instance.Attach(t.Context(), runHub(t, serveHello(h)))
	if err == nil {
		t.Fatal("attached to a hub of another protocol")
	}
	for _, want := range []string{"v1.2.3", "protocol 1", "protocol 2", "4711"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
}

func TestAttachChecksTheSocket(t *testing.T) {
	clean(t)
	p := runHub(t, serveHello(hello))
	if err := os.Chmod(p.Socket(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Attach(t.Context(), p); err == nil || !strings.Contains(err.Error(), "0666") || !strings.Contains(err.Error(), p.Socket()) {
		t.Errorf("error = %v, want one that names path and mode", err)
	}
	if err := os.Chmod(p.Socket(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.Run, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Attach(t.Context(), p); err == nil || !strings.Contains(err.Error(), "0755") {
		t.Errorf("error = %v, want one that names path and mode", err)
	}
}

func TestErrorsKeepTheirWords(t *testing.T) {
	clean(t)
	mux := serveHello(hello)
	mux.HandleFunc("POST /local/token", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(contract.Error{
			Code: hub.CodeAccountSelection, Message: "which one?", Remedy: "say which",
			Choices: []hub.Choice{{Connection: "c1", Account: "octocat"}}, RetryAfter: 7,
		})
	})
	mux.HandleFunc("GET /ui/api/apps", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>", http.StatusBadGateway)
	})
	c := attach(t, runHub(t, mux))
	_, err := c.Token(t.Context(), contract.TokenRequest{})
	e, ok := errors.AsType[*hub.Error](err)
	if !ok || e.Code != hub.CodeAccountSelection || e.Message != "which one?" || e.Remedy != "say which" ||
		len(e.Choices) != 1 || e.Wait().Seconds() != 7 {
		t.Errorf("error = %+v", err)
	}
	if _, err := c.Apps(t.Context()); hub.AsError(err).Code != hub.CodeInternal || !strings.Contains(err.Error(), "502") {
		t.Errorf("error = %v", err)
	}
}

// TestAnotherUserGetsNothing opens folder and socket to all, as a mistake
// would, and knocks as nobody: only the check of the peer is left.
func TestAnotherUserGetsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user; TestOnlyOneUserIsLetIn checks the same without")
	}
	clean(t)
	var served atomic.Int64
	p := runHub(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))

	// nobody must be able to run the test binary and to reach the socket
	dir := shortTemp(t)
	bin := filepath.Join(dir, "knock")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	knock := func() string {
		cmd := exec.Command(bin)
		cmd.Dir = "/"
		cmd.Env = []string{"INSTANCE_TEST_CHILD=knock", "INSTANCE_TEST_SOCKET=" + p.Socket()}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("knock: %v\n%s", err, out)
		}
		return string(out)
	}
	if out := knock(); !strings.Contains(out, "permission denied") {
		t.Errorf("the closed folder answers %q", out)
	}
	for path, mode := range map[string]os.FileMode{
		p.Socket(): 0o666, p.Run: 0o777, filepath.Dir(p.Run): 0o777, filepath.Dir(filepath.Dir(p.Run)): 0o777,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	out := knock()
	if !strings.HasPrefix(out, "HTTP/1.1 403 ") || !strings.Contains(out, `"code":"forbidden"`) {
		t.Errorf("the opened socket answers %q", out)
	}
	if n := served.Load(); n != 0 {
		t.Errorf("%d requests of nobody were served", n)
	}
}

func TestEvents(t *testing.T) {
	clean(t)
	mux := serveHello(hello)
	mux.HandleFunc("GET /ui/api/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ": heartbeat\n\ndata: {\"type\":\"flow.changed\",\"flow\":\"f1\"}\n\nevent: x\ndata:{\"type\":\n")
		_, _ = io.WriteString(w, "data:\"connection.connected\"}\n\n")
	})
	c := attach(t, runHub(t, mux))
	events, stop, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var got []hub.Event
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != 2 || got[0].Type != hub.EventFlow || got[0].Flow != "f1" || got[1].Type != hub.EventConnected {
		t.Errorf("events = %+v", got)
	}
}
