// SPDX-License-Identifier: Apache-2.0

package connect_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/connect"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// house is an engine with scripted neighbours. The provider's answers are what
// the fields say; what it was asked is noted.
type house struct {
	*connect.Engine
	t     *testing.T
	conns *hub.Connections
	store hub.Store
	now   time.Time

	mu        sync.Mutex
	authURL   func(hub.AuthorizeRequest) string
	account   hub.Account
	exchange  error
	exchanged []hub.ExchangeRequest
	revoked   []string // access tokens
	onRevoke  func()
	// onExchange is called before Exchange answers.
	onExchange func(context.Context, hub.ExchangeRequest) error
	poll       func(hub.PollDeviceRequest) (hub.TokenAnswer, error)
	noRefresh  bool // the next exchange brings no refresh token
	asked      []hub.AuthorizeRequest
	audit      []hub.AuditEntry
	auditErr   error
	issuer     string
	blocked    error
	tokens     int
	probe      func(address string) (hub.Probe, error)
	pictures   []string // that were asked for
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: memstore.New(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), account: hub.Account{Issuer: "https://p.test", Subject: "1", Login: "ada"}}
	h.conns = hub.NewConnections(h.store)
	h.authURL = func(r hub.AuthorizeRequest) string {
		return "https://p.test/authorize?" + url.Values{
			"response_type": {"code"}, "client_id": {"client"}, "state": {r.State}, "redirect_uri": {r.RedirectURI},
			"code_challenge": {r.CodeChallenge}, "code_challenge_method": {"S256"},
		}.Encode()
	}
	n := 0
	h.Engine = connect.New(connect.Config{
		Store: h.store, Connections: h.conns, Providers: h, Catalog: h, Revoker: h, Auditor: h, Publisher: h,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
		NewID:      func(p string) string { n++; return fmt.Sprintf("%s_%03d", p, n) },
		CanReceive: func() error { return h.blocked }, Prober: h, Pictures: h,
	})
	return h
}

func (h *house) Probe(_ context.Context, _ hub.Target, address string) (hub.Probe, error) {
	return h.probe(address)
}
func (h *house) Fetch(c *hub.Connection, r *hub.Resolved) {
	h.pictures = append(h.pictures, c.ID+" "+r.Target.Provider+" "+c.Account.PictureURL)
}
func (h *house) Describe(context.Context) ([]hub.Descriptor, error) { return nil, nil }
func (h *house) Refresh(context.Context, hub.Target, hub.RefreshRequest) (hub.TokenAnswer, error) {
	return hub.TokenAnswer{}, nil
}
func (h *house) StartDevice(_ context.Context, _ hub.Target, r hub.StartDeviceRequest) (hub.DeviceAuthorization, error) {
	return hub.DeviceAuthorization{
		DeviceCode: secret.New("device"), UserCode: "WDJB-MJHT", VerificationURI: "https://p.test/device",
		ExpiresIn: 5 * time.Minute, Interval: 5 * time.Second,
	}, nil
}
func (h *house) PollDevice(_ context.Context, _ hub.Target, r hub.PollDeviceRequest) (hub.TokenAnswer, error) {
	return h.poll(r)
}
func (h *house) Revoke(context.Context, hub.Target, hub.RevokeRequest) (hub.Reach, error) {
	return hub.ReachToken, nil
}
func (h *house) Authorize(_ context.Context, _ hub.Target, r hub.AuthorizeRequest) (hub.AuthorizeResponse, error) {
	h.asked = append(h.asked, r)
	return hub.AuthorizeResponse{URL: h.authURL(r), Issuer: h.issuer, IssuerRequired: h.issuer != ""}, nil
}
func (h *house) Exchange(ctx context.Context, _ hub.Target, r hub.ExchangeRequest) (hub.TokenAnswer, error) {
	if h.onExchange != nil {
		if err := h.onExchange(ctx, r); err != nil {
			return hub.TokenAnswer{}, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.exchanged = append(h.exchanged, r)
	if h.exchange != nil {
		return hub.TokenAnswer{}, h.exchange
	}
	h.tokens++
	set := hub.TokenSet{AccessToken: secret.New(fmt.Sprintf("at-%d", h.tokens)), RefreshToken: secret.New(fmt.Sprintf("rt-%d", h.tokens)), Expiry: h.now.Add(time.Hour)}
	if h.noRefresh {
		set.RefreshToken = secret.Value{}
	}
	return hub.TokenAnswer{Tokens: set}, nil
}
func (h *house) Identify(context.Context, hub.Target, hub.IdentifyRequest) (hub.Identity, error) {
	return hub.Identity{Account: h.account, Scopes: []string{"read"}}, nil
}
func (h *house) Resolve(_ context.Context, slug string, config map[string]string) (*hub.Resolved, error) {
	in := hub.Integration{Slug: slug, Provider: "p"}
	return &hub.Resolved{
		Integration: in, RedirectURI: "http://127.0.0.1:4780" + in.CallbackPath(), Scopes: []string{"read", "write"},
		Descriptor: &hub.Descriptor{Slug: "p", Name: "Peer", Capabilities: []hub.Capability{hub.CanIdentify, hub.CanDevice}},
		Target:     hub.Target{Provider: "p", ClientID: "client", AllowedHosts: []string{"p.test:443"}, Config: config},
	}, nil
}
func (h *house) RevokeUnused(_ context.Context, _ *hub.Connection, t hub.TokenSet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revoked = append(h.revoked, t.AccessToken.Reveal())
	if h.onRevoke != nil {
		h.onRevoke()
	}
}
func (h *house) Record(_ context.Context, e hub.AuditEntry) error {
	h.audit = append(h.audit, e)
	return h.auditErr
}
func (h *house) Publish(hub.Event) {}

func (h *house) start(r hub.StartFlow) (*hub.Flow, url.Values) {
	h.t.Helper()
	if r.Integration == "" {
		r.Integration = "p"
	}
	if r.Owner == (hub.Owner{}) {
		r.Owner = hub.Me
	}
	if r.Initiator == "" {
		r.Initiator = hub.InitiatorUI
	}
	f, err := h.Start(context.Background(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(f.AuthorizationURL)
	if err != nil {
		h.t.Fatal(err)
	}
	return f, u.Query()
}

// back is the browser coming back from the provider.
func (h *house) back(path string, q url.Values) (*hub.Flow, error) {
	h.t.Helper()
	result, err := h.Callback(context.Background(), path, q)
	if err != nil {
		return nil, err
	}
	f, err := h.Result(context.Background(), result)
	if err != nil {
		h.t.Fatal(err)
	}
	return f, nil
}

func (h *house) connected() []*hub.Connection {
	h.t.Helper()
	list, err := h.conns.Find(context.Background(), hub.Me, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func code(state string) url.Values { return url.Values{"code": {"c0de"}, "state": {state}} }

func TestConnect(t *testing.T) {
	h := newHouse(t)
	_, q := h.start(hub.StartFlow{})
	if len(q.Get("state")) < 22 || q.Get("code_challenge_method") != "S256" {
		t.Errorf("the authorization URL is weak: %v", q)
	}
	f, err := h.back("/callback/p", code(q.Get("state")))
	if err != nil {
		t.Fatal(err)
	}
	if f.State != hub.FlowConfirm || f.Account.Login != "ada" || len(f.MissingScopes) != 1 {
		t.Fatalf("after the callback the flow is %+v", f)
	}
	if n := len(h.connected()); n != 0 {
		t.Fatalf("%d connections exist before the confirmation", n)
	}
	if v := h.exchanged[0].CodeVerifier.Reveal(); len(v) < 43 {
		t.Errorf("the verifier has %d characters", len(v))
	}
	if f, err = h.Confirm(context.Background(), f.ID, hub.InitiatorUI, false); err != nil {
		t.Fatal(err)
	}
	list := h.connected()
	if len(list) != 1 || list[0].ID != f.Connection || !list[0].Compatibility || list[0].State != hub.StateConnected {
		t.Fatalf("connections: %+v", list)
	}
	for rec := range h.store.List(context.Background(), hub.KindPending) {
		t.Errorf("the pending record %s is left", rec.ID)
	}
	if again, err := h.Confirm(context.Background(), f.ID, hub.InitiatorUI, false); err != nil || again.Connection != f.Connection {
		t.Errorf("a second confirmation: %+v, %v", again, err)
	}
}

func TestSecondAccountAndReconnect(t *testing.T) {
	h := newHouse(t)
	connect := func(r hub.StartFlow) *hub.Flow {
		f, q := h.start(r)
		if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
			t.Fatal(err)
		}
		f, err := h.Get(context.Background(), f.ID)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	confirm := func(f *hub.Flow, other bool) (*hub.Flow, error) {
		return h.Confirm(context.Background(), f.ID, hub.InitiatorUI, other)
	}
	first, err := confirm(connect(hub.StartFlow{}), false)
	if err != nil {
		t.Fatal(err)
	}
	h.account = hub.Account{Issuer: "https://p.test", Subject: "2", Login: "bob"}
	second, err := confirm(connect(hub.StartFlow{}), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.connected()) != 2 || first.Connection == second.Connection {
		t.Fatalf("two accounts make %d connections", len(h.connected()))
	}
	again, err := confirm(connect(hub.StartFlow{}), false)
	if err != nil {
		t.Fatal(err)
	}
	if again.Connection != second.Connection || len(h.connected()) != 2 {
		t.Error("connecting the same account again made another connection")
	}
	if len(h.revoked) != 1 || h.revoked[0] != "at-2" {
		t.Errorf("revoked %v, want the replaced at-2 only", h.revoked)
	}

	// Reauthorizing ada comes back with bob: asks, keeps the id.
	f := connect(hub.StartFlow{Connection: first.Connection})
	if f.Replaces == nil || f.Replaces.Login != "ada" {
		t.Fatalf("another account came back and nobody was told: %+v", f)
	}
	if _, err := confirm(f, false); hub.AsError(err).Code != hub.CodeAccountMismatch {
		t.Errorf("another account was taken without a yes: %v", err)
	}
	h.account.Login = "ada-renamed"
	h.account.Subject = "1"
	f = connect(hub.StartFlow{Connection: first.Connection})
	if f.Replaces != nil {
		t.Error("a renamed account counts as another one")
	}
	done, err := confirm(f, false)
	if err != nil || done.Connection != first.Connection {
		t.Errorf("reauthorize: %+v, %v", done, err)
	}
}

// TestPictureOfAnAccount: it is asked for with each connect and reauthorize, and
// one that is there goes with the account that it is of.
func TestPictureOfAnAccount(t *testing.T) {
	h := newHouse(t)
	through := func(r hub.StartFlow, other bool) string {
		t.Helper()
		f, q := h.start(r)
		if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
			t.Fatal(err)
		}
		f, err := h.Confirm(t.Context(), f.ID, hub.InitiatorUI, other)
		if err != nil {
			t.Fatal(err)
		}
		return f.Connection
	}
	put := func(id string) {
		t.Helper()
		if err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.PutPicture(id, h.account, []byte("png")) }); err != nil {
			t.Fatal(err)
		}
	}
	has := func(id string) bool {
		conn, err := h.conns.Get(t.Context(), id)
		return err == nil && conn.Picture != ""
	}
	h.account.PictureURL = "https://p.test/ada.png"
	id := through(hub.StartFlow{}, false)
	put(id)
	through(hub.StartFlow{Connection: id}, false)
	if want := id + " p https://p.test/ada.png"; len(h.pictures) != 2 || h.pictures[0] != want || h.pictures[1] != want {
		t.Errorf("asked for %q", h.pictures)
	}
	if !has(id) {
		t.Error("a reauthorization of the same account took its picture away")
	}
	h.account.PictureURL = ""
	if through(hub.StartFlow{Connection: id}, false); has(id) {
		t.Error("an account that has no picture any more is shown with the old one")
	}
	put(id)
	h.account = hub.Account{Issuer: "https://p.test", Subject: "2", Login: "bob", PictureURL: "https://p.test/bob.png"}
	if through(hub.StartFlow{Connection: id}, true); has(id) {
		t.Error("bob is shown with the picture of ada")
	}
}

// TestHostileCallbacks sends what a hostile page, provider or user could send.
// Nothing of it may reach the token endpoint.
func TestHostileCallbacks(t *testing.T) {
	with := func(change func(url.Values)) func(string) url.Values {
		return func(state string) url.Values {
			q := code(state)
			change(q)
			return q
		}
	}
	tests := map[string]struct {
		path   string
		query  func(state string) url.Values
		issuer string
	}{
		"no state":              {query: with(func(q url.Values) { q.Del("state") })},
		"wrong state":           {query: with(func(q url.Values) { q.Set("state", "x") })},
		"two states":            {query: with(func(q url.Values) { q.Add("state", "x") })},
		"two codes":             {query: with(func(q url.Values) { q.Add("code", "x") })},
		"another path (COAT)":   {path: "/callback/q", query: code},
		"a path below":          {path: "/callback/p/p", query: code},
		"no code":               {query: with(func(q url.Values) { q.Del("code") })},
		"issuer missing":        {issuer: "https://p.test", query: code},
		"issuer of another":     {issuer: "https://p.test", query: with(func(q url.Values) { q.Set("iss", "https://evil.test") })},
		"issuer with a slash":   {issuer: "https://p.test", query: with(func(q url.Values) { q.Set("iss", "https://p.test/") })},
		"error beside the code": {query: with(func(q url.Values) { q.Set("error", "server_error") })},
		"denied":                {query: with(func(q url.Values) { q.Set("error", "access_denied"); q.Del("code") })},
		"error without issuer":  {issuer: "https://p.test", query: with(func(q url.Values) { q.Set("error", "access_denied"); q.Del("code") })},
		"two issuers":           {issuer: "https://p.test", query: with(func(q url.Values) { q["iss"] = []string{"https://p.test", "https://evil.test"} })},
		"error with markup":     {query: with(func(q url.Values) { q.Set("error", "<script>alert(1)</script>\x1b[2J") })},
		"error text of 10 KiB":  {query: with(func(q url.Values) { q.Set("error", "e"); q.Set("error_description", strings.Repeat("x", 10<<10)) })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.issuer = test.issuer
			f, q := h.start(hub.StartFlow{})
			path := test.path
			if path == "" {
				path = "/callback/p"
			}
			_, err := h.back(path, test.query(q.Get("state")))
			if len(h.exchanged) != 0 {
				t.Error("a code was sent to the token endpoint")
			}
			now, getErr := h.Get(context.Background(), f.ID)
			if getErr != nil {
				t.Fatal(getErr)
			}
			if err == nil && now.State != hub.FlowFailed {
				t.Errorf("the flow is %s", now.State)
			}
			if now.Error != nil {
				if strings.ContainsAny(now.Error.Message, "\x1b") || len(now.Error.Message) > 400 {
					t.Errorf("the message is not clean: %q", now.Error.Message)
				}
				if now.Error.Remedy == "" {
					t.Error("the error has no remedy")
				}
			}
		})
	}
}

func TestStateIsSpentOnce(t *testing.T) {
	h := newHouse(t)
	_, q := h.start(hub.StartFlow{})
	if !h.Expecting("/callback/p") {
		t.Error("the callback path does not exist while a flow waits")
	}
	if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.back("/callback/p", code(q.Get("state"))); err == nil {
		t.Error("a state works twice")
	}
	if h.Expecting("/callback/p") {
		t.Error("the callback path is open although no flow waits")
	}
	_, q = h.start(hub.StartFlow{})
	h.now = h.now.Add(11 * time.Minute)
	if _, err := h.back("/callback/p", code(q.Get("state"))); err == nil {
		t.Error("a state works after 11 minutes")
	}
	if len(h.exchanged) != 1 {
		t.Errorf("%d exchanges, want 1", len(h.exchanged))
	}
}

func TestHostileAuthorizationURLs(t *testing.T) {
	good := newHouse(t).authURL
	tests := map[string]func(string) string{
		"another host":    func(u string) string { return strings.Replace(u, "p.test/", "evil.test/", 1) },
		"plain http":      func(u string) string { return strings.Replace(u, "https:", "http:", 1) },
		"another port":    func(u string) string { return strings.Replace(u, "p.test/", "p.test:444/", 1) },
		"user name":       func(u string) string { return strings.Replace(u, "https://", "https://p.test@", 1) },
		"javascript":      func(string) string { return "javascript:alert(1)" },
		"no challenge":    func(u string) string { return strings.Replace(u, "code_challenge=", "x=", 1) },
		"plain challenge": func(u string) string { return strings.Replace(u, "S256", "plain", 1) },
		"two states":      func(u string) string { return u + "&state=x" },
		"another redirect": func(u string) string {
			return strings.Replace(u, "redirect_uri=http%3A%2F%2F127.0.0.1", "redirect_uri=http%3A%2F%2Fevil.test", 1)
		},
		"implicit":       func(u string) string { return strings.Replace(u, "response_type=code", "response_type=token", 1) },
		"another client": func(u string) string { return strings.Replace(u, "client_id=client", "client_id=evil", 1) },
		"empty":          func(string) string { return "" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.authURL = func(r hub.AuthorizeRequest) string { return change(good(r)) }
			_, err := h.Start(context.Background(), hub.StartFlow{Integration: "p", Owner: hub.Me, Initiator: hub.InitiatorUI})
			if err == nil {
				t.Error("the URL was accepted")
			}
		})
	}
}

func TestLinkIsBoundToItsBrowser(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	owner := hub.Owner{User: "user_7"}
	token, err := h.Link(ctx, hub.StartFlow{Integration: "p", Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	raw, binding, err := h.OpenLink(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.OpenLink(ctx, token); err == nil {
		t.Error("a link works twice")
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	result, err := h.Callback(ctx, "/callback/p", code(u.Query().Get("state")))
	if err != nil {
		t.Fatal(err)
	}
	f, err := h.Result(ctx, result)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Confirm(ctx, f.ID, hub.InitiatorUI, false); err == nil {
		t.Error("the operator's page finished the flow of a link")
	}
	for _, wrong := range []string{"", token, binding + "x"} {
		if _, err := h.FinishLink(ctx, result, wrong); hub.AsError(err).Code != hub.CodeForbidden {
			t.Errorf("another browser finished the flow: %v", err)
		}
	}
	f, err = h.FinishLink(ctx, result, binding)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.conns.Get(ctx, f.Connection)
	if err != nil || c.Owner != owner {
		t.Errorf("the connection is %+v, %v", c, err)
	}
}

func TestNobodyConfirms(t *testing.T) {
	t.Run("cancelled", func(t *testing.T) {
		h := newHouse(t)
		f, q := h.start(hub.StartFlow{})
		if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
			t.Fatal(err)
		}
		if err := h.Cancel(context.Background(), f.ID); err != nil {
			t.Fatal(err)
		}
		if len(h.revoked) != 1 {
			t.Errorf("revoked %v, want what came back", h.revoked)
		}
		if _, err := h.Confirm(context.Background(), f.ID, hub.InitiatorUI, false); err == nil {
			t.Error("a cancelled flow was confirmed")
		}
	})
	t.Run("restarted", func(t *testing.T) {
		h := newHouse(t)
		_, q := h.start(hub.StartFlow{})
		if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		h.onRevoke = cancel // the first thing that Run does
		if err := h.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(h.revoked) != 1 {
			t.Errorf("revoked %v, want what an earlier process left", h.revoked)
		}
	})
}

func TestNothingIsMadeWithoutAuditOrListener(t *testing.T) {
	h := newHouse(t)
	f, q := h.start(hub.StartFlow{})
	if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
		t.Fatal(err)
	}
	h.auditErr = hub.Errorf(hub.CodeAudit, "the audit cannot be written")
	if _, err := h.Confirm(context.Background(), f.ID, hub.InitiatorUI, false); hub.AsError(err).Code != hub.CodeAudit {
		t.Errorf("confirmed without an audit: %v", err)
	}
	if n := len(h.connected()); n != 0 {
		t.Errorf("%d connections without an audit", n)
	}
	h.blocked = hub.Errorf(hub.CodeConflict, "the port belongs to a stranger")
	if _, err := h.Start(context.Background(), hub.StartFlow{Integration: "p", Owner: hub.Me}); err == nil {
		t.Error("a flow began although no callback can arrive")
	}
}

func TestFlowsAreBounded(t *testing.T) {
	h := newHouse(t)
	first, _ := h.start(hub.StartFlow{})
	for range 100 {
		h.now = h.now.Add(time.Millisecond)
		h.start(hub.StartFlow{})
	}
	f, err := h.Get(context.Background(), first.ID)
	if err != nil || f.State != hub.FlowFailed {
		t.Errorf("the oldest of 101 flows is %+v, %v", f, err)
	}
}

// TestLinksAreBounded: it is this hub that asks to wait, and no provider.
func TestLinksAreBounded(t *testing.T) {
	h := newHouse(t)
	req := hub.StartFlow{Integration: "p", Owner: hub.Owner{User: "user_7"}}
	made := 0
	var err error
	for ; err == nil && made < 5000; made++ {
		_, err = h.Link(t.Context(), req)
	}
	if e := hub.AsError(err); e == nil || e.Code != hub.CodeTooManyRequests || e.Remedy == "" || made < 1000 {
		t.Errorf("link %d: %+v", made, e)
	}
}
