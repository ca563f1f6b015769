// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Vault is the keys and the store, for the person at this machine.
type Vault interface {
	Keys() contract.Keys
	Rotate(context.Context) (contract.Rotation, error)
	// ChangeSource takes the passphrase, unless it is zero, or what the source
	// names.
	ChangeSource(ctx context.Context, source string, passphrase secret.Value) error
	NewRecoveryKey() (secret.Value, error)
	Lost(context.Context) (contract.Lost, error)
	ForgetLost(context.Context) error
	Compact(context.Context) (contract.Compaction, error)
	Diagnose(context.Context) contract.Diagnosis
}

func (a *API) keys(context.Context, *struct{}) (*body[contract.Keys], error) {
	return &body[contract.Keys]{a.cfg.Vault.Keys()}, nil
}

func (a *API) rotateKeys(ctx context.Context, _ *struct{}) (*body[contract.Rotation], error) {
	if err := a.record(ctx, hub.AuditKeysRotate, ""); err != nil {
		return nil, err
	}
	r, err := a.cfg.Vault.Rotate(ctx)
	if err != nil {
		return nil, err
	}
	return &body[contract.Rotation]{r}, nil
}

func (a *API) changeSource(ctx context.Context, in *body[contract.ChangeSource]) (*body[contract.Keys], error) {
	if err := a.record(ctx, hub.AuditKeysSource, ""); err != nil {
		return nil, err
	}
	if err := a.cfg.Vault.ChangeSource(ctx, in.Body.Source, secret.New(in.Body.Passphrase)); err != nil {
		return nil, err
	}
	return a.keys(ctx, nil)
}

// recoveryKey is one of the deliberate exits: it is shown this once.
func (a *API) recoveryKey(ctx context.Context, _ *struct{}) (*body[contract.RecoveryKey], error) {
	if err := a.record(ctx, hub.AuditKeysRecovery, ""); err != nil {
		return nil, err
	}
	key, err := a.cfg.Vault.NewRecoveryKey()
	if err != nil {
		return nil, err
	}
	return &body[contract.RecoveryKey]{contract.RecoveryKey{Key: key.Reveal()}}, nil
}

func (a *API) lost(ctx context.Context, _ *struct{}) (*body[contract.Lost], error) {
	l, err := a.cfg.Vault.Lost(ctx)
	if err != nil {
		return nil, err
	}
	return &body[contract.Lost]{l}, nil
}

func (a *API) forgetLost(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, a.cfg.Vault.ForgetLost(ctx)
}

func (a *API) compact(ctx context.Context, _ *struct{}) (*body[contract.Compaction], error) {
	c, err := a.cfg.Vault.Compact(ctx)
	if err != nil {
		return nil, err
	}
	return &body[contract.Compaction]{c}, nil
}

func (a *API) doctor(ctx context.Context, _ *struct{}) (*body[contract.Diagnosis], error) {
	return &body[contract.Diagnosis]{a.cfg.Vault.Diagnose(ctx)}, nil
}
