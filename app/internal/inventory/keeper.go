// SPDX-License-Identifier: Apache-2.0

// Package inventory keeps, apart from the keys of the store, the little that a
// reset of lost keys can begin from: see hub.Inventory. A Keeper writes it
// while the hub lives; Lost is what a reset left to reconnect.
package inventory

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

const (
	// quiet is how long a change waits for others, to be written with them.
	quiet = 2 * time.Second
	// settle is when a hub that has started looks whether a kill kept the one
	// before from writing. It does not get into the way of the start.
	settle = time.Minute
	// share bounds what keeping costs: after a writing that took a second, the
	// next one waits for so many.
	share = 20
	// again is when a writing that failed is tried again.
	again = time.Minute
	// lastPatience is how long a closing hub takes for the last writing. An
	// inventory that is a little old is better than a hub that does not end.
	lastPatience = 2 * time.Second
)

// File is where the inventory is kept.
type File interface {
	Write(storeID string, content []byte) error
}

// Config is what a Keeper needs. Every field but Last must be set.
type Config struct {
	File    File
	StoreID string
	// Collect makes the inventory of what the hub has now. It need not look at
	// what last tells already; nil is none. It may take long.
	Collect func(_ context.Context, last *hub.Inventory) (*hub.Inventory, error)
	Bus     hub.Bus
	Now     func() time.Time
	Logger  *slog.Logger
	// Last is the inventory that is there. Where it is not to be believed, or
	// missing, it is nil, and one is written soon, whether or not anything
	// changes.
	Last *hub.Inventory
}

// Keeper writes the inventory after something changed: a while after, with all
// that changed meanwhile, and beside whatever else the hub does.
type Keeper struct {
	cfg    Config
	events <-chan hub.Event
	stop   context.CancelFunc

	// Of Run, and then of Close.
	dirty bool
	last  *hub.Inventory // that was written

	mu  sync.Mutex
	err error // of the last writing
}

// New returns a Keeper that hears of every change from now on.
func New(cfg Config) *Keeper {
	ctx, stop := context.WithCancel(context.Background())
	return &Keeper{cfg: cfg, events: cfg.Bus.Subscribe(ctx), stop: stop, dirty: cfg.Last == nil, last: cfg.Last}
}

// Run keeps the inventory until ctx ends. It begins with a look at what is there.
func (k *Keeper) Run(ctx context.Context) error {
	first, due := settle, k.dirty
	if due {
		first = quiet
	}
	k.dirty = true
	timer := time.NewTimer(first)
	defer timer.Stop()
	var earliest time.Time
	for {
		select {
		case ev := <-k.events:
			k.note(ev)
			if k.dirty && !due {
				due = true
				timer.Reset(max(quiet, earliest.Sub(k.cfg.Now())))
			}
		case <-timer.C:
			due = false
			began := k.cfg.Now()
			err := k.write(ctx)
			now := k.cfg.Now()
			earliest = now.Add(share * now.Sub(began))
			if err != nil && hub.AsError(err).Code != hub.CodeLocked { // an unlock tells by itself
				due = true
				timer.Reset(again)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Close writes what has changed since. Run must have returned.
func (k *Keeper) Close() error {
	k.stop()
	for ev := range k.events {
		k.note(ev)
	}
	if k.dirty {
		ctx, cancel := context.WithTimeout(context.Background(), lastPatience)
		defer cancel()
		_ = k.write(ctx) // logged; no reason for a hub not to end well
	}
	return nil
}

// Err says why the inventory could not be written the last time, or nothing.
func (k *Keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// note looks whether an event changes the inventory.
func (k *Keeper) note(ev hub.Event) {
	switch ev.Type {
	case hub.EventConnected, hub.EventDisconnected, hub.EventApps, hub.EventLock, hub.EventResync:
		k.dirty = true
	case hub.EventIntegration:
		k.dirty = k.dirty || ev.Slug != "" // without one, plugins were asked what they serve
	}
}

// write writes what is there, unless that was written last.
func (k *Keeper) write(ctx context.Context) (err error) {
	defer func() {
		locked := err != nil && hub.AsError(err).Code == hub.CodeLocked
		if err != nil && !locked && ctx.Err() == nil {
			k.cfg.Logger.Warn("the inventory cannot be written", "err", err)
		}
		if ctx.Err() != nil || locked {
			return // says nothing about the file
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.err = err
	}()
	in, err := k.cfg.Collect(ctx, k.last)
	if err != nil {
		return err
	}
	same, err := k.same(in)
	if err != nil {
		return err
	}
	if !same {
		in.WrittenAt = k.cfg.Now().UTC().Truncate(time.Second)
		b, err := in.Encode()
		if err != nil {
			return err
		}
		if err := k.cfg.File.Write(k.cfg.StoreID, b); err != nil {
			return err
		}
		k.last = in
	}
	k.dirty = false
	return nil
}

// same reports whether an inventory tells what the last one does.
func (k *Keeper) same(in *hub.Inventory) (bool, error) {
	if k.last == nil {
		return false, nil
	}
	in.WrittenAt = k.last.WrittenAt
	a, err := in.Encode()
	if err != nil {
		return false, err
	}
	b, err := k.last.Encode()
	return bytes.Equal(a, b), err
}
