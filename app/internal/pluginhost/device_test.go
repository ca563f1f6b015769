// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestDeviceAnswers: a user is sent to pages of the provider only, and asked
// about at a bearable pace.
func TestDeviceAnswers(t *testing.T) {
	t.Parallel()
	target := hub.Target{AllowedHosts: []string{"p.test:443", "127.0.0.1:4790"}}
	good := sdk.StartDeviceResponse{DeviceCode: secret.New("d"), UserCode: "ABCD-EFGH", VerificationURI: "https://p.test/device"}
	for _, change := range []func(*sdk.StartDeviceResponse){
		func(r *sdk.StartDeviceResponse) { r.DeviceCode = secret.Value{} },
		func(r *sdk.StartDeviceResponse) { r.UserCode = "" },
		func(r *sdk.StartDeviceResponse) { r.UserCode = "A\x1b[1m" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURI = "" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURI = "https://evil.test/device" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURI = "https://user@p.test/device" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURI = "http://127.0.0.1:4790/device" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURIComplete = "javascript:alert(1)" },
		func(r *sdk.StartDeviceResponse) { r.VerificationURIComplete = "https://evil.test/device?code=A" },
	} {
		bad := good
		change(&bad)
		if _, err := checkDevice(target, &bad); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
	for _, test := range []struct{ life, interval, wantLife, wantInterval time.Duration }{
		{0, 0, 15 * time.Minute, 5 * time.Second},
		{-1, -1, 15 * time.Minute, 5 * time.Second},
		{time.Minute, time.Second, time.Minute, time.Second},
		{24 * time.Hour, time.Hour, 30 * time.Minute, time.Minute},
	} {
		answer := good
		answer.ExpiresIn, answer.Interval = test.life, test.interval
		if got, err := checkDevice(target, &answer); err != nil || got.ExpiresIn != test.wantLife || got.Interval != test.wantInterval {
			t.Errorf("%v every %v: %v every %v, %v", test.life, test.interval, got.ExpiresIn, got.Interval, err)
		}
	}
	target.PrivateNetwork = true
	local := good
	local.VerificationURI = "http://127.0.0.1:4790/device"
	if _, err := checkDevice(target, &local); err != nil {
		t.Errorf("the sandbox's page: %v", err)
	}
	if e := providerError(&sdk.Error{Code: sdk.CodeSlowDown}); e.Class != hub.ProviderTemporary || !e.SlowDown || e.RetryAfter != 0 {
		t.Errorf("slow_down is %+v", e)
	}
}
