// SPDX-License-Identifier: Apache-2.0

// Package conformance is the suite that every provider plugin has to pass, as a
// library: `standpipe plugin check` runs it on any executable, and plugintest
// runs it within `go test`. It does not import package testing.
//
// A case starts the provider in one Way, talks to it as a host does, and says
// what is wrong. The provider's calls go the way they go under a host: through
// a dialer that admits only the hosts of the provider. Nothing leaves the
// machine: a stand-in answers in the provider's place.
package conformance

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"runtime/debug"
	"slices"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// URL stands in Config.Settings for the address of the stand-in, without a
// last slash. In a descriptor's Sandbox it is the same.
const URL = "{sandbox}"

// Config says what to check and how to play the provider.
type Config struct {
	// New makes the provider, for the ways that run it within this process; nil
	// for an executable.
	New func() sdk.Provider

	// Provider is the slug of the provider to check.
	Provider string
	// Definition is its JSON where it is a declared one.
	Definition []byte
	// Settings are the values of its config fields, with URL for the stand-in;
	// nil: the descriptor's Sandbox.
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

	// Start starts what the suite wants to run: the executable, or a shell that
	// runs it. cmd.Stdin, Stdout and Stderr are files, cmd.Dir is the folder
	// where it may write. nil: it is started plainly, which is for executables
	// that one trusts.
	Start func(cmd *exec.Cmd) (Process, error)
}

// Server plays a provider.
type Server interface {
	http.Handler
	// Consent does what a user does in a browser at an authorization URL, and
	// returns the callback URL to which the browser is sent.
	Consent(authorizationURL string) (callbackURL string, err error)
}

// DeviceConsenter is a Server that also plays the user of a device flow.
type DeviceConsenter interface {
	// ConsentDevice answers for the user on the verification page; no is a
	// refusal. It reports whether there is such a user code.
	ConsentDevice(userCode string, no bool) bool
}

// OAuth plays the provider with an oauthtest.Server, whose first user consents.
func OAuth(options oauthtest.Options) func(url string) (Server, error) {
	return func(url string) (Server, error) {
		options := options
		options.URL = url
		s, err := oauthtest.New(options)
		if err != nil {
			return nil, err
		}
		return oauthServer{s, options.Users[0].Login}, nil
	}
}

type oauthServer struct {
	*oauthtest.Server
	login string
}

func (s oauthServer) Consent(authorizationURL string) (string, error) {
	return s.Approve(authorizationURL, s.login)
}

func (s oauthServer) ConsentDevice(userCode string, no bool) bool {
	if no {
		return s.AnswerDevice(userCode, "")
	}
	return s.AnswerDevice(userCode, s.login)
}

// Case is a part of the suite.
type Case struct {
	Name  string
	Way   string // "in process", "over a socket", "as a binary"
	cfg   *Config
	start starter
	exe   string
	check func(*T, *world)
	alone func(*T, *Config, string) // of executables only, without a world
}

// Verdict is how a case ended.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	Skip Verdict = "skip" // the provider cannot do what is checked
)

// Result is what a case found.
type Result struct {
	Case     string        `json:"case"`
	Verdict  Verdict       `json:"verdict"`
	Problems []string      `json:"problems,omitempty"`
	Note     string        `json:"note,omitempty"` // why it was skipped
	Took     time.Duration `json:"-"`
}

// InProcess are the cases with direct calls of cfg.New's provider.
func InProcess(cfg Config) []Case { return casesOf(cfg, "in process", inProcess, "") }

// OverSocket are the cases with calls of cfg.New's provider over a socket.
func OverSocket(cfg Config) []Case { return casesOf(cfg, "over a socket", overSocket, "") }

// Executable are the cases for the executable at path, in whatever language it
// is written.
func Executable(cfg Config, path string) []Case {
	return casesOf(cfg, "as a binary", asBinary(path), path)
}

// Beginning are those of the cases of Executable that need not know what the
// executable serves: they say what is wrong with one that cannot tell.
func Beginning(cfg Config, path string) []Case {
	cfg.Provider = ""
	return slices.DeleteFunc(Executable(cfg, path), func(c Case) bool { return c.alone == nil })
}

// table is the suite. Each case gets a provider of its own.
var table = []struct {
	name    string
	offline bool // needs no Server
	check   func(*T, *world)
	alone   func(*T, *Config, string)
}{
	{name: "describe verb", offline: true, alone: checkDescribeVerb},
	{name: "shakes hands", offline: true, alone: checkHandshake},
	{name: "dies with its host", offline: true, alone: checkOrphan},
	{name: "describes itself", offline: true, check: checkDescription},
	{name: "authorizes", offline: true, check: checkAuthorize},
	{name: "says what it cannot do", offline: true, check: checkUnsupported},
	{name: "bears hostile input", offline: true, check: checkHostile},
	{name: "connects", check: checkConnect},
	{name: "says where a picture is", check: checkPicture},
	{name: "refreshes", check: checkRefresh},
	{name: "refuses what the provider refuses", check: checkRefusals},
	{name: "revokes", check: checkRevoke},
	{name: "connects a device", check: checkDevice},
	{name: "gets a token for the client", check: checkClientCredentials},
	{name: "introspects", check: checkIntrospect},
	{name: "checks settings", check: checkSettings},
	{name: "sends no secret that a call does not need", check: checkLeastSecret},
	{name: "bears a bad provider", check: checkFaults},
	{name: "follows no redirect", check: checkRedirect},
	{name: "gives up when told", check: checkCancel},
	{name: "keeps its deadline", check: checkDeadline},
	{name: "works concurrently", check: checkConcurrency},
	{name: "leaves nothing behind", check: checkLeftovers},
}

func casesOf(cfg Config, way string, start starter, exe string) []Case {
	var out []Case
	for _, c := range table {
		if c.alone != nil && exe == "" || cfg.Server == nil && !c.offline {
			continue
		}
		out = append(out, Case{Name: c.name, Way: way, cfg: &cfg, start: start, exe: exe, check: c.check, alone: c.alone})
	}
	return out
}

// Run runs the case. It returns when everything that it started has ended.
func (c *Case) Run(ctx context.Context) (r Result) {
	ctx, cancel := context.WithCancel(ctx)
	t := &T{ctx: ctx}
	began := time.Now()
	defer func() {
		cancel()
		t.end()
		r = Result{Case: c.Name, Verdict: Pass, Problems: t.problems, Note: t.skipped, Took: time.Since(began)}
		switch {
		case len(t.problems) > 0:
			r.Verdict = Fail
		case t.skipped != "":
			r.Verdict = Skip
		}
	}()
	t.until(func() {
		if c.alone != nil {
			c.alone(t, c.cfg, c.exe)
			return
		}
		w := newWorld(t, c.cfg, c.start)
		t.until(func() { c.check(t, w) })
		w.finish()
	})
	return r
}

// until runs f up to its end, or to where it gives the case up.
func (t *T) until(f func()) {
	defer func() {
		if v := recover(); v != nil && v != any(stop{}) {
			t.Errorf("the suite itself panicked: %v\n%s", v, debug.Stack())
		}
	}()
	f()
}

// T collects the problems of a case. A case gives up by a panic with stop, as
// testing does by Goexit. Its methods are those of testing.T.
type T struct {
	ctx      context.Context
	problems []string
	skipped  string
	cleanups []func()
}

type stop struct{}

// Context ends with the case.
func (t *T) Context() context.Context { return t.ctx }

// Helper does nothing.
func (t *T) Helper() {}

// Errorf notes a problem.
func (t *T) Errorf(format string, args ...any) {
	t.Error(fmt.Sprintf(format, args...))
}

// Error notes a problem.
func (t *T) Error(args ...any) {
	if problem := fmt.Sprint(args...); !slices.Contains(t.problems, problem) { // once is enough
		t.problems = append(t.problems, problem)
	}
}

// Fatalf notes a problem and ends the case.
func (t *T) Fatalf(format string, args ...any) { t.Errorf(format, args...); panic(stop{}) }

// Fatal notes a problem and ends the case.
func (t *T) Fatal(args ...any) { t.Error(args...); panic(stop{}) }

// Skip ends the case, which does not apply.
func (t *T) Skip(why string) { t.skipped = why; panic(stop{}) }

// Cleanup runs f at the end, the last one first.
func (t *T) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *T) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
