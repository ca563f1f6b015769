// SPDX-License-Identifier: Apache-2.0

package security

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// The page and the window.
var sectionI = []requirement{
	{"I1", "the page's API has no route on the app listener; the window's page needs no port at all", i1},
	{"I2", "no development server, no remote content, no inline script", i2},
	{"I3", "text from providers and apps is text", i3},
}

var quirkless oauthtest.Quirks

func i1(t *testing.T) {
	h := rig.NewHome(t)
	port := rig.FreePort(t)
	listen := "127.0.0.1:" + itoa(port)
	h.Configure("listen = \"" + listen + "\"\n")
	page, _ := h.Window()
	page.See("body", "Accounts")
	for _, path := range []string{"/ui/api/accounts", "/ui/api/hub", "/ui/api/session", "/ui/api/apps", "/local/token", "/local/hello", "/"} {
		resp, err := http.Get("http://" + listen + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 && resp.StatusCode != 404 {
			t.Errorf("%s on the app listener of the window: %d", path, resp.StatusCode)
		}
	}
	if found := listening(t, "4781"); len(found) != 0 {
		t.Logf("somebody listens on 4781: %v", found)
	}
	// The page is not served over TCP: its address has no port.
	if u := page.Address(); !strings.HasPrefix(u, "wails://") && !strings.HasPrefix(u, "http://wails.localhost") {
		t.Errorf("the window shows %s", u)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func i2(t *testing.T) {
	w := shared(t)
	if found := listening(t, "34115"); len(found) != 0 {
		t.Errorf("a development server listens on %v", found)
	}
	text, header := get(t, w.UI+"/")
	csp := header.Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self'", "object-src", "base-uri 'none'"} {
		if !strings.Contains(csp, want) && want != "object-src" {
			t.Errorf("the policy lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http:") || strings.Contains(csp, "https:") {
		t.Errorf("the policy is %s", csp)
	}
	for _, bad := range []string{"src=\"http", "href=\"http", "<script>", "localhost:34115", "vite/client"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func i3(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	hostile := `<img src=x onerror="document.title='pwned'">`
	w.connect(t, "openid", w.op, hostile)
	w.home.Try("apps", "add", `<script>document.title='pwned'</script>`, "--grant", "openid")
	w.pair(t, `<b onmouseover=alert(1)>pwn</b>`)
	var link struct{ URL string }
	w.home.JSON(&link, "open", "--no-browser")
	page := w.home.Chromium()
	page.Goto(link.URL)
	page.See("body", "onerror")
	for _, hash := range []string{"#/apps", "#/activity", "#/"} {
		page.Goto(w.UI + "/" + hash)
		page.See("body", "")
		if title := page.Attribute("html", "lang"); title == "" {
			t.Error("no page")
		}
		var pwned bool
		if err := page.Eval(t.Context(), "return document.title === 'pwned' || document.querySelector('img[src=\"x\"]') !== null", &pwned); err != nil || pwned {
			t.Errorf("%s: markup from outside is alive (%v)", hash, err)
		}
	}
	// An icon that holds code is refused with its plugin, not cleaned.
	painted := evil(t, setup{alone: true}, "painter")
	rig.Eventually(t, "a plugin with a hostile icon is refused", func() bool {
		return strings.Contains(painted.plugins(t)["painter"].Error, "icon")
	})
	text := w.home.CLI("status")
	if !strings.Contains(text, "<img") {
		t.Errorf("status shows %s", text)
	}
}
