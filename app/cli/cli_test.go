// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestFailTellsWhatWhyAndHow(t *testing.T) {
	he := &hub.Error{
		Code: hub.CodeAccountSelection, Message: "several accounts\x1b[31m\u202e", Remedy: "Name one.", RetryAfter: 3 * time.Second,
		Choices: []hub.Choice{{Connection: "c1", Account: "octo\x07cat"}},
	}
	e, out, errs := testEnv("")
	if code := e.fail(t.Context(), fmt.Errorf("wrapped: %w", he)); code != hub.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	want := "standpipe: several accounts�[31m�\n  c1  octo�cat\nTry again in 3s.\nName one.\n"
	if errs.String() != want || out.Len() > 0 {
		t.Errorf("stderr = %q, want %q", errs, want)
	}

	errs.Reset()
	e.json = true
	e.fail(t.Context(), he)
	var body contract.Error
	if err := json.Unmarshal(errs.Bytes(), &body); err != nil || body.Code != he.Code || body.RetryAfter != 3 || len(body.Choices) != 1 {
		t.Errorf("stderr = %q (%v)", errs, err)
	}

	errs.Reset()
	if code := e.fail(t.Context(), exitCode(7)); code != 7 || errs.Len() > 0 {
		t.Errorf("an exit code of a child became %d, %q", code, errs)
	}
	if code := e.fail(t.Context(), errors.New("disk on fire")); code != hub.ExitError || !strings.Contains(errs.String(), "disk on fire") {
		t.Errorf("code %d, stderr %q", code, errs)
	}
}

func TestStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	soon, past := now.Add(90*time.Minute), now.Add(-time.Minute)
	well := contract.Connection{ID: "c1", Integration: "github", State: hub.StateConnected, Account: contract.Account{Label: "octocat"}, Expiry: &soon}
	ill := contract.Connection{
		ID: "c2", Integration: "slack", State: hub.StateNeedsReauthorization, Reason: hub.ReasonRevoked,
		Remedy: "Reauthorize.", Account: contract.Account{Label: "team"}, Expiry: &past,
	}
	e, out, errs := testEnv("")
	if err := e.status(contract.Hub{}, contract.Accounts{Connections: []contract.Connection{well}}, contract.Lost{}, now); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "octocat") || !strings.Contains(out.String(), "for 1h30m0s") {
		t.Errorf("stdout = %q", out)
	}
	needsUser := func(what string, err error) {
		t.Helper()
		if code, ok := errors.AsType[exitCode](err); !ok || int(code) != hub.ExitNeedsUser {
			t.Errorf("%s: error = %v, want exit code 3", what, err)
		}
	}
	needsUser("refused", e.status(contract.Hub{}, contract.Accounts{Connections: []contract.Connection{well, ill}}, contract.Lost{}, now))
	needsUser("lost in a reset", e.status(contract.Hub{}, contract.Accounts{}, contract.Lost{Accounts: []contract.LostAccount{{Integration: "slack"}}}, now))
	if !strings.Contains(errs.String(), "standpipe connect slack --reauthorize c2") {
		t.Errorf("the way out is not told: %q", errs)
	}
	out.Reset()
	e.json = true
	if err := e.status(contract.Hub{}, contract.Accounts{}, contract.Lost{Accounts: []contract.LostAccount{}}, now); err != nil || !strings.Contains(out.String(), `"connections":[]`) || !strings.Contains(out.String(), `"providers":[]`) {
		t.Errorf("%v, stdout = %q", err, out)
	}
}

func TestParseLife(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "": 0, "d": 0, "-1d": 0, "0d": 0, "1ms": 0, "soon": 0,
	} {
		got, err := parseLife("--expires", in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseLife(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestWithVariable(t *testing.T) {
	got := withVariable([]string{"A=1", "TOKEN=old", "TOKENS=x"}, "TOKEN", "new")
	if !slices.Equal(got, []string{"A=1", "TOKENS=x", "TOKEN=new"}) {
		t.Errorf("got %q", got)
	}
}

func TestPortSaysWho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken := net.Listen("tcp", l.Addr().String())
	err = explainPort(fmt.Errorf("listen: %w", taken), "End it.")
	he := asHubError(err)
	if he.Code != hub.CodeConflict || !strings.Contains(he.Message, l.Addr().String()) || strings.Contains(he.Message, "bind:") || he.Remedy != "End it." {
		t.Errorf("error = %v", err)
	}
	if runtime.GOOS == "linux" && !strings.Contains(he.Message, "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("error %q does not say who", he.Message)
	}
	if other := errors.New("other"); explainPort(other, "") != other {
		t.Error("another error was changed")
	}
}

func TestOpenLinkIsForPeople(t *testing.T) {
	const link = "http://127.0.0.1:4781/#code=secret"
	e, out, errs := testEnv("")
	e.OpenBrowser = func(string) error { return errors.New("none") }
	e.openLink(link, false)
	if strings.Contains(out.String()+errs.String(), "secret") {
		t.Errorf("the login link went into a log: %q %q", out, errs)
	}
	e.OutTTY = true
	e.openLink(link, false)
	if out.String() != link+"\n" {
		t.Errorf("stdout = %q", out)
	}
}

// TestEveryCommandExplainsItself walks the tree.
func TestEveryCommandExplainsItself(t *testing.T) {
	e, _, _ := testEnv("")
	var walk func(c *cobra.Command)
	names := []string{}
	walk = func(c *cobra.Command) {
		if c.Short == "" || (c.Runnable() && c.Args == nil) {
			t.Errorf("%s: no description, or any arguments taken", c.CommandPath())
		}
		if c.Runnable() {
			names = append(names, strings.TrimPrefix(c.CommandPath(), "standpipe "))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(e))
	for _, want := range strings.Split("serve|open|connect|disconnect|token|exec|status|providers|integrations list|integrations set|"+
		"apps add|apps list|apps revoke|keys init|keys status|sandbox|config check|version", "|") {
		if !slices.Contains(names, want) {
			t.Errorf("there is no command %q", want)
		}
	}
}

func TestTableIsPlain(t *testing.T) {
	var out bytes.Buffer
	if err := (IO{Out: &out}).table([]string{"A", "B"}, [][]string{{"x\ny", "\x1b]0;title"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(strings.ReplaceAll(out.String(), "\n", ""), "\x1b\r") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("table = %q", out.String())
	}
}

// TestShapeHint: a description that lies beside the plugin is named.
func TestShapeHint(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "standpipe-provider-acme")
	if hint := shapeHint(binary); !strings.Contains(hint, "--shape FILE") {
		t.Error(hint)
	}
	shape := filepath.Join(dir, "shape.json")
	if err := os.WriteFile(shape, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if hint := shapeHint(binary); !strings.Contains(hint, "--shape "+shape) {
		t.Error(hint)
	}
}
