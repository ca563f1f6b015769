// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

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

// TestUnitAllowsWhatHoldsPlugins: the systemd unit that is installed leaves the
// hub what it holds plugins with. A unit that does not makes the hub hold them
// less, which only its status tells.
func TestUnitAllowsWhatHoldsPlugins(t *testing.T) {
	unit, err := os.ReadFile("../../../configs/standpipe.service")
	if err != nil {
		t.Fatal(err)
	}
	setting := func(name string) []string {
		for line := range strings.Lines(string(unit)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
				return strings.Fields(value)
			}
		}
		t.Errorf("the unit has no %s", name)
		return nil
	}
	flags := sysProcAttr(true).Cloneflags | syscall.CLONE_NEWUSER
	spaces := setting("RestrictNamespaces")
	for flag, name := range map[uintptr]string{
		syscall.CLONE_NEWUSER: "user", syscall.CLONE_NEWNET: "net", syscall.CLONE_NEWPID: "pid", syscall.CLONE_NEWIPC: "ipc",
		syscall.CLONE_NEWNS: "mnt", syscall.CLONE_NEWUTS: "uts", unix.CLONE_NEWCGROUP: "cgroup",
	} {
		if needed := flags&flag != 0; needed != slices.Contains(spaces, name) {
			t.Errorf("RestrictNamespaces=%s, and a plugin needs %s: %v", strings.Join(spaces, " "), name, needed)
		}
	}
	calls := setting("SystemCallFilter")
	for _, name := range []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"} {
		if !slices.Contains(calls, name) {
			t.Errorf("SystemCallFilter lacks %s, which @system-service of systemd 252 does not have", name)
		}
	}
}
