// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// holdFolder keeps every hub off a data folder, and finishes what a kill left
// of an earlier replacement of its store.
func holdFolder(paths instance.Paths) (release func() error, err error) {
	lock, err := instance.Acquire(paths)
	if errors.Is(err, instance.ErrRunning) {
		return nil, hub.Errorf(hub.CodeConflict, "%w; its store cannot be replaced under it", err).
			WithRemedy("Stop that hub, and try again.")
	}
	if err != nil {
		return nil, err
	}
	if err := seal.Resume(paths.Data); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock.Close, nil
}

// replaceStore makes a store with new keys, has build fill it, and puts it in
// the place of the one of a data folder, if there is one: wholly, or not at
// all. What was there is kept in the folder that it returns. The caller holds
// the data folder.
func replaceStore(dir string, source seal.Source, build func(*seal.Vault) error) (keys seal.Info, replaced string, err error) {
	v, discard, err := seal.Stage(dir, source)
	if err != nil {
		return keys, "", err
	}
	installed := false
	defer func() {
		if !installed {
			discard()
		}
		_ = v.Close()
	}()
	faults.Point("restore.staged")
	if err := build(v); err != nil {
		return keys, "", err
	}
	faults.Point("restore.built")
	if source.Kind != seal.PassphraseFD { // which can be read once
		if err := seal.Prove(dir); err != nil {
			return keys, "", err
		}
	}
	installed = true // from here on it may have been; Resume knows
	if replaced, err = seal.Install(dir); err == nil && v.Info().Source != string(seal.Keychain) {
		_ = seal.ForgetFolder(dir) // what it knew of the folder is not true any more
	}
	return v.Info(), replaced, err
}

// beginAudit gives a new store an audit of its own. The one that is there then
// goes aside with the store that it is sealed to: without its key it cannot be
// told from one that was tampered with.
func beginAudit(v *seal.Vault) error { return audit.Begin(filepath.Dir(v.StoreDir())) }

// leaveWord leaves word in a new store of where it comes from, for the audit:
// that can be written only with the keys of the store that is in use.
func leaveWord(ctx context.Context, s hub.Store, action hub.AuditAction, id string) error {
	return s.Update(ctx, func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindRestored, ID: id}, 0, []byte(action))
		return err
	})
}

// tellOfRestore puts into the audit where the store comes from, before anything
// is served from it.
func (a *App) tellOfRestore(ctx context.Context) error {
	var found []hub.Record
	for rec, err := range a.store.List(ctx, hub.KindRestored) {
		if err != nil {
			return err
		}
		found = append(found, rec)
	}
	for _, rec := range found {
		action := hub.AuditAction(rec.Value)
		if action != hub.AuditReset {
			action = hub.AuditRestore // earlier versions knew nothing else
		}
		entry := hub.AuditEntry{Time: time.Now(), Action: action, Decision: hub.AuditAllowed, App: "user", Subject: rec.ID}
		if err := a.audit.Record(ctx, entry); err != nil {
			return err
		}
		if err := a.store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(rec.Ref) }); err != nil {
			return err
		}
	}
	return nil
}
