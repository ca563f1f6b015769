// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestFrontDoor sends raw requests to the built hub: what a web page, a proxy
// or a careless program could send.
func TestFrontDoor(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	hub := h.Serve()
	key := h.AddApp("visitor")
	addr := strings.TrimPrefix(hub.AppAPI, "http://")
	path := "/data-integrations/github/token"
	good := "Host: " + addr + "\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n"
	for _, test := range []struct {
		name, request string
		want          []int
	}{
		{"evil host", "POST " + path + " HTTP/1.1\r\n" + strings.Replace(good, addr, "evil.com", 1) + "Content-Length: 2\r\n\r\n{}", []int{421}},
		{"evil host, our port", "POST " + path + " HTTP/1.1\r\n" + strings.Replace(good, addr, "evil.com"+addr[strings.Index(addr, ":"):], 1) + "Content-Length: 2\r\n\r\n{}", []int{421}},
		{"no host", "POST " + path + " HTTP/1.0\r\n\r\n", []int{421, 400}},
		{"absolute form", "POST http://evil.com" + path + " HTTP/1.1\r\n" + good + "Content-Length: 2\r\n\r\n{}", []int{421, 400}},
		{"origin", "POST " + path + " HTTP/1.1\r\n" + good + "Origin: http://" + addr + "\r\nContent-Length: 2\r\n\r\n{}", []int{403}},
		{"no key", "POST " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", []int{401}},
		{"65 KiB", "POST " + path + " HTTP/1.1\r\n" + good + fmt.Sprintf("Content-Length: %d\r\n\r\n", 65<<10), []int{413}},
		{"17 KiB of header", "GET /health HTTP/1.1\r\n" + good + "X-Pad: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", []int{431}},
		{"the page's API", "GET /ui/api/accounts HTTP/1.1\r\n" + good + "\r\n", []int{404}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := raw(t, addr, test.request); !contains(test.want, got) {
				t.Errorf("status %d, want %v", got, test.want)
			}
		})
	}

	t.Run("loopback only", func(t *testing.T) {
		for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":4780", "192.0.2.1:4780"} {
			if r := rig.NewHome(t).Try("serve", "--listen", listen); r.Exit == 0 {
				t.Errorf("it listens on %s", listen)
			}
		}
	})

	t.Run("half requests delay nobody and are closed", func(t *testing.T) {
		var held []net.Conn
		for range 100 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\n", path, addr)
			held = append(held, c)
		}
		begin := time.Now()
		if a := hub.Do(http.MethodGet, key, "/health", nil); a.Status != 200 {
			t.Errorf("health: %d", a.Status)
		}
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("others waited %s", d)
		}
		for _, c := range held {
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			// Go answers 408 before it closes.
			if _, err := bufio.NewReader(c).ReadString(0); err == nil || os.IsTimeout(err) {
				t.Fatalf("a half request is held on: %v", err)
			}
		}
	})
}

func contains(list []int, v int) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// raw sends bytes and returns the status of the answer.
func raw(t *testing.T, addr, request string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestWithoutTCP: every command works over the socket for somebody who has no
// network at all, and another user of the machine gets nothing.
func TestWithoutTCP(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program without a network and as another user")
	}
	h := rig.NewHome(t)
	hub := h.Serve()
	for _, args := range [][]string{{"status"}, {"providers"}, {"keys", "status"}, {"apps", "list"}, {"apps", "add", "x"}, {"integrations", "list"}} {
		cmd := h.Command(h.Program, args...)
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v without a network: %v\n%s", args, err, out)
		}
	}
	// No command may have fallen back to being a hub itself.
	if !strings.Contains(h.CLI("status", "--json"), "connections") || hub.Home != h {
		t.Error("status --json has no connections")
	}

	for _, args := range [][]string{
		{"cat", hub.Socket}, {"curl", "-sS", "--max-time", "5", "--unix-socket", hub.Socket, "http://x/local/hello"}, {"ls", h.Data},
		{"cat", h.Dir + "/master.key"}, {"cat", fmt.Sprintf("/proc/%d/environ", hub.PID())},
	} {
		out, err := h.As(nil, args[0], args[1:]...).CombinedOutput()
		if err == nil {
			t.Errorf("another user did %v: %s", args, out)
		}
	}
	// The same user cannot look into the hub's memory either.
	for _, f := range []string{"environ", "mem"} {
		if out, err := h.Command("head", "-c", "1", fmt.Sprintf("/proc/%d/%s", hub.PID(), f)).CombinedOutput(); err == nil {
			t.Errorf("/proc/PID/%s can be read: %q", f, out)
		}
	}
}

// TestOneHub: a second serve on the same data folder says so and succeeds; a
// stranger on the port is an error that names it.
func TestOneHub(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	hub := h.Serve()
	r := h.Try("serve")
	if r.Exit != 0 || !strings.Contains(r.Stdout+r.Stderr, "already") {
		t.Errorf("a second serve: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	other := rig.NewHome(t)
	r = other.Try("serve", "--listen", strings.TrimPrefix(hub.AppAPI, "http://"))
	if r.Exit == 0 || !strings.Contains(r.Stderr, "taken") {
		t.Errorf("on a stranger's port: %d %s", r.Exit, r.Stderr)
	}
}

// TestNoKeychainNoKeys: without a keychain and without a choice nothing is made.
func TestNoKeychainNoKeys(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Env = append(h.Env, "STANDPIPE_DATA="+h.Dir+"/fresh")
	r := h.Try("serve", "--listen", "127.0.0.1:0")
	if r.Exit != 78 || !strings.Contains(r.Stderr, "keys init") {
		t.Errorf("serve without a key source ended with %d: %s", r.Exit, r.Stderr)
	}
	if _, err := os.Stat(h.Dir + "/fresh/store"); err == nil {
		t.Error("a store was made without a key")
	}
}

// TestReleaseHasNoFaults: the hooks at which a test build dies are not in what
// is shipped.
func TestReleaseHasNoFaults(t *testing.T) {
	t.Parallel()
	p := rig.Build(t)
	for program, want := range map[string]bool{p.Standpipe: false, p.Desktop: false, p.Faults: true} {
		b, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(b), "STANDPIPE_FAULT"); got != want {
			t.Errorf("%s has the hooks: %v, want %v", program, got, want)
		}
	}
}
