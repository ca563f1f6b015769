// SPDX-License-Identifier: Apache-2.0

package config

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zalando/go-keyring"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

var update = flag.Bool("update", false, "write the golden files anew")

// canary stands where a secret would; no output may hold it.
const canary = "s3cr3t-canary"

func TestMain(m *testing.M) {
	keyring.MockInit()
	// The mock needs no bus, but the look for one does.
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	os.Exit(m.Run())
}

func write(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return name
}

func render(t *testing.T, d Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDiagnostics compares what people are told with the golden files.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/diagnostics/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	here, err := filepath.Abs("testdata/diagnostics")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			c, diags := Load(file)
			if (c == nil) != diags.HasErrors() {
				t.Errorf("a configuration beside errors, or neither: %v", c)
			}
			if len(diags) == 0 {
				t.Fatal("nothing was found in it")
			}
			got := strings.ReplaceAll(render(t, diags), here, "HERE")
			if strings.Contains(got, canary) || strings.Contains(fmt.Sprintf("%+v", diags), canary) {
				t.Errorf("a secret shows:\n%s", got)
			}
			golden := strings.TrimSuffix(file, ".hcl") + ".golden"
			if *update {
				write(t, golden, got, 0o644)
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run with -update once this is right (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "standpipe.hcl")} {
		c, diags := Load(path)
		if len(diags) > 0 || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %+v, %v", path, c, diags)
		}
	}
	for _, path := range []string{t.TempDir()} {
		if c, diags := Load(path); c != nil || !diags.HasErrors() {
			t.Errorf("a folder is taken for a file: %+v", diags)
		}
	}
}

func TestEverySetting(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "github.secret"), canary+"\n", 0o600)
	if err := keyring.Set("standpipe", "slack", "from-keychain"); err != nil {
		t.Fatal(err)
	}
	if err := keyring.Set("other", "google", "from-other"); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(dir, "standpipe.hcl"), `
mode      = "server"
listen    = "[::1]:5000"
ui_listen = "localhost:5001"
base_url  = "https://pipes.example.com"
sandbox   = ""
avatars   = false
log { level = "warn" }
plugins { idle = "90s" }
vault { inventory = false }
integration "ghe" {
  provider      = "github"
  credentials   = "own"
  client_id     = "Iv1.1"
  client_secret = file("github.secret")
  scopes        = ["repo", "repo", "read:org"]
  description   = "Work"
  enabled       = false
  network       = "private"
  config        = { base_url = "https://ghe.example.com" }
}
integration "slack" {
  client_id     = "2"
  client_secret = keychain("slack")
  scopes        = []
}
integration "google" {
  client_id     = "3"
  client_secret = keychain("other", "google")
}
integration "linear" {
  credentials = "public"
}
`, 0o600)
	c, diags := Load(path)
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	want := &Config{
		Path: path, Mode: ModeServer, Listen: "[::1]:5000", UIListen: "localhost:5001", BaseURL: "https://pipes.example.com",
		LogLevel: slog.LevelWarn, PluginIdle: 90 * time.Second, ApprovalTimeout: 2 * time.Minute,
		Integrations: []hub.Integration{
			{
				Slug: "ghe", Provider: "github", Credentials: hub.CredentialsOwn, ClientID: "Iv1.1", ClientSecret: secret.New(canary),
				Scopes: []string{"repo", "read:org"}, Description: "Work", PrivateNetwork: true, FromFile: true,
				Config: map[string]string{"base_url": "https://ghe.example.com"},
			},
			{
				Slug: "slack", Provider: "slack", Credentials: hub.CredentialsOwn, ClientID: "2", Enabled: true, FromFile: true,
				ClientSecret: secret.New("from-keychain"), Scopes: []string{},
			},
			{
				Slug: "google", Provider: "google", Credentials: hub.CredentialsOwn, ClientID: "3", Enabled: true, FromFile: true,
				ClientSecret: secret.New("from-other"),
			},
			{Slug: "linear", Provider: "linear", Credentials: hub.CredentialsPublic, Enabled: true, FromFile: true},
		},
	}
	if diff := cmp.Diff(want, c, cmp.Comparer(secret.Value.Equal)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c.Production() {
		t.Error("a server counts as production")
	}
}

func TestSecretFiles(t *testing.T) {
	load := func(t *testing.T, content string, mode os.FileMode) (*Config, Diagnostics) {
		t.Helper()
		dir := t.TempDir()
		t.Setenv("HOME", dir)
		write(t, filepath.Join(dir, "s"), content, mode)
		return Load(write(t, filepath.Join(dir, "standpipe.hcl"), `integration "github" {
  client_id     = "1"
  client_secret = file("~/s")
}`, 0o600))
	}
	t.Run("OpenToOthers", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("Windows has no file modes")
		}
		c, diags := load(t, canary, 0o640)
		if c == nil || len(diags) != 1 || diags[0].Severity != Warning || !strings.Contains(diags[0].Detail, "0640") || !strings.Contains(diags[0].Detail, "chmod 600") {
			t.Errorf("%v", diags)
		}
	})
	for name, content := range map[string]string{"Empty": " \n", "TwoLines": "a\nb", "TooLong": strings.Repeat("x", maxSecret+1)} {
		t.Run(name, func(t *testing.T) {
			if c, diags := load(t, content, 0o600); c != nil || !diags.HasErrors() {
				t.Errorf("accepted: %v", diags)
			}
		})
	}
}

func TestSecretFromEnvironmentIsWarnedAbout(t *testing.T) {
	t.Setenv("STANDPIPE_TEST_SECRET", canary)
	c, diags := decode("standpipe.hcl", t.TempDir(), []byte("integration \"github\" {\n client_id = \"1\"\n client_secret = env(\"STANDPIPE_TEST_SECRET\")\n}\n"))
	if c == nil || c.Integrations[0].ClientSecret.Reveal() != canary || len(diags.Warnings()) != 1 || diags.Err() != nil {
		t.Errorf("%v", diags)
	}
	if diags[0].Line != 3 || diags[0].In != `integration "github"` || diags[0].Source != ` client_secret = env("STANDPIPE_TEST_SECRET")` {
		t.Errorf("%+v", diags[0])
	}
}

func TestAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:4780": true, "127.9.9.9:0": true, "[::1]:1": true, "localhost:65535": true, "[::ffff:127.0.0.1]:1": true,
		"": false, "4780": false, ":4780": false, "127.0.0.1": false, "127.0.0.1:65536": false, "127.0.0.1:http": false,
		"127.0.0.1:-1": false, "127.0.0.1:+1": false, "127.0.0.1:01": false, "0.0.0.0:1": false, "[::]:1": false,
		"192.168.1.1:1": false, "example.com:1": false, "localhost.example.com:1": false, "127.0.0.1.nip.io:1": false, "[::1%lo]:1": false,
	} {
		if summary, _ := checkListen("listen")(address); (summary == "") != good {
			t.Errorf("%q: %q", address, summary)
		}
	}
	for base, good := range map[string]bool{
		"": true, "https://a.example": true, "https://a.example:8443": true,
		"http://a.example": false, "https://a.example/": false, "https://a.example/x": false, "https://u@a.example": false,
		"https://a.example?x": false, "https://": false, "a.example": false, "https://a.example#x": false,
	} {
		if summary, _ := checkBaseURL(base); (summary == "") != good {
			t.Errorf("%q: %q", base, summary)
		}
	}
}

// FuzzLoad: whatever stands in the file, there is a configuration or an error,
// and the secret that stands in it shows nowhere.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/diagnostics/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b), "")
	}
	f.Add("integration \"github\" {\n  client_id = \"1\"\n", "\"\n}\n")
	f.Add("listen = \"x\"\nintegration \"github\" {", "\"}")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, before, after string) {
		// References reach outside; they have tests of their own.
		for _, name := range references {
			if strings.Contains(before+after, name) {
				return
			}
		}
		before = strings.ReplaceAll(before, canary, "x")
		after = strings.ReplaceAll(after, canary, "x")
		for _, src := range []string{
			before + after,
			before + "\n  client_secret = \"" + canary + after,
			before + "\n  client_secret = " + canary + after,
		} {
			c, diags := decode("standpipe.hcl", dir, []byte(src))
			if (c == nil) != diags.HasErrors() {
				t.Fatalf("configuration %v with %v", c, diags)
			}
			var out strings.Builder
			_ = diags.Write(&out)
			if strings.Contains(out.String(), canary) {
				t.Fatalf("the secret shows:\n%s", out.String())
			}
			for _, d := range diags {
				if d.Summary == "" || d.File == "" || d.Line < 0 || d.caret < 0 {
					t.Fatalf("%+v", d)
				}
			}
		}
	})
}
