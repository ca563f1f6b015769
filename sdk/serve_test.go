// SPDX-License-Identifier: Apache-2.0

//go:build unix

package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// The test binary is also a plugin and a host, which the environment tells.
const roleEnv = "SDK_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "plugin":
		sdk.Serve(talkative{})
	case "host":
		if err := beHost(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// talkative is a plugin that logs, and says how it is protected.
type talkative struct{ sdk.Provider }

func (talkative) Describe(context.Context, *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	return &sdk.DescribeResponse{Providers: []sdk.Descriptor{{Slug: "talkative", Name: "Talkative", AllowedHosts: []string{"example.com:443"}}}}, nil
}

func (talkative) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	sdk.Logger(ctx).Info("exchanging\x1b[2J", "code", r.Code, "request", r)
	log.Print("from package log")
	panic("a panic with " + r.Code.Reveal())
}

func (talkative) Check(context.Context, *sdk.CheckRequest) (*sdk.CheckResponse, error) {
	return &sdk.CheckResponse{Problems: protections()}, nil
}

// plugins dispenses the connection itself.
type plugins struct{ plugin.NetRPCUnsupportedPlugin }

func (plugins) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { panic("the host serves nothing") }

func (plugins) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return wire.NewClient(conn), nil
}

// launch starts this binary as a plugin.
func launch(stderr io.Writer, extra ...*os.File) (*plugin.Client, *wire.Client, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Args = []string{"standpipe-provider-talkative"}
	cmd.Env = []string{roleEnv + "=plugin"}
	cmd.ExtraFiles = extra
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: wire.Handshake, Plugins: plugin.PluginSet{wire.PluginName: plugins{}}, Cmd: cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, AutoMTLS: true, SkipHostEnv: true,
		Logger: hclog.NewNullLogger(), Stderr: stderr, StartTimeout: 20 * time.Second,
	})
	protocol, err := client.Client()
	if err != nil {
		client.Kill()
		return nil, nil, err
	}
	raw, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		client.Kill()
		return nil, nil, err
	}
	return client, raw.(*wire.Client), nil
}

// beHost starts a plugin, says its number and waits to be killed.
func beHost() error {
	client, api, err := launch(io.Discard)
	if err != nil {
		return err
	}
	if _, err := api.Check(context.Background(), &sdk.CheckRequest{}); err != nil {
		return err
	}
	fmt.Println(client.ReattachConfig().Pid)
	select {}
}

func TestPluginEndsWithItsHost(t *testing.T) {
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), roleEnv+"=host")
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanln(bufio.NewReader(stdout), &pid); err != nil || pid <= 1 {
		t.Fatalf("the host says %d, %v", pid, err)
	}
	if gone(pid) {
		t.Fatal("the plugin does not run")
	}
	if err := host.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	_ = host.Wait()
	for tick := time.NewTicker(20 * time.Millisecond); !gone(pid); <-tick.C {
		if time.Since(killed) > 30*time.Second { // at once; but the machine may be slow
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the plugin outlives its host")
		}
	}
}

// gone reports whether a process has ended; nobody may have reaped it.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

func TestPluginKeepsNoInheritedDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	client, api, err := launch(io.Discard, w)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Kill()
	_ = w.Close()
	// The other end comes to its end only when nobody holds this one.
	_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the plugin holds a descriptor of the host's: %v", err)
	}
	if _, err := api.Check(t.Context(), &sdk.CheckRequest{}); err != nil {
		t.Errorf("the plugin does not work: %v", err)
	}
}

func TestPluginIsProtected(t *testing.T) {
	client, api, err := launch(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Kill()
	resp, err := api.Check(t.Context(), &sdk.CheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.Problems {
		t.Errorf("%s: %s", p.Field, p.Summary)
	}
}

func TestPluginLogsLinesWithoutSecrets(t *testing.T) {
	const canary = "canary-90ab"
	var stderr bytes.Buffer
	client, api, err := launch(&stderr)
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.Exchange(t.Context(), &sdk.ExchangeRequest{Target: sdk.Target{Provider: "talkative"}, Code: secret.New(canary)})
	if sdk.CodeOf(err) != sdk.CodePluginBug || strings.Contains(err.Error(), canary) {
		t.Errorf("the panic is %v", err)
	}
	client.Kill() // and with it what reads stderr
	if strings.Contains(stderr.String(), canary) || strings.Contains(stderr.String(), "\x1b") {
		t.Errorf("stderr holds what it must not: %q", stderr.String())
	}
	lines := map[string]map[string]any{}
	for line := range strings.Lines(stderr.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("not JSON: %q", line)
			continue
		}
		lines[fmt.Sprint(fields["@message"])] = fields
	}
	for message, want := range map[string]map[string]string{
		"exchanging\x1b[2J":   {"@level": "info", "@module": "standpipe-provider-talkative", "op": "Exchange", "provider": "talkative", "code": secret.Redacted},
		"from package log":    {"@level": "info", "@module": "standpipe-provider-talkative"},
		"the plugin panicked": {"@level": "error", "op": "Exchange", "panic": "a value of type string"},
	} {
		for key, value := range want {
			if got := lines[message][key]; got != value {
				t.Errorf("%q: %s is %v, want %q", message, key, got, value)
			}
		}
	}
	if at := fmt.Sprint(lines["the plugin panicked"]["at"]); !strings.Contains(at, "Exchange (serve_test.go:") {
		t.Errorf("it panicked at %s", at)
	}
}

func TestStartedByHand(t *testing.T) {
	run := func(args ...string) (stdout, stderr string, code int) {
		cmd := exec.Command(os.Args[0])
		cmd.Args = append([]string{"/opt/standpipe-provider-talkative"}, args...)
		cmd.Env = []string{roleEnv + "=plugin"}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	stdout, stderr, code := run()
	if code != 1 || stdout != "" || !strings.Contains(stderr, "standpipe-provider-talkative is a plugin of Standpipe") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	stdout, stderr, code = run("describe")
	if code != 0 || stderr != "" || !strings.Contains(stdout, `"slug": "talkative"`) || !strings.Contains(stdout, `"check"`) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
