// SPDX-License-Identifier: Apache-2.0

// Package picture gets the pictures of accounts from where their providers say
// that they are, makes small ones of them, and keeps those.
//
// What is fetched is a stranger's: it is bounded before it is decoded, and only
// what was drawn anew is stored. A picture that cannot be had is done without.
package picture

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxWaiting is how many fetches wait per provider.
const maxWaiting = 32

// Config is what a Keeper needs. Every field must be set.
type Config struct {
	Connections *hub.Connections
	Publisher   hub.Publisher
	Dial        Dial
	Logger      *slog.Logger
}

// Keeper fetches and keeps pictures. It is safe for concurrent use.
type Keeper struct {
	cfg     Config
	fetcher fetcher

	life context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	waiting map[string][]job // by provider; present while one is being fetched

	drawing sync.Mutex // one at a time: an original may take some dozen megabytes
}

// job is a picture to fetch.
type job struct {
	connection, integration string
	account                 hub.Account
	at                      place
}

// New returns a Keeper.
func New(cfg Config) *Keeper {
	life, stop := context.WithCancel(context.Background())
	return &Keeper{cfg: cfg, fetcher: fetcher{dial: cfg.Dial, timeout: fetchTimeout}, life: life, stop: stop, waiting: map[string][]job{}}
}

// Close gives up what is being fetched, and waits for that.
func (k *Keeper) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.stop()
	k.work.Wait()
	return nil
}

// Fetch fetches the picture that conn's account names, some time later, one of
// a provider at a time. It does so for the person at this machine only: nobody
// looks at the pictures of others.
func (k *Keeper) Fetch(conn *hub.Connection, r *hub.Resolved) {
	if conn.Account.PictureURL == "" || conn.Owner != hub.Me {
		return
	}
	j := job{
		connection: conn.ID, integration: conn.Integration, account: conn.Account,
		at: place{hosts: slices.Clone(r.Descriptor.PictureHosts), own: slices.Clone(r.Target.AllowedHosts), private: r.Target.PrivateNetwork},
	}
	provider := conn.Provider
	k.mu.Lock()
	defer k.mu.Unlock()
	queue, busy := k.waiting[provider]
	if k.closed || len(queue) >= maxWaiting {
		return
	}
	k.waiting[provider] = append(queue, j)
	if !busy {
		k.work.Go(func() { k.drain(provider) })
	}
}

// drain works off what waits for a provider.
func (k *Keeper) drain(provider string) {
	for {
		k.mu.Lock()
		queue := k.waiting[provider]
		if len(queue) == 0 || k.closed {
			delete(k.waiting, provider)
			k.mu.Unlock()
			return
		}
		j := queue[0]
		k.waiting[provider] = queue[1:]
		k.mu.Unlock()
		if err := k.take(&j); err != nil {
			k.cfg.Logger.Info("the picture of an account was not taken", "connection", j.connection, "err", err)
		}
	}
}

// take fetches one, and stores what was made of it.
func (k *Keeper) take(j *job) error {
	raw, err := k.fetcher.fetch(k.life, &j.at, j.account.PictureURL)
	if err != nil {
		return err
	}
	k.drawing.Lock()
	png, err := render(raw)
	k.drawing.Unlock()
	if err != nil {
		return err
	}
	err = k.cfg.Connections.Update(k.life, func(tx *hub.ConnectionsTx) error { return tx.PutPicture(j.connection, j.account, png) })
	if err != nil {
		return err
	}
	k.cfg.Publisher.Publish(hub.Event{Type: hub.EventPicture, Connection: j.connection, Slug: j.integration})
	return nil
}
