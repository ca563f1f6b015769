// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestRemedy: whoever words the remedy, what happened is said first.
func TestRemedy(t *testing.T) {
	own := &hub.Descriptor{Remedies: map[hub.Reason]string{hub.ReasonPolicy: "Ask the administrator."}}
	for _, tt := range []struct {
		d      *hub.Descriptor
		reason hub.Reason
		want   string
	}{
		{own, hub.ReasonPolicy, "Your organization asks for a fresh sign-in. Ask the administrator."},
		{own, hub.ReasonUnknown, "The provider refuses to renew the access and does not say why. Reauthorize."},
		{nil, hub.ReasonPolicy, "Your organization asks for a fresh sign-in. Reauthorize."},
		{own, "of a newer version", "The provider refuses to renew the access and does not say why. Reauthorize."},
	} {
		if got := tt.d.Remedy(tt.reason); got != tt.want {
			t.Errorf("%s: %q", tt.reason, got)
		}
	}
}
