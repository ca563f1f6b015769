// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func TestHealthyPlugin(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := newTestHost(t, Config{Now: func() time.Time { return now }}, "healthy")
	if s := h.status(t, "healthy"); s.State != StateStopped || s.PID != 0 {
		t.Errorf("a plugin that nobody called is %+v", s)
	}
	all, err := h.Describe(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("Describe = %+v, %v", all, err)
	}
	d := all[0]
	if d.Slug != "healthy" || d.Plugin != "healthy" || d.Name != "A plugin" || !d.Can(hub.CanRefresh) || !strings.HasPrefix(d.Icon, "<svg xmlns") {
		t.Errorf("description %+v", d)
	}
	a, err := h.Authorize(t.Context(), target("healthy"), hub.AuthorizeRequest{State: "s"})
	if err != nil || a.URL != "https://id.example/authorize?state=s" {
		t.Errorf("Authorize = %+v, %v", a, err)
	}
	x, err := h.Exchange(t.Context(), target("healthy"), hub.ExchangeRequest{Code: secret.New("c")})
	if err != nil || x.Tokens.AccessToken.Reveal() != "at-c" || x.Account == nil || x.Account.Subject != "1" {
		t.Errorf("Exchange = %+v, %v", x, err)
	}
	r, err := h.Refresh(t.Context(), target("healthy"), refreshRequest)
	if err != nil || r.Tokens.AccessToken.Reveal() != "at2" || r.RefreshToken != hub.RefreshRotated ||
		!r.Tokens.Expiry.Equal(now.Add(time.Hour)) || !slices.Equal(r.Tokens.Scopes, []string{"a", "b"}) {
		t.Errorf("Refresh = %+v, %v", r, err)
	}
	if reach, err := h.Revoke(t.Context(), target("healthy"), hub.RevokeRequest{Token: secret.New("x")}); err != nil || reach != hub.ReachToken {
		t.Errorf("Revoke = %v, %v", reach, err)
	}
	if who, err := h.Identify(t.Context(), target("healthy"), hub.IdentifyRequest{AccessToken: secret.New("x")}); err != nil || who.Account.Login != "me" {
		t.Errorf("Identify = %+v, %v", who, err)
	}
	s := h.status(t, "healthy")
	if s.State != StateRunning || s.PID == 0 || s.Restarts != 0 || !slices.Contains(h.processes(), s.PID) {
		t.Errorf("status %+v, processes %v", s, h.processes())
	}
}

func TestIdlePluginIsStoppedAndStartedAgain(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{IdleStop: 50 * time.Millisecond}, "healthy")
	for range 3 {
		if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "the idle plugin runs", func() bool { return len(h.processes()) == 0 })
	}
	if s := h.status(t, "healthy"); s.State != StateStopped || s.Restarts != 0 || s.Error != "" {
		t.Errorf("status %+v", s)
	}
}

func TestManyCallersStartOneProcess(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "healthy")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s, n := h.status(t, "healthy"), len(h.processes()); s.Restarts != 0 || n != 1 {
		t.Errorf("%d processes, status %+v", n, s)
	}
}

// TestSurroundings checks what a plugin finds around itself.
func TestSurroundings(t *testing.T) {
	t.Setenv("STANDPIPE_MASTER_KEY", "canary-env")
	t.Setenv("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
	t.Setenv("SSL_CERT_DIR", "")
	// A descriptor that some library forgot to mark.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	leak(t, w)
	h := newTestHost(t, Config{}, "look")
	x, err := h.Exchange(t.Context(), target("look"), hub.ExchangeRequest{Code: secret.New("c")})
	if err != nil {
		t.Fatal(err)
	}
	got := x.Tokens.Metadata
	var env []string
	for k, v := range got {
		if name, ok := strings.CutPrefix(k, "env "); ok {
			env = append(env, name)
			if strings.Contains(v, "canary") {
				t.Errorf("%s holds a secret", k)
			}
		}
		if strings.HasPrefix(k, "fd ") && strings.HasPrefix(v, "pipe:") && strings.TrimPrefix(k, "fd ") > "2" && v == pipeName(t, w) {
			t.Errorf("the plugin inherited %s: %s", k, v)
		}
	}
	slices.Sort(env)
	want := []string{"GOMEMLIMIT", "GOTRACEBACK", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT",
		"PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SSL_CERT_FILE", handshakeCookie()}
	slices.Sort(want)
	if !slices.Equal(env, want) {
		t.Errorf("environment %v, want %v", env, want)
	}
	if got["fd 0"] != "/dev/null" || got["tty"] != "none" || got["session"] != got["pid"] {
		t.Errorf("stdin %q, terminal %q, session %s of process %s", got["fd 0"], got["tty"], got["session"], got["pid"])
	}
	// Where the system refuses, the status says so.
	if isolated := h.status(t, "look").Network == Closed; isolated != (got["network"] == "") {
		t.Errorf("isolated %v, and the plugin sees the network %q", isolated, got["network"])
	}
	if !strings.HasPrefix(got["cwd"], h.run) && !strings.HasPrefix(got["cwd"], os.TempDir()+"/standpipe-p") {
		t.Errorf("working folder %q", got["cwd"])
	}
}

func TestCallsOfPluginsGoThroughTheHost(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	h := newTestHost(t, Config{Outbound: Outbound{Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}}, "fetch")
	fetch := func(url string, private bool, hosts ...string) string {
		tg := target("fetch")
		tg.AllowedHosts, tg.PrivateNetwork = hosts, private
		x, err := h.Exchange(t.Context(), tg, hub.ExchangeRequest{Code: secret.New("c"), Params: map[string]string{"url": url}})
		if err != nil {
			t.Fatal(err)
		}
		return x.Tokens.Metadata["result"]
	}
	if got := fetch(server.URL, true, host); got != "200 hello <nil>" {
		t.Errorf("a declared host: %s", got)
	}
	for _, c := range []struct {
		url     string
		private bool
		hosts   []string
	}{
		{server.URL, true, []string{"id.example:443"}},
		{server.URL, true, nil},
		{server.URL, false, []string{host}},
		{"http://rebound.example:80/", false, []string{"rebound.example:80"}},
	} {
		if got := fetch(c.url, c.private, c.hosts...); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s with private %v and hosts %v: %s", c.url, c.private, c.hosts, got)
		}
	}
}

func TestRefusedDialIsUnsent(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "refused-dial")
	_, err := h.Refresh(t.Context(), target("refused-dial"), refreshRequest)
	if e := providerErr(t, err); !e.Unsent {
		t.Errorf("error %+v", e)
	}
}

// TestInClearIsUnsent: a provider whose tokens would cross the internet without TLS
// is told as what it is, a setting that someone has to mend.
func TestInClearIsUnsent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent in clear", r.URL) }))
	defer server.Close()
	h := newTestHost(t, Config{Outbound: Outbound{
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("203.0.114.3")}, nil
		},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(server.URL, "http://"))
		},
	}}, "in-clear")
	tg := target("in-clear")
	tg.AllowedHosts = []string{"id.example:8080"}
	_, err := h.Refresh(t.Context(), tg, refreshRequest)
	e := providerErr(t, err)
	if e.Class != hub.ProviderMisconfigured || !e.Unsent || !strings.Contains(e.Message, "id.example:8080 is called without TLS") {
		t.Errorf("error %+v", e)
	}
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "errs")
	_, err := h.Refresh(t.Context(), target("errs"), refreshRequest)
	e := providerErr(t, err)
	if e.Class != hub.ProviderReauthorize || e.Reason != hub.ReasonRevoked || e.Message != "the [1muser withdrew it" || e.Unsent {
		t.Errorf("error %+v", e)
	}
}

func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	modes := []string{"no-token", "huge-token", "huge-answer", "vast-answer", "bad-token"}
	h := newTestHost(t, Config{}, append(modes, "elsewhere")...)
	for _, m := range modes {
		x, err := h.Exchange(t.Context(), target(m), hub.ExchangeRequest{Code: secret.New("c")})
		if e := providerErr(t, err); e.Class != hub.ProviderBug || !x.Tokens.AccessToken.IsZero() {
			t.Errorf("%s: %+v", m, e)
		}
	}
	_, err := h.Authorize(t.Context(), target("elsewhere"), hub.AuthorizeRequest{State: "s"})
	if e := providerErr(t, err); e.Class != hub.ProviderBug || !strings.Contains(e.Message, "id.example.evil.example") {
		t.Errorf("elsewhere: %+v", e)
	}
}

func TestProvidersAreServedByOnePlugin(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "healthy", "liar", "many")
	all, err := h.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		got = append(got, d.Slug+" of "+d.Plugin)
	}
	want := []string{"healthy of healthy", "liar of liar", "many of many", "many-0 of many", "many-1 of many", "many-2 of many"}
	if !slices.Equal(got, want) {
		t.Errorf("providers %v\nwant %v", got, want)
	}
	if !strings.Contains(h.log.String(), "is served by the plugin at") {
		t.Error("what a liar may not serve is not told")
	}
	if _, err := h.Refresh(t.Context(), target("many-1"), refreshRequest); err != nil {
		t.Errorf("a provider with another name than its plugin: %v", err)
	}
}

func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{StartTimeout: 2 * time.Second}, "mute")
	_, err := h.Refresh(t.Context(), target("nobody"), refreshRequest)
	e, ok := errors.AsType[*hub.Error](err)
	if !ok || e.Code != hub.CodePluginUnavailable || !providerErr(t, err).Unsent {
		t.Errorf("error %#v", err)
	}
}

func TestOnlyPinnedBytesRun(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "healthy", "swapped")
	// Swapped after it was pinned: by something that would run very well.
	path := filepath.Join(h.dir, Prefix+"swapped")
	os.Remove(path)
	put(t, path, "#!/bin/sh\ntouch "+filepath.Join(h.run, "evil-ran")+"\n", 0o755)
	_, err := h.Refresh(t.Context(), target("swapped"), refreshRequest)
	if e := providerErr(t, err); e.Class != hub.ProviderGone || !e.Unsent {
		t.Errorf("error %+v", e)
	}
	if s := h.status(t, "swapped"); s.State != StateRefused || !strings.Contains(s.Error, "was changed since it was installed") {
		t.Errorf("status %+v", s)
	}
	// It stays refused, and the user is told.
	_, err = h.Refresh(t.Context(), target("swapped"), refreshRequest)
	if e, ok := errors.AsType[*hub.Error](err); !ok || e.Remedy == "" || !providerErr(t, err).Unsent {
		t.Errorf("error %#v", err)
	}
	if _, err := os.Stat(filepath.Join(h.run, "evil-ran")); err == nil {
		t.Error("the swapped program ran")
	}
	if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
		t.Errorf("the other plugin: %v", err)
	}
}

// TestPluginDiesWithItsHost kills a host and looks for what it started.
func TestPluginDiesWithItsHost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	installPlugins(t, filepath.Join(dir, "plugins"), "healthy")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLUGINHOST_TEST_VICTIM="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := out.Read(buf); err != nil || string(buf[:n]) != "ready\n" {
		t.Errorf("the host says %q, %v", buf[:n], err)
	}
	bin := filepath.Join(dir, "run", "bin")
	if n := len(processesFrom(bin)); n != 1 {
		t.Errorf("%d plugins run", n)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, 5*time.Second, "the plugin outlives its host", func() bool { return len(processesFrom(bin)) == 0 })
	// The next host sweeps what was left.
	sockets := func() int {
		left, _ := filepath.Glob(filepath.Join(dir, "run", "p*"))
		return len(left)
	}
	h, err := New(Config{Dirs: []string{filepath.Join(dir, "plugins")}, RunDir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	if n := sockets(); n != 0 {
		t.Errorf("%d folders of sockets are left", n)
	}
}

// victim is the host that TestPluginDiesWithItsHost kills.
func victim(dir string) {
	h, err := New(Config{Dirs: []string{filepath.Join(dir, "plugins")}, RunDir: filepath.Join(dir, "run"), StartTimeout: 30 * time.Second})
	if err == nil {
		_, err = h.Refresh(context.Background(), target("healthy"), refreshRequest)
	}
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("ready\n")
	select {}
}

// providerErr is the *hub.ProviderError in err.
func providerErr(t *testing.T, err error) *hub.ProviderError {
	t.Helper()
	e, ok := errors.AsType[*hub.ProviderError](err)
	if !ok {
		t.Fatalf("error %#v (%v)", err, err)
	}
	return e
}
