// SPDX-License-Identifier: Apache-2.0

// Package sandboxtest plays the people in front of the sandbox, for tests: they
// sign in, press the buttons of the consent pages, and enter the codes of
// devices, by HTTP and without a browser.
package sandboxtest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Person is somebody with an account at one provider of a sandbox. The first
// sign-in happens by itself. It is not safe for concurrent use.
type Person struct {
	URL      string // of the sandbox
	Provider string // its slug
	Login    string
	// Without are the scopes whose boxes are unticked.
	Without []string

	http *http.Client
}

// New returns a Person.
func New(url, provider, login string) *Person {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Person{URL: url, Provider: provider, Login: login, http: &http.Client{
		Jar: jar, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var box = regexp.MustCompile(`<input type="checkbox" name="scope" value="([^"]*)"`)

// Consent agrees at an authorization URL and returns the callback URL.
func (p *Person) Consent(authorizationURL string) (string, error) {
	return p.decide(authorizationURL, "authorize")
}

// Deny refuses at an authorization URL and returns the callback URL.
func (p *Person) Deny(authorizationURL string) (string, error) {
	return p.decide(authorizationURL, "cancel")
}

func (p *Person) decide(authorizationURL, decision string) (string, error) {
	u, err := url.Parse(authorizationURL)
	if err != nil {
		return "", err
	}
	if _, _, err := p.post(p.base()+"/session", url.Values{"login": {p.Login}, "return_to": {u.RequestURI()}}); err != nil {
		return "", err
	}
	q := u.Query()
	q.Del("prompt") // the account is chosen
	page, to, err := p.send(http.MethodGet, u.Path+"?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	if to != "" { // refused without asking anybody
		return to, nil
	}
	form := url.Values{"request": {u.RawQuery}, "decision": {decision}}
	for _, m := range box.FindAllStringSubmatch(page, -1) {
		if name := html.UnescapeString(m[1]); !slices.Contains(p.Without, name) {
			form.Add("scope", name)
		}
	}
	page, to, err = p.post(u.Path, form)
	if err == nil && to == "" {
		err = fmt.Errorf("the consent leads nowhere: %s", text(page))
	}
	return to, err
}

// ConsentDevice enters the code of a device and agrees, or with no refuses. It
// reports whether there is such a code.
func (p *Person) ConsentDevice(userCode string, no bool) bool {
	path := map[string]string{"github": "/login/device"}[p.Provider]
	if path == "" {
		path = "/device"
	}
	q := url.Values{"user_code": {userCode}}
	if _, _, err := p.post(p.base()+"/session", url.Values{"login": {p.Login}, "return_to": {p.base() + path + "?" + q.Encode()}}); err != nil {
		return false
	}
	q.Set("decision", map[bool]string{true: "cancel", false: "authorize"}[no])
	page, _, err := p.post(p.base()+path, q)
	return err == nil && (strings.Contains(page, "Device connected") || strings.Contains(page, "Cancelled"))
}

// Flip turns one of the sandbox's switches: "expire", "revoke", "break", "slow"
// or "heal", with its form fields.
func (p *Person) Flip(action string, fields url.Values) error {
	if fields == nil {
		fields = url.Values{}
	}
	if !fields.Has("login") {
		fields.Set("login", p.Login)
	}
	_, _, err := p.post(p.base()+"/sandbox/"+action, fields)
	return err
}

func (p *Person) base() string { return "/" + p.Provider }

func (p *Person) post(path string, form url.Values) (page, location string, err error) {
	return p.send(http.MethodPost, path, form)
}

// send returns a page, or where it redirects to.
func (p *Person) send(method, path string, form url.Values) (page, location string, err error) {
	req, err := http.NewRequest(method, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.http.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", "", err
	}
	if resp.StatusCode >= 400 {
		return "", "", fmt.Errorf("%s %s: HTTP %d: %s", method, path, resp.StatusCode, text(string(body)))
	}
	return string(body), resp.Header.Get("Location"), nil
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is a page without its tags.
func text(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}
