// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// hostileBinary is testdata/hostile, built once.
var hostileBinary string

func TestMain(m *testing.M) {
	if dir := os.Getenv("PLUGINHOST_TEST_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	// Most of what the tests do is wait for plugins that do nothing.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		hostileBinary = filepath.Join(dir, "hostile")
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", hostileBinary, "./testdata/hostile")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build of the hostile plugin: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// testHost is a host with plugins of the given modes, closed at the end of the
// test, when nothing of it must be left.
type testHost struct {
	*Host
	dir string // plugins and plugins.sum
	run string
	log *syncBuffer
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu     sync.Mutex
	b      bytes.Buffer
	signal func(plugin string, s syscall.Signal) // who asks for one gets it
}

// signalLine is how a plugin of testdata asks for a signal.
var signalLine = regexp.MustCompile(`msg="signal me (\d+)" plugin=(\S+)`)

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := signalLine.FindSubmatch(p); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		go s.signal(string(m[2]), syscall.Signal(n))
	}
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var _ io.Writer = (*syncBuffer)(nil)

func newTestHost(t *testing.T, cfg Config, modes ...string) *testHost {
	t.Helper()
	h := &testHost{dir: t.TempDir(), run: filepath.Join(t.TempDir(), "run"), log: &syncBuffer{}}
	h.log.signal = h.signal
	installPlugins(t, h.dir, modes...)
	cfg.Dirs, cfg.RunDir = []string{h.dir}, h.run
	cfg.Logger = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = 30 * time.Second // the machine may be busy
	}
	var err error
	if h.Host, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		began := time.Now()
		h.Close()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("Close took %s", took)
		}
		h.nothingLeft(t)
		if t.Failed() {
			t.Logf("log:\n%s", clipped(h.log.String()))
		}
	})
	return h
}

func clipped(s string) string { return s[max(0, len(s)-4000):] }

// installPlugins puts the hostile binary into dir under the name of each mode.
func installPlugins(t *testing.T, dir string, modes ...string) {
	t.Helper()
	b, err := os.ReadFile(hostileBinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modes {
		path := filepath.Join(dir, Prefix+m)
		if err := os.Link(hostileBinary, path); err != nil {
			put(t, path, string(b), 0o755)
		}
		addPin(t, filepath.Join(dir, SumFile), sha256.Sum256(b), Prefix+m)
	}
}

// processes lists the living processes that run a copy of the host's.
func (h *testHost) processes() []int {
	return processesFrom(filepath.Join(h.run, "bin"))
}

// signal sends a signal to the processes of a plugin.
func (h *testHost) signal(plugin string, s syscall.Signal) {
	for _, pid := range h.processes() {
		if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && string(args) == Prefix+plugin+"\x00" {
			_ = syscall.Kill(pid, s)
		}
	}
}

func processesFrom(dir string) []int {
	var out []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, l := range links {
		if exe, err := os.Readlink(l); err == nil && strings.HasPrefix(exe, dir) {
			pid, _ := strconv.Atoi(strings.Split(l, "/")[2])
			out = append(out, pid)
		}
	}
	return out
}

// nothingLeft waits until no process and no socket of the host is left.
func (h *testHost) nothingLeft(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Second, "processes are left", func() bool { return len(h.processes()) == 0 })
	if left, _ := filepath.Glob(filepath.Join(h.run, "p*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(h.run, "bin", "new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// eventually polls until ok is true.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s after %s", what, limit)
			return
		}
	}
}

// plugin finds the status of a plugin.
func (h *testHost) status(t *testing.T, name string) PluginStatus {
	t.Helper()
	for _, s := range h.Status() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no plugin %s", name)
	return PluginStatus{}
}

// target is an integration of a provider that plugins of testdata serve.
func target(slug string) hub.Target {
	return hub.Target{
		Provider: slug, ClientID: "client", ClientSecret: secret.New("client-secret-canary"),
		AllowedHosts: []string{"id.example:443"},
	}
}

// refreshRequest has a refresh token to look for.
var refreshRequest = hub.RefreshRequest{RefreshToken: secret.New("refresh-token-canary")}
