// SPDX-License-Identifier: Apache-2.0

//go:build unix && !darwin

package keychain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// present reports why there can be no Secret Service. It looks for the
// session bus itself because the D-Bus library, finding none, would start one.
func present() error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = fmt.Sprintf("/run/user/%d", os.Getuid())
	}
	if _, err := os.Stat(filepath.Join(runtime, "bus")); err == nil {
		return nil
	}
	return errors.New("there is no D-Bus session, and so no Secret Service")
}
