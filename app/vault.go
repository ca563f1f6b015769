// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/sdk/secret"
)

// vaultDesk shows keys and store to the API; it implements api.Vault.
type vaultDesk struct{ app *App }

// Keys tells where the master key comes from, and how the vault is.
func (d vaultDesk) Keys() contract.Keys {
	i, st := d.app.vault.Info(), d.app.store.Stats()
	return contract.Keys{
		Source: i.Source, Store: i.StoreID, Format: i.Format, Anchor: i.Anchor, Recovery: i.Recovery, Rotating: i.Rotating,
		Updates: st.Updates, Dropped: st.Dropped,
	}
}

// Rotate seals everything anew under a new data key.
func (d vaultDesk) Rotate(ctx context.Context) (contract.Rotation, error) {
	n, err := d.app.store.Rotate(ctx)
	return contract.Rotation{Records: n}, err
}

// ChangeSource keeps the master key elsewhere.
func (d vaultDesk) ChangeSource(_ context.Context, source string, passphrase secret.Value) error {
	if !passphrase.IsZero() {
		return d.app.vault.ChangeSource(seal.Passphrase(passphrase))
	}
	s, err := seal.ParseSource(source)
	if err != nil {
		return err
	}
	return d.app.vault.ChangeSource(s)
}

// NewRecoveryKey makes a recovery key.
func (d vaultDesk) NewRecoveryKey() (secret.Value, error) { return d.app.vault.NewRecoveryKey() }

// Lost is what a reset left to reconnect.
func (d vaultDesk) Lost(ctx context.Context) (contract.Lost, error) {
	lost, err := d.app.lost.List(ctx)
	out := contract.Lost{Accounts: []contract.LostAccount{}, More: lost.More}
	for _, a := range lost.Accounts {
		out.Accounts = append(out.Accounts, contract.LostAccount(a))
	}
	return out, err
}

// ForgetLost gives that up.
func (d vaultDesk) ForgetLost(ctx context.Context) error { return d.app.lost.Forget(ctx) }

// Compact copies what is alive into a new store.
func (d vaultDesk) Compact(ctx context.Context) (contract.Compaction, error) {
	out := contract.Compaction{Before: d.app.store.Size()}
	err := d.app.store.Compact(ctx)
	out.After = d.app.store.Size()
	return out, err
}

// Diagnose checks everything.
func (d vaultDesk) Diagnose(ctx context.Context) contract.Diagnosis { return d.app.diagnose(ctx) }

// rotatePending goes on with a rotation that a kill or a lock cut short.
func (a *App) rotatePending(ctx context.Context) {
	if !a.vault.Rotating() {
		return
	}
	n, err := a.store.Rotate(ctx)
	if err != nil && ctx.Err() == nil {
		a.log.Error("the rotation of the data keys could not be ended", "err", err)
		return
	}
	a.log.Info("a rotation of the data keys that was cut short was ended", "records", n)
}
