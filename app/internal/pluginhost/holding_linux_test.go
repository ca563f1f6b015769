// SPDX-License-Identifier: Apache-2.0

package pluginhost

import "testing"

// TestHoldingIsTrue: what the system is said to allow is what a plugin is
// started with.
func TestHoldingIsTrue(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "healthy")
	if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
		t.Fatal(err)
	}
	says, is := SystemHolding(), h.status(t, "healthy")
	if says.Network != is.Network || says.Files != is.Files {
		t.Errorf("said network %s and files %s, started with %s and %s", says.Network, says.Files, is.Network, is.Files)
	}
	if missing := says.Network != Closed || says.Files != Closed; missing != (len(says.Missing) > 0) {
		t.Errorf("%+v", says)
	}
}
