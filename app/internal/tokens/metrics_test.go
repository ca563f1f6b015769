// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestMetrics(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("secret-connection", -time.Minute)
		h.connect("ill", -time.Minute)
		h.provider.before = taking(200 * time.Millisecond)
		h.mustVend("secret-connection")
		h.mustVend("secret-connection")
		h.provider.script(func(p *provider) { p.before = always(unavailable()) })
		h.mustFail("ill", hub.CodeProviderUnavailable)
		h.mustFail("unknown", hub.CodeNotInstalled)
		var b strings.Builder
		if err := h.WriteMetrics(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, want := range []string{
			`standpipe_vend_seconds_bucket{result="served",le="0.00025"} 1`,
			`standpipe_vend_seconds_bucket{result="served",le="0.25"} 2`,
			`standpipe_vend_seconds_count{result="not_served"} 2`,
			`standpipe_vends_failed_total{outcome="provider_unavailable"} 1`,
			`standpipe_vends_failed_total{outcome="not_installed"} 1`,
			`standpipe_refreshes_total{integration="acme",outcome="renewed"} 1`,
			`standpipe_refreshes_total{integration="acme",outcome="provider_unavailable"} 1`,
			`standpipe_refresh_seconds_bucket{integration="acme",le="0.1"} 1`,
			`standpipe_refresh_seconds_sum{integration="acme"} 0.2`,
			`standpipe_refresh_seconds_count{integration="acme"} 2`,
			`standpipe_provider_up{integration="acme"} 1`,
			`standpipe_connections_failing{integration="acme"} 1`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("%s is missing", want)
			}
		}
		line := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\} [0-9.e+-]+)$`)
		for l := range strings.Lines(text) {
			if !line.MatchString(strings.TrimSuffix(l, "\n")) {
				t.Errorf("not in the text format: %q", l)
			}
		}
		for _, private := range []string{"secret-connection", "app_1", "access-", "refresh-", "me"} {
			if regexp.MustCompile(`"[^"]*\b` + private + `\b[^"]*"`).MatchString(text) {
				t.Errorf("it tells of %q", private)
			}
		}
	})
}
