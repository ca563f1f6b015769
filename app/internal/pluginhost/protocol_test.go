// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/wire"
)

// TestServedVersions: a hub serves its own version of the protocol and the one
// before it.
func TestServedVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[int][]int{1: {1}, 2: {1, 2}, 3: {2, 3}} {
		if got := wire.Served(version); !slices.Equal(got, want) {
			t.Errorf("a hub of version %d serves %v, want %v", version, got, want)
		}
	}
}

// TestProtocolIsNegotiated has plugins of several versions meet hubs of several
// versions. Two can work together, or it is said which of them is behind.
func TestProtocolIsNegotiated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hub    int // its version
		plugin string
		want   int    // that is spoken; 0: none
		says   string // why
	}{
		{1, "speaks-1", 1, ""},
		{1, "speaks-1-2", 1, ""},
		{1, "speaks-2", 0, "it speaks version 2 of the plugin protocol, which is newer than what this Standpipe serves (1); update Standpipe"},
		{1, "speaks-0", 0, "it speaks version 0 of the plugin protocol, which this Standpipe does not serve any more (it serves 1); install a newer release of it"},
		{2, "healthy", 1, ""}, // the SDK as it is
		{2, "speaks-1-2", 2, ""},
		{2, "speaks-2-3", 2, ""},
		{2, "speaks-3", 0, "newer than what this Standpipe serves (1 and 2)"},
		{3, "healthy", 0, "does not serve any more (it serves 2 and 3)"},
	} {
		t.Run(c.plugin+" in a hub of version "+numbers([]int{c.hub}), func(t *testing.T) {
			t.Parallel()
			h := newTestHost(t, Config{}, c.plugin)
			h.launch.serves = wire.Served(c.hub)
			_, err := h.Refresh(t.Context(), target(c.plugin), refreshRequest)
			if c.want == 0 {
				if s := h.status(t, c.plugin); err == nil || !strings.Contains(s.Error, c.says) {
					t.Errorf("%v; the status says %q, want %q", err, s.Error, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := h.list()[0].proc.client.NegotiatedVersion(); got != c.want {
				t.Errorf("they speak version %d, want %d", got, c.want)
			}
		})
	}
}
