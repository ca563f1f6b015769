// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
	"github.com/standpipe/standpipe/app/internal/transfer"
)

// RestoreOptions say what to restore, and over what.
type RestoreOptions struct {
	File       io.Reader // the backup
	Identities []age.Identity
	// Replace takes the place of a store that holds something. What was there
	// is kept in a folder beside.
	Replace bool
	// KeyLost is Replace where the store's own key is gone; a store that still
	// opens is refused.
	KeyLost bool
	// OnlyHere says that no other hub renews the tokens of the backup.
	OnlyHere bool
}

// Restored says what a restore did.
type Restored struct {
	Manifest backup.Manifest
	Keys     seal.Info
	Replaced string // where the earlier store is kept; empty: there was none
	Held     int    // connections out of use, because their tokens may be in use elsewhere
}

// Restore makes the store of a data folder from a backup: all of it, or, when
// it fails or is killed at any moment, nothing. No hub may run on the folder.
// opts.Key says where the new store's key is kept; empty means as the store
// that is replaced has it, or else in the keychain.
func Restore(ctx context.Context, opts Options, what RestoreOptions) (_ *Restored, err error) {
	r := &restore{opts: opts, RestoreOptions: what, log: opts.Logger}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.paths, err = instance.Resolve(opts.Config, opts.Data); err != nil {
		return nil, err
	}
	release, err := holdFolder(r.paths)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := r.admit(ctx); err != nil {
		return nil, err
	}
	if r.backup, err = backup.Open(what.File, what.Identities...); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// restore is one restore under way.
type restore struct {
	RestoreOptions
	opts   Options
	log    *slog.Logger
	paths  instance.Paths
	before *seal.Occupant
	source seal.Source
	backup *backup.Reader
}

// admit refuses to replace what was not meant to be, and finds the key source.
func (r *restore) admit(ctx context.Context) (err error) {
	if r.source, err = seal.ParseSource(r.opts.Key); err != nil {
		return err
	}
	if r.before, err = seal.Occupied(r.paths.Data); err != nil || r.before == nil {
		return err
	}
	if r.source.IsZero() {
		r.source = r.before.Source
		if err := r.source.Explicit(); err != nil {
			return err
		}
	}
	switch {
	case r.before.Empty:
		return nil
	case r.KeyLost:
		if v, err := seal.Open(r.paths.Data, seal.Source{}); err == nil {
			_ = v.Close()
			return hub.Errorf(hub.CodeConflict, "the key of this store is not lost: %s opens it", r.before.Source).
				WithRemedy("To put a backup in its place all the same: standpipe restore --replace FILE")
		}
		return nil
	case r.Replace:
		return nil
	}
	if n, err := r.content(ctx); err != nil || n > 0 {
		return hub.Errorf(hub.CodeConflict, "the data folder %s holds a store already", r.paths.Data).
			WithRemedy("To put the backup in its place (it is kept beside): add --replace. If its key is lost: standpipe keys recover --from-backup FILE")
	}
	return nil
}

// content counts the records of the store that is there.
func (r *restore) content(ctx context.Context) (n int, err error) {
	v, err := seal.Open(r.paths.Data, seal.Source{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	s, err := badgerstore.Open(v.StoreDir(), v, r.log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for k := range hub.Kinds() {
		if k.Keeping != hub.Kept {
			continue
		}
		for range s.List(ctx, k.Kind) {
			n++
		}
	}
	return n, nil
}

// run builds the new store beside the old one, verifies it, and installs it.
func (r *restore) run(ctx context.Context) (*Restored, error) {
	out := &Restored{Manifest: r.backup.Manifest()}
	var err error
	out.Keys, out.Replaced, err = replaceStore(r.paths.Data, r.source, func(v *seal.Vault) (err error) {
		out.Held, err = r.build(ctx, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// build fills the new store, and opens it again to see that it is all there.
func (r *restore) build(ctx context.Context, v *seal.Vault) (held int, err error) {
	var check backup.Check
	changed := map[hub.Ref]bool{}
	err = badgerstore.Load(ctx, v.StoreDir(), v, r.log, func(s hub.Store) (err error) {
		if check, err = backup.Restore(ctx, s, r.backup); err != nil {
			return err
		}
		list, n, err := r.settle(ctx, hub.NewConnections(s), check.IDs(hub.KindConnection))
		for _, c := range list {
			changed[hub.Ref{Kind: hub.KindConnection, ID: c.ID}] = true
		}
		held = n
		return errors.Join(err, r.note(ctx, s))
	})
	if err != nil {
		return 0, err
	}
	faults.Point("restore.written")
	s, err := badgerstore.Open(v.StoreDir(), v, r.log)
	if err != nil {
		return 0, err
	}
	return held, errors.Join(check.Verify(ctx, s, changed), r.placeAudit(ctx, v, s), s.Close())
}

// placeAudit leaves the audit where it is if it is sealed to the key that came
// with the backup: then it goes on.
func (r *restore) placeAudit(ctx context.Context, v *seal.Vault, s hub.Store) error {
	if foreign, err := audit.Foreign(ctx, r.paths.Data, s); err != nil || !foreign {
		return err
	}
	return beginAudit(v)
}

// settle decides who renews the tokens from now on: this hub, where the backup
// was moved here, or is of the very store that it replaces, or the user vouches
// for it; otherwise nobody, until the user does. It returns the connections
// that it changed, and how many of them are out of use.
func (r *restore) settle(ctx context.Context, conns *hub.Connections, ids []string) (changed []*hub.Connection, held int, err error) {
	m, now := r.backup.Manifest(), time.Now()
	switch {
	case m.Moved:
		changed, err = transfer.Release(ctx, conns, ids, now, func(c *hub.Connection) bool {
			return c.Reason == hub.ReasonMoved && c.Backup == m.ID
		})
		return changed, 0, err
	case r.OnlyHere, r.KeyLost, r.before != nil && r.before.StoreID == m.StoreID:
		return nil, 0, nil
	}
	changed, err = transfer.Hold(ctx, conns, ids, hub.ReasonRestored, m.ID, now, nil)
	return changed, len(changed), err
}

// note leaves word of the restore in the new store, for the audit: that can be
// written only with the keys of the store that is in use.
func (r *restore) note(ctx context.Context, s hub.Store) error {
	return leaveWord(ctx, s, hub.AuditRestore, r.backup.Manifest().ID)
}
