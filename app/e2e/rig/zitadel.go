// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Zitadel is the example provider of zitadel/oidc.
type Zitadel struct {
	*Process
	Issuer string
}

// The clients of Zitadel, with characters that only survive a Basic header when
// they are form-encoded first (RFC 6749 section 2.3.1). The other one is of the
// device flow.
const (
	ZitadelClient       = "hub: naïve +1%"
	ZitadelDeviceClient = "hub: a device &2"
	ZitadelSecret       = "s3cret: p%s+&=/~ é"

	// The one user, see servers/zitadel/users.json.
	ZitadelUser     = "alice"
	ZitadelPassword = "verysecure"
)

// zitadel builds the program once per test process. It is a module of its own.
var zitadel = sync.OnceValues(func() (string, error) {
	p, err := build()
	if err != nil {
		return "", err
	}
	out := filepath.Join(filepath.Dir(p.Standpipe), "zitadel")
	if log, err := exec.Command("go", "-C", zitadelDir(), "build", "-o", out, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the provider of zitadel: %w\n%s", err, log)
	}
	return out, nil
})

func zitadelDir() string { return filepath.Join(Root(), "app", "e2e", "servers", "zitadel") }

// StartZitadel starts it. Refresh tokens rotate; a refresh ends the old access
// token too.
func StartZitadel(t testing.TB, redirectURI string) *Zitadel {
	t.Helper()
	program, err := zitadel()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = zitadelDir()
	cmd.Env = append(os.Environ(), fmt.Sprintf("ADDR=127.0.0.1:%d", FreePort(t)), "REDIRECT_URIS="+redirectURI,
		"CLIENT_ID="+ZitadelClient, "DEVICE_CLIENT_ID="+ZitadelDeviceClient, "CLIENT_SECRET="+ZitadelSecret)
	z := &Zitadel{Process: start(t, "zitadel", cmd)}
	z.Line(func(line json.RawMessage) bool {
		var ready struct{ Event, Issuer string }
		_ = json.Unmarshal(line, &ready)
		z.Issuer = ready.Issuer
		return ready.Event == "ready"
	})
	return z
}
