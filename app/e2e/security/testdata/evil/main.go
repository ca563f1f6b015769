// SPDX-License-Identifier: Apache-2.0

// Command evil is a plugin that wants more than it is given. What it does is
// said by its name, standpipe-provider-<mode>: the lines of
// corpus/handshakes.txt never get past the handshake, the others serve a
// provider that looks around and tells what it sees in the tokens it issues.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

func main() {
	mode := strings.TrimPrefix(filepath.Base(os.Args[0]), "standpipe-provider-")
	if spec := handshake(mode); spec != "" {
		misbehave(spec)
		return
	}
	sdk.Serve(provider(mode))
}

// Handshakes is set by the linker: name=what, separated by semicolons.
var Handshakes string

func handshake(mode string) string {
	for line := range strings.SplitSeq(Handshakes, ";") {
		if name, what, ok := strings.Cut(line, "="); ok && name == mode {
			return what
		}
	}
	return ""
}

// misbehave does what a line of the corpus says: exit, sleep, flood, child, or
// prints it, with SOCKET replaced by a socket that listens where the host wants it.
func misbehave(what string) {
	switch what {
	case "exit":
		os.Exit(1)
	case "sleep":
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "flood":
		junk := bytes.Repeat([]byte("x"), 1<<20)
		for range 64 {
			_, _ = os.Stdout.Write(junk)
		}
	case "flood-stderr":
		for {
			fmt.Fprintln(os.Stderr, "\x1b[2J\x1b]0;pwned\a"+strings.Repeat("y", 200))
		}
	case "child": // a grandchild that holds stdout open
		cmd := exec.Command("/bin/sleep", "600")
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, &syscall.SysProcAttr{Setsid: true}
		_ = cmd.Start()
		os.Exit(1)
	default:
		path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "plugin1")
		if l, err := net.Listen("unix", path); err == nil {
			defer l.Close()
		}
		fmt.Println(strings.NewReplacer("SOCKET", path, "DIR", filepath.Dir(path), "HUGE", strings.Repeat("A", 1<<20)).Replace(what))
	}
	for {
		time.Sleep(time.Hour)
	}
}

type provider string

func (p provider) Describe(context.Context, *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	return &sdk.DescribeResponse{Providers: []sdk.Descriptor{{
		Slug: string(p), Name: "Evil <b>" + string(p) + "</b>", Description: "For tests.",
		Icon:         icon(p),
		AllowedHosts: []string{"id.example:443"},
		Revoke:       sdk.ReachToken,
	}}}, nil
}

func (p provider) Authorize(_ context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	host, challenge, state := "id.example", r.CodeChallenge, r.State
	switch p {
	case "elsewhere":
		host = "id.example.evil.example"
	case "nopkce":
		challenge = ""
	case "ownstate":
		state = "mine"
	}
	u := fmt.Sprintf("https://%s/authorize?response_type=code&client_id=%s&state=%s&redirect_uri=%s", host, r.ClientID, state, r.RedirectURI)
	if challenge != "" {
		u += "&code_challenge=" + challenge + "&code_challenge_method=S256"
	}
	return &sdk.AuthorizeResponse{URL: u}, nil
}

// seen is what a call was given, by the names of the fields that are set.
func seen(v any) string {
	b, _ := json.Marshal(fields(v))
	return string(b)
}

func (p provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	m := map[string]string{"exchange": seen(r)}
	look(ctx, m)
	life := time.Hour
	if p == "short" {
		life = 2 * time.Second
	}
	if p == "talker" {
		for range 20_000 {
			fmt.Println("stdout \x1b[2J code", r.Code.Reveal())
			fmt.Fprintln(os.Stderr, "stderr\r\n\x1b[2Jlevel=ERROR msg=forged", r.Code.Reveal())
		}
	}
	return &sdk.ExchangeResponse{
		Tokens: sdk.TokenSet{
			AccessToken: secret.New("evil-access"), RefreshToken: secret.New("evil-refresh"),
			ExpiresIn: life, ExpirySource: sdk.ExpiryDeclared, Metadata: m,
		},
		Account: &sdk.Account{Issuer: "https://id.example", Subject: "1", Login: `<img src=x onerror="document.title='pwned'">`},
	}, nil
}

func (p provider) Refresh(_ context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	if p == "bomb" {
		var hold [][]byte
		for {
			b := make([]byte, 64<<20)
			for i := range b {
				b[i] = byte(i)
			}
			hold = append(hold, b)
		}
	}
	return &sdk.RefreshResponse{
		Tokens: sdk.TokenSet{
			AccessToken: secret.New("evil-access-2"), RefreshToken: secret.New("evil-refresh-2"),
			ExpiresIn: time.Hour, ExpirySource: sdk.ExpiryDeclared, Metadata: map[string]string{"refresh": seen(r)},
		},
		RefreshToken: sdk.RefreshRotated,
	}, nil
}

func (p provider) Revoke(_ context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	return &sdk.RevokeResponse{Revoked: sdk.ReachToken}, nil
}

// look notes what the process can see and reach.
func look(_ context.Context, out map[string]string) {
	var names []string
	for _, e := range os.Environ() {
		k, _, _ := strings.Cut(e, "=")
		names = append(names, k)
	}
	sort.Strings(names)
	out["env"] = strings.Join(names, " ")
	if target, err := os.Readlink("/proc/self/fd/0"); err == nil {
		out["stdin"] = target
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, f := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil {
			out["fds"] += target + " "
		}
	}
	// The folders beside and above the copy that runs: the store, the user's
	// own secrets.
	self, _ := os.Executable()
	for dir := filepath.Dir(self); dir != "/"; dir = filepath.Dir(dir) {
		for _, name := range []string{"vault.json", "master.key", "client.secret", ".ssh/id_ed25519", "audit.jsonl"} {
			if _, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				out["files"] += name + " "
			}
		}
	}
	if err := os.WriteFile("/tmp/evil-was-here", nil, 0o600); err == nil {
		out["files"] += "/tmp "
	}
	for _, addr := range []string{"127.0.0.1:1", "192.0.2.1:80"} {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		if err == nil || strings.Contains(err.Error(), "refused") {
			out["network"] += addr + " " // refused: by a peer, so there is a way
		}
	}
}

// icon is a picture, or a program that says it is one.
func icon(p provider) string {
	if p == "painter" {
		return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" onload="alert(1)"><script>alert(1)</script><path d="M0 0"/></svg>`
	}
	return `<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>`
}
