// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/connect"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/lock"
	"github.com/standpipe/standpipe/app/internal/session"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/app/internal/tokens"
	"github.com/standpipe/standpipe/app/internal/transfer"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// house is the real domain behind the API, on a store in memory and with a
// provider that always says yes.
type house struct {
	*api.API
	t        testing.TB
	conns    *hub.Connections
	access   *access.Access
	lock     *lock.Lock
	sessions *session.Sessions
	catalog  *catalog.Catalog
	connect  *connect.Engine
	tokens   *tokens.Engine
	transfer *transfer.Desk
	backups  *streamer
	bus      *events.Bus
	n        atomic.Int64
	activity *audit.Log
	denials  []hub.AuditEntry
	upstream http.Handler // the API of every provider
	clock    time.Time    // of the lock

	yes
	declared [][]byte
}

// SetDefinitions makes it a plugin host that serves what is declared to it.
func (h *house) SetDefinitions(_ context.Context, all [][]byte) error {
	h.declared = all
	return nil
}

func (h *house) Describe(ctx context.Context) ([]hub.Descriptor, error) {
	out, err := h.yes.Describe(ctx)
	for _, raw := range h.declared {
		s, err := oauth.ParseDefinition(raw)
		if err != nil {
			return nil, err
		}
		d := s.Description()
		out = append(out, hub.Descriptor{Slug: d.Slug, Name: d.Name, Plugin: "oauth2", AllowedHosts: d.AllowedHosts})
	}
	return out, err
}

// Record keeps what the API itself audits.
func (h *house) Record(_ context.Context, e hub.AuditEntry) error {
	if e.Decision == hub.AuditDenied {
		h.denials = append(h.denials, e)
	}
	return nil
}

const listen = "127.0.0.1:4780"

func newHouse(t testing.TB) *house {
	t.Helper()
	return newHouseOn(t, memstore.New(), yes{})
}

// newHouseOn is a house on a store of the caller's. vends is who audits them.
func newHouseOn(t testing.TB, store hub.Store, vends hub.Auditor) *house {
	t.Helper()
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	h := &house{t: t, conns: hub.NewConnections(store), bus: events.New(), clock: time.Now()}
	newID := func(p string) string { return fmt.Sprintf("%s_%026d", p, h.n.Add(1)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.catalog, err = catalog.New(ctx, catalog.Config{
		Store: store, Providers: h, Publisher: h.bus, Now: time.Now, NewID: newID, Listen: listen, Sandbox: "http://127.0.0.1:4790",
		SandboxClient: catalog.Client{ID: "sandbox", Secret: secret.New("sandbox")}, Declarer: h,
	})
	must(err)
	must(h.catalog.Refresh(ctx))
	sandbox := hub.CredentialsSandbox
	_, err = h.catalog.Save(ctx, "peer", hub.IntegrationChange{Credentials: &sandbox})
	must(err)
	h.tokens = tokens.New(tokens.Config{
		Connections: h.conns, Providers: yes{}, Resolver: h.catalog, Bus: h.bus, Auditor: vends, FingerprintKey: make([]byte, 32), Now: time.Now, Logger: quiet,
	})
	h.access, err = access.New(ctx, access.Config{Store: store, Publisher: h.bus, Auditor: yes{}, Now: time.Now, NewID: newID})
	must(err)
	h.lock, err = lock.New(ctx, lock.Config{
		Vault: &vault{}, Store: store, Tokens: h.tokens, Publisher: h.bus, Auditor: yes{}, Logger: quiet, Now: func() time.Time { return h.clock }, Ended: h.access.Locked,
	})
	must(err)
	h.sessions, err = session.New(ctx, store, time.Now)
	must(err)
	h.connect = connect.New(connect.Config{
		Store: store, Connections: h.conns, Providers: yes{}, Catalog: h.catalog, Revoker: h.tokens, Auditor: yes{}, Publisher: h.bus,
		Logger: quiet, Now: time.Now, NewID: newID, CanReceive: func() error { return nil }, Prober: yes{},
	})
	h.activity, err = audit.Open(ctx, audit.Config{Dir: t.TempDir(), Store: store, Logger: quiet})
	must(err)
	t.Cleanup(func() { _ = h.activity.Close() })
	h.transfer = transfer.New(transfer.Config{
		Connections: h.conns, Providers: yes{}, Catalog: h.catalog, Refreshes: h.tokens, Auditor: yes{}, Publisher: h.bus, Now: time.Now, NewID: newID,
	})
	h.backups = &streamer{}
	h.API = api.New(api.Config{
		Backups: h.backups, Transfers: h.transfer,
		Catalog: h.catalog, Flows: h.connect, Tokens: h.tokens, Connections: h.conns, Access: h.access, Lock: h.lock, Sessions: h.sessions,
		Plugins: yes{}, Vault: yes{}, Avatars: true, Relay: h.relay(), Events: h.bus, Auditor: h, Activity: h.activity, Logger: quiet, Now: time.Now, NewID: newID, Version: "test",
		Assets: fstest.MapFS{
			"index.html":    {Data: []byte(`<meta name="standpipe-session" content="%STANDPIPE_SESSION%"><meta name="standpipe-host" content="%STANDPIPE_HOST%">`)},
			"assets/app.js": {Data: []byte("export {}")},
		},
		Listen: listen, UI: "127.0.0.1:4781", Sandbox: "http://127.0.0.1:4790",
	})
	return h
}

// app registers an app and returns its key.
func (h *house) app(req hub.NewApp) string {
	h.t.Helper()
	req.Name = "tester"
	_, key, err := h.access.Add(context.Background(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

// connected makes a connection, all the way.
func (h *house) connected(owner hub.Owner) string {
	h.t.Helper()
	return h.connectedTo("peer", owner)
}

func (h *house) connectedTo(integration string, owner hub.Owner) string {
	h.t.Helper()
	ctx := context.Background()
	f, err := h.connect.Start(ctx, hub.StartFlow{Integration: integration, Owner: owner, Initiator: hub.InitiatorCLI})
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(f.AuthorizationURL)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.connect.Callback(ctx, "/callback/"+integration, url.Values{"state": {u.Query().Get("state")}, "code": {"c"}}); err != nil {
		h.t.Fatal(err)
	}
	f, err = h.connect.Get(ctx, f.ID)
	if err != nil || f.Connection == "" {
		h.t.Fatalf("not connected: %+v, %v", f, err)
	}
	return f.Connection
}

// send asks a handler. The Host is the listener's unless the request has one.
func send(h http.Handler, method, target, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = listen
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func decode(t *testing.T, r *http.Response) map[string]any {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("status %d, no JSON: %q", r.StatusCode, b)
	}
	return v
}

// yes is a provider, an auditor and a plugin host that have no objections.
type yes struct{}

func (yes) Describe(context.Context) ([]hub.Descriptor, error) {
	return []hub.Descriptor{{
		Slug: "peer", Name: "Peer", Description: "A peer.", AllowedHosts: []string{"p.test:443", "api.p.test:80"}, APIs: []string{"http://api.p.test/{region}"}, Sandbox: map[string]string{}, Plugin: "peer",
		Scopes:       []hub.Scope{{Name: "read", Title: "Read", Default: true}, {Name: "write", Title: "Write"}},
		Config:       []hub.ConfigField{{Key: "region", Label: "Region", Pattern: "eu|us", Default: "eu"}},
		Capabilities: []hub.Capability{hub.CanRefresh, hub.CanRevoke, hub.CanIdentify, hub.CanDevice}, Revoke: hub.ReachToken,
	}}, nil
}
func (yes) Authorize(_ context.Context, t hub.Target, r hub.AuthorizeRequest) (hub.AuthorizeResponse, error) {
	return hub.AuthorizeResponse{URL: "https://p.test/a?" + url.Values{
		"response_type": {"code"}, "client_id": {t.ClientID}, "state": {r.State}, "redirect_uri": {r.RedirectURI},
		"code_challenge": {r.CodeChallenge}, "code_challenge_method": {"S256"},
	}.Encode()}, nil
}
func (yes) Exchange(context.Context, hub.Target, hub.ExchangeRequest) (hub.TokenAnswer, error) {
	now := time.Now()
	return hub.TokenAnswer{Tokens: hub.TokenSet{
		AccessToken: secret.New("live-token"), TokenType: "Bearer", IssuedAt: now, Expiry: now.Add(time.Hour), ExpirySource: hub.ExpiryDeclared,
		Scopes: []string{"read"}, Metadata: map[string]string{"instance_url": "https://i.test"},
	}}, nil
}
func (yes) Refresh(context.Context, hub.Target, hub.RefreshRequest) (hub.TokenAnswer, error) {
	return hub.TokenAnswer{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "down"}
}
func (yes) StartDevice(context.Context, hub.Target, hub.StartDeviceRequest) (hub.DeviceAuthorization, error) {
	return hub.DeviceAuthorization{
		DeviceCode: secret.New("device-code"), UserCode: "ABCD-EFGH", VerificationURI: "https://p.test/device",
		ExpiresIn: time.Minute, Interval: time.Hour,
	}, nil
}
func (yes) PollDevice(context.Context, hub.Target, hub.PollDeviceRequest) (hub.TokenAnswer, error) {
	return hub.TokenAnswer{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "pending"}
}
func (yes) Probe(context.Context, hub.Target, string) (hub.Probe, error) {
	return hub.Probe{Status: 200}, nil
}
func (yes) Revoke(context.Context, hub.Target, hub.RevokeRequest) (hub.Reach, error) {
	return hub.ReachToken, nil
}
func (yes) Identify(context.Context, hub.Target, hub.IdentifyRequest) (hub.Identity, error) {
	return hub.Identity{Account: hub.Account{Issuer: "https://p.test", Subject: "42", Login: "<img src=x onerror=alert(1)>"}}, nil
}

// vault is locked and unlocked, the latter with the passphrase "open".
type vault struct{ locked bool }

func (v *vault) Lock()            { v.locked = true }
func (v *vault) Locked() bool     { return v.locked }
func (v *vault) Passphrase() bool { return true }
func (v *vault) Unlock(p secret.Value) error {
	if p.Reveal() != "open" {
		return hub.Errorf(hub.CodeNotConfigured, "the passphrase is wrong")
	}
	v.locked = false
	return nil
}

func (yes) Record(context.Context, hub.AuditEntry) error            { return nil }
func (yes) Status() []contract.Plugin                               { return []contract.Plugin{} }
func (yes) Holding() contract.Holding                               { return contract.Holding{} }
func (yes) Logs(context.Context, string) <-chan contract.PluginLine { return nil }
func (yes) Rescan(context.Context) ([]hub.AuditEntry, error)        { return nil, nil }

func (yes) Keys() contract.Keys                                      { return contract.Keys{Source: "file:/key"} }
func (yes) Rotate(context.Context) (contract.Rotation, error)        { return contract.Rotation{}, nil }
func (yes) ChangeSource(context.Context, string, secret.Value) error { return nil }
func (yes) NewRecoveryKey() (secret.Value, error)                    { return secret.New("AAAA"), nil }
func (yes) Lost(context.Context) (contract.Lost, error)              { return contract.Lost{}, nil }
func (yes) ForgetLost(context.Context) error                         { return nil }
func (yes) Compact(context.Context) (contract.Compaction, error)     { return contract.Compaction{}, nil }
func (yes) Diagnose(context.Context) contract.Diagnosis              { return contract.Diagnosis{} }
