// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// whoListens says which program listens on a TCP port of this machine, as far
// as /proc tells: of programs of other users it tells the user only. "" where
// nothing is found.
func whoListens(port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			uid, inode, ok := listener(line, port)
			if !ok {
				continue
			}
			name := "uid " + uid
			if u, err := user.LookupId(uid); err == nil {
				name = u.Username
			}
			if pid, program := holderOf(inode); pid != "" {
				return fmt.Sprintf("%s (pid %s, user %s)", program, pid, name)
			}
			return "a program of user " + name
		}
	}
	return ""
}

// listener parses a line of /proc/net/tcp, see proc_pid_net(5), and reports
// whether it is of a socket that listens on port.
func listener(line string, port int) (uid, inode string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != "0A" { // TCP_LISTEN
		return "", "", false
	}
	_, hex, found := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	if !found || err != nil || int(n) != port {
		return "", "", false
	}
	return f[7], f[9], true
}

// holderOf finds a process that has the socket open.
func holderOf(inode string) (pid, program string) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return "", ""
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == "socket:["+inode+"]" {
			dir := filepath.Dir(filepath.Dir(link))
			name, err := os.ReadFile(filepath.Join(dir, "comm"))
			if err != nil {
				return "", ""
			}
			return filepath.Base(dir), strings.TrimSpace(string(name))
		}
	}
	return "", ""
}
