// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestOthersCannotLookInside starts the program and looks at it as another
// process of the same user.
func TestOthersCannotLookInside(t *testing.T) {
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin := filepath.Join(dir, "standpipe")
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
	// root sees everything, so both sides are somebody else then
	attr := func() *syscall.SysProcAttr {
		if os.Geteuid() != 0 {
			return nil
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	cmd := exec.Command(bin, "sandbox", "--listen", "127.0.0.1:0", "--json")
	cmd.Dir, cmd.SysProcAttr = "/", attr()
	cmd.Env = []string{"HOME=/nonexistent", "CANARY=sparrow"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the program says %q: %v", line, err)
	}
	look := func(name string) string {
		c := exec.Command("/bin/sh", "-c", `cat "$0" 2>&1; ls "$0" 2>&1`, fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
		c.Dir, c.SysProcAttr, c.Env = "/", attr(), []string{"PATH=/bin:/usr/bin", "LC_ALL=C"}
		out, _ := c.CombinedOutput()
		return string(out)
	}
	for _, name := range []string{"environ", "mem"} {
		if got := look(name); !strings.Contains(got, "Permission denied") || strings.Contains(got, "sparrow") {
			t.Errorf("%s can be read: %q", name, got)
		}
	}
	if got := look("fd"); !strings.Contains(got, "Permission denied") {
		t.Errorf("the open files can be listed: %q", got)
	}
	if got := look("limits"); !regexp.MustCompile(`Max core file size\s+0\s`).MatchString(got) {
		t.Errorf("a core file may be written: %s", got)
	}
	if got := look("status"); !strings.Contains(got, "Umask:\t0077") {
		t.Errorf("files are made open to others: %s", got)
	}
}
