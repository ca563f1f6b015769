// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// picture waits until an account is shown with a picture that the hub made.
func picture(page *rig.Page, c connection) {
	page.Until("the picture of "+c.Account.Label, `const img = document.querySelector(arguments[0]);
		return img?.complete && img.naturalWidth === 96 && img.src.startsWith("data:image/png;base64,")`, id("picture-"+c.ID))
}

// pictured asks the hub, in the page's place, which accounts have a picture.
func pictured(page *rig.Page) map[string]bool {
	var labels []string
	page.Run(`return fetch("/ui/api/accounts", {headers: {"Standpipe-Session": sessionStorage.getItem("standpipe-session")}})
		.then((r) => r.json()).then((a) => a.connections.filter((c) => c.picture).map((c) => c.account.label))`, &labels)
	out := map[string]bool{}
	for _, l := range labels {
		out[l] = true
	}
	return out
}

// TestPictures: an account of the sandbox is shown with its picture at once, on
// each transport, wherever the account is shown, and without it when it is gone.
func TestPictures(t *testing.T) {
	t.Parallel()
	for _, way := range transports {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, "")
			page, _ := way.open(t, w.h)
			w.setUp("github", "google", "slack", "salesforce")
			page.See(id("state-github"), "Not connected")
			w.connectHere(page, id("connect-github"), "octocat-demo")
			octocat := connections(w.h)[0]
			picture(page, octocat)
			for slug, login := range map[string]string{
				"google": "ada.demo@example.test", "slack": "ada.demo", "salesforce": "ada@demo.example.test",
			} {
				picture(page, w.connect(slug, login))
			}
			page.Shot("pictures-" + way.name)

			page.Press(id("account-" + octocat.ID))
			page.See("h1", "octocat-demo")
			picture(page, octocat)
			page.Shot("pictures-details-" + way.name)
			page.Press(id("reauthorize-" + octocat.ID))
			w.begin(page)
			w.consent(page.Value(id("authorization-url")), "octocat-demo")
			page.See(id("flow-account-label"), "octocat-demo")
			page.Until("the picture of who came back", `return document.querySelector(arguments[0])?.naturalWidth === 96`,
				id("connect-dialog")+" "+id("picture-"+octocat.ID))
			page.Press(id("confirm"))
			page.Gone(id("connect-dialog"))
			page.Press(id("disconnect-" + octocat.ID))
			page.Until("the picture of who goes", `return document.querySelector(arguments[0])?.naturalWidth === 96`,
				id("disconnect-dialog")+" "+id("picture-"+octocat.ID))
			page.Shot("pictures-disconnect-" + way.name)
			kept := func() int {
				var m struct{ Records map[string]int }
				w.h.JSON(&m, "backup", filepath.Join(w.h.Dir, "b"), "--force", "--passphrase-file", w.h.Write("phrase", "correct horse battery staple"))
				return m.Records["picture"]
			}
			if n := kept(); n != 4 {
				t.Errorf("a backup has %d pictures, want 4", n)
			}
			page.Press(id("disconnect-confirm"))
			page.See(id("row-github"), "Not connected")
			page.Gone(id("picture-" + octocat.ID))
			if n := kept(); n != 3 {
				t.Errorf("after the disconnect, a backup has %d pictures, want 3", n)
			}
		})
	}
}

// TestPicturesOfALockedHub: there are none.
func TestPicturesOfALockedHub(t *testing.T) {
	t.Parallel()
	h, hub, page := deskHub(t, "1s")
	octocat := connections(h)[0]
	page.Goto(hub.UILink)
	picture(page, octocat)
	status := func() (code int) {
		page.Run(`return fetch(arguments[0], {headers: {"Standpipe-Session": sessionStorage.getItem("standpipe-session")}}).then((r) => r.status)`,
			&code, "/ui/api/connections/"+octocat.ID+"/picture")
		return code
	}
	if code := status(); code != http.StatusOK {
		t.Errorf("unlocked: %d", code)
	}
	h.CLI("lock")
	page.See(id("locked"), "locked")
	page.Gone(id("picture-" + octocat.ID))
	if code := status(); code != http.StatusLocked {
		t.Errorf("locked: %d", code)
	}
	if a := hub.Do(http.MethodGet, "", "/ui/api/connections/"+octocat.ID+"/picture", nil); a.Status != http.StatusUnauthorized {
		t.Errorf("on the app's address: %d", a.Status)
	}
}

// galleryProvider is a provider in a private network, of which each account has
// a picture of another kind.
const galleryProvider = `
provider "gallery" {
  name        = "Gallery"
  description = "Pictures of all kinds."
  scope "openid" {
    title    = "Who you are"
    required = true
  }
  issuer = %q
  picture_hosts = ["pictures.example.test:443"]
  redirect {}
  revoke = "token"
  revocation {}
}
`

// gallery serves it, and whatever the pictures lead to.
type gallery struct {
	op          *oauthtest.Server
	url         string
	good, other atomic.Int32 // how often they were asked for
}

func newGallery(t *testing.T) *gallery {
	t.Helper()
	g := &gallery{}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.other.Add(1)
		_, _ = w.Write(oauthtest.Picture("other"))
	}))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	g.url = srv.URL
	var bomb bytes.Buffer
	if err := png.Encode(&bomb, image.NewGray(image.Rect(0, 0, 8000, 8000))); err != nil || bomb.Len() > 256<<10 {
		t.Fatalf("a bomb of %d bytes, %v", bomb.Len(), err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	serve := func(path, contentType string, f func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
				t.Errorf("%s was asked for with %v", path, r.Header)
			}
			w.Header().Set("Content-Type", contentType)
			f(w, r)
		})
	}
	redirect := func(to string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	serve("/good.png", "text/plain", func(w http.ResponseWriter, _ *http.Request) {
		g.good.Add(1)
		_, _ = w.Write(oauthtest.Picture("good"))
	})
	serve("/bomb.png", "image/png", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bomb.Bytes()) })
	serve("/script.svg", "image/svg+xml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>`)
	})
	serve("/page.png", "image/png", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><script>window.pwned=1</script>")
	})
	serve("/endless.png", "image/png", func(w http.ResponseWriter, _ *http.Request) {
		for part := oauthtest.Picture("endless"); ; {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})
	serve("/inside.png", "image/png", redirect(other.URL+"/a.png"))
	serve("/away.png", "image/png", redirect("https://elsewhere.example.test/a.png"))
	serve("/slow.png", "image/png", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-ended
	})
	options := oauthtest.Options{
		URL:     g.url,
		Clients: []oauthtest.Client{{ID: "gallery", Secret: "gallery-secret-0123456789", RedirectURIs: []string{"http://127.0.0.1/callback/gallery"}, AnyPort: true}},
		Rules:   oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: time.Hour}},
	}
	for login, at := range map[string]string{
		"good": g.url + "/good.png", "bomb": g.url + "/bomb.png", "svg": g.url + "/script.svg", "html": g.url + "/page.png", "endless": g.url + "/endless.png",
		"inside": g.url + "/inside.png", "away": g.url + "/away.png", "slow": g.url + "/slow.png", "none": g.url + "/nothing.png",
		"otherport": other.URL + "/a.png", "http": "http://pictures.example.test/a.png", "undeclared": "https://elsewhere.example.test/a.png",
		"file": "file:///etc/passwd", "data": "data:image/svg+xml,<svg onload=alert(1)>", "script": "javascript:window.pwned=1",
	} {
		options.Users = append(options.Users, oauthtest.User{Subject: "id-" + login, Login: login, Picture: at})
	}
	var err error
	if g.op, err = oauthtest.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.op.Close() })
	mux.Handle("/", g.op)
	return g
}

// hub is one that knows the gallery.
func (g *gallery) hub(t *testing.T, config string) *world {
	t.Helper()
	w := prepare(t, config+"integration \"gallery\" {\n  client_id = \"gallery\"\n  client_secret = file(\"gallery.secret\")\n  network = \"private\"\n}\n")
	w.h.Write("gallery.secret", "gallery-secret-0123456789")
	w.h.Write("providers/gallery.hcl", fmt.Sprintf(galleryProvider, g.url))
	w.Hub = w.h.Serve("--listen", listenOf(w.h))
	return w
}

// connect connects an account of the gallery's, from a terminal.
func (g *gallery) connect(t *testing.T, w *world, login string) connection {
	t.Helper()
	p := w.h.Start("connect", "gallery", "--no-browser", "--json")
	var f flow
	p.Line(decodeURL(&f))
	callback, err := g.op.Approve(f.AuthorizationURL, login)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(callback)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	var c connection
	p.Line(func(line json.RawMessage) bool {
		return json.Unmarshal(line, &c) == nil && strings.HasPrefix(c.ID, "data_installation_")
	})
	return c
}

// TestHostilePictures: each leaves initials, and harms nothing; connecting waits
// for none of them.
func TestHostilePictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	w := g.hub(t, "")
	page := w.page()
	logins := []string{"bomb", "svg", "html", "endless", "inside", "away", "none", "otherport", "http", "undeclared", "file", "data", "script"}
	for _, login := range logins {
		g.connect(t, w, login)
	}
	// One at a time: when this one is here, the others were tried.
	good := g.connect(t, w, "good")
	slow := g.connect(t, w, "slow")
	picture(page, good)
	page.See(id("connection-"+slow.ID), "slow")
	if got := pictured(page); len(got) != 1 || !got["good"] {
		t.Errorf("there are pictures of %v", got)
	}
	if n := g.other.Load(); n != 0 {
		t.Errorf("a server that is nobody's picture host was asked %d times", n)
	}
	var pwned, images int
	page.Run(`return [window.pwned ?? 0, document.querySelectorAll("[data-testid^=picture-]").length][0]`, &pwned)
	page.Run(`return document.querySelectorAll("[data-testid^=picture-]").length`, &images)
	if pwned != 0 || images != 1 {
		t.Errorf("the page runs what a picture held (%d), or shows %d pictures", pwned, images)
	}
	page.Shot("pictures-hostile")
	if token := w.h.CLI("token", "gallery", "--account", "bomb"); strings.TrimSpace(token) == "" {
		t.Error("no token of an account whose picture is bad")
	}
}

// TestNoPictures: the configuration can do without them.
func TestNoPictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	w := g.hub(t, "avatars = false\n")
	page := w.page()
	good := g.connect(t, w, "good")
	page.See(id("connection-"+good.ID), "good")
	w.h.CLI("disconnect", good.ID)
	page.Gone(id("connection-" + good.ID))
	again := g.connect(t, w, "good")
	page.See(id("connection-"+again.ID), "good")
	if got := pictured(page); len(got) != 0 || g.good.Load() != 0 {
		t.Errorf("pictures of %v, fetched %d times", got, g.good.Load())
	}
}
