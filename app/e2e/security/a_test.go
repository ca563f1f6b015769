// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/app/internal/api"
)

// The listener and its HTTP surface.
var sectionA = []requirement{
	{"A1", "binds loopback only; a wildcard or another address is refused", a1},
	{"A2", "answers to its exact Host only, before routing and authentication", a2},
	{"A3", "the app API refuses any Origin, Referer and foreign Sec-Fetch-Site on every method", a3},
	{"A4", "no CORS: no Access-Control header ever, OPTIONS is refused", a4},
	{"A5", "tokens only by POST, JSON and Authorization", a5},
	{"A6", "a key in the query is refused and never logged", a6},
	{"A7", "everything needs a key but health and callbacks; an unknown path is told to apps only", a7},
	{"A8", "every answer forbids storing, sniffing, framing and referrers", a8},
	{"A9", "stuck clients delay nobody and are closed; header and body are bounded", a9},
	{"A10", "256 clients at once without one error", a10},
	{"A11", "the socket is for the same user, by mode and by what the kernel says", a11},
	{"A12", "another user gets nothing over TCP, even with a good key, nor from files or /proc", a12},
	{"A13", "the discovery file is private; who finds a stranger on the port says so and sends nothing", a13},
	{"A14", "owner and mode of the folders are checked; no symbolic links", a14},
	{"A15", "guessing keys is slowed down, for the guesser only", a15},
	{"A16", "forwarding headers change nothing", a16},
	{"A17", "odd paths never get past the guard", a17},
	{"A18", "streams and upgrades have the same guard; no token in the URL", a18},
	{"A19", "nothing is exposed without TLS: only loopback is bound, only https stands in front", a19},
}

// listening lists the addresses on which somebody listens at a port, from the
// kernel's table.
func listening(t *testing.T, port string) (out []string) {
	t.Helper()
	want := fmt.Sprintf("%04X", atoi(t, port))
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 4 || f[3] != "0A" || !strings.HasSuffix(f[1], ":"+want) {
				continue
			}
			addr, err := hex.DecodeString(strings.TrimSuffix(f[1], ":"+want))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+4 <= len(addr); i += 4 { // each word is in the machine's order
				addr[i], addr[i+1], addr[i+2], addr[i+3] = addr[i+3], addr[i+2], addr[i+1], addr[i]
			}
			out = append(out, net.IP(addr).String())
		}
	}
	return out
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func a1(t *testing.T) {
	w := shared(t)
	for _, base := range []string{w.AppAPI, w.UI} {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(base, "http://"))
		found := listening(t, port)
		if len(found) == 0 {
			t.Fatalf("nobody listens on %s", base)
		}
		for _, ip := range found {
			if ip != "127.0.0.1" && ip != "::1" {
				t.Errorf("it listens on %s", ip)
			}
		}
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
				if c, err := net.DialTimeout("tcp", net.JoinHostPort(n.IP.String(), w.port()), time.Second); err == nil {
					c.Close()
					t.Errorf("it can be reached at %s", n.IP)
				}
			}
		}
	}
	other := rig.NewHome(t)
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "[::ffff:0.0.0.0]:0"} {
		if r := other.Try("serve", "--listen", listen); r.Exit == 0 || !strings.Contains(r.Stderr, "machine") && !strings.Contains(r.Stderr, "address") {
			t.Errorf("--listen %s: %d %s", listen, r.Exit, r.Stderr)
		}
	}
}

func a2(t *testing.T) {
	w := shared(t)
	for _, base := range []string{w.addr(), strings.TrimPrefix(w.UI, "http://")} {
		_, port, _ := net.SplitHostPort(base)
		for _, host := range lines(t, "hosts.txt") {
			host = strings.ReplaceAll(strings.ReplaceAll(host, "PORT", port), "EMPTY", "")
			for _, path := range []string{"/health", vendPath, "/nowhere"} {
				request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + w.rich + "\r\n\r\n"
				if host == "-" {
					request = "GET " + path + " HTTP/1.0\r\nAuthorization: Bearer " + w.rich + "\r\n\r\n"
				}
				if a := raw(t, base, request); a.status != 421 && a.status != 400 {
					t.Errorf("Host %q, %s: status %d", host, path, a.status)
				}
			}
		}
		absolute := "GET http://evil.com/health HTTP/1.1\r\nHost: " + base + "\r\n\r\n"
		if a := raw(t, base, absolute); a.status != 421 && a.status != 400 {
			t.Errorf("absolute form: status %d", a.status)
		}
		if a := raw(t, base, "GET /health HTTP/1.1\r\nHost: "+base+"\r\nHost: evil.com\r\n\r\n"); a.status != 400 {
			t.Errorf("two Host headers: status %d", a.status)
		}
		for _, good := range []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port} {
			if a := raw(t, base, "GET /health HTTP/1.1\r\nHost: "+good+"\r\n\r\n"); a.status == 421 {
				t.Errorf("Host %s is refused", good)
			}
		}
	}
}

func a3(t *testing.T) {
	w := shared(t)
	for _, method := range []string{"POST", "GET", "DELETE", "PUT", "HEAD"} {
		for _, header := range []string{
			"Origin: http://evil.com", "Origin: null", "Origin: " + w.AppAPI, "Origin: ", "Referer: http://evil.com/", "Referer: " + w.AppAPI + "/",
			"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: same-origin",
		} {
			if a := raw(t, w.addr(), w.good(method, vendPath, header+"\r\n")); a.status != 403 {
				t.Errorf("%s with %q: status %d", method, header, a.status)
			}
		}
	}
	if a := raw(t, w.addr(), w.good("POST", vendPath, "Sec-Fetch-Site: none\r\n")); a.status != 200 {
		t.Errorf("Sec-Fetch-Site: none: status %d", a.status)
	}
}

func a4(t *testing.T) {
	w := shared(t)
	for _, path := range []string{vendPath, "/health", "/nowhere", "/callback/openid", "/ui/api/accounts"} {
		for _, base := range []string{w.addr(), strings.TrimPrefix(w.UI, "http://")} {
			a := raw(t, base, "OPTIONS "+path+" HTTP/1.1\r\nHost: "+base+"\r\nOrigin: http://evil.com\r\nAccess-Control-Request-Method: POST\r\n"+
				"Access-Control-Request-Headers: authorization\r\nAccess-Control-Request-Private-Network: true\r\n\r\n")
			if a.status != 403 && a.status != 405 {
				t.Errorf("preflight of %s: status %d", path, a.status)
			}
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control") {
					t.Errorf("preflight of %s: %s: %s", path, name, a.header.Get(name))
				}
			}
		}
	}
	for name := range w.Post(w.rich, vendPath, map[string]any{}).Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("a vend has %s", name)
		}
	}
}

func a5(t *testing.T) {
	w := shared(t)
	for name, c := range map[string]struct {
		request string
		want    int
	}{
		"GET":     {w.good("GET", vendPath, ""), 405},
		"PUT":     {w.good("PUT", vendPath, ""), 405},
		"text":    {strings.Replace(w.good("POST", vendPath, ""), "application/json", "text/plain", 1), 415},
		"form":    {strings.Replace(w.good("POST", vendPath, ""), "application/json", "application/x-www-form-urlencoded", 1), 415},
		"no type": {strings.Replace(w.good("POST", vendPath, ""), "Content-Type: application/json\r\n", "", 1), 415},
		"no key":  {strings.Replace(w.good("POST", vendPath, ""), "Authorization: Bearer "+w.rich+"\r\n", "", 1), 401},
		"basic":   {strings.Replace(w.good("POST", vendPath, ""), "Bearer ", "Basic ", 1), 401},
		"good":    {w.good("POST", vendPath, ""), 200},
	} {
		a := raw(t, w.addr(), c.request)
		if a.status != c.want {
			t.Errorf("%s: status %d, want %d", name, a.status, c.want)
		}
		if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
}

func a6(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	canary := "sp_app_CanaryInTheQuery0123456789abcdefghijklmnopq"
	for _, name := range []string{"access_token", "api_key", "key"} {
		if a := raw(t, w.addr(), w.good("POST", vendPath+"?"+name+"="+canary, "")); a.status != 400 || strings.Contains(a.body, canary) {
			t.Errorf("%s in the query: %d %s", name, a.status, a.body)
		}
	}
	noKey := "POST " + vendPath + " HTTP/1.1\r\nHost: " + w.addr() + "\r\nContent-Type: application/json\r\n"
	if a := raw(t, w.addr(), noKey+"Cookie: Authorization="+w.rich+"; sp_key="+w.rich+"\r\nContent-Length: 2\r\n\r\n{}"); a.status != 401 {
		t.Errorf("a key in a cookie: %d", a.status)
	}
	body := `{"access_token":"` + w.rich + `"}`
	if a := raw(t, w.addr(), noKey+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)); a.status != 401 {
		t.Errorf("a key in the body: %d", a.status)
	}
	w.Stop()
	for _, secret := range []string{canary, w.rich} {
		if strings.Contains(w.Log(), secret) {
			t.Error("a key is in the log")
		}
	}
}

func a7(t *testing.T) {
	w := shared(t)
	open := map[string]bool{"health": true, "callback": true, "page": true, "pairing": true}
	n := 0
	for _, r := range api.Routes() {
		path := strings.NewReplacer("{slug}", "openid", "{user_id}", "me", "{id}", "x", "{provider}", "openid", "{key}", "k", "{token}", "t", "{result}", "r", "{file}", "f").Replace(r.Path)
		method := r.Method
		if method == "" {
			method = "GET"
		}
		a := raw(t, w.addr(), method+" "+path+" HTTP/1.1\r\nHost: "+w.addr()+"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		n++
		if !open[r.Class] && a.status != 401 {
			t.Errorf("%s %s (%s) without a key: status %d", method, path, r.Class, a.status)
		}
	}
	if n < 20 {
		t.Errorf("only %d routes were walked", n)
	}
	for _, path := range []string{"/nowhere", "/admin", "/debug/pprof/", "/metrics", "/.well-known/x", "/docs", "/openapi.json"} {
		if a := raw(t, w.addr(), "GET "+path+" HTTP/1.1\r\nHost: "+w.addr()+"\r\n\r\n"); a.status != 401 {
			t.Errorf("%s without a key: status %d", path, a.status)
		}
		if a := raw(t, w.addr(), w.good("GET", path, "")); a.status != 404 {
			t.Errorf("%s with a key: status %d", path, a.status)
		}
	}
}

func a8(t *testing.T) {
	w := shared(t)
	for name, request := range map[string]string{
		"200":      w.good("POST", vendPath, ""),
		"health":   "GET /health HTTP/1.1\r\nHost: " + w.addr() + "\r\n\r\n",
		"401":      "GET /x HTTP/1.1\r\nHost: " + w.addr() + "\r\n\r\n",
		"403":      w.good("POST", vendPath, "Origin: http://evil.com\r\n"),
		"404":      w.good("GET", "/x", ""),
		"405":      w.good("PUT", vendPath, ""),
		"409":      strings.Replace(w.good("POST", "/data-integrations/nothing/token", ""), "x", "x", 1),
		"415":      strings.Replace(w.good("POST", vendPath, ""), "application/json", "text/plain", 1),
		"421":      "GET /x HTTP/1.1\r\nHost: evil.com\r\n\r\n",
		"callback": "GET /callback/openid?state=x&code=y HTTP/1.1\r\nHost: " + w.addr() + "\r\n\r\n",
		"link":     "GET /connect/x HTTP/1.1\r\nHost: " + w.addr() + "\r\n\r\n",
	} {
		a := raw(t, w.addr(), request)
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.header.Get(header); got != want {
				t.Errorf("%s (%d): %s is %q", name, a.status, header, got)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s (%d): policy %q", name, a.status, csp)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", name)
		}
	}
}

func a9(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	if a := raw(t, w.addr(), "GET /health HTTP/1.1\r\nHost: "+w.addr()+"\r\nX-Pad: "+strings.Repeat("x", 17<<10)+"\r\n\r\n"); a.status != 431 {
		t.Errorf("17 KiB of header: %d", a.status)
	}
	big := "POST " + vendPath + " HTTP/1.1\r\nHost: " + w.addr() + "\r\nAuthorization: Bearer " + w.rich + "\r\nContent-Type: application/json\r\n"
	if a := raw(t, w.addr(), big+fmt.Sprintf("Content-Length: %d\r\n\r\n", 65<<10)); a.status != 413 {
		t.Errorf("65 KiB of body: %d", a.status)
	}
	if a := raw(t, w.addr(), big+"Transfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n", 65<<10)+strings.Repeat(" ", 65<<10)+"\r\n0\r\n\r\n"); a.status != 413 {
		t.Errorf("65 KiB of chunked body: %d", a.status)
	}
	var held []net.Conn
	for i := range 100 {
		c, err := net.Dial("tcp", w.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\n", vendPath, w.addr()) // half a header
		} else {
			fmt.Fprint(c, big+"Content-Length: 100\r\n\r\n{") // half a body
		}
		held = append(held, c)
	}
	begin := time.Now()
	if a := w.Do(http.MethodGet, w.rich, "/health", nil); a.Status != 200 {
		t.Errorf("health: %d", a.Status)
	}
	last := held[len(held)-2] // of those with half a header
	_ = last.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := last.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Errorf("health was answered after the half requests were given up: %v", err)
	}
	for _, c := range held {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		// An answer (408) may come first.
		if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
			t.Fatal("a half request is held on")
		}
	}
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("half requests were held for %s", d)
	}
}

func a10(t *testing.T) {
	w := shared(t)
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
			// A machine that is too busy to write the audit in time says so, and
			// when to come back; a connection that fails says nothing.
			for tries := 1; ; tries++ {
				req, err := http.NewRequest("POST", w.AppAPI+vendPath, strings.NewReader("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+w.rich)
				req.Header.Set("Content-Type", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode == 200 {
					return
				}
				if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || tries == 3 {
					t.Errorf("status %d at try %d", resp.StatusCode, tries)
					return
				}
				time.Sleep(time.Second)
			}
		})
	}
	all.Wait()
}

func a11(t *testing.T) {
	needRoot(t, "A11")
	w := newWorld(t, setup{alone: true})
	for path, want := range map[string]os.FileMode{w.Socket: 0o600, filepath.Dir(w.Socket): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 || info.Mode().Perm()&want != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	ask := func() (string, bool) {
		return w.other("curl", "-sS", "-m", "5", "-w", "%{http_code}", "--unix-socket", w.Socket, "http://standpipe/local/hello")
	}
	if out, ok := ask(); ok {
		t.Errorf("another user reached the socket: %s", out)
	}
	for dir := w.Socket; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		mode := os.FileMode(0o755)
		if dir == w.Socket {
			mode = 0o666
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if out, ok := ask(); !ok || !strings.HasSuffix(out, "403") {
		t.Errorf("another user on an open socket got %s", out)
	}
}

func a12(t *testing.T) {
	needRoot(t, "A12")
	w := shared(t)
	out, ok := w.other("curl", "-sS", "-m", "10", "-w", "%{http_code}", "-H", "Authorization: Bearer "+w.rich, "-H", "Content-Type: application/json", "-d", "{}", w.AppAPI+vendPath)
	if !ok || !strings.HasSuffix(out, "403") || strings.Contains(out, "access_token") {
		t.Errorf("another user with a good key got %s", out)
	}
	if out, _ := w.other("curl", "-sS", "-m", "10", "-w", "%{http_code}", w.UI+"/ui/api/accounts"); strings.HasSuffix(out, "200") {
		t.Errorf("another user got the page's API: %s", out)
	}
	// Nor by any other way.
	run := filepath.Dir(w.Socket)
	for _, args := range [][]string{
		{"ls", w.home.Data}, {"ls", run}, {"cat", run + "/hub.json"}, {"cat", w.home.Data + "/audit.jsonl"}, {"cat", w.home.Data + "/vault.json"}, {"cat", w.home.Dir + "/master.key"},
		{"cat", fmt.Sprintf("/proc/%d/environ", w.PID())}, {"head", "-c1", fmt.Sprintf("/proc/%d/mem", w.PID())}, {"ls", fmt.Sprintf("/proc/%d/fd", w.PID())}, {"kill", fmt.Sprint(w.PID())},
	} {
		if out, ok := w.other(args[0], args[1:]...); ok {
			t.Errorf("another user did %v: %s", args, out)
		}
	}
	w.vend(t) // and its owner still gets one
}

func a13(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	path := filepath.Join(filepath.Dir(w.Socket), "hub.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the discovery file: %v, %v", info, err)
	}
	var d struct {
		PID    int
		AppAPI string `json:"app_api"`
		Socket string
	}
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &d) != nil || d.PID != w.PID() || d.AppAPI != w.AppAPI || d.Socket != w.Socket {
		t.Errorf("the discovery file says %s, %v", b, err)
	}
	// A squatter on the port: serve says so, and nothing is sent to it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 8)
	go squat(l, got)
	other := rig.NewHome(t)
	if r := other.Try("serve", "--listen", l.Addr().String()); r.Exit == 0 || !strings.Contains(r.Stderr, "taken") {
		t.Errorf("on a stranger's port: %d %s", r.Exit, r.Stderr)
	}
	checkClientKeepsItsKey(t, l.Addr().String(), got)
}

// squat notes what is sent to a listener that pretends to be a hub.
func squat(l net.Listener, got chan<- string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			got <- req.Method + " " + req.URL.String() + " " + fmt.Sprint(req.Header)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
		}()
	}
}

func a14(t *testing.T) {
	for name, prepare := range map[string]func(h *rig.Home){
		"the data folder is open to all": func(h *rig.Home) { chmod(t, h.Data, 0o777) },
		"the data folder is a link": func(h *rig.Home) {
			if err := os.Rename(h.Data, h.Data+"-real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(h.Data+"-real", h.Data); err != nil {
				t.Fatal(err)
			}
		},
		"the socket's folder is open to all": func(h *rig.Home) {
			dir := filepath.Join(h.Dir, "run", "standpipe")
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			chmod(t, dir, 0o777)
			if os.Geteuid() == 0 {
				if err := os.Chown(dir, 65533, 65533); err != nil { // somebody else was there first
					t.Fatal(err)
				}
			}
		},
		"the header can be written by all": func(h *rig.Home) { chmod(t, filepath.Join(h.Data, "vault.json"), 0o666) },
	} {
		h := rig.NewHome(t)
		prepare(h)
		r := h.Try("serve", "--listen", "127.0.0.1:0", "--ui-listen", "127.0.0.1:0")
		if r.Exit == 0 || !strings.Contains(r.Stderr, h.Dir) {
			t.Errorf("%s: %d %s", name, r.Exit, r.Stderr)
		}
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func a15(t *testing.T) {
	w := newWorld(t, setup{})
	slowed := 0
	for i := range 50 {
		a := w.Post(fmt.Sprintf("sp_app_%043d", i), vendPath, map[string]any{})
		switch a.Status {
		case 429:
			slowed++
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		case 401:
		default:
			t.Errorf("a guess got %d", a.Status)
		}
	}
	if slowed < 30 {
		t.Errorf("%d of 50 guesses were slowed down", slowed)
	}
	w.vend(t)
}

func a16(t *testing.T) {
	w := shared(t)
	for _, header := range []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: " + w.addr(), "X-Forwarded-Proto: https", "Forwarded: for=127.0.0.1;host=" + w.addr(), "X-Real-IP: 127.0.0.1", "X-Original-URL: /health", "X-Rewrite-URL: /health", "X-HTTP-Method-Override: GET"} {
		evil := strings.Replace(w.good("POST", vendPath, header+"\r\n"), "Host: "+w.addr(), "Host: evil.com", 1)
		if a := raw(t, w.addr(), evil); a.status != 421 {
			t.Errorf("%s opened another host: %d", header, a.status)
		}
		noKey := strings.Replace(w.good("POST", vendPath, header+"\r\n"), "Authorization: Bearer "+w.rich+"\r\n", "", 1)
		if a := raw(t, w.addr(), noKey); a.status != 401 {
			t.Errorf("%s is as good as a key: %d", header, a.status)
		}
		if a := raw(t, w.addr(), w.good("POST", vendPath, header+"\r\n")); a.status != 200 {
			t.Errorf("%s changes a vend: %d", header, a.status)
		}
	}
}

func a17(t *testing.T) {
	w := shared(t)
	for _, path := range lines(t, "paths.txt") {
		for name, request := range map[string]string{
			"with a key":    w.good("POST", path, ""),
			"without a key": strings.Replace(w.good("POST", path, ""), "Authorization: Bearer "+w.rich+"\r\n", "", 1),
		} {
			if a := raw(t, w.addr(), request); a.status < 400 || a.status >= 500 {
				t.Errorf("%q %s: status %d, %s", path, name, a.status, a.header.Get("Location"))
			}
		}
	}
}

func a18(t *testing.T) {
	w := shared(t)
	p := w.login(t)
	ui := strings.TrimPrefix(w.UI, "http://")
	get := "GET /ui/api/events HTTP/1.1\r\nHost: " + ui + "\r\n"
	session := "Standpipe-Session: " + p.session + "\r\n"
	for name, c := range map[string]struct {
		request string
		want    int
	}{
		"stream, no session":        {get + "\r\n", 401},
		"stream, session in query":  {strings.Replace(get, "events", "events?session="+p.session+"&Standpipe-Session="+p.session, 1) + "\r\n", 401},
		"stream, session in cookie": {get + "Cookie: Standpipe-Session=" + p.session + "\r\n\r\n", 401},
		"stream, foreign host":      {strings.Replace(get, ui, "evil.com", 1) + session + "\r\n", 421},
		"upgrade, foreign origin":   {w.good("GET", "/ui/api/events", "Origin: http://evil.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), 403},
	} {
		base := ui
		if strings.HasPrefix(name, "upgrade") {
			base = w.addr()
		}
		if a := raw(t, base, c.request); a.status != c.want {
			t.Errorf("%s: %d, want %d", name, a.status, c.want)
		}
	}
	// A page of another origin, with a session that it cannot have: the browser's
	// own word is enough to refuse what changes something.
	if a := raw(t, ui, "POST /ui/api/flows HTTP/1.1\r\nHost: "+ui+"\r\nOrigin: http://evil.com\r\n"+session+"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"); a.status != 403 {
		t.Errorf("a foreign origin with a session: %d", a.status)
	}
}

func a19(t *testing.T) {
	h := rig.NewHome(t)
	for _, c := range []struct{ hcl, arg string }{
		{"", "0.0.0.0:0"}, {"base_url = \"http://pipes.example.com\"\n", "127.0.0.1:0"}, {"listen = \"0.0.0.0:4780\"\n", ""}, {"ui_listen = \"0.0.0.0:4781\"\n", "127.0.0.1:0"},
	} {
		h.Configure(c.hcl)
		args := []string{"serve"}
		if c.arg != "" {
			args = append(args, "--listen", c.arg)
		}
		if r := h.Try(args...); r.Exit == 0 {
			t.Errorf("%q %q: it serves", c.hcl, c.arg)
		}
	}
	// With a proxy declared, the proxy's name is answered to; the guard is the same.
	w := newWorld(t, setup{alone: true, hcl: "base_url = \"https://pipes.example.com\"\n"})
	if a := raw(t, w.addr(), strings.Replace(w.good("POST", vendPath, ""), "Host: "+w.addr(), "Host: pipes.example.com", 1)); a.status == 421 {
		t.Error("the declared proxy is refused")
	}
	if a := raw(t, w.addr(), strings.Replace(w.good("POST", vendPath, "Origin: https://pipes.example.com\r\n"), "Host: "+w.addr(), "Host: pipes.example.com", 1)); a.status != 403 {
		t.Errorf("a browser behind the proxy: %d", a.status)
	}
	if c, err := tls.Dial("tcp", w.addr(), &tls.Config{InsecureSkipVerify: true}); err == nil {
		c.Close()
		t.Error("there is TLS on the plain port")
	}
}
