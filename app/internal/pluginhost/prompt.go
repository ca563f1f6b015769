// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// A plugin talks with the user on the socket on which it dials, under the
// ticket of its call:
//
//	POST /prompt HTTP/1.1
//	Authorization: Bearer <ticket>
//
//	{"kind":"ask","text":"…","label":"Shop","secret":false,"url":""}
//
// The answer is 200 with {"value":"…"} or {"declined":true}, when the user gave
// it; 404 where nobody can be asked, and 400 for a prompt that is refused.

// promptRequest is the body of a prompt.
type promptRequest struct {
	Kind   hub.PromptKind `json:"kind"`
	Text   string         `json:"text"`
	Label  string         `json:"label"`
	Secret bool           `json:"secret"`
	URL    string         `json:"url"`
}

type promptAnswer struct {
	Value    string `json:"value,omitempty"`
	Declined bool   `json:"declined,omitempty"`
	Error    string `json:"error,omitempty"`
}

const (
	maxPrompt = 8 << 10 // bytes of a prompt's body
	maxAnswer = 4 << 10 // bytes of what a user types
)

// prompt handles one prompt of the plugin's.
func (d *dialer) prompt(c net.Conn, req *http.Request) {
	auth, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	t := d.lookup(auth)
	if t == nil {
		writePrompt(c, http.StatusForbidden, promptAnswer{Error: "no call is being made with this ticket"})
		return
	}
	if t.prompter == nil {
		writePrompt(c, http.StatusNotFound, promptAnswer{Error: "nobody can be asked during this call"})
		return
	}
	var in promptRequest
	if err := json.NewDecoder(io.LimitReader(req.Body, maxPrompt)).Decode(&in); err != nil {
		writePrompt(c, http.StatusBadRequest, promptAnswer{Error: "the prompt is not JSON"})
		return
	}
	p, problem := t.checkPrompt(in)
	if problem != "" {
		writePrompt(c, http.StatusBadRequest, promptAnswer{Error: problem})
		return
	}
	// The person who is asked is slow, or gone. What bounds the wait is the
	// ticket, and with it the flow.
	_ = c.SetDeadline(time.Time{})
	t.clock.pause()
	answer, err := t.prompter(t.ctx, p)
	t.clock.resume()
	value := answer.Value.Reveal()
	switch {
	case err != nil:
		writePrompt(c, http.StatusBadRequest, promptAnswer{Error: clean(err.Error(), 200)})
	case answer.Declined || len(value) > maxAnswer:
		writePrompt(c, http.StatusOK, promptAnswer{Declined: true})
	default:
		t.remember(answer.Value)
		writePrompt(c, http.StatusOK, promptAnswer{Value: value})
	}
}

// checkPrompt makes the hub's prompt of a plugin's, or says what is wrong.
func (t *ticket) checkPrompt(in promptRequest) (p hub.Prompt, problem string) {
	p = hub.Prompt{Kind: in.Kind, Text: clean(in.Text, maxText), Label: clean(in.Label, maxLine), Secret: in.Secret}
	switch {
	case known(in.Kind, hub.PromptMessage, hub.PromptAsk, hub.PromptOpen) == "":
		return p, "the kind is not message, ask or open"
	case p.Text == "":
		return p, "the text is empty"
	case in.Kind == hub.PromptAsk && p.Label == "":
		return p, "a question needs a label"
	case in.Kind != hub.PromptOpen:
		return p, ""
	}
	u, err := webURL(in.URL)
	if err != nil || u == "" {
		return p, "the URL is not a web address"
	}
	// As with the authorization URL: a plugin sends nobody but to its provider.
	parsed, _ := url.Parse(u) // webURL did
	if host, err := urlHostPort(parsed); err != nil || !t.hosts[host] {
		return p, "the URL leads to a host that is not the provider's"
	}
	p.URL = u
	return p, ""
}

func writePrompt(c net.Conn, status int, answer promptAnswer) {
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	b, _ := json.Marshal(answer) // strings and a bool: it cannot fail
	resp := &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(b)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(b))),
	}
	_ = resp.Write(c) // the plugin is gone: nobody to tell
}

// remember takes a secret out of what the plugin prints from now on.
func (t *ticket) remember(v secret.Value) {
	if t.redact != nil {
		t.redact.remember(v)
	}
}

type prompterKey struct{}

// withPrompter lets the plugin talk with the user during a call; nil: not.
func withPrompter(ctx context.Context, p hub.Prompter) context.Context {
	if p == nil {
		return ctx
	}
	return context.WithValue(ctx, prompterKey{}, p)
}

// callClock bounds a call. It stands still while the user is asked.
type callClock struct {
	mu     sync.Mutex
	timer  *time.Timer
	left   time.Duration
	since  time.Time
	asking int
}

// callContext ends after limit, with context.DeadlineExceeded as its cause.
// Without a prompter it has a deadline that the plugin learns of.
func callContext(ctx context.Context, limit time.Duration, interactive bool) (context.Context, *callClock, context.CancelFunc) {
	if !interactive {
		ctx, cancel := context.WithTimeout(ctx, limit)
		return ctx, nil, cancel
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &callClock{left: limit, since: time.Now()}
	c.timer = time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	return ctx, c, func() { c.timer.Stop(); cancel(context.Canceled) }
}

func (c *callClock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking++; c.asking == 1 {
		c.timer.Stop()
		c.left -= time.Since(c.since)
	}
}

func (c *callClock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking--; c.asking == 0 {
		c.since = time.Now()
		c.timer.Reset(max(c.left, 0))
	}
}
