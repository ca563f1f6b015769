// SPDX-License-Identifier: Apache-2.0

// Package app is the composition root: the one place where the rooms of the
// house are put together.
//
//	a, err := app.Open(ctx, opts) // the hub of a data folder, listening
//	err = a.Run(ctx)              // serves until ctx ends
//	err = a.Close()
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/connect"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/headstart"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/inventory"
	"github.com/standpipe/standpipe/app/internal/lock"
	"github.com/standpipe/standpipe/app/internal/peer"
	"github.com/standpipe/standpipe/app/internal/picture"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/relay"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/session"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
	"github.com/standpipe/standpipe/app/internal/tokens"
	"github.com/standpipe/standpipe/app/internal/transfer"
	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/frontend"
	"github.com/standpipe/standpipe/sdk/secret"
)

// App is a hub: the one owner of the tokens of a data folder.
type App struct {
	opts      Options
	log       *slog.Logger
	paths     instance.Paths
	instance  *instance.Instance
	config    *config.Config
	notices   []contract.Notice
	vault     *seal.Vault
	store     *badgerstore.Store
	conns     *hub.Connections
	audit     *audit.Log
	bus       *events.Bus
	plugins   *pluginhost.Host
	relay     *relay.Relay
	catalog   *catalog.Catalog
	tokens    *tokens.Engine
	access    *access.Access
	lock      *lock.Lock
	sessions  *session.Sessions
	connect   *connect.Engine
	lost      *inventory.Lost
	inventory *inventory.Keeper // nil: none is kept
	transfer  *transfer.Desk
	api       *api.API
	listen    listeners
	gate      headstart.Gate
	garbage   collector
	closers   []func() error // in the order of opening

	serverKey []byte // tells this hub from a stranger on its port
	declared  declared
}

// Open takes the data folder, opens what is in it, finds the plugins and binds
// the listeners. It starts no plugin, unless it is Offline, and then those of which
// it is not known what they serve. Where another hub
// has the folder already, the error is instance.ErrRunning; where there are no
// keys and no keychain to make one in, it is hub.CodeNotConfigured.
func Open(ctx context.Context, opts Options) (_ *App, err error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	a := &App{opts: opts, log: opts.Logger, bus: events.New()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	defer holdGarbage()()
	for _, step := range []func(context.Context) error{
		a.openFolder, a.openConfig, a.openStore, a.openListeners, a.openPlugins, a.openDomain, a.openLock, a.openAPI,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if opts.Offline {
		// Run does this beside serving; a single command wants the answer.
		if err := a.catalog.Refresh(ctx); err != nil {
			a.log.Error("the plugins could not be asked what they serve", "err", err)
		}
	}
	return a, nil
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

func (a *App) openFolder(context.Context) (err error) {
	if a.paths, err = instance.Resolve(a.opts.Config, a.opts.Data); err != nil {
		return err
	}
	if a.instance, err = instance.Acquire(a.paths); err != nil {
		return err
	}
	a.onClose(a.instance.Close)
	return nil
}

func (a *App) openDomain(ctx context.Context) (err error) {
	if a.audit, err = audit.Open(ctx, audit.Config{Dir: a.paths.Data, Store: a.store, Logger: a.log}); err != nil {
		return err
	}
	a.onClose(a.audit.Close)
	if err := a.tellOfRestore(ctx); err != nil {
		return err
	}
	a.conns = hub.NewConnections(a.store)
	if a.catalog, err = catalog.New(ctx, catalog.Config{
		Store: a.store, Providers: a.plugins, Publisher: a.bus, Now: faults.Now, NewID: newID, File: a.config.Integrations,
		Listen: a.listen.appAddress(), BaseURL: a.config.BaseURL, Sandbox: a.sandbox(),
		SandboxClient: catalog.Client{ID: sandbox.ClientID, Secret: secret.New(sandbox.ClientSecret)},
		Declarer:      a.plugins, Filed: a.declared.filed(), Write: config.WriteProvider,
	}); err != nil {
		return err
	}
	a.conns.Know(a.catalog.Descriptor, faults.Now)
	if err := a.conns.Prepare(ctx); err != nil {
		return err
	}
	key, err := a.fingerprintKey()
	if err != nil {
		return err
	}
	a.tokens = tokens.New(tokens.Config{
		Connections: a.conns, Providers: a.plugins, Resolver: a.catalog, Bus: a.bus, Auditor: a.audit,
		FingerprintKey: key, Now: faults.Now, Logger: a.log, Depart: a.gate.Depart,
	})
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		return a.tokens.Close(ctx)
	})
	if a.access, err = access.New(ctx, access.Config{
		Store: a.store, Publisher: a.bus, Auditor: a.audit, Now: faults.Now, NewID: newID,
		Policies: a.config.Policies, Patience: a.config.ApprovalTimeout,
	}); err != nil {
		return err
	}
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), rememberPatience)
		defer cancel()
		if err := a.access.Remember(ctx); err != nil {
			a.log.Warn("what the apps drew last is not remembered", "err", err) // locked, or the disk is full: the audit has it
		}
		return nil
	})
	if a.sessions, err = session.New(ctx, a.store, faults.Now); err != nil {
		return err
	}
	flows := connect.Config{
		Store: a.store, Connections: a.conns, Providers: a.plugins, Catalog: a.catalog, Revoker: a.tokens,
		Auditor: a.audit, Publisher: a.bus, Logger: a.log, Now: faults.Now, NewID: newID, CanReceive: a.listen.canReceive, Prober: a.plugins,
	}
	imports := transfer.Config{
		Connections: a.conns, Providers: a.plugins, Catalog: a.catalog, Refreshes: a.tokens,
		Auditor: a.audit, Publisher: a.bus, Now: faults.Now, NewID: newID,
	}
	if a.config.Avatars {
		pictures := picture.New(picture.Config{Connections: a.conns, Publisher: a.bus, Dial: a.plugins.Dial, Logger: a.log})
		a.onClose(pictures.Close)
		flows.Pictures, imports.Pictures = pictures, pictures
	}
	a.connect = connect.New(flows)
	a.transfer = transfer.New(imports)
	a.openInventory()
	return nil
}

// closePatience is how long a closing hub waits for provider calls under way:
// an answer that is not waited for may be a lost refresh token.
const closePatience = 20 * time.Second

// rememberPatience is how long a closing hub waits for a note of what was used.
const rememberPatience = 2 * time.Second

// sandbox is the base URL for sandbox credentials; production refuses them.
func (a *App) sandbox() string {
	if a.config.Production() {
		return ""
	}
	return a.config.Sandbox
}

// Local is the handler for programs that are known to be the same user's.
func (a *App) Local() http.Handler { return a.api.Local() }

// Events is the bus of this hub.
func (a *App) Events() hub.Bus { return a.bus }

// Ready says where the hub is served. Each call makes a new login link.
func (a *App) Ready() Ready {
	r := Ready{}
	if a.opts.Offline {
		return r
	}
	r.AppAPI, r.Socket = "http://"+a.listen.appAddress(), a.paths.Socket()
	if addr := a.listen.uiAddress(); addr != "" {
		code, _ := a.sessions.NewCode()
		r.UI = "http://" + addr
		r.UILink = r.UI + "/#code=" + code
	}
	return r
}

// Close ends what Open began, last first: refreshes under way are waited for,
// the store is closed, the folder is given back.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *App) openAPI(context.Context) error {
	var only func(context.Context) error
	if a.config.SameUser() {
		only = peer.SameUser
	}
	a.serverKey = make([]byte, 32)
	_, _ = rand.Read(a.serverKey) // never fails (crypto/rand)
	a.api = api.New(api.Config{
		Catalog: a.catalog, Flows: a.connect, Tokens: a.tokens, Connections: a.conns, Access: a.access, Lock: a.lock,
		Sessions: a.sessions, Backups: backups{a}, Transfers: a.transfer, Plugins: pluginStatus{a.plugins, a.catalog}, Declared: a, Vault: vaultDesk{a}, Relay: a.relay, Events: a.bus, Auditor: a.audit, Activity: a.audit,
		Avatars: a.config.Avatars, Peer: only, ServerKey: a.serverKey, Assets: frontend.Assets(), Logger: a.log, Now: faults.Now, NewID: newID,
		Version: a.opts.Version, Data: a.paths.Data, ConfigFile: a.paths.Config, Sandbox: a.sandbox(),
		Listen: a.listen.appAddress(), UI: a.listen.uiAddress(), BaseURL: a.config.BaseURL, EmbedOrigins: a.config.EmbedOrigins, Notices: a.allNotices,
	})
	return nil
}

// newID returns an identifier that sorts by time and cannot be guessed from
// another: prefix_<ulid>, lower case as the prefix is.
func newID(prefix string) string {
	return prefix + "_" + ulid.MustNew(ulid.Now(), rand.Reader).String()
}

// pluginStatus shows the plugin host to the API.
type pluginStatus struct {
	host    *pluginhost.Host
	catalog *catalog.Catalog
}

// Rescan implements api.Plugins.
func (p pluginStatus) Rescan(ctx context.Context) ([]hub.AuditEntry, error) {
	var out []hub.AuditEntry
	for _, c := range p.host.Rescan() {
		e := hub.AuditEntry{Action: hub.AuditPluginPin, Subject: c.Name, Fingerprint: pluginFingerprint(c.SHA256)}
		switch {
		case c.Removed:
			e.Action = hub.AuditPluginRemove
		case c.Development:
			e.Action = hub.AuditPluginDevelop
		}
		out = append(out, e)
	}
	return out, p.catalog.Refresh(ctx)
}

// Logs implements api.Plugins.
func (p pluginStatus) Logs(ctx context.Context, plugin string) <-chan contract.PluginLine {
	out := make(chan contract.PluginLine)
	go func() {
		defer close(out)
		for l := range p.host.Logs(ctx, plugin) {
			select {
			case out <- contract.PluginLine(l):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// pluginSource says how a plugin came here.
func pluginSource(s pluginhost.PluginStatus) string {
	switch {
	case s.Development:
		return "development"
	case s.Source != "":
		return "installed"
	}
	return "bundled"
}

// Holding implements api.Plugins.
func (pluginStatus) Holding() contract.Holding {
	h := pluginhost.SystemHolding()
	return contract.Holding{Network: string(h.Network), Files: string(h.Files), Landlock: h.Landlock, Missing: append([]string{}, h.Missing...)}
}

// Status implements api.Plugins.
func (p pluginStatus) Status() []contract.Plugin {
	out := []contract.Plugin{}
	for _, s := range p.host.Status() {
		out = append(out, contract.Plugin{
			Name: s.Name, Path: s.Path, SHA256: s.SHA256, State: string(s.State), PID: s.PID, Restarts: s.Restarts, Error: s.Error,
			Source: pluginSource(s), Version: s.Version, Development: s.Development, Network: string(s.Network), Files: string(s.Files),
			Untaken: s.Untaken,
		})
	}
	return out
}
