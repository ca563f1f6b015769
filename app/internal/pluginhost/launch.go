// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/wire"
)

// launcher starts processes. It is safe for concurrent use.
type launcher struct {
	spawn    *spawner
	copies   string // folder of the executed copies
	sockets  string // folder of this host's sockets
	outbound Outbound
	timeout  time.Duration
	env      []string
	log      *slog.Logger
	serves   []int    // protocol versions, the oldest first
	copying  sync.Map // digest → *sync.Mutex
	logs     *logs    // nil: nobody can listen
}

// pluginEnv is the environment of a plugin beside what go-plugin adds: no more
// than these names.
func pluginEnv() []string {
	env := []string{"GOMEMLIMIT=256MiB", "GOTRACEBACK=single"}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// launch starts a plugin, sends it the declared providers and waits for what it
// says of itself. Whatever the plugin does, launch returns within the start timeout, and on an error nothing
// of the plugin is left.
func (l *launcher) launch(ctx context.Context, f found, definitions [][]byte) (*process, *sdk.DescribeResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.timeout, fmt.Errorf("it did not begin to work within %s", l.timeout))
	defer cancel()
	exe, err := l.copyOf(f)
	if err != nil {
		return nil, nil, err
	}
	log := l.log.With("plugin", f.name)
	p := &process{redact: &redactor{}, began: time.Now(), gone: make(chan struct{})}
	out := newOutput(log, p.redact)
	if l.logs != nil {
		out.tap = func(level slog.Level, message string, fields map[string]string) {
			l.logs.tell(f.name, level, message, fields)
		}
	}
	p.run = newRunner(l.spawn, exe, Prefix+f.name, l.env, out)
	p.client = goplugin.NewClient(l.clientConfig(p.run, out))

	socket, err := os.CreateTemp(l.sockets, "dial")
	if err == nil {
		p.socket = socket.Name()
		err = errors.Join(socket.Close(), os.Remove(p.socket))
	}
	if err == nil {
		p.dial, err = newDialer(p.socket, l.outbound, log, p.run.checkPeer)
	}
	if err != nil {
		return nil, nil, err
	}
	if p.conn, err = connect(ctx, p.client); err == nil {
		p.api = wire.NewClient(p.conn)
		var described *sdk.DescribeResponse
		if described, err = p.api.Describe(ctx, &sdk.DescribeRequest{Definitions: definitions}); err == nil {
			return p, described, nil
		}
	}
	// The plugin's end of the connection may see the deadline a little earlier.
	te, ok := errors.AsType[*wire.TransportError](err)
	timedOut := ctx.Err() != nil || ok && te.Code == codes.DeadlineExceeded
	p.stop(0)
	switch {
	case p.run.unserved(l.serves) != nil:
		err = p.run.unserved(l.serves)
	case p.run.endedAlone():
		<-p.run.silent
		err = errors.New(exitText(p.run.err, out.lastLine()))
	case timedOut:
		<-ctx.Done()
		err = context.Cause(ctx)
	default:
		err = fmt.Errorf("it did not begin properly: %s", p.redact.clean(firstSentence(err.Error()), 300))
	}
	return nil, nil, err
}

// copyOf makes the private copy, one at a time of the same bytes: what one start
// is about to execute must not be replaced by another.
func (l *launcher) copyOf(f found) (string, error) {
	m, _ := l.copying.LoadOrStore(f.pin, new(sync.Mutex))
	mu := m.(*sync.Mutex)
	mu.Lock()
	defer mu.Unlock()
	return privateCopy(l.copies, f.path, f.pin)
}

// firstSentence is the first line of go-plugin's long errors.
func firstSentence(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

// clientConfig sets go-plugin up. There is no reattaching, ever.
func (l *launcher) clientConfig(run *pluginRunner, out *output) *goplugin.ClientConfig {
	return &goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		VersionedPlugins: l.versions(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: l.sockets},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
			run.prepare(cmd.Env, socketDir)
			return run, nil
		},
		// Ours fires first and kills the process.
		StartTimeout: l.timeout + time.Second,
		Logger:       hclog.NewNullLogger(),
		SyncStdout:   out.throttled(run.done),
		SyncStderr:   out.throttled(run.done),
		GRPCDialOptions: []grpc.DialOption{
			// go-plugin's own services; our calls say so themselves.
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage)),
		},
	}
}

// versions are what the plugin is offered. It chooses the newest that it knows.
func (l *launcher) versions() map[int]goplugin.PluginSet {
	out := map[int]goplugin.PluginSet{}
	for _, v := range l.serves {
		out[v] = goplugin.PluginSet{wire.PluginName: connPlugin{}}
	}
	return out
}

// connect runs go-plugin's part of a start, which may block or panic on what a
// plugin answers. When ctx is done it is left behind; killing the process ends
// it.
func connect(ctx context.Context, client *goplugin.Client) (*grpc.ClientConn, error) {
	type result struct {
		conn *grpc.ClientConn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if v := recover(); v != nil {
				r.err = fmt.Errorf("its handshake is broken: %v", v)
			}
			done <- r
		}()
		var protocol goplugin.ClientProtocol
		if protocol, r.err = client.Client(); r.err != nil {
			return
		}
		var raw any
		if raw, r.err = protocol.Dispense(wire.PluginName); r.err != nil {
			return
		}
		r.conn = raw.(*grpc.ClientConn)
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// connPlugin dispenses the connection itself.
type connPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (connPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves nothing")
}

func (connPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// socketRoom is the longest path that go-plugin and the plugin add to the
// socket folder: "/plugin-dir1234567890/plugin1234567890".
const socketRoom = 40

// maxSocketPath is the size of sockaddr_un.sun_path on the narrowest system.
const maxSocketPath = 103

// lastTemp is where temporary files are if TMPDIR says nothing, but for Windows.
const lastTemp = "/tmp"

// socketFolder makes this host's folder for sockets in runDir. Where that path
// is too long for a socket's address, it is in the system's folder for
// temporary files, under a name that cannot be guessed; and where TMPDIR is too
// long as well, in /tmp.
func socketFolder(runDir string) (string, error) {
	sweepSockets(runDir)
	name := fmt.Sprintf("p%d-", os.Getpid())
	long := func() bool { return len(runDir)+1+len(name)+10+socketRoom > maxSocketPath }
	if long() {
		runDir, name = os.TempDir(), "standpipe-"+name
	}
	if long() && runtime.GOOS != "windows" {
		runDir = lastTemp
	}
	dir, err := os.MkdirTemp(runDir, name) // mode 0700
	if err != nil {
		return "", fmt.Errorf("folder for the plugins' sockets: %w", err)
	}
	return dir, nil
}

// sweepSockets removes the folders of hosts that were killed.
func sweepSockets(runDir string) {
	inRun, _ := filepath.Glob(filepath.Join(runDir, "p[0-9]*-*"))
	inTemp, _ := filepath.Glob(filepath.Join(os.TempDir(), "standpipe-p[0-9]*-*"))
	inLast, _ := filepath.Glob(filepath.Join(lastTemp, "standpipe-p[0-9]*-*"))
	for _, dir := range slices.Concat(inRun, inTemp, inLast) {
		var pid int
		name := strings.TrimPrefix(filepath.Base(dir), "standpipe-")
		if _, err := fmt.Sscanf(name, "p%d-", &pid); err != nil || processAlive(pid) {
			continue
		}
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && ownedByUs(info) {
			_ = os.RemoveAll(dir)
		}
	}
}
