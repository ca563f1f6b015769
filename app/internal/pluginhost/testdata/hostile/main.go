// SPDX-License-Identifier: Apache-2.0

// Command hostile is every kind of plugin that a host has to bear, a good one
// among them. Which one it is, is said by its name: standpipe-provider-<mode>.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/standpipe/standpipe/sdk"
)

func main() {
	mode := strings.TrimPrefix(filepath.Base(os.Args[0]), "standpipe-provider-")
	if f, ok := withoutHandshake[mode]; ok {
		f()
		return
	}
	sdk.Serve(provider(mode))
}

// withoutHandshake are the modes that never become a plugin.
var withoutHandshake = map[string]func(){
	"garbage": func() { fmt.Println("Hello! I am not a plugin."); forever() },
	"flood": func() {
		junk := bytes.Repeat([]byte("x"), 1<<20)
		for range 64 {
			os.Stdout.Write(junk)
		}
		forever()
	},
	"flood-stderr": func() {
		for {
			fmt.Fprintln(os.Stderr, "\x1b[2J", strings.Repeat("y", 200))
		}
	},
	"mute":   forever,
	"frozen": func() { end(syscall.SIGSTOP) },
	"exit1":  func() { fmt.Fprintln(os.Stderr, "I give up, access_token=hunter2hunter2"); os.Exit(1) },
	"dead-socket": func() {
		l := listen()
		l.SetUnlinkOnClose(false)
		l.Close()
		handshake("unix", l.Addr().String(), "")
		forever()
	},
	"silent-socket": func() { handshake("unix", listen().Addr().String(), ""); forever() },
	"no-cert": func() {
		l := listen()
		handshake("unix", l.Addr().String(), strings.Repeat("A", 64))
		forever()
	},
	"bad-cert": func() { handshake("unix", listen().Addr().String(), strings.Repeat("!", 64)); forever() },
	"tcp":      func() { handshake("tcp", "10.1.2.3:443", ""); forever() },
	"loopback": func() {
		l, _ := net.Listen("tcp", "127.0.0.1:0")
		handshake("tcp", l.Addr().String(), "")
		forever()
	},
	"other-socket": func() { handshake("unix", "/run/docker.sock", ""); forever() },
	"dots-socket": func() {
		handshake("unix", os.Getenv("PLUGIN_UNIX_SOCKET_DIR")+"/../x", "")
		forever()
	},
	"version": func() { fmt.Printf("1|999|unix|%s|grpc|\n", listen().Addr()); forever() },
	// The child holds stdout and stderr open, the parent is gone.
	"child":     func() { spawn(nil); os.Exit(1) },
	"daemon":    func() { spawn(&syscall.SysProcAttr{Setsid: true}); os.Exit(1) },
	"kid-alive": func() { spawn(&syscall.SysProcAttr{Setsid: true}); forever() },
	"sleeper":   forever,
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// end sends the process a signal. It does not return, though a signal may take
// its time.
func end(s syscall.Signal) {
	syscall.Kill(os.Getpid(), s)
	forever()
}

// listen makes a socket where the host wants it.
func listen() *net.UnixListener {
	l, err := net.Listen("unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "plugin1"))
	if err != nil {
		panic(err)
	}
	return l.(*net.UnixListener)
}

func handshake(network, address, cert string) {
	fmt.Printf("1|1|%s|%s|grpc|%s\n", network, address, cert)
}

// spawn starts a second process of this program that inherits its output.
func spawn(attr *syscall.SysProcAttr) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"standpipe-provider-sleeper"}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, attr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
}
