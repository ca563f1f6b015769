// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestWithoutTCP: every command works over the socket for somebody who has no
// network at all.
func TestWithoutTCP(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program without a network and as somebody else")
	}
	h := rig.NewHome(t)
	hub := h.Serve()
	for _, args := range [][]string{{"status"}, {"providers"}, {"keys", "status"}, {"apps", "list"}, {"apps", "add", "x"}, {"integrations", "list"}} {
		cmd := h.Command(h.Program, args...)
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v without a network: %v\n%s", args, err, out)
		}
	}
	// No command may have fallen back to being a hub itself.
	if !strings.Contains(h.CLI("status", "--json"), "connections") || hub.Home != h {
		t.Error("status --json has no connections")
	}
}

// TestNoKeychainNoKeys: without a keychain and without a choice nothing is made.
func TestNoKeychainNoKeys(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Env = append(h.Env, "STANDPIPE_DATA="+h.Dir+"/fresh")
	r := h.Try("serve", "--listen", "127.0.0.1:0")
	if r.Exit != 78 || !strings.Contains(r.Stderr, "keys init") {
		t.Errorf("serve without a key source ended with %d: %s", r.Exit, r.Stderr)
	}
	if _, err := os.Stat(h.Dir + "/fresh/store"); err == nil {
		t.Error("a store was made without a key")
	}
}
