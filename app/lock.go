// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/lock"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/relay"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/session"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (a *App) openLock(ctx context.Context) (err error) {
	a.relay = relay.New(a.plugins.Dial, a.log)
	a.lock, err = lock.New(ctx, lock.Config{
		Vault: vaultKeys{a.vault, a.conns, a.plugins, a.relay, a.sessions, a.log}, Store: a.store, Tokens: a.tokens, Publisher: a.bus, Auditor: a.audit, Logger: a.log,
		Now: faults.Now, Ended: a.access.Locked, File: a.config.Lock, Session: lock.SystemSession(),
	})
	return err
}

// vaultKeys shows the vault to the lock.
type vaultKeys struct {
	*seal.Vault
	conns   *hub.Connections
	plugins *pluginhost.Host
	relay   *relay.Relay
	logins  *session.Sessions
	log     *slog.Logger
}

// Passphrase implements lock.Vault.
func (v vaultKeys) Passphrase() bool { return v.Info().Prompt }

// Lock implements lock.Vault. With the keys go what was read with them, what plugins
// were given, and what memory still holds of both.
func (v vaultKeys) Lock() {
	if !within(restPatience, func() { v.storeLogins(v.logins.Rest) }, v.plugins.Rest) {
		v.log.Warn("the keys go before the plugins have ended and the sessions are off the disk, which does not answer")
	}
	v.relay.Close() // connections remember what was sent last
	v.Vault.Lock()
	v.conns.Forget()
	scrub()
}

// restPatience bounds what the keys wait for before they go: a plugin is killed at
// once, but the disk may not let go of its folder, nor take a write.
const restPatience = 2 * time.Second

// within does things at a time, and reports whether they were done in time. What was
// not goes on.
func within(patience time.Duration, things ...func()) bool {
	var all sync.WaitGroup
	for _, do := range things {
		all.Go(do)
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}

// Unlock implements lock.Vault.
func (v vaultKeys) Unlock(passphrase secret.Value) error {
	source := seal.Source{} // where the store remembers its key to be
	if !passphrase.IsZero() {
		source = seal.Passphrase(passphrase)
	}
	open := v.Vault.Unlock
	if !v.Locked() {
		open = v.Check
	}
	err := open(source)
	if !passphrase.IsZero() && errors.Is(err, seal.ErrWrongKey) {
		// Of a hub that runs, this says nothing about its configuration.
		e := *hub.AsError(err)
		e.Code = hub.CodeForbidden
		return &e
	}
	if err == nil {
		v.storeLogins(v.logins.Resume)
	}
	return err
}

// storeLogins is for what neither locking nor unlocking fails of.
func (v vaultKeys) storeLogins(f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), rememberPatience)
	defer cancel()
	if err := f(ctx); err != nil {
		v.log.Warn("the sessions of the page could not be stored", "err", err)
	}
}
