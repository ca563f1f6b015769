// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// corpus are the hostile inputs, as data.
//
//go:embed corpus
var corpus embed.FS

// lines reads a file of the corpus: a case each, but for those that begin with #.
func lines(t *testing.T, name string) (out []string) {
	t.Helper()
	b, err := corpus.ReadFile("corpus/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

const (
	clientID     = "client-of-the-tests"
	clientSecret = "client-secret-of-the-tests-0123456789"
	vendPath     = "/data-integrations/openid/token"
)

// world is a hub with one integration of a provider that lives in the test, a
// connected account, an app that may draw it, and one that may draw nothing.
type world struct {
	*rig.Hub
	home *rig.Home
	op   *oauthtest.Server
	conn string
	rich string // key of an app with a grant
	poor string // key of an app without

	evilDir string // folder of hostile plugins
}

// setup is how a world differs from the plain one.
type setup struct {
	rules   oauthtest.Rules
	quirks  oauthtest.Quirks
	hcl     string   // more configuration
	args    []string // more arguments of serve
	network string   // of the integration; empty: private
	alone   bool     // connect nothing
	home    func(*rig.Home)
}

func provider(t *testing.T, rules oauthtest.Rules, quirks oauthtest.Quirks) *oauthtest.Server {
	t.Helper()
	if rules.Lives == (oauthtest.Lives{}) {
		rules.Lives.Access = time.Hour
	}
	op, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/callback/openid", "http://127.0.0.1/callback/openid/other", "http://127.0.0.1/callback/openid/evil"}, AnyPort: true}},
		Users: []oauthtest.User{
			{Subject: "1", Login: "alice", Email: "alice@example.test"}, {Subject: "2", Login: "bob", Email: "bob@example.test"},
			{Subject: "3", Login: `<img src=x onerror="document.title='pwned'">`},
		},
		Rules: rules, Quirks: quirks,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	return op
}

// integration is the configuration of an OpenID integration.
func integration(name, issuer, network string) string {
	if network == "" {
		network = "private"
	}
	return fmt.Sprintf(`
integration %q {
  provider      = "openid"
  credentials   = "own"
  client_id     = %q
  client_secret = file("client.secret")
  network       = %q
  scopes        = ["openid", "offline_access"]
  config        = { issuer = %q }
}
`, name, clientID, network, issuer)
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if s.rules.Lives == (oauthtest.Lives{}) && !s.rules.Rotate {
		s.rules.Rotate, s.rules.ReuseRevokes = true, true
	}
	w := &world{home: rig.NewHome(t), op: provider(t, s.rules, s.quirks)}
	w.home.Write("client.secret", clientSecret)
	w.home.Configure(integration("openid", w.op.URL, s.network) + s.hcl)
	if s.home != nil {
		s.home(w.home)
	}
	w.Hub = w.home.Serve(s.args...)
	w.poor = w.home.AddApp("poor")
	w.rich = w.home.AddApp("rich", "--grant", "openid")
	if !s.alone {
		w.conn = w.connect(t, "openid", w.op, "alice")
	}
	return w
}

// shared is the world of those who leave no traces in it.
var shared = func() func(t *testing.T) *world {
	var once sync.Once
	var w *world
	return func(t *testing.T) *world {
		once.Do(func() { w = newWorld(sharedT, setup{}) })
		if w == nil {
			t.Fatal("the shared hub did not start")
		}
		here := *w
		here.Hub, here.home = w.Hub.In(t), w.home.In(t)
		return &here
	}
}()

// sharedT is the test that the shared world lives as long as.
var sharedT *testing.T

// started is a flow that waits for its browser.
type started struct {
	*rig.Process
	URL string `json:"authorization_url"`
}

// begin runs `standpipe connect` up to the authorization URL.
func (w *world) begin(t *testing.T, args ...string) *started {
	t.Helper()
	return begin(w.home, args...)
}

func begin(home *rig.Home, args ...string) *started {
	f := &started{Process: home.Start(append([]string{"connect", "--no-browser", "--json"}, args...)...)}
	f.Line(func(line json.RawMessage) bool { return json.Unmarshal(line, f) == nil && f.URL != "" })
	return f
}

// connect connects an account from the command line.
func (w *world) connect(t *testing.T, slug string, op *oauthtest.Server, login string) string {
	t.Helper()
	return authorize(t, w.home, func(url string) string {
		callback, err := op.Approve(url, login)
		if err != nil {
			t.Fatal(err)
		}
		return callback
	}, slug)
}

// approve is a user who agrees at the provider. It returns where his browser is
// sent back to.
func (w *world) approve(t *testing.T, authorization, login string) string {
	t.Helper()
	back, err := w.op.Approve(authorization, login)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// browse is a browser that follows redirects and shows the last page.
func browse(t *testing.T, address string) (page string, final *url.URL, status int) {
	t.Helper()
	resp, err := (&http.Client{Timeout: 40 * time.Second}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.Request.URL, resp.StatusCode
}

// addr is host:port of the app API.
func (w *world) addr() string { return strings.TrimPrefix(w.AppAPI, "http://") }

func (w *world) port() string { _, p, _ := net.SplitHostPort(w.addr()); return p }

// vend draws a token, which must come.
func (w *world) vend(t *testing.T) string {
	t.Helper()
	a := w.Post(w.rich, vendPath, map[string]any{})
	if a.Status != 200 || a.Field("active") != "true" {
		t.Fatalf("no token: %d %s", a.Status, a.Body)
	}
	return a.Field("access_token", "access_token")
}

// curl draws a token as a program of the hub's user, which a test that runs as
// root is not, and returns the answer.
func (w *world) curl(t *testing.T, key string) string {
	t.Helper()
	cmd := w.home.Command("curl", "-sS", "--config", "-", "-H", "Content-Type: application/json", "-d", "{}", w.AppAPI+vendPath)
	cmd.Stdin = strings.NewReader("header = \"Authorization: Bearer " + key + "\"\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// answer is what a raw request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes to an address and reads the answer.
func raw(t *testing.T, addr, request string) answer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer to %q: %v", request, err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// good is a vend as bytes, with header lines (each ending in \r\n) added.
func (w *world) good(method, path, more string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: " + w.addr() + "\r\nAuthorization: Bearer " + w.rich +
		"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + more + "\r\n{}"
}

// page is the browser's session with the page's API.
type page struct {
	base, session string
}

// login opens the page's session with the link that serve printed.
func (w *world) login(t *testing.T) *page {
	t.Helper()
	p := &page{base: w.UI}
	var link struct{ URL string }
	w.home.JSON(&link, "open", "--no-browser")
	_, code, _ := strings.Cut(link.URL, "#code=")
	var in struct{ Token string }
	if status := p.do(t, "POST", "/ui/api/session", map[string]string{"code": code}, &in); status != 200 {
		t.Fatalf("login: %d", status)
	}
	p.session = in.Token
	return p
}

// do sends a request with the session and decodes the answer.
func (p *page) do(t *testing.T, method, path string, body, out any) int {
	t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, p.base+path, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if p.session != "" {
		req.Header.Set("Standpipe-Session", p.session)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, b)
		}
	}
	return resp.StatusCode
}

// other runs a program as another user of the machine and returns what it
// printed and whether it succeeded.
func (w *world) other(name string, args ...string) (string, bool) {
	out, err := w.home.As(nil, name, args...).CombinedOutput()
	return string(out), err == nil
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }
