// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// bounds are the upper ends of the buckets of a histogram; the last one is
// open.
var bounds = [...]time.Duration{
	250 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second, 40 * time.Second,
}

// histogram counts durations. It may be observed by many at once.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// metrics are what the engine counts since it was made. Their labels are slugs
// of integrations and names of outcomes, never an account, an app or an owner.
type metrics struct {
	served, unserved histogram // vends, from the request to the decision

	mu        sync.Mutex
	vends     map[hub.Code]uint64 // that failed
	refreshes map[string]*refreshMetrics
}

type refreshMetrics struct {
	took     histogram
	outcomes map[string]uint64
}

func (m *metrics) vended(failed *hub.Error, took time.Duration) {
	if failed == nil {
		m.served.observe(took)
		return
	}
	m.unserved.observe(took)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.vends == nil {
		m.vends = map[hub.Code]uint64{}
	}
	m.vends[failed.Code]++
}

// renewedOutcome is the outcome of a refresh that brought a token.
const renewedOutcome = "renewed"

func (m *metrics) refreshed(integration, outcome string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refreshes == nil {
		m.refreshes = map[string]*refreshMetrics{}
	}
	r := m.refreshes[integration]
	if r == nil {
		r = &refreshMetrics{outcomes: map[string]uint64{}}
		m.refreshes[integration] = r
	}
	r.took.observe(took)
	r.outcomes[outcome]++
}

// WriteMetrics writes what was counted in the text format of Prometheus.
func (e *Engine) WriteMetrics(to io.Writer) error {
	w := bufio.NewWriter(to)
	m := &e.metrics
	head(w, "standpipe_vend_seconds", "histogram", "Time from a request for a token to its outcome.")
	m.served.write(w, "standpipe_vend_seconds", `result="served"`)
	m.unserved.write(w, "standpipe_vend_seconds", `result="not_served"`)
	m.mu.Lock()
	head(w, "standpipe_vends_failed_total", "counter", "Requests for a token that got none, by outcome.")
	for _, code := range slices.Sorted(maps.Keys(m.vends)) {
		fmt.Fprintf(w, "standpipe_vends_failed_total{outcome=%q} %d\n", code, m.vends[code])
	}
	integrations := slices.SortedFunc(maps.Keys(m.refreshes), cmp.Compare[string])
	head(w, "standpipe_refresh_seconds", "histogram", "Time that a provider took for a refresh.")
	for _, in := range integrations {
		m.refreshes[in].took.write(w, "standpipe_refresh_seconds", fmt.Sprintf("integration=%q", in))
	}
	head(w, "standpipe_refreshes_total", "counter", "Refreshes, by outcome.")
	for _, in := range integrations {
		outcomes := m.refreshes[in].outcomes
		for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
			fmt.Fprintf(w, "standpipe_refreshes_total{integration=%q,outcome=%q} %d\n", in, outcome, outcomes[outcome])
		}
	}
	m.mu.Unlock()
	health := e.ProviderHealth()
	head(w, "standpipe_provider_up", "gauge", "Whether a provider is asked: 0 while it is known to be out of order.")
	for _, h := range health {
		up := 1
		if h.State == hub.ProviderDown {
			up = 0
		}
		fmt.Fprintf(w, "standpipe_provider_up{integration=%q} %d\n", h.Integration, up)
	}
	head(w, "standpipe_connections_failing", "gauge", "Connections whose last refresh failed.")
	for _, h := range health {
		fmt.Fprintf(w, "standpipe_connections_failing{integration=%q} %d\n", h.Integration, h.Failing)
	}
	return w.Flush()
}

func head(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (h *histogram) write(w io.Writer, name, label string) {
	var n uint64
	for i := range h.buckets {
		n += h.buckets[i].Load()
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=%q} %d\n", name, label, le, n)
	}
	fmt.Fprintf(w, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, label, time.Duration(h.sum.Load()).Seconds(), name, label, n)
}
