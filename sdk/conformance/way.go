// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/dial"
	"github.com/standpipe/standpipe/sdk/wire"
)

// api is a provider with every optional interface.
type api interface {
	sdk.Provider
	sdk.Refresher
	sdk.Revoker
	sdk.Identifier
	sdk.DeviceAuthorizer
	sdk.ClientCredentialer
	sdk.Introspector
	sdk.Checker
}

// started is a provider that can be called in one of the ways.
type started struct {
	api
	withDial func(context.Context, wire.Dial) context.Context
	// output ends the plugin and returns what it printed.
	output func() string
	direct bool
	// executable is set where the plugin trusts the suite's certificates.
	executable bool
}

// A starter starts the provider of cfg; t ends it.
type starter func(t *T, cfg *Config) *started

func inProcess(_ *T, cfg *Config) *started {
	return &started{api: direct{cfg.New()}, withDial: dial.NewContext, output: func() string { return "" }, direct: true}
}

func overSocket(t *T, cfg *Config) *started {
	t.Helper()
	socket := filepath.Join(socketDir(t), "plugin")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := sdk.NewServer(cfg.New())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); srv.Stop(); <-done })
	return &started{api: wire.NewClient(conn), withDial: wire.WithDial, output: func() string { return "" }}
}

// asBinary starts an executable as a host does, with next to no environment.
func asBinary(path string) starter {
	return func(t *T, cfg *Config) *started {
		t.Helper()
		dir := socketDir(t)
		cmd := &exec.Cmd{Path: path, Args: []string{path}, Dir: dir}
		h := &hosted{t: t, cfg: cfg, cmd: cmd, pipes: newPipes(t, cmd)}
		var out output
		client := plugin.NewClient(&plugin.ClientConfig{
			HandshakeConfig: wire.Handshake, Plugins: plugin.PluginSet{wire.PluginName: dispenser{}},
			RunnerFunc: func(_ hclog.Logger, like *exec.Cmd, socketDir string) (runner.Runner, error) {
				cmd.Env, cmd.Dir = append(like.Env, "SSL_CERT_FILE="+trustFile(t)), socketDir
				return h, nil
			},
			UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
			AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, AutoMTLS: true, SkipHostEnv: true,
			Logger: hclog.NewNullLogger(), Stderr: &out, SyncStdout: &out, SyncStderr: &out, StartTimeout: startPatience,
		})
		end := func() { h.end(client.Kill) }
		t.Cleanup(end)
		protocol, err := client.Client()
		if err != nil {
			t.Fatalf("start %s: %v\n%s", path, err, out.String())
		}
		raw, err := protocol.Dispense(wire.PluginName)
		if err != nil {
			t.Fatal(err)
		}
		return &started{api: raw.(*wire.Client), executable: true, withDial: wire.WithDial, output: func() string {
			end()
			left(t, h.others)
			if out.flooded() {
				t.Errorf("it prints more than %d MiB in one case: a host throws most of it away", maxOutput>>20)
			}
			return out.String()
		}}
	}
}

// longestTemp leaves what go-plugin and the plugin add to a folder for
// temporary files room in the address of a socket, of 103 bytes on the
// narrowest system: "/sp1234567890/plugin-dir1234567890/plugin1234567890".
const longestTemp = 103 - 51

// socketDir is a folder whose path is short enough for a socket's address: in
// TMPDIR, or where that is too long, in /tmp.
func socketDir(t *T) string {
	t.Helper()
	in := os.TempDir()
	if len(in) > longestTemp && runtime.GOOS != "windows" {
		in = "/tmp"
	}
	dir, err := os.MkdirTemp(in, "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

type dispenser struct{ plugin.NetRPCUnsupportedPlugin }

func (dispenser) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves nothing")
}

func (dispenser) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return wire.NewClient(conn), nil
}

// maxOutput bounds what is kept of what a plugin prints in one case, in bytes.
const maxOutput = 4 << 20

// output collects what a plugin prints, up to a bound.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	over bool // there was more
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keep := p[:min(len(p), maxOutput-o.b.Len())]
	o.over = o.over || len(keep) < len(p)
	o.b.Write(keep)
	return len(p), nil
}

// flooded reports whether there was more than what is kept.
func (o *output) flooded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// direct calls a provider without a wire; what it lacks is Unsupported.
type direct struct{ sdk.Provider }

var errLacking = sdk.Unsupported("this provider cannot do that")

func (d direct) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	if p, ok := d.Provider.(sdk.Refresher); ok {
		return p.Refresh(ctx, r)
	}
	return nil, errLacking
}

func (d direct) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	if p, ok := d.Provider.(sdk.Revoker); ok {
		return p.Revoke(ctx, r)
	}
	return nil, errLacking
}

func (d direct) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	if p, ok := d.Provider.(sdk.Identifier); ok {
		return p.Identify(ctx, r)
	}
	return nil, errLacking
}

func (d direct) StartDevice(ctx context.Context, r *sdk.StartDeviceRequest) (*sdk.StartDeviceResponse, error) {
	if p, ok := d.Provider.(sdk.DeviceAuthorizer); ok {
		return p.StartDevice(ctx, r)
	}
	return nil, errLacking
}

func (d direct) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	if p, ok := d.Provider.(sdk.DeviceAuthorizer); ok {
		return p.PollDevice(ctx, r)
	}
	return nil, errLacking
}

func (d direct) ClientCredentials(ctx context.Context, r *sdk.ClientCredentialsRequest) (*sdk.ClientCredentialsResponse, error) {
	if p, ok := d.Provider.(sdk.ClientCredentialer); ok {
		return p.ClientCredentials(ctx, r)
	}
	return nil, errLacking
}

func (d direct) Introspect(ctx context.Context, r *sdk.IntrospectRequest) (*sdk.IntrospectResponse, error) {
	if p, ok := d.Provider.(sdk.Introspector); ok {
		return p.Introspect(ctx, r)
	}
	return nil, errLacking
}

func (d direct) Check(ctx context.Context, r *sdk.CheckRequest) (*sdk.CheckResponse, error) {
	if p, ok := d.Provider.(sdk.Checker); ok {
		return p.Check(ctx, r)
	}
	return nil, errLacking
}

// Describe starts the executable at path and asks what it serves. Of cfg it
// needs Start and Definition only.
func Describe(ctx context.Context, cfg Config, path string) (out []sdk.Descriptor, err error) {
	t := &T{ctx: ctx}
	defer t.end()
	t.until(func() {
		p := asBinary(path)(t, &cfg)
		out = must(t, "Describe", p.Describe, cfg.describeRequest()).Providers
	})
	if len(t.problems) > 0 {
		return nil, errors.New(t.problems[0])
	}
	return out, nil
}
