// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/webdriver"
)

// Page is a browser or the native window, with calls that wait and fail the test.
type Page struct {
	*webdriver.Session
	t       testing.TB
	program *Process // without which there is no page
}

// In is the same page in a subtest, which fails by itself where the page does
// not do what is asked for.
func (p *Page) In(t testing.TB) *Page { return &Page{p.Session, t, p.program} }

// driverTime bounds a call of the driver.
const driverTime = 2 * time.Minute

func (p *Page) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), driverTime)
	p.t.Cleanup(cancel)
	return ctx
}

// Chromium opens a headless browser without a past, as the home's person.
func (h *Home) Chromium() *Page {
	h.t.Helper()
	profile := filepath.Join(h.Dir, fmt.Sprintf("chromium-%d", time.Now().UnixNano()))
	if err := os.Mkdir(profile, 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.own(profile)
	port := FreePort(h.t)
	driver := start(h.t, "chromedriver", h.Command("chromedriver", fmt.Sprintf("--port=%d", port)))
	return h.session(driver, port, map[string]any{
		"browserName": "chrome",
		"goog:chromeOptions": map[string]any{
			"binary": "/usr/bin/chromium",
			"args": []string{
				"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic",
				"--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1100,800",
				"--user-data-dir=" + profile, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
			},
		},
	})
}

// session waits for a driver and opens a session at it, with what program shows.
func (h *Home) session(program *Process, port int, capabilities map[string]any) *Page {
	h.t.Helper()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	Eventually(h.t, "the driver listens", func() bool { return reachable(base + "/status") })
	p := &Page{t: h.t, program: program}
	s, err := webdriver.New(p.ctx(), base, capabilities)
	if err != nil {
		h.t.Fatal(err)
	}
	p.Session = s
	h.t.Cleanup(func() {
		if h.t.Failed() {
			p.Shot(strings.ReplaceAll(h.t.Name(), "/", "-"))
		}
		_ = s.Close(p.ctx())
	})
	return p
}

func reachable(url string) bool {
	c := http.Client{Timeout: time.Second}
	resp, err := c.Get(url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// Goto navigates.
func (p *Page) Goto(url string) {
	p.t.Helper()
	if err := p.Open(p.ctx(), url); err != nil {
		p.t.Fatal(err)
	}
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	if err := p.Refresh(p.ctx()); err != nil {
		p.t.Fatal(err)
	}
}

// Press clicks what a selector finds, as soon as it is there and can be clicked.
func (p *Page) Press(css string) {
	p.t.Helper()
	var last error
	p.eventually("press "+css, func() bool {
		last = p.Click(p.ctx(), css)
		return last == nil
	}, func() string { return fmt.Sprint(last) })
}

// Fill types into a field, as soon as it is there.
func (p *Page) Fill(css, text string) {
	p.t.Helper()
	p.eventually("fill "+css, func() bool { return p.Type(p.ctx(), css, text) == nil }, p.what)
}

// Refill types into a field in place of what it holds. (The protocol's own
// clearing tells the page nothing that it listens to.)
func (p *Page) Refill(css, text string) {
	p.t.Helper()
	p.Fill(css, Control+"a"+release+Delete+text)
}

// See waits until what a selector finds shows some text.
func (p *Page) See(css, text string) {
	p.t.Helper()
	last := ""
	p.eventually(fmt.Sprintf("see %q in %s", text, css), func() bool {
		last, _ = p.Text(p.ctx(), css)
		return strings.Contains(last, text)
	}, func() string { return last })
}

// Gone waits until a selector finds nothing.
func (p *Page) Gone(css string) {
	p.t.Helper()
	p.eventually("no "+css, func() bool {
		_, err := p.Text(p.ctx(), css)
		return err != nil && strings.Contains(err.Error(), "no such element")
	}, p.what)
}

// Attribute waits for an attribute of what a selector finds and returns it.
func (p *Page) Attribute(css, name string) string {
	p.t.Helper()
	var v string
	p.eventually(name+" of "+css, func() bool {
		err := p.Eval(p.ctx(), "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? ''", &v, css, name)
		return err == nil && v != ""
	}, p.what)
	return v
}

// Value is what a field holds, as soon as it holds something.
func (p *Page) Value(css string) string {
	p.t.Helper()
	var v string
	p.eventually("a value in "+css, func() bool {
		err := p.Eval(p.ctx(), "return document.querySelector(arguments[0])?.value ?? ''", &v, css)
		return err == nil && v != ""
	}, p.what)
	return v
}

// Address is the URL of the page.
func (p *Page) Address() string {
	p.t.Helper()
	u, err := p.URL(p.ctx())
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// CloseTab closes the current tab.
func (p *Page) CloseTab() {
	p.t.Helper()
	if err := p.CloseWindow(p.ctx()); err != nil {
		p.t.Fatal(err)
	}
}

// Tabs returns functions that go to the current tab, and to a new one.
func (p *Page) Tabs() (first, second func()) {
	p.t.Helper()
	here, err := p.Window(p.ctx())
	if err != nil {
		p.t.Fatal(err)
	}
	other, err := p.NewTab(p.ctx())
	if err != nil {
		p.t.Fatal(err)
	}
	to := func(handle string) func() {
		return func() {
			p.t.Helper()
			if err := p.Switch(p.ctx(), handle); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return to(here), to(other)
}

// Hash goes to a route of the page, as a link of the page does.
func (p *Page) Hash(route string) {
	p.t.Helper()
	p.Run("location.hash = arguments[0]", nil, route)
}

// CloseOthers closes all tabs but the current one.
func (p *Page) CloseOthers() {
	p.t.Helper()
	here, err := p.Window(p.ctx())
	if err != nil {
		p.t.Fatal(err)
	}
	all, err := p.Windows(p.ctx())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range all {
		if h == here {
			continue
		}
		if err := p.Switch(p.ctx(), h); err != nil {
			p.t.Fatal(err)
		}
		p.CloseTab()
	}
	if err := p.Switch(p.ctx(), here); err != nil {
		p.t.Fatal(err)
	}
}

// Tab waits for a tab other than the current one whose address has a prefix,
// and goes there.
func (p *Page) Tab(prefix string) {
	p.t.Helper()
	p.eventually("a tab at "+prefix, func() bool {
		handles, err := p.Windows(p.ctx())
		if err != nil {
			return false
		}
		for _, h := range handles {
			if p.Switch(p.ctx(), h) != nil {
				continue
			}
			if u, err := p.URL(p.ctx()); err == nil && strings.HasPrefix(u, prefix) {
				return true
			}
		}
		return false
	}, p.what)
}

// what is the text of the page, for a failing test.
func (p *Page) what() string {
	text, _ := p.Text(p.ctx(), "body")
	u, _ := p.URL(p.ctx())
	return u + "\n" + text
}

func (p *Page) eventually(what string, f func() bool, state func() string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if ended := p.program.ended(); ended != "" {
			p.t.Fatalf("waited in vain to %s%s\n%s", what, ended, p.program.Log())
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain to %s; the last state: %s\n%s", what, state(), p.what())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Shot writes a screenshot into test-results/.
func (p *Page) Shot(name string) {
	png, err := p.Screenshot(p.ctx())
	if err != nil {
		return
	}
	dir := filepath.Join(Root(), "test-results")
	if os.MkdirAll(dir, 0o755) == nil {
		_ = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
}

// Program is the path of a program that the tests need.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: run tools/setup.sh test", name)
	}
	return path
}
