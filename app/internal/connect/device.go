// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// slowDown is what each slow_down adds to the interval (RFC 8628 section 3.5).
const slowDown = 5 * time.Second

// startDevice gets a code for the user to enter at the provider.
func (e *Engine) startDevice(ctx context.Context, f *flow) error {
	d := f.resolved.Descriptor
	if !d.Can(hub.CanDevice) {
		return hub.Errorf(hub.CodeInvalid, "%s does not offer to connect with a code", d.Name).
			WithRemedy("Connect in the browser; where it runs on another machine, paste the address on which it ends.")
	}
	a, err := e.cfg.Providers.StartDevice(ctx, f.resolved.Target, hub.StartDeviceRequest{Scopes: f.resolved.Scopes})
	if err != nil {
		return public(err, d.Name)
	}
	f.deviceCode, f.life = a.DeviceCode, a.ExpiresIn
	f.Device = &hub.DeviceCode{
		UserCode: a.UserCode, VerificationURI: a.VerificationURI, VerificationURIComplete: a.VerificationURIComplete,
		Interval: a.Interval, ExpiresAt: e.cfg.Now().Add(a.ExpiresIn),
	}
	return nil
}

// poll asks the provider, as often as it allows, until the user has answered
// there or the flow is over.
func (e *Engine) poll(f *flow) {
	wait := f.Device.Interval
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-f.over:
			return
		case <-e.life.Done():
			return
		}
		ctx, cancel := context.WithTimeout(e.life, flowLife)
		failed, again := e.pollOnce(ctx, f, &wait)
		cancel()
		if failed != nil {
			e.cfg.Logger.Info("connect failed", "integration", f.Integration, "flow", f.ID, "code", failed.Code)
			e.fail(f, failed)
		}
		if !again {
			return
		}
		timer.Reset(wait)
	}
}

// pollOnce reports whether to ask again after wait.
func (e *Engine) pollOnce(ctx context.Context, f *flow, wait *time.Duration) (failed *hub.Error, again bool) {
	answer, err := e.cfg.Providers.PollDevice(ctx, f.resolved.Target, hub.PollDeviceRequest{DeviceCode: f.deviceCode, Prompt: e.prompter(f)})
	if err == nil {
		e.mu.Lock()
		f.spent = true // what came is seen through, even if the code expires now
		e.mu.Unlock()
		return e.received(ctx, f, answer), false
	}
	pe, ok := errors.AsType[*hub.ProviderError](err)
	if !ok || pe.Class != hub.ProviderTemporary && pe.Class != hub.ProviderGone {
		return public(err, f.resolved.Descriptor.Name), false
	}
	if pe.SlowDown {
		*wait += slowDown
	}
	*wait = max(*wait, min(pe.RetryAfter, flowLife))
	return nil, true
}
