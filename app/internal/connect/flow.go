// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// flow is a connection in the making with what must not leave the engine.
// Engine.mu guards it.
type flow struct {
	hub.Flow
	started        time.Time
	path           string // the callback path that belongs to it
	state          string
	spent          bool // the state was used
	verifier       string
	nonce          string
	issuer         string
	issuerRequired bool
	resolved       *hub.Resolved
	config         map[string]string // installation-level settings
	target         *hub.Connection   // what is reauthorized
	result         string            // id of the public result page
	binding        [32]byte          // SHA-256 of what only the browser of a connect link knows
	pending        *pending
	deviceCode     secret.Value
	life           time.Duration // how long it waits for the user

	prompted int                              // how often the plugin prompted
	answers  map[string]chan hub.PromptAnswer // of the prompts that are shown
	asking   chan struct{}                    // closed when the plugin waits for the user
	askOnce  sync.Once
	over     chan struct{} // closed when the flow failed or was cancelled
}

// pending is a token set that awaits its confirmation.
type pending struct {
	tokens  hub.TokenSet
	account hub.Account
	granted []string
}

// Start begins a flow and returns it with the URL to open.
func (e *Engine) Start(ctx context.Context, req hub.StartFlow) (*hub.Flow, error) {
	f, err := e.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	return e.snapshot(f), nil
}

func (e *Engine) begin(ctx context.Context, req hub.StartFlow) (*flow, error) {
	if err := req.Owner.Validate(); err != nil {
		return nil, err
	}
	f := &flow{
		Flow: hub.Flow{
			ID: e.cfg.NewID("flow"), Integration: req.Integration, Owner: req.Owner, Initiator: req.Initiator,
			State: hub.FlowWaiting, Reauthorize: req.Connection, ReturnTo: req.ReturnTo,
		},
		asking: make(chan struct{}), over: make(chan struct{}),
		config: req.Config, state: random(32), verifier: random(32), nonce: random(16), result: random(16),
	}
	if req.Connection != "" {
		if err := e.aim(ctx, f); err != nil {
			return nil, err
		}
	}
	var err error
	if f.resolved, err = e.cfg.Catalog.Resolve(ctx, req.Integration, f.config); err != nil {
		return nil, err
	}
	if err := checkInstallationConfig(f, req.Config); err != nil {
		return nil, err
	}
	if err := widen(f, req.Scopes); err != nil {
		return nil, err
	}
	if req.Device {
		f.Kind = hub.FlowDevice
		err = e.startDevice(ctx, f)
	} else {
		err = e.startBrowser(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	e.add(f)
	if f.Kind == hub.FlowDevice {
		e.work.Go(func() { e.poll(f) })
	}
	return f, nil
}

// startBrowser makes the address to which the browser is sent.
func (e *Engine) startBrowser(ctx context.Context, f *flow) error {
	r := f.resolved
	if r.Integration.Credentials == hub.CredentialsPublic && r.Descriptor.SecretRequired {
		return hub.Errorf(hub.CodeInvalid, "%s connects an app without a client secret with a code only", r.Descriptor.Name).
			WithRemedy("Choose to connect with a code: `standpipe connect %s --device`.", f.Integration)
	}
	f.Kind, f.life = hub.FlowBrowser, flowLife
	if r.Paste {
		f.Kind = hub.FlowPaste
	} else if err := e.cfg.CanReceive(); err != nil {
		return err
	}
	return e.authorize(ctx, f)
}

// widen adds scopes to what is asked for: those of an upgrade, and those by
// which the connection was upgraded before.
func widen(f *flow, scopes []string) error {
	for _, s := range scopes {
		if s == "" || len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e }) {
			e := hub.Errorf(hub.CodeInvalid, "%q is not a scope", clean(s, 80))
			e.Field = "scopes"
			return e
		}
	}
	if f.target != nil {
		scopes = append(slices.Clone(scopes), f.target.Requested...)
	}
	all := slices.Clone(f.resolved.Scopes)
	for _, s := range scopes {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	d := f.resolved.Descriptor
	if d.Redirect.Host == hub.RedirectHTTPS && strings.HasPrefix(f.resolved.RedirectURI, "http:") && !d.LoopbackMayAsk(all) {
		return hub.Errorf(hub.CodeInvalid, "%s gives these scopes only to an https redirect URI", d.Name).
			WithRemedy("Add them to the scopes of the integration, which then shows the redirect URI to register.")
	}
	f.resolved.Scopes, f.Requested = all, all
	return nil
}

// aim points a flow at the connection that it reauthorizes.
func (e *Engine) aim(ctx context.Context, f *flow) error {
	conns, err := e.cfg.Connections.Find(ctx, f.Owner, f.Integration)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(conns, func(c *hub.Connection) bool { return c.ID == f.Reauthorize })
	if i < 0 {
		return hub.Errorf(hub.CodeNotFound, "there is no connection %q of this integration", f.Reauthorize).
			WithRemedy("`standpipe status` lists the connections.")
	}
	f.target = conns[i]
	if f.config == nil {
		f.config = f.target.Config
	}
	return nil
}

// checkInstallationConfig also holds what a caller gives to its pattern: it
// may name the host to which the client secret goes.
func checkInstallationConfig(f *flow, given map[string]string) error {
	fields := f.resolved.Descriptor.Config
	for key, value := range given {
		i := slices.IndexFunc(fields, func(c hub.ConfigField) bool { return c.Key == key && c.Installation })
		if i < 0 || !fields[i].Matches(value) {
			e := hub.Errorf(hub.CodeInvalid, "%q is not a setting of a connection to %s", key, f.resolved.Descriptor.Name)
			if i >= 0 {
				e = hub.Errorf(hub.CodeInvalid, "%q does not fit the pattern of %s (example: %s)", clean(value, 80), fields[i].Label, fields[i].Example)
			}
			e.Field = "config." + key
			return e
		}
	}
	for _, c := range fields {
		if c.Installation && c.Required && f.resolved.Target.Config[c.Key] == "" {
			e := hub.Errorf(hub.CodeInvalid, "%s is needed to connect (example: %s)", c.Label, c.Example)
			e.Field = "config." + c.Key
			return e
		}
	}
	return nil
}

func (e *Engine) authorize(ctx context.Context, f *flow) error {
	d := f.resolved.Descriptor
	req := hub.AuthorizeRequest{
		RedirectURI: f.resolved.RedirectURI, State: f.state, Nonce: f.nonce, CodeChallenge: s256(f.verifier),
		Scopes: f.resolved.Scopes, SelectAccount: f.target == nil, Reconnect: f.target != nil, NeedRefreshToken: true,
	}
	if d.NarrowsAudience {
		req.Audiences = f.resolved.Integration.Audiences
	}
	if f.target != nil {
		req.LoginHint = f.target.Account.Login
		req.NeedRefreshToken = !e.keepsRefresh(ctx, f.target, f.resolved.Target.ClientID)
	}
	req.WithSecret = d.PushedRequests
	answer, err := e.authorizationURL(ctx, f.resolved, req)
	if err != nil {
		return err
	}
	f.AuthorizationURL, f.issuer, f.issuerRequired = answer.URL, answer.Issuer, answer.IssuerRequired
	f.path = f.resolved.Integration.CallbackPath()
	return nil
}

// authorizationURL has the plugin make the address, and checks it.
func (e *Engine) authorizationURL(ctx context.Context, r *hub.Resolved, req hub.AuthorizeRequest) (hub.AuthorizeResponse, error) {
	answer, err := e.cfg.Providers.Authorize(ctx, r.Target, req)
	if err != nil {
		return answer, public(err, r.Descriptor.Name)
	}
	return answer, checkAuthorizationURL(answer.URL, answer.Pushed && r.Descriptor.PushedRequests, req, r)
}

// add files a flow, making room by failing the oldest one that waits.
func (e *Engine) add(f *flow) {
	e.mu.Lock()
	f.started = e.cfg.Now()
	f.ExpiresAt = f.started.Add(f.life)
	var waiting []*flow
	for _, o := range e.flows {
		if o.State == hub.FlowWaiting {
			waiting = append(waiting, o)
		}
	}
	var dropped []hub.Event
	if len(waiting) >= maxFlows {
		oldest := slices.MinFunc(waiting, func(a, b *flow) int { return a.started.Compare(b.started) })
		dropped = append(dropped, e.failLocked(oldest, expired()))
	}
	e.flows[f.ID] = f
	if f.Kind != hub.FlowDevice {
		e.states[sha256.Sum256([]byte(f.state))] = f
	}
	e.results[f.result] = f
	ev := e.changed(f)
	e.mu.Unlock()
	for _, d := range append(dropped, ev) {
		e.cfg.Publisher.Publish(d)
	}
}

// Get returns a flow, or CodeFlowExpired where there is none of that id.
func (e *Engine) Get(_ context.Context, id string) (*hub.Flow, error) {
	f, err := e.lookup(id)
	if err != nil {
		return nil, err
	}
	return e.snapshot(f), nil
}

func (e *Engine) lookup(id string) (*flow, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, ok := e.flows[id]; ok {
		return f, nil
	}
	return nil, expired()
}

func expired() *hub.Error {
	return hub.Errorf(hub.CodeFlowExpired, "this attempt to connect is over: it was finished, cancelled, or older than %d minutes", int(flowLife.Minutes())).
		WithRemedy("Start again with Connect.")
}

// snapshot copies what the initiator may see.
func (e *Engine) snapshot(f *flow) *hub.Flow {
	e.mu.Lock()
	defer e.mu.Unlock()
	return f.shown()
}

// shown is snapshot for a caller that holds the lock.
func (f *flow) shown() *hub.Flow {
	out := f.Flow
	if f.State != hub.FlowWaiting {
		out.AuthorizationURL, out.Device = "", nil
	}
	return &out
}

// Cancel ends a flow; what it got from the provider is revoked.
func (e *Engine) Cancel(ctx context.Context, id string) error {
	f, err := e.lookup(id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	if f.State != hub.FlowWaiting && f.State != hub.FlowConfirm {
		e.mu.Unlock()
		return nil
	}
	ev := e.failLocked(f, hub.Errorf(hub.CodeUserDenied, "cancelled").WithRemedy("Start again with Connect."))
	p := f.pending
	f.pending = nil
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
	if p != nil {
		e.discard(ctx, f, p)
	}
	return nil
}

// failLocked ends a flow with an error; its state parameter is of no use any
// more. Needs e.mu; the caller publishes the event.
func (e *Engine) failLocked(f *flow, err *hub.Error) hub.Event {
	f.State, f.Error, f.spent = hub.FlowFailed, err, true
	f.Prompts, f.answers = nil, nil
	select {
	case <-f.over:
	default:
		close(f.over)
	}
	f.verifier, f.ExpiresAt = "", e.cfg.Now().Add(resultLife)
	delete(e.states, sha256.Sum256([]byte(f.state)))
	return e.changed(f)
}

func (e *Engine) fail(f *flow, err *hub.Error) {
	e.mu.Lock()
	ev := e.failLocked(f, err)
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
}

func (e *Engine) changed(f *flow) hub.Event {
	return hub.Event{Type: hub.EventFlow, Flow: f.ID, Slug: f.Integration, Detail: string(f.State), Time: e.cfg.Now()}
}

// public turns an error of the plugin host into one for people.
func public(err error, provider string) *hub.Error {
	if pe, ok := errors.AsType[*hub.ProviderError](err); ok {
		return pe.Public(provider)
	}
	return hub.AsError(err)
}
