// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// world is one provider, started in one way, and what it talks to.
type world struct {
	t   *T
	cfg *Config
	*started
	gate   *gate
	server Server
	d      sdk.Descriptor
	target sdk.Target

	mu      sync.Mutex
	secrets []secret.Value // that must not show anywhere
}

// callTimeout is the deadline of a call. A good provider needs milliseconds.
const callTimeout = 20 * time.Second

func newWorld(t *T, cfg *Config, start starter) *world {
	t.Helper()
	w := &world{t: t, cfg: cfg, gate: newGate(t)}
	w.started = start(t, cfg)
	resp := must(t, "Describe", w.Describe, w.describeRequest())
	i := slices.IndexFunc(resp.Providers, func(d sdk.Descriptor) bool { return d.Slug == cfg.Provider })
	if i < 0 {
		t.Fatalf("the plugin describes no provider %q", cfg.Provider)
	}
	w.d = resp.Providers[i]
	w.gate.answers = cfg.Answers
	settings := map[string]string{}
	for _, f := range w.d.Config {
		if f.Default != "" {
			settings[f.Key] = f.Default
		}
	}
	given := cfg.Settings
	if given == nil {
		given = w.d.Sandbox
	}
	for k, v := range fillIn(given, w.gate.web.URL) {
		settings[k] = v
	}
	if w.executable {
		w.gate.stand(t, &w.d, cfg.plainHosts(settings))
	}
	w.target = sdk.Target{Provider: cfg.Provider, Definition: cfg.Definition, Config: settings, ClientID: cfg.ClientID}
	w.hide(w.clientSecret())
	if cfg.Server != nil {
		var err error
		if w.server, err = cfg.Server(w.gate.web.URL); err != nil {
			t.Fatal(err)
		}
		w.gate.server = w.server
	}
	return w
}

func (w *world) describeRequest() *sdk.DescribeRequest { return w.cfg.describeRequest() }

func (c *Config) describeRequest() *sdk.DescribeRequest {
	if c.Definition == nil {
		return &sdk.DescribeRequest{}
	}
	return &sdk.DescribeRequest{Definitions: [][]byte{c.Definition}}
}

// plainHosts are those that the definition, if there is one, calls without TLS.
// One that cannot be read is the plugin's to refuse.
func (c *Config) plainHosts(settings map[string]string) []string {
	s, err := oauth.ParseDefinition(c.Definition)
	if err != nil {
		return nil
	}
	return PlainHosts(s, settings)
}

func (w *world) clientSecret() secret.Value { return secret.New(w.cfg.ClientSecret) }

// hide remembers secrets for the search at the end. Short ones would be found
// by chance.
func (w *world) hide(all ...secret.Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range all {
		if len(v.Reveal()) >= 6 {
			w.secrets = append(w.secrets, v)
		}
	}
}

// exposed reports whether text holds a secret, plain or encoded for a URL.
func (w *world) exposed(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.secrets, func(v secret.Value) bool {
		raw := v.Reveal()
		return strings.Contains(text, raw) || strings.Contains(text, url.QueryEscape(raw)) ||
			strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(raw)))
	})
}

// finish checks what holds after every case.
func (w *world) finish() {
	w.t.Helper()
	if !eventually(func() bool { return w.gate.open() == 0 }) {
		w.t.Errorf("%d connections stay open when the calls have returned", w.gate.open())
	}
	if _, _, refused := w.gate.counts(); len(refused) > 0 {
		w.t.Errorf("the plugin asked for hosts that are not the provider's: %q", refused)
	}
	if resp, err := w.Describe(w.t.Context(), w.describeRequest()); err == nil && w.exposed(fmt.Sprintf("%+v", *resp)) {
		w.t.Errorf("the description holds a secret of the calls before")
	}
	if out := w.output(); w.exposed(out) {
		w.t.Errorf("the plugin printed a secret; the end of all that it printed:\n%s", out[max(0, len(out)-2000):])
	}
}

// call makes one call the way a host does, and checks what holds for each.
func call[Req, Resp any](ctx context.Context, w *world, name string, method func(context.Context, *Req) (*Resp, error), req *Req) (*Resp, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	dial, drop := w.gate.admit()
	defer drop()
	_, before, _ := w.gate.counts()
	resp, err := method(w.withDial(ctx, dial), req)
	if _, after, _ := w.gate.counts(); after != before {
		w.t.Errorf("%s reached the provider without the host's dialer: use oauth.Client", name)
	}
	if err == nil && resp == nil {
		err = fmt.Errorf("%s returned neither an answer nor an error", name)
	}
	if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		w.t.Errorf("the error of %s holds control characters: %q", name, cut(err.Error()))
	}
	if err != nil && w.exposed(err.Error()) {
		w.t.Errorf("the error of %s holds a secret", name)
		err = errors.New("an error that holds a secret")
	}
	return resp, err
}

// try is call within the test's life.
func try[Req, Resp any](w *world, name string, method func(context.Context, *Req) (*Resp, error), req *Req) (*Resp, error) {
	w.t.Helper()
	return call(w.t.Context(), w, name, method, req)
}

// want is try for calls that have to succeed.
func want[Req, Resp any](w *world, name string, method func(context.Context, *Req) (*Resp, error), req *Req) *Resp {
	w.t.Helper()
	resp, err := try(w, name, method, req)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return resp
}

// must is for calls without a network.
func must[Req, Resp any](t *T, name string, method func(context.Context, *Req) (*Resp, error), req *Req) *Resp {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	resp, err := method(ctx, req)
	if err != nil || resp == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return resp
}

// typed checks that an error is one of the contract, with one of the codes.
func typed(t *T, name string, err error, codes ...sdk.Code) *sdk.Error {
	t.Helper()
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Errorf("%s: want an *sdk.Error of %q, got %v", name, codes, err)
		return nil
	}
	if !slices.Contains(codes, e.Code) {
		t.Errorf("%s: want one of %q, got %v", name, codes, e)
	}
	if e.Code == sdk.CodeReauthorizationRequired && e.Reason == "" {
		t.Errorf("%s: reauthorization_required without a reason", name)
	}
	return e
}

// flow is one authorization with its own state and challenge.
type flow struct {
	state, nonce, verifier string
	scopes                 []string
}

func (w *world) newFlow() *flow {
	f := &flow{state: "state-" + rand.Text(), nonce: "nonce-" + rand.Text(), verifier: rand.Text() + rand.Text(), scopes: w.cfg.Scopes}
	if f.scopes == nil {
		for _, s := range w.d.Scopes {
			if s.Default || s.Required {
				f.scopes = append(f.scopes, s.Name)
			}
		}
	}
	w.hide(secret.New(f.verifier))
	return f
}

func (f *flow) challenge() string {
	sum := sha256.Sum256([]byte(f.verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (w *world) authorizeRequest(f *flow) *sdk.AuthorizeRequest {
	return &sdk.AuthorizeRequest{
		Target: w.target, RedirectURI: w.cfg.RedirectURI, State: f.state, Nonce: f.nonce, CodeChallenge: f.challenge(), Scopes: f.scopes,
	}
}

// consent goes through the browser's part and returns the request for Exchange.
func (w *world) consent(f *flow) *sdk.ExchangeRequest {
	w.t.Helper()
	resp := want(w, "Authorize", w.Authorize, w.authorizeRequest(f))
	callback, err := w.server.Consent(resp.URL)
	if err != nil {
		w.t.Fatalf("the provider does not accept the authorization URL: %v", err)
	}
	u, err := url.Parse(callback)
	if err != nil {
		w.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code") == "" || q.Get("state") != f.state {
		w.t.Fatalf("the provider answers without a code or with another state: %q", q.Get("error"))
	}
	r := &sdk.ExchangeRequest{
		Target: w.target, ClientSecret: w.clientSecret(), Code: secret.New(q.Get("code")), CodeVerifier: secret.New(f.verifier),
		RedirectURI: w.cfg.RedirectURI, Nonce: f.nonce, Scopes: f.scopes, Params: map[string]string{},
	}
	for k := range q {
		if k != "code" && k != "state" {
			r.Params[k] = q.Get(k)
		}
	}
	w.hide(r.Code)
	return r
}

// connected makes a connection.
func (w *world) connected() *sdk.ExchangeResponse {
	w.t.Helper()
	resp := want(w, "Exchange", w.Exchange, w.consent(w.newFlow()))
	w.hideTokens(&resp.Tokens)
	return resp
}

func (w *world) hideTokens(s *sdk.TokenSet) {
	w.hide(s.AccessToken, s.RefreshToken, s.IDToken)
	for _, n := range s.Named {
		w.hide(n.AccessToken, n.RefreshToken)
	}
}

func (w *world) refreshRequest(token secret.Value) *sdk.RefreshRequest {
	return &sdk.RefreshRequest{Target: w.target, ClientSecret: w.clientSecret(), RefreshToken: token, RedirectURI: w.cfg.RedirectURI}
}

func (w *world) identifyRequest(s *sdk.TokenSet) *sdk.IdentifyRequest {
	return &sdk.IdentifyRequest{Target: w.target, AccessToken: s.AccessToken, IDToken: s.IDToken, Metadata: s.Metadata}
}

func (w *world) can(c sdk.Capability) bool {
	if w.cfg.New != nil {
		return slices.Contains(sdk.CapabilitiesOf(w.cfg.New()), c) && (w.d.Capabilities == nil || slices.Contains(w.d.Capabilities, c))
	}
	return slices.Contains(w.d.Capabilities, c)
}
