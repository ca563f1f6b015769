// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestConfined: what a hostile plugin tries without the host's help fails, of
// which the status says as much as it can promise.
func TestConfined(t *testing.T) {
	t.Parallel()
	t.Run("with namespaces", func(t *testing.T) { t.Parallel(); testConfined(t, false) })
	t.Run("without", func(t *testing.T) { t.Parallel(); testConfined(t, true) })
}

func testConfined(t *testing.T, shared bool) {
	h := newTestHost(t, Config{}, "snoop")
	h.launch.spawn.shared = shared
	dir := t.TempDir()
	file := filepath.Join(dir, "id_ed25519")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := h.Exchange(t.Context(), target("snoop"), hub.ExchangeRequest{Code: secret.New("code-canary"), Params: map[string]string{
		"file": file, "dir": dir, "host": strconv.Itoa(os.Getpid()), "address": l.Addr().String(),
		"data": filepath.Dir(h.run),
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := h.status(t, "snoop")
	if !h.Owns(s.PID) || h.Owns(os.Getpid()) || h.Owns(os.Getppid()) {
		t.Errorf("Owns: the plugin %v, this process %v", h.Owns(s.PID), h.Owns(os.Getpid()))
	}
	t.Logf("network %s, files %s: %v", s.Network, s.Files, got.Tokens.Metadata)
	if s.Files == Open {
		t.Skip("this system has no Landlock")
	}
	closed := []string{"read", "list", "write", "environ", "kill", "ptrace", "settings of the kernel", "listen there", "list the data folder"}
	if s.Network == Closed {
		closed = append(closed, "tcp", "multipath tcp", "listen", "udp", "io_uring")
	}
	for _, what := range closed {
		if result := got.Tokens.Metadata[what]; result == "done" || result == "" {
			t.Errorf("%s: %q", what, result)
		}
	}
}
