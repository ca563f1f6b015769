// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestMetrics: nobody can read them unless the file says so, then those on this
// machine; Prometheus understands them; and they name no account, app or owner.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	provider := faulty(t, faults[0].do)
	h.Write("secret", "bench")
	config := fmt.Sprintf("integration \"metered\" {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  network = \"private\"\n  config = { issuer = %q }\n}\n", provider.url)
	h.Configure(config)
	h.Fill(buildFill(t, h), "-n", "1", "-integration", "metered", "-owner", "private-owner", "-left", "-1m")
	at := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))

	hub := h.Serve()
	key := h.AddApp("private-app", "--server")
	if c, err := net.Dial("tcp", at); err == nil {
		_ = c.Close()
		t.Fatal("the test does not test: somebody listens there already")
	}
	for _, base := range []string{hub.AppAPI, hub.UI} {
		if status, body := scrape(t, base, nil); strings.Contains(body, "standpipe_vend") {
			t.Errorf("%s serves metrics, with %d", base, status)
		}
	}
	hub.Stop()

	h.Configure(config + "metrics { listen = \"0.0.0.0:4782\" }\n")
	if r := h.Try("serve", "--listen", "127.0.0.1:0"); r.Exit == 0 || !strings.Contains(r.Stderr, "not on this machine") {
		t.Errorf("metrics for the whole network: exit %d\n%s", r.Exit, r.Stderr)
	}

	h.Configure(config + fmt.Sprintf("metrics { listen = %q }\n", at))
	hub = h.Serve()
	path := "/data-integrations/metered/token"
	refused := hub.Post(key, path, map[string]any{"user_id": "private-owner"})
	if refused.Status != 503 {
		t.Errorf("the provider is out of order: %d %s", refused.Status, refused.Body)
	}
	provider.well.Store(true)
	hub.Post(key, path, map[string]any{"user_id": "nobody"})
	status, body := scrape(t, "http://"+at, nil)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("Prometheus does not understand it: %v\n%s", err, body)
	}
	for name, kind := range map[string]dto.MetricType{
		"standpipe_vend_seconds": dto.MetricType_HISTOGRAM, "standpipe_vends_failed_total": dto.MetricType_COUNTER,
		"standpipe_refresh_seconds": dto.MetricType_HISTOGRAM, "standpipe_refreshes_total": dto.MetricType_COUNTER,
		"standpipe_provider_up": dto.MetricType_GAUGE, "standpipe_connections_failing": dto.MetricType_GAUGE,
	} {
		if f := families[name]; f == nil || f.GetType() != kind || f.GetHelp() == "" || len(f.GetMetric()) == 0 {
			t.Errorf("%s: %v", name, f)
		}
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains([]string{"integration", "outcome", "result"}, l.GetName()) || strings.ContainsAny(l.GetValue(), "@/ ") {
					t.Errorf("%s has the label %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
	for _, private := range []string{"private", "user-0", "example", key, "installation", "127.0.0.1"} {
		if strings.Contains(body, private) {
			t.Errorf("they tell of %q", private)
		}
	}
	for name, edit := range map[string]func(*http.Request){
		"a page":           func(r *http.Request) { r.Header.Set("Origin", "https://evil.test") },
		"a rebound name":   func(r *http.Request) { r.Host = "evil.test:4782" },
		"a browser's look": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
	} {
		if status, body := scrape(t, "http://"+at, edit); status != 403 || strings.Contains(body, "standpipe_") {
			t.Errorf("%s reads them: %d", name, status)
		}
	}
}

// scrape reads metrics as Prometheus does.
func scrape(t *testing.T, base string, edit func(*http.Request)) (status int, body string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, base+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
