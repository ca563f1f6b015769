// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// listenFor serves a socket that lets in the user uid.
func listenFor(t *testing.T, uid int) string {
	t.Helper()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("the system does not tell who is on the other end")
	}
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	go func() {
		_ = srv.Serve(&peerListener{UnixListener: l, uid: uid, turned: make(chan struct{}, maxTurned)})
	}()
	t.Cleanup(func() { _ = srv.Close() })
	return path
}

func TestOnlyOneUserIsLetIn(t *testing.T) {
	for uid, want := range map[int]int{os.Geteuid(): http.StatusTeapot, os.Geteuid() + 1: http.StatusForbidden} {
		c, err := net.Dial("unix", listenFor(t, uid))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		req, _ := http.NewRequest(http.MethodGet, "http://standpipe/", nil)
		if err := req.Write(c); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a socket for uid %d answers uid %d with %d, want %d", uid, os.Geteuid(), resp.StatusCode, want)
		}
	}
}

func TestClientRefusesAHubOfAnotherUser(t *testing.T) {
	tr := socketTransport(listenFor(t, os.Geteuid()), os.Geteuid()+1)
	defer tr.CloseIdleConnections()
	req, _ := http.NewRequest(http.MethodGet, "http://standpipe/", nil)
	if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("error = %v", err)
	}
}
