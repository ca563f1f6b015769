// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (a *API) lockState(context.Context, *struct{}) (*body[contract.Lock], error) {
	s := a.cfg.Lock.State()
	return &body[contract.Lock]{contract.Lock{
		Locked: s.Locked, Since: timeOrNull(s.Since), Cause: s.Cause, Passphrase: s.Passphrase, RetryAt: timeOrNull(s.RetryAt),
		Settings: contract.LockSettings{
			Idle: int(s.Settings.Idle.Seconds()), Screen: s.Settings.Screen, Suspend: s.Settings.Suspend, Background: s.Settings.Background,
		},
		FromFile: s.FromFile, Session: s.Session,
	}}, nil
}

func (a *API) lockNow(ctx context.Context, _ *struct{}) (*body[contract.Lock], error) {
	a.cfg.Lock.Lock(ctx, hub.LockedByUser)
	return a.lockState(ctx, nil)
}

func (a *API) unlock(ctx context.Context, in *body[contract.Unlock]) (*body[contract.Lock], error) {
	if err := a.cfg.Lock.Unlock(ctx, secret.New(in.Body.Passphrase)); err != nil {
		return nil, err
	}
	return a.lockState(ctx, nil)
}

func (a *API) setLock(ctx context.Context, in *body[contract.LockSettings]) (*body[contract.Lock], error) {
	b := &in.Body
	s := hub.LockSettings{Idle: seconds(b.Idle), Screen: b.Screen, Suspend: b.Suspend, Background: b.Background}
	if err := a.cfg.Lock.Configure(ctx, s); err != nil {
		return nil, err
	}
	return a.lockState(ctx, nil)
}
