// SPDX-License-Identifier: Apache-2.0

package rig

import "encoding/json"

// What Chromium pretends to be, over the Chrome DevTools Protocol.

// Media pretends that the person wishes a colour scheme ("light", "dark"), and
// other media features: Media("dark", "forced-colors", "active").
func (p *Page) Media(scheme string, more ...string) {
	p.t.Helper()
	features := []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}
	for i := 0; i+1 < len(more); i += 2 {
		features = append(features, map[string]string{"name": more[i], "value": more[i+1]})
	}
	p.cdp("Emulation.setEmulatedMedia", map[string]any{"features": features}, nil)
	p.settle()
}

// settle waits until the page is drawn as it will stay, but for what moves
// without end.
func (p *Page) settle() {
	p.t.Helper()
	p.Run(`const frame = () => new Promise(requestAnimationFrame);
		const ends = (a) => a.effect.getComputedTiming().endTime !== Infinity;
		return frame().then(frame).then(() => Promise.all(document.getAnimations().filter(ends).map((a) => a.finished.catch(() => {}))))
			.then(frame).then(() => true)`, nil)
}

// Size makes the page so many CSS pixels large, of so many device pixels each.
func (p *Page) Size(width, height int, scale float64) {
	p.t.Helper()
	p.cdp("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false,
	}, nil)
	// As where bars lie over the page: the width is the page's.
	p.cdp("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	p.settle()
}

// Network takes the network away from the page, or gives it back.
func (p *Page) Network(on bool) {
	p.t.Helper()
	p.cdp("Network.enable", nil, nil)
	p.cdp("Network.emulateNetworkConditions", map[string]any{
		"offline": !on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
	}, nil)
}

// Metrics are Chromium's own counters of the page: LayoutCount,
// RecalcStyleCount, TaskDuration (seconds) and others, since it was loaded.
func (p *Page) Metrics() map[string]float64 {
	p.t.Helper()
	var out struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	p.cdp("Performance.enable", nil, nil)
	p.cdp("Performance.getMetrics", nil, &out)
	m := map[string]float64{}
	for _, e := range out.Metrics {
		m[e.Name] = e.Value
	}
	return m
}

func (p *Page) cdp(command string, params map[string]any, out any) {
	p.t.Helper()
	if out == nil {
		out = &json.RawMessage{}
	}
	if err := p.CDP(p.ctx(), command, params, out); err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
}
