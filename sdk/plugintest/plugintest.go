// SPDX-License-Identifier: Apache-2.0

// Package plugintest checks a provider plugin against the contract of package
// sdk. One table of cases runs three ways: with direct calls, over a socket as
// a host calls, and against the built executable in a process of its own.
//
//	func TestContract(t *testing.T) {
//		plugintest.Run(t, plugintest.Config{
//			New:          func() sdk.Provider { return provider },
//			Package:      ".",
//			Provider:     "example",
//			ClientID:     "app",
//			ClientSecret: "s3cret",
//			RedirectURI:  "http://127.0.0.1:4780/callback/example",
//			Server: plugintest.OAuth(oauthtest.Options{
//				Clients: []oauthtest.Client{{ID: "app", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1:4780/callback/example"}}},
//				Users:   []oauthtest.User{{Subject: "1", Login: "octocat"}},
//				Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true},
//			}),
//		})
//	}
//
// The cases are those of package conformance, which `standpipe plugin check`
// runs without `go test`. Nothing leaves the machine.
package plugintest

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/conformance"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// URL stands in Config.Settings for the address of the test server, without a
// last slash. In a descriptor's Sandbox it is the same.
const URL = conformance.URL

// Config says what to check and how to play the provider.
type Config struct {
	// New makes the provider; nil: only the executable is checked.
	New func() sdk.Provider
	// Package is the main package to build, as for "go build"; empty: the
	// third way is left out.
	Package string

	// Provider is the slug of the provider to check.
	Provider string
	// Definition is its JSON where it is a declared one.
	Definition []byte
	// Settings are the values of its config fields, with URL for the test
	// server; nil: the descriptor's Sandbox.
	Settings map[string]string

	ClientID     string
	ClientSecret string // empty: a public client
	RedirectURI  string
	// Scopes to ask for; nil: the descriptor's default and required ones.
	Scopes []string
	// Answers are what the user types, by the label of the question; a question
	// that is not there is declined.
	Answers map[string]string

	// Server makes the provider's stand-in, which is reached at url. nil: only
	// what needs no provider is checked.
	Server func(url string) (Server, error)
}

// Server plays a provider.
type Server = conformance.Server

// OAuth plays the provider with an oauthtest.Server, whose first user consents.
func OAuth(options oauthtest.Options) func(url string) (Server, error) {
	return conformance.OAuth(options)
}

func (c *Config) conformance() conformance.Config {
	return conformance.Config{
		New: c.New, Provider: c.Provider, Definition: c.Definition, Settings: c.Settings,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURI: c.RedirectURI, Scopes: c.Scopes,
		Answers: c.Answers, Server: c.Server,
	}
}

// Run checks the provider in every way that cfg allows.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if cfg.New == nil && cfg.Package == "" {
		t.Fatal("plugintest: Config needs New or Package")
	}
	if cfg.New != nil {
		t.Run("in process", func(t *testing.T) { runAll(t, conformance.InProcess(cfg.conformance())) })
		t.Run("over a socket", func(t *testing.T) { runAll(t, conformance.OverSocket(cfg.conformance())) })
	}
	if cfg.Package != "" {
		t.Run("as a binary", func(t *testing.T) { Binary(t, build(t, cfg.Package), cfg) })
	}
}

// Binary checks the executable at path, which may be written in any language.
func Binary(t *testing.T, path string, cfg Config) {
	t.Helper()
	runAll(t, conformance.Executable(cfg.conformance(), path))
}

// build compiles a main package the way plugins are shipped: static.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "standpipe-provider-test")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return path
}

func runAll(t *testing.T, cases []conformance.Case) {
	t.Helper()
	for i := range cases {
		t.Run(cases[i].Name, func(t *testing.T) {
			switch r := cases[i].Run(t.Context()); r.Verdict {
			case conformance.Fail:
				for _, p := range r.Problems {
					t.Error(p)
				}
			case conformance.Skip:
				t.Log("left out: " + r.Note)
			}
		})
	}
}
