// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestOffline runs in a network namespace with nothing in it but loopback: a
// machine without a network. That is nobody's failure, and the page says it so.
func TestOffline(t *testing.T) {
	t.Parallel()
	const within = "STANDPIPE_E2E_OFFLINE"
	if os.Getenv(within) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run=^TestOffline$", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), within+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if id := os.Geteuid(); id != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
			cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("without a network: %v\n%s", err, out)
		}
		return
	}
	loopback(t)
	h := rig.NewHome(t)
	h.Write("secret", "bench")
	h.Configure("integration \"openid\" {\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  config = { issuer = \"https://issuer.example\" }\n}\n")
	h.Fill(buildFill(t, h), "-owner", "me", "-left", "-1m")
	hub := h.Serve()
	page := h.Chromium()
	page.Goto(hub.UILink)
	const c = "data_installation_openid-0"
	if r := h.Try("token", "openid"); r.Exit == 0 {
		t.Fatalf("a token came from nowhere: %s", r.Stdout)
	}
	page.See(id("state-"+c), "Connected")
	page.See(id("health-"+c), "offline")
	page.See(id("machine-offline"), "")
	inspect(t, page, "machine-offline")
}

// loopback brings the loopback interface up, which in a new namespace is down.
func loopback(t *testing.T) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}
