// SPDX-License-Identifier: Apache-2.0

// Command hostile is every kind of plugin that a host has to bear, a good one
// among them. Which one it is, is said by its name: standpipe-provider-<mode>.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/wire"
)

func main() {
	mode := strings.TrimPrefix(filepath.Base(os.Args[0]), "standpipe-provider-")
	if f, ok := withoutHandshake[mode]; ok {
		f()
		return
	}
	if versions, ok := strings.CutPrefix(mode, "speaks-"); ok {
		pretend(strings.Split(versions, "-"))
	}
	if mode == "vast-answer" {
		serveVast(provider(mode))
	}
	sdk.Serve(provider(mode))
}

// serveVast serves without the SDK's limits.
func serveVast(p sdk.Provider) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  wire.Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: registered{}}},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return sdk.NewServer(p, append(options, grpc.MaxSendMsgSize(1<<30), grpc.ForceServerCodec(vast{}))...)
		},
	})
	os.Exit(0)
}

// vast is the codec of protobuf, but that an answer to Exchange has 100 MiB.
type vast struct{}

func (vast) Name() string { return "proto" }

func (vast) Marshal(v any) ([]byte, error) {
	m := v.(proto.Message)
	b, err := proto.Marshal(m)
	if m.ProtoReflect().Descriptor().Name() == "ExchangeResponse" {
		b = protowire.AppendBytes(protowire.AppendTag(b, 1000, protowire.BytesType), make([]byte, 100<<20))
	}
	return b, err
}

func (vast) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }

// registered is a plugin whose server knows it already.
type registered struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (registered) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }

func (registered) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this end serves")
}

// pretend speaks these versions of the protocol, the newest last: it writes the
// newest that the host offers, or else its own newest, into the handshake.
func pretend(versions []string) {
	chosen := versions[len(versions)-1]
	for _, v := range versions {
		if slices.Contains(strings.Split(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ","), v) {
			chosen = v
		}
	}
	stdout := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	os.Stdout = w
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n')
		part := strings.SplitN(line, "|", 3)
		fmt.Fprintf(stdout, "%s|%s|%s", part[0], chosen, part[2])
	}()
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
	"bad-cert":     func() { handshake("unix", listen().Addr().String(), strings.Repeat("!", 64)); forever() },
	"tcp":          func() { handshake("tcp", "10.1.2.3:443", ""); forever() },
	"loopback":     func() { handshake("tcp", "127.0.0.1:4780", ""); forever() },
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
	// Between a plugin and a process that wants to be nobody's.
	"forker": func() { spawn(&syscall.SysProcAttr{Setsid: true}) },
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// end asks the tests for a signal, as the kernel's or somebody's: the first
// process of its world does not get those that it sends itself. It does not
// return, though a signal may take its time.
func end(s syscall.Signal) {
	fmt.Fprintf(os.Stderr, "signal me %d\n", s)
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
	if err := command("sleeper", attr).Start(); err != nil {
		panic(err)
	}
}

// escape starts a process that has left the plugin's session, its ancestry, its
// environment and its output behind.
func escape() {
	cmd := command("forker", &syscall.SysProcAttr{Setsid: true})
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{}, nil, nil
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

// command is a second process of this program, in another mode.
func command(mode string, attr *syscall.SysProcAttr) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"standpipe-provider-" + mode}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, attr
	return cmd
}
