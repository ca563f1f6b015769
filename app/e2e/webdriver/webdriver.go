// SPDX-License-Identifier: Apache-2.0

// Package webdriver is a small client of the W3C WebDriver protocol
// (https://www.w3.org/TR/webdriver2/), enough to drive Chromium and the native
// window with the same tests.
package webdriver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Session is a browser. It is not safe for concurrent use.
type Session struct {
	base string // of the session's commands
	http *http.Client
}

// elementKey is the web element identifier of the protocol, section 12.
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

// Error is a refusal of the driver.
type Error struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// New opens a session at a driver ("http://127.0.0.1:9515") with the given
// capabilities. Nothing bounds a call but its context.
func New(ctx context.Context, driver string, capabilities map[string]any) (*Session, error) {
	s := &Session{base: driver, http: &http.Client{}}
	var out struct {
		SessionID string `json:"sessionId"`
	}
	in := map[string]any{"capabilities": map[string]any{"alwaysMatch": capabilities}}
	if err := s.call(ctx, http.MethodPost, "/session", in, &out); err != nil {
		return nil, err
	}
	s.base += "/session/" + out.SessionID
	return s, nil
}

// Close ends the session. A native window that closes with it is no error.
func (s *Session) Close(ctx context.Context) error {
	err := s.call(ctx, http.MethodDelete, "", nil, nil)
	if e, ok := err.(*Error); ok && e.Code == "no such window" {
		return nil
	}
	return err
}

// Open navigates to a URL.
func (s *Session) Open(ctx context.Context, url string) error {
	return s.call(ctx, http.MethodPost, "/url", map[string]string{"url": url}, nil)
}

// Refresh loads the page again.
func (s *Session) Refresh(ctx context.Context) error {
	return s.call(ctx, http.MethodPost, "/refresh", struct{}{}, nil)
}

// URL is the address of the page.
func (s *Session) URL(ctx context.Context) (url string, err error) {
	return url, s.call(ctx, http.MethodGet, "/url", nil, &url)
}

// Click clicks what a CSS selector finds.
func (s *Session) Click(ctx context.Context, css string) error {
	e, err := s.find(ctx, css)
	if err != nil {
		return err
	}
	return s.call(ctx, http.MethodPost, "/element/"+e+"/click", struct{}{}, nil)
}

// Type types into what a CSS selector finds.
func (s *Session) Type(ctx context.Context, css, text string) error {
	e, err := s.find(ctx, css)
	if err != nil {
		return err
	}
	return s.call(ctx, http.MethodPost, "/element/"+e+"/value", map[string]string{"text": text}, nil)
}

// Text is the visible text of what a CSS selector finds.
func (s *Session) Text(ctx context.Context, css string) (text string, err error) {
	e, err := s.find(ctx, css)
	if err != nil {
		return "", err
	}
	return text, s.call(ctx, http.MethodGet, "/element/"+e+"/text", nil, &text)
}

// Eval runs a function body in the page and decodes what it returns into out.
func (s *Session) Eval(ctx context.Context, script string, out any, args ...any) error {
	if args == nil {
		args = []any{}
	}
	return s.call(ctx, http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": args}, out)
}

// Press presses keys one after the other, wherever the focus is. A key is a
// character, or one of the code points of section 17.4.2 (Tab is "\uE004").
// Modifiers are held down during all of them.
func (s *Session) Press(ctx context.Context, keys []string, modifiers ...string) error {
	type action = map[string]string
	var actions []action
	for _, m := range modifiers {
		actions = append(actions, action{"type": "keyDown", "value": m})
	}
	for _, k := range keys {
		actions = append(actions, action{"type": "keyDown", "value": k}, action{"type": "keyUp", "value": k})
	}
	for _, m := range modifiers {
		actions = append(actions, action{"type": "keyUp", "value": m})
	}
	in := map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}
	return s.call(ctx, http.MethodPost, "/actions", in, nil)
}

// CDP sends a command of the Chrome DevTools Protocol; chromedriver only.
func (s *Session) CDP(ctx context.Context, command string, params map[string]any, out any) error {
	if params == nil {
		params = map[string]any{}
	}
	return s.call(ctx, http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": command, "params": params}, out)
}

// Screenshot is a PNG of the page.
func (s *Session) Screenshot(ctx context.Context) ([]byte, error) {
	var text string
	if err := s.call(ctx, http.MethodGet, "/screenshot", nil, &text); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// Windows are the handles of the open tabs.
func (s *Session) Windows(ctx context.Context) (handles []string, err error) {
	return handles, s.call(ctx, http.MethodGet, "/window/handles", nil, &handles)
}

// NewTab opens another tab, without going there, and returns its handle.
func (s *Session) NewTab(ctx context.Context) (handle string, err error) {
	var out struct{ Handle string }
	err = s.call(ctx, http.MethodPost, "/window/new", map[string]string{"type": "tab"}, &out)
	return out.Handle, err
}

// Window is the handle of the current tab.
func (s *Session) Window(ctx context.Context) (handle string, err error) {
	return handle, s.call(ctx, http.MethodGet, "/window", nil, &handle)
}

// Switch makes another tab the current one.
func (s *Session) Switch(ctx context.Context, handle string) error {
	return s.call(ctx, http.MethodPost, "/window", map[string]string{"handle": handle}, nil)
}

// CloseWindow closes the current tab.
func (s *Session) CloseWindow(ctx context.Context) error {
	return s.call(ctx, http.MethodDelete, "/window", nil, nil)
}

func (s *Session) find(ctx context.Context, css string) (string, error) {
	var out map[string]string
	err := s.call(ctx, http.MethodPost, "/element", map[string]string{"using": "css selector", "value": css}, &out)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", css, err)
	}
	return out[elementKey], nil
}

func (s *Session) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("the driver's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		e := &Error{}
		if err := json.Unmarshal(answer.Value, e); err != nil {
			return err
		}
		e.Message, _, _ = strings.Cut(e.Message, "\n")
		return e
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}
