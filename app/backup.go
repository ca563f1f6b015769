// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// backups writes backups of this hub; it implements api.Backups.
type backups struct{ app *App }

// Write writes a backup to w, encrypted to the recipients of the request. With
// Move, the connections are out of use when it returns, or in use as before
// where it fails.
func (b backups) Write(ctx context.Context, req hub.BackupRequest, w io.Writer) error {
	a := b.app
	recipients, err := backup.Recipients(req.Recipients)
	if err != nil {
		return err
	}
	if len(recipients) == 0 {
		return hub.Errorf(hub.CodeInvalid, "a backup needs somebody who can open it: recipients is empty")
	}
	entry := hub.AuditEntry{Time: time.Now(), Action: hub.AuditBackup, Decision: hub.AuditAllowed, App: "user", Subject: req.ID}
	if req.Move {
		entry.Rule = "move"
	}
	if err := a.audit.Record(ctx, entry); err != nil {
		return err
	}
	m := backup.Manifest{
		ID: req.ID, CreatedAt: time.Now().UTC().Truncate(time.Second), Program: a.opts.Version, StoreID: a.vault.StoreID(), Moved: req.Move,
	}
	if req.Move {
		if err := a.transfer.MoveAway(ctx, req.ID); err != nil {
			return err
		}
	}
	if _, err = backup.Write(ctx, a.store, m, req.SkipDamaged, w, recipients...); err != nil && req.Move {
		err = errors.Join(err, a.transfer.TakeBack(ctx, req.ID))
	}
	return err
}
