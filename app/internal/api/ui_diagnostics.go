// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// diagnostics is a report to paste into an issue: kinds, states and counts.
func (a *API) diagnostics(ctx context.Context, _ *struct{}) (*body[contract.Diagnostics], error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	keys := a.cfg.Vault.Keys()
	kind, _, _ := strings.Cut(keys.Source, ":")
	line("standpipe %s (%s, %s/%s), protocol %d", a.cfg.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, contract.Protocol)
	line("master key: %s; store format %d", kind, keys.Format)
	line("data folder: %s", tilde(a.cfg.Data))
	line("app API: %s; browser UI: %t; https base URL: %t; sandbox: %t", a.cfg.Listen, a.cfg.UI != "", a.cfg.BaseURL != "", a.cfg.Sandbox != "")
	notices := map[string]int{}
	for _, n := range a.notices(ctx) {
		notices[n.Severity]++
	}
	line("notices: %s", counts(notices))

	held := a.cfg.Plugins.Holding()
	line("\nplugins (started with the network %s, files %s, Landlock %d):", held.Network, held.Files, held.Landlock)
	for _, m := range held.Missing {
		line("  %s", m)
	}
	for _, p := range a.cfg.Plugins.Status() {
		line("  %s: %s, %d restarts, sha256 %.12s", p.Name, p.State, p.Restarts, p.SHA256)
	}
	conns, err := a.cfg.Connections.Find(ctx, hub.Me, "")
	if err != nil {
		return nil, err
	}
	states, trouble := map[string]map[string]int{}, map[string]int{}
	for _, c := range conns {
		if states[c.Integration] == nil {
			states[c.Integration] = map[string]int{}
		}
		state := string(c.State)
		if c.State == hub.StateNeedsReauthorization {
			state += "(" + string(c.Reason) + ")"
		}
		states[c.Integration][state]++
		if h := a.cfg.Tokens.Health(c.ID); h != nil {
			trouble[string(h.Code)]++
		}
	}
	line("\nintegrations:")
	for _, e := range a.cfg.Catalog.List(ctx) {
		in := &e.Integration
		if !e.Configured && states[in.Slug] == nil {
			continue
		}
		state := "ready"
		if e.Problem != nil {
			state = string(e.Problem.Code)
		}
		line("  %s (%s): %s, credentials %q, of the file: %t; connections: %s", in.Slug, in.Provider, state, in.Credentials, in.FromFile, counts(states[in.Slug]))
	}
	line("\ntrouble at the moment: %s", counts(trouble))
	return &body[contract.Diagnostics]{contract.Diagnostics{Text: b.String()}}, nil
}

// counts is "2 connected, 1 disconnected", or "none".
func counts(of map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		out = append(out, fmt.Sprintf("%d %s", of[k], k))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// tilde hides the name of the user in a path.
func tilde(path string) string {
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		if rest, ok := strings.CutPrefix(path, home+"/"); ok {
			return "~/" + rest
		}
	}
	return path
}
