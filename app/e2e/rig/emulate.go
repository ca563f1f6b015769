// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Emulated are providers of vercel-labs/emulate, each at an address of its own.
type Emulated struct {
	*Process
	Google, Slack, Microsoft string
}

// The one OAuth client of each.
const (
	EmulatedClient = "emulated-client"
	EmulatedSecret = "emulated-secret-of-a-client"
)

// StartEmulated starts Google, Slack and Microsoft. Callbacks may come to any
// of redirects. A token that is not known acts as the first user, who is called
// so in the seed.
func StartEmulated(t testing.TB, redirects ...string) *Emulated {
	t.Helper()
	services := []string{"google", "slack", "microsoft"}
	port := freePorts(t, len(services))
	base := func(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", port+i) }
	client := func(i int, more map[string]any) map[string]any {
		out := map[string]any{"client_id": EmulatedClient, "client_secret": EmulatedSecret, "name": "Standpipe test", "redirect_uris": redirects}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	users := []any{map[string]any{"email": "unknown-token@example.test", "name": "Sentinel"}, map[string]any{"email": "alice@example.test", "name": "Alice"}}
	seed, err := json.Marshal(map[string]any{
		"google":    map[string]any{"baseUrl": base(0), "users": users, "oauth_clients": []any{client(0, nil)}},
		"microsoft": map[string]any{"baseUrl": base(2), "users": users, "oauth_clients": []any{client(2, nil)}},
		"slack": map[string]any{
			"baseUrl": base(1), "team": map[string]any{"name": "Acme", "domain": "acme"}, "strict_scopes": true,
			"users": []any{
				map[string]any{"name": "unknown-token", "real_name": "Sentinel", "email": "unknown-token@example.test"},
				map[string]any{"name": "alice", "real_name": "Alice", "email": "alice@example.test"},
			},
			"oauth_apps": []any{client(1, map[string]any{
				"app_id": "A000000001", "scopes": []string{"chat:write", "channels:read", "users:read"}, "user_scopes": []string{"users:read"}, "bot_name": "hub-bot",
			})},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := node(t, "node_modules/emulate/dist/index.js", "start", "--host", "127.0.0.1", "--port", fmt.Sprint(port),
		"--service", strings.Join(services, ","), "--seed", file)
	e := &Emulated{Process: start(t, "emulate", cmd), Google: base(0), Slack: base(1), Microsoft: base(2)}
	for i := range services {
		Eventually(t, "emulate plays "+services[i], func() bool { return reachable(base(i)) })
	}
	return e
}
