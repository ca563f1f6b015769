// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// provider is a plugin that gets through the handshake. Its value is the mode.
type provider string

func (p provider) Describe(_ context.Context, r *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	// The SDK hides the process from others of its user; the tests look at it.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	d := sdk.Descriptor{
		Slug: string(p), Name: "A plugin", Description: "For tests.",
		Icon: `<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>`, AllowedHosts: []string{"id.example:443"},
	}
	out := []sdk.Descriptor{d}
	switch p {
	case "liar": // wants what belongs to another plugin
		d.Slug = "healthy"
		out = append(out, d)
	case "many":
		for i := range 3 {
			d.Slug = "many-" + strconv.Itoa(i)
			out = append(out, d)
		}
	case "oauth2": // serves what is declared
		for _, raw := range r.Definitions {
			var declared struct{ Slug string }
			_ = json.Unmarshal(raw, &declared) // the host checked it
			if declared.Slug == "faulty" {
				continue
			}
			d.Slug = declared.Slug
			out = append(out, d)
		}
	case "describe-hangs":
		forever()
	case "describe-freezes":
		end(syscall.SIGSTOP)
	}
	return &sdk.DescribeResponse{Providers: out}, nil
}

func (p provider) Authorize(_ context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	host := "id.example"
	if len(r.Definition) > 0 {
		return &sdk.AuthorizeResponse{URL: "https://" + host + "/authorize?definition=" + url.QueryEscape(string(r.Definition))}, nil
	}
	switch p {
	case "elsewhere":
		host = "id.example.evil.example"
	case "litters": // and goes on as if nothing was
		spawn(&syscall.SysProcAttr{Setsid: true})
	case "litters-hidden":
		escape()
	}
	return &sdk.AuthorizeResponse{URL: "https://" + host + "/authorize?state=" + r.State}, nil
}

// Exchange answers with what the process can see of the machine, and with what
// it was sent.
func (p provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	t := sdk.TokenSet{
		AccessToken: secret.New("at-" + r.Code.Reveal()), RefreshToken: secret.New("rt"),
		ExpiresIn: time.Hour, ExpirySource: sdk.ExpiryDeclared, Metadata: map[string]string{},
	}
	switch p {
	case "no-token":
		t.AccessToken = secret.Value{}
	case "huge-token":
		t.AccessToken = secret.New(strings.Repeat("a", 65<<10))
	case "huge-answer":
		t.AccessToken = secret.New(strings.Repeat("a", 2<<20))
	case "bad-token":
		t.AccessToken = secret.New("a\r\nX-Evil: 1")
	case "look":
		look(t.Metadata)
	case "snoop":
		snoop(t.Metadata, r.Params)
	case "fetch":
		t.Metadata["result"] = fetch(ctx, r.Params["url"])
	}
	return &sdk.ExchangeResponse{Tokens: t, Account: &sdk.Account{Issuer: "https://id.example", Subject: "1"}}, nil
}

func (p provider) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	switch p {
	case "crash":
		end(syscall.SIGKILL)
	case "freeze":
		end(syscall.SIGSTOP)
	case "hang":
		forever()
	case "late": // when nobody waits any more
		<-ctx.Done()
		time.Sleep(200 * time.Millisecond)
	case "exits":
		os.Exit(3)
	case "panics":
		panic("oh no: " + r.RefreshToken.Reveal())
	case "family": // leaves a process behind, out of its session
		spawn(&syscall.SysProcAttr{Setsid: true})
		end(syscall.SIGKILL)
	case "escapes": // the same, and hides it
		escape()
		end(syscall.SIGKILL)
	case "talks":
		for range 130_000 { // somewhat more than is read at full speed
			fmt.Println("the secret is " + r.RefreshToken.Reveal())
			fmt.Fprintln(os.Stderr, "\x1b[2Jthe secret is "+r.ClientSecret.Reveal())
		}
	case "errs":
		return nil, sdk.ReauthorizationRequired(sdk.ReasonRevoked, "the \x1b[1muser withdrew it")
	case "refused-dial":
		if res := fetch(ctx, "https://undeclared.example/"); res != "" {
			return nil, sdk.Temporary(res)
		}
	case "in-clear":
		return nil, sdk.Temporary(fetch(ctx, "http://id.example:8080/?refresh_token="+r.RefreshToken.Reveal()))
	}
	return &sdk.RefreshResponse{
		Tokens: sdk.TokenSet{
			AccessToken: secret.New("at2"), RefreshToken: secret.New("rt2"),
			ExpiresIn: time.Hour, ExpirySource: sdk.ExpiryDeclared, Scopes: []string{"a", "b"},
		},
		RefreshToken: sdk.RefreshRotated,
	}, nil
}

func (p provider) Revoke(context.Context, *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	return &sdk.RevokeResponse{Revoked: sdk.ReachToken}, nil
}

func (p provider) Identify(context.Context, *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	return &sdk.IdentifyResponse{Account: sdk.Account{Issuer: "https://id.example", Subject: "1", Login: "me"}}, nil
}

// look notes the surroundings of the process.
func look(out map[string]string) {
	for _, e := range os.Environ() {
		k, v, _ := strings.Cut(e, "=")
		out["env "+k] = v
	}
	out["cwd"], _ = os.Getwd()
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, f := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil {
			out["fd "+f.Name()] = target
		}
	}
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	out["session"] = strconv.Itoa(int(sid))
	out["pid"] = strconv.Itoa(os.Getpid())
	links, _ := net.Interfaces()
	for _, l := range links {
		if l.Flags&net.FlagUp != 0 {
			out["network"] += l.Name + " "
		}
	}
	if _, err := os.Open("/dev/tty"); err != nil {
		out["tty"] = "none"
	}
}

// snoop tries what a plugin must not be able to, without the host's help.
func snoop(out, params map[string]string) {
	try := func(what string, err error) {
		out[what] = "done"
		if err != nil {
			out[what] = err.Error()
		}
	}
	_, err := os.ReadFile(params["file"])
	try("read", err)
	_, err = os.ReadDir(params["dir"])
	try("list", err)
	try("write", os.WriteFile(params["dir"]+"/planted", nil, 0o600))
	pid, _ := strconv.Atoi(params["host"])
	_, err = os.ReadFile("/proc/" + params["host"] + "/environ")
	try("environ", err)
	f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
	if err == nil {
		f.Close()
	}
	try("settings of the kernel", err)
	try("kill", syscall.Kill(pid, 0))
	c, err := net.DialTimeout("tcp", params["address"], time.Second)
	if err == nil {
		c.Close()
	}
	try("tcp", err)
	var multipath net.Dialer
	multipath.SetMultipathTCP(true)
	c, err = multipath.Dial("tcp", params["address"])
	if err == nil {
		c.Close()
	}
	try("multipath tcp", err)
	if _, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); errno == syscall.EFAULT {
		errno = 0 // it would be there
		try("io_uring", nil)
	} else {
		try("io_uring", errno)
	}
	_, err = net.Listen("tcp", "127.0.0.1:0")
	try("listen", err)
	_, err = net.Listen("unix", params["dir"]+"/socket")
	try("listen there", err)
	datagram, err := net.Dial("udp", "192.0.2.1:53")
	if err == nil {
		_, err = datagram.Write([]byte("query"))
	}
	try("udp", err)
	_, err = os.ReadDir(params["data"])
	try("list the data folder", err)
	try("ptrace", syscall.PtraceAttach(pid))
}

// fetch gets a URL by way of the host.
func fetch(ctx context.Context, url string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := oauth.Client(ctx).Do(req)
	if err != nil {
		return "error: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(body), " ", err)
}
